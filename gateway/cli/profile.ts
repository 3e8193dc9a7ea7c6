import { statSync } from "node:fs";
import { join, relative } from "node:path";
import { type Command, Option } from "commander";
import { ConfigError } from "../model/errors.ts";
import { silentLog } from "../model/log.ts";
import { documentProfile } from "../profiles/document.ts";
import { runExample } from "../profiles/example.ts";
import { type LoadedProfile, loadProfile } from "../profiles/load.ts";
import { profileSchema } from "../profiles/schema.ts";
import { showProfile } from "../profiles/show.ts";
import { protocols } from "../southbound/index.ts";
import type { SouthboundContext } from "../southbound/protocol.ts";
import { openClock } from "../store/clock.ts";
import { type CliContext, ExitError, exit, inFolder, readNamed } from "./context.ts";
import { command } from "./daemon.ts";
import { files, showDiagnostics } from "./files.ts";

export function profileCommand(context: CliContext): Command {
  const profile = command("profile", "work on device profiles; no hardware needed", [
    "stadsnod profile check device-profiles",
    "stadsnod profile test device-profiles/eastron/sdm630.yaml",
  ]);
  profile.addCommand(checkProfiles(context));
  profile.addCommand(testProfiles(context));
  profile.addCommand(showCommand(context));
  profile.addCommand(documentCommand(context));
  profile.addCommand(
    command("schema", "print the JSON Schema of profiles, for editors", [
      "stadsnod profile schema > device-profiles/profile.schema.json",
    ]).action(() => context.out(`${JSON.stringify(profileSchema(protocols), null, 2)}\n`)),
  );
  return profile;
}

function checkProfiles(context: CliContext): Command {
  return command("check", "check profiles: every mistake with its line and a hint", [
    "stadsnod profile check device-profiles",
    "stadsnod profile check --strict my-meter.yaml",
  ])
    .argument("<paths...>", "profiles, or folders of profiles")
    .option("--strict", "also refuse profiles without examples")
    .option("--json", "findings as JSON, one per line")
    .action((paths: string[], options: { strict?: boolean; json?: boolean }) => {
      let broken = 0;
      const found = profilesIn(context, paths);
      for (const file of found) {
        const loaded = load(context, file);
        const bare = options.strict === true && loaded.profile !== undefined && loaded.examples.length === 0;
        if (options.json)
          for (const finding of loaded.diagnostics) context.out(`${JSON.stringify(finding)}\n`);
        else showDiagnostics(context, loaded.diagnostics);
        if (bare)
          context.err(`${shown(context, file)}: error: a profile has at least one example [no-examples]\n`);
        if (!loaded.profile || bare) broken++;
      }
      if (!options.json) context.out(`${found.length - broken} of ${found.length} profiles are fine\n`);
      if (broken > 0) throw new ExitError(exit.failed);
    });
}

function testProfiles(context: CliContext): Command {
  return command("test", "run the examples inside profiles, without hardware", [
    "stadsnod profile test device-profiles",
    "stadsnod profile test device-profiles/abb/b23.yaml --json",
  ])
    .argument("<paths...>", "profiles, or folders of profiles")
    .option("--json", "one result per line as JSON")
    .action(async (paths: string[], options: { json?: boolean }) => {
      using clock = openClock({ trust: "always", floor: 0 });
      let passed = 0;
      let failed = 0;
      for (const file of profilesIn(context, paths)) {
        const loaded = load(context, file);
        showDiagnostics(context, loaded.diagnostics);
        if (!loaded.profile) {
          failed++;
          continue;
        }
        for (const example of loaded.examples) {
          const results = await runExample(
            loaded.profile,
            example,
            protocolOf(loaded),
            replayContext(context, clock),
          );
          const wrong = results.filter((result) => !result.passed);
          if (wrong.length === 0) passed++;
          else failed++;
          if (options.json) {
            context.out(
              `${JSON.stringify({ profile: loaded.profile.id, example: example.name, results })}\n`,
            );
          } else {
            for (const { point, expected, got } of wrong) {
              context.err(
                `${shown(context, file)}: example "${example.name}": ${point}: expected ${expected}, got ${got}\n`,
              );
            }
          }
        }
      }
      if (!options.json) context.out(`${passed} examples passed, ${failed} failed\n`);
      if (failed > 0) throw new ExitError(exit.failed);
    });
}

function showCommand(context: CliContext): Command {
  return command("show", "print a profile as the gateway understands it", [
    "stadsnod profile show device-profiles/abb/b23.yaml",
    "stadsnod profile show device-profiles/abb/b23.yaml --json",
  ])
    .argument("<path>", "the profile")
    .option("--json", "as JSON")
    .action((path: string, options: { json?: boolean }) => {
      context.out(showProfile(good(context, path).profile, options.json ? "json" : "yaml"));
    });
}

function documentCommand(context: CliContext): Command {
  return command("doc", "print a profile as a page for people (Markdown)", [
    "stadsnod profile doc device-profiles/abb/b23.yaml > b23.md",
    "stadsnod profile doc device-profiles/abb/b23.yaml --language sv",
  ])
    .argument("<path>", "the profile")
    .addOption(
      new Option("-l, --language <language>", "language of the titles").choices(["en", "sv"]).default("en"),
    )
    .action((path: string, options: { language: string }) => {
      const loaded = good(context, path);
      context.out(documentProfile(loaded.profile, loaded.about, options.language === "sv" ? "sv" : "en"));
    });
}

/** The profile at a path, or the end of the command with its findings. */
function good(context: CliContext, path: string): Required<Pick<LoadedProfile, "profile" | "about">> {
  const { profile, about, diagnostics } = load(context, path);
  showDiagnostics(context, diagnostics);
  if (!profile || !about) throw new ExitError(exit.failed);
  return { profile, about };
}

function load(context: CliContext, path: string): LoadedProfile {
  return loadProfile(readNamed(context, path).toString("utf8"), inFolder(context, path), protocols);
}

function profilesIn(context: CliContext, paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const target = inFolder(context, path);
    const stat = statSync(target, { throwIfNoEntry: false });
    if (!stat) throw new ConfigError(`${path}: no such file or folder`, { code: "no-such-file" });
    return stat.isDirectory()
      ? files
          .list(target)
          .toSorted()
          .map((name) => join(target, name))
      : [target];
  });
}

function shown(context: CliContext, file: string): string {
  return relative(context.cwd, file);
}

function protocolOf(loaded: LoadedProfile) {
  const protocol = protocols.find((one) => one.name === loaded.profile?.protocol);
  if (!protocol) throw new RangeError("a loaded profile has a protocol");
  return protocol;
}

/** Examples are replayed: there is no wire to connect to and nobody to send to. */
function replayContext(context: CliContext, clock: SouthboundContext["clock"]): SouthboundContext {
  return {
    clock,
    random: () => 0.5,
    log: silentLog,
    signal: context.signal,
    connect: () => Promise.reject(new ConfigError("an example has no wire", { code: "no-wire" })),
    emit: () => Promise.resolve(),
  };
}

import type { Command } from "commander";
import { type CliContext, ExitError, exit } from "../context.ts";
import { command } from "../daemon.ts";
import { showDiagnostics } from "../files.ts";
import { load, profilesIn, shown } from "./named.ts";

export function checkProfiles(context: CliContext): Command {
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

import { copyFile, mkdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import type { UpdateFacts } from "../local/commissioning.ts";
import { ConfigError } from "../model/errors.ts";
import { bundleFolder, updaterSocket } from "../updates/helper-words.ts";
import { runProgram } from "../updates/program.ts";
import { openRauc } from "../updates/rauc.ts";
import { remoteUpdater } from "../updates/remote-updater.ts";
import type { BundleFacts } from "../updates/updater.ts";
import { type CliContext, inFolder } from "./context.ts";
import { command, daemonOf, socketOption } from "./daemon.ts";
import { table } from "./table.ts";

interface Options {
  readonly socket?: string;
  readonly json?: boolean;
}

export function updateCommand(context: CliContext): Command {
  const update = command("update", "the whole system of a gateway: its slots, and updates of it", [
    "stadsnod update status",
    "stadsnod update check /media/usb/stadsnod-1.3.0.raucb",
    "sudo stadsnod update install /media/usb/stadsnod-1.3.0.raucb",
    "stadsnod update install https://updates.example/stadsnod-1.3.0.raucb --sha256 <hex>",
    "stadsnod update roll-back",
  ]);
  const add = (name: string, summary: string, example = `stadsnod update ${name}`) => {
    const one = command(name, summary, [example]).option("--json", "the answer as JSON");
    update.addCommand(one);
    return one;
  };
  const asking = (...words: Parameters<typeof add>) => add(...words).addOption(socketOption());
  const show = (facts: UpdateFacts, { json }: Options) =>
    context.out(json ? `${JSON.stringify(facts)}\n` : render(facts));
  asking("status", "slots, versions, and how an update stands").action(async (options: Options) =>
    show(await (await daemonOf(context, options)).get<UpdateFacts>("/v1/update"), options),
  );
  asking(
    "install",
    "install a bundle: a file, or an https address",
    "sudo stadsnod update install /media/usb/stadsnod-1.3.0.raucb",
  )
    .argument("<bundle>", "file (is copied to the gateway's folder of bundles), or https address")
    .option("--sha256 <hex>", "SHA-256 that it must have")
    .option("--folder <path>", "folder of bundles", bundleFolder)
    .action(async (bundle: string, options: Options & { sha256?: string; folder: string }) => {
      const client = await daemonOf(context, options);
      // Before anything is copied.
      await client.get("/v1/update");
      const what = bundle.startsWith("https://")
        ? { url: bundle }
        : { path: await putIntoFolder(inFolder(context, bundle), inFolder(context, options.folder)) };
      const { sha256 } = options;
      show(
        await client.post<UpdateFacts>("/v1/update/install", {
          ...what,
          ...(sha256 === undefined ? {} : { sha256 }),
        }),
        options,
      );
    });
  add(
    "check",
    "verify a bundle, signature and every byte, without installing it",
    "stadsnod update check stadsnod-1.3.0.raucb --keyring city-updates.pem",
  )
    .argument("<bundle>", "file")
    .option("--keyring <pem>", "certificates to trust, if not those of this machine")
    .action(async (bundle: string, { keyring, json }: { keyring?: string; json?: boolean }) => {
      const facts = await checkerOf(context, bundle, keyring)();
      context.out(json ? `${JSON.stringify(facts)}\n` : renderFacts(facts));
    });
  asking("commit", "keep the system that is being tried, without waiting for the health gate").action(
    async (options: Options) =>
      show(await (await daemonOf(context, options)).post<UpdateFacts>("/v1/update/commit"), options),
  );
  asking("roll-back", "go back to the former system; the machine restarts").action(async (options: Options) =>
    show(await (await daemonOf(context, options)).post<UpdateFacts>("/v1/update/roll-back"), options),
  );
  return update;
}

/** One that lies in the folder of bundles is looked at by the updater, who knows the city's certificates. */
function checkerOf(
  context: CliContext,
  bundle: string,
  keyring: string | undefined,
): () => Promise<BundleFacts> {
  const path = inFolder(context, bundle);
  if (keyring === undefined && dirname(path) === bundleFolder)
    return () => remoteUpdater(updaterSocket).inspect(basename(path));
  const trusted = keyring === undefined ? {} : { keyring: inFolder(context, keyring) };
  return () => openRauc({ run: runProgram, ...trusted }).inspect(path);
}

/** Resolves with its name there. */
async function putIntoFolder(path: string, folder: string): Promise<string> {
  const name = basename(path);
  if (dirname(path) === resolve(folder)) return name;
  try {
    await mkdir(folder, { recursive: true });
    const aside = join(folder, `${name}.part`);
    await rm(aside, { force: true });
    await copyFile(path, aside);
    await rename(aside, join(folder, name));
    return name;
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
    throw new ConfigError(`${path} cannot be copied to ${folder} (${code})`, {
      code: "unreadable-file",
      hint: "is the path right, is there room, and may this user write there (sudo)?",
      cause,
    });
  }
}

function renderFacts({ compatible, version, signer, sha256, bytes }: BundleFacts): string {
  return `version ${version} for ${compatible}, ${(bytes / 1e6).toFixed(1)} MB\nsigned by ${signer}\nsha256 ${sha256}\n`;
}

function render(facts: UpdateFacts): string {
  const { phase, progress, version, target, why, compatible, slots, failed } = facts;
  const doing = [
    target === undefined ? phase : `${target}: ${phase}`,
    progress === undefined ? "" : ` (${progress} %)`,
    why ? `: ${why.message} [${why.code}]` : "",
  ];
  const rows = slots.map((slot) => [
    slot.name,
    slot.booted ? "runs" : "",
    slot.state,
    slot.booted ? version : (slot.version ?? ""),
    slot.installedAt ?? "",
  ]);
  return [
    `${compatible}, version ${version}`,
    table(["slot", "", "state", "version", "installed"], rows),
    `update: ${doing.join("")}`,
    ...failed.map((one) => `not tried again: ${one.version}: ${one.why.message}`),
    "",
  ].join("\n");
}

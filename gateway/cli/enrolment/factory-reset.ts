import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { Command } from "commander";
import { ConfigError, StorageError } from "../../model/errors.ts";
import { type CliContext, ExitError, exit, inFolder } from "../context.ts";
import { command } from "../daemon.ts";
import { lockStore } from "../store-lock.ts";
import { eraseFile, eraseFolder, fillFreeSpace } from "./erase.ts";
import { readIdentity } from "./identity.ts";
import { configOption, mountOf, mounts, provisionOption, stateOption } from "./places.ts";

const run = promisify(execFile);

interface Options {
  readonly provision: string;
  readonly state: string;
  readonly config: string;
  readonly yes?: boolean;
  readonly quick?: boolean;
  readonly discard?: boolean;
}

const units = [
  "stadsnod-node-red.service",
  "stadsnod-enrol.timer",
  "stadsnod-enrol.path",
  "stadsnod-enrol.service",
  "stadsnod-update.service",
  "stadsnod.service",
];
/** Of other parts, beside the gateway's own. */
const besides = ["/var/lib/stadsnod-node-red", "/var/lib/stadsnod-update"];

export function factoryResetCommand(context: CliContext): Command {
  return command("factory-reset", "erase this gateway's keys, readings, users and configuration, for good", [
    "stadsnod factory-reset",
    "stadsnod factory-reset --discard",
    "stadsnod factory-reset --yes --quick",
  ])
    .addOption(provisionOption())
    .addOption(stateOption())
    .addOption(configOption())
    .option("--yes", "do not ask for the gateway's id")
    .option("--quick", "leave what earlier files left in free blocks")
    .option("--discard", "the data have a partition of their own: discard it whole and make it new (root)")
    .action(async (options: Options) => {
      const state = inFolder(context, options.state);
      const config = inFolder(context, options.config);
      const provision = inFolder(context, options.provision);
      refuseOthers(state, config);
      if (!options.yes) await confirm(context, await nameOf(state, config, provision));
      const packaged = state === "/var/lib/stadsnod";
      if (packaged) await run("systemctl", ["stop", ...units]).catch(() => {});
      // Of the package only: elsewhere they are nobody's business.
      const folders = [state, config, ...(packaged ? besides : [])].filter((one) => existsSync(one));
      if (existsSync(state)) await (await lockStore(state))[Symbol.asyncDispose]();
      for (const folder of folders) {
        const { files, bytes } = await eraseFolder(folder);
        context.out(`${folder}: ${files} files erased, ${bytes} bytes\n`);
      }
      if (await erased(provision)) context.out(`${provision}: erased\n`);
      if (options.discard) await discard(context, state);
      else if (!options.quick) await fill(context, folders);
      context.out(
        "Erased. The gateway starts empty at its next boot, with a new key; it must be enrolled anew.\n" +
          "What a card's own controller keeps of overwritten blocks cannot be reached: to be sure, destroy the card.\n",
      );
    });
}

/** Whoever names the wrong folder should not lose it. */
function refuseOthers(state: string, config: string): void {
  const signs = [
    [state, ["identity", "clock.json", "lock", "audit", "local", "outbox", "history.sqlite"]],
    [config, ["gateway.yaml", "profiles.d", "secrets", "ca"]],
  ] as const;
  for (const [folder, ours] of signs) {
    const names = existsSync(folder) ? readdirSync(folder).filter((name) => name !== "lost+found") : [];
    const foreign = names.includes(".git") || names.includes("package.json") || names.includes("bin");
    if (names.length === 0 || (!foreign && ours.some((name) => names.includes(name)))) continue;
    throw new ConfigError(`${folder} does not look like a folder of a gateway: nothing was erased`, {
      code: "not-a-gateway",
      hint: "--state is the storage folder, --config the folder of gateway.yaml alone",
    });
  }
}

async function nameOf(state: string, config: string, provision: string): Promise<string> {
  try {
    const { gateway } = await readIdentity(state, provision);
    if (gateway !== undefined) return gateway;
  } catch {
    // Then gateway.yaml may know.
  }
  try {
    const text = readFileSync(join(config, "gateway.yaml"), "utf8").slice(0, 65_536);
    return /^gateway:\s*\n(?:[ \t#].*\n)*?[ \t]+id:[ \t]*["']?([a-z0-9-]+)/m.exec(text)?.[1] ?? "gateway";
  } catch {
    return "gateway";
  }
}

async function confirm(context: CliContext, name: string): Promise<void> {
  if (!context.input)
    throw new ConfigError("nobody is there to be asked", {
      code: "not-confirmed",
      hint: "--yes erases without a question",
    });
  context.err(
    `This erases all keys, readings, users and the configuration of ${name}.\nType ${name} to go on: `,
  );
  const lines = createInterface({ input: context.input });
  try {
    for await (const line of lines) {
      if (line.trim() === name) return;
      context.err("Nothing was erased.\n");
      throw new ExitError(exit.failed);
    }
  } finally {
    lines.close();
  }
  throw new ExitError(exit.failed);
}

/** On its card, which root makes writable for a moment. */
async function erased(provision: string): Promise<boolean> {
  if (!existsSync(provision)) return false;
  const mount = await mountOf(provision);
  const remount = mount?.readOnly === true && process.getuid?.() === 0;
  if (remount) await run("mount", ["-o", "remount,rw", mount.at]);
  try {
    return await eraseFile(provision);
  } finally {
    if (remount) await run("mount", ["-o", "remount,ro", mount.at]);
  }
}

/** Once per file system. */
async function fill(context: CliContext, folders: readonly string[]): Promise<void> {
  const done = new Set<string>();
  for (const folder of folders) {
    const device = (await mountOf(folder))?.device ?? folder;
    if (done.has(device)) continue;
    done.add(device);
    context.err(`${folder}: writing over the free blocks of its file system; this takes a while\n`);
    await fillFreeSpace(folder);
  }
}

/** The whole partition. Everything that is mounted from it goes away. */
async function discard(context: CliContext, state: string): Promise<void> {
  const own = await mountOf(state);
  if (
    process.getuid?.() !== 0 ||
    !own ||
    own.at === "/" ||
    !own.device.startsWith("/dev/") ||
    own.type !== "ext4"
  )
    throw new StorageError(`${state} is not on an ext4 partition of its own, or you are not root`, {
      code: "no-data-partition",
      hint: "what is in the folders has been erased; do it without --discard to write over the free blocks as well",
    });
  const { device } = own;
  const root = mounts().some((one) => one.device === device && one.at === "/");
  if (root)
    throw new StorageError(`${device} holds the system too`, {
      code: "no-data-partition",
      hint: "do it without --discard",
    });
  const label = await run("e2label", [device]).then(
    ({ stdout }) => stdout.trim(),
    () => "",
  );
  const uuid = await run("blkid", ["-s", "UUID", "-o", "value", device]).then(
    ({ stdout }) => stdout.trim(),
    () => "",
  );
  const places = mounts()
    .filter((one) => one.device === device)
    .toReversed();
  for (const { at } of places) {
    await run("umount", [at]).catch((cause: unknown) => {
      throw new StorageError(`${at} is in use`, {
        code: "disk-busy",
        hint: "what is in the folders has been erased; stop what uses it (fuser -m shows it) and run this again",
        cause,
      });
    });
  }
  // A medium that knows no discard is written over with zeros.
  await run("blkdiscard", ["-f", device]).catch(() => {});
  const keep = [...(label ? ["-L", label] : []), ...(uuid ? ["-U", uuid] : [])];
  try {
    await run("blkdiscard", ["-f", "-z", device]);
    await run("mkfs.ext4", ["-q", "-F", ...keep, device]);
  } catch (cause) {
    throw new StorageError(`${device} could not be made new`, {
      code: "disk-io",
      hint: `run: blkdiscard -z ${device} && mkfs.ext4 -F ${keep.join(" ")} ${device}`,
      cause,
    });
  }
  context.out(`${device}: discarded and made new\n`);
}

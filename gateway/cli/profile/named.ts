import { statSync } from "node:fs";
import { join, relative } from "node:path";
import { ConfigError } from "../../model/errors.ts";
import { silentLog } from "../../model/log.ts";
import { basesBeside, profileIdOf } from "../../profiles/library.ts";
import { type LoadedProfile, loadProfile } from "../../profiles/load.ts";
import type { Protocol, SouthboundContext } from "../../southbound/protocol.ts";
import { type CliContext, ExitError, exit, inFolder, readNamed } from "../context.ts";
import { files, showDiagnostics } from "../files.ts";
import { protocols } from "./protocols.ts";

/** The profile at a path, or the end of the command with its findings. */
export function good(context: CliContext, path: string): Required<Pick<LoadedProfile, "profile" | "about">> {
  const { profile, about, diagnostics } = load(context, path);
  showDiagnostics(context, diagnostics);
  if (!profile || !about) throw new ExitError(exit.failed);
  return { profile, about };
}

export function load(context: CliContext, path: string): LoadedProfile {
  const file = inFolder(context, path);
  return loadProfile(readNamed(context, path).toString("utf8"), file, protocols, basesBeside(file, files));
}

export function profilesIn(context: CliContext, paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const target = inFolder(context, path);
    const stat = statSync(target, { throwIfNoEntry: false });
    if (!stat) throw new ConfigError(`${path}: no such file or folder`, { code: "no-such-file" });
    return stat.isDirectory()
      ? files
          .list(target)
          .filter((name) => profileIdOf(name) !== undefined)
          .toSorted()
          .map((name) => join(target, name))
      : [target];
  });
}

export function shown(context: CliContext, file: string): string {
  return relative(context.cwd, file);
}

/** The protocol of a profile that was loaded. */
export function protocolOf(loaded: Pick<LoadedProfile, "profile">): Protocol {
  const protocol = protocols.find((one) => one.name === loaded.profile?.protocol);
  if (!protocol) throw new RangeError("a loaded profile has a protocol");
  return protocol;
}

/** Examples are replayed: there is no wire to connect to and nobody to send to. */
export function replayContext(
  context: CliContext,
  clock: SouthboundContext["clock"],
  sandbox?: SouthboundContext["sandbox"],
): SouthboundContext {
  return {
    clock,
    random: () => 0.5,
    log: silentLog,
    signal: context.signal,
    connect: () => Promise.reject(new ConfigError("an example has no wire", { code: "no-wire" })),
    emit: () => Promise.resolve(),
    sandbox,
  };
}

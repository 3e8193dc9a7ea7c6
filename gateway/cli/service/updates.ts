import { createPublicKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeCbor } from "../../codec/cbor.ts";
import type { MachineSource } from "../../commissioning/machine.ts";
import type { Configuration } from "../../config/configuration.ts";
import type { Gateway } from "../../gateway.ts";
import type { LocalUpdates, MachineFacts } from "../../local/commissioning.ts";
import { RefusedError } from "../../model/errors.ts";
import type { Log } from "../../model/log.ts";
import { buildTime, version } from "../../model/version.ts";
import type { DesiredIntake } from "../../northbound/northbound.ts";
import type { Disk } from "../../store/disk.ts";
import { openFolderDisk, privateFiles } from "../../store/folder-disk.ts";
import { longestConfiguration, readConfigurationBundle } from "../../updates/configuration-bundle.ts";
import { ConfigurationUpdates } from "../../updates/configuration-updates.ts";
import type { Scope } from "../../updates/desired.ts";
import { type DesiredKind, DesiredStates } from "../../updates/desired-states.ts";
import { discard, download } from "../../updates/download.ts";
import type { HealthNow } from "../../updates/health-gate.ts";
import { httpsPart } from "../../updates/https-part.ts";
import type { Target } from "../../updates/record.ts";
import { remoteUpdater } from "../../updates/remote-updater.ts";
import { isSemver } from "../../updates/semver.ts";
import { noUpdater, Updates } from "../../updates/updates.ts";
import { inWindow } from "../../updates/window.ts";
import type { Pulse } from "../service-manager/health.ts";
import { type Heart, openHeart } from "../service-manager/heart.ts";
import { configurationTarget } from "./configuration-target.ts";
import { localUpdates } from "./local-updates.ts";

export interface RunningUpdates extends AsyncDisposable {
  /** Undefined where this machine has no updater. */
  readonly local: LocalUpdates | undefined;
  /** The image's slots, for the page; undefined where no updater has answered. */
  image(): MachineFacts["image"];
  readonly take: DesiredIntake["take"];
}

/** Far more than an image has. */
const maxBytes = 1024 * 1024 * 1024;
export interface UpdatesOfGateway {
  readonly gateway: Gateway;
  readonly log: Log;
  readonly machine: MachineSource;
  /** Of the updater; undefined: the system cannot be updated from here. */
  readonly socket: string | undefined;
  /** Of the daemon. */
  readonly pulse: () => Pulse;
  /** gateway.yaml and its path; undefined: there is no such file. */
  readonly configuration: { readonly file: Configuration; readonly path: string } | undefined;
}

/** Updates of the system and of the configuration, put together. To be disposed before the gateway. */
export async function openUpdates(options: UpdatesOfGateway): Promise<RunningUpdates> {
  const { gateway, log, socket, configuration } = options;
  const { clock, config } = gateway;
  const disk = await openFolderDisk(join(config.storage.folder, "updates"));
  // Who is known to the city needs no list of the system's for the city's own server.
  const city = join(config.storage.folder, "identity", "ca.pem");
  const fetchPart = httpsPart(clock, () =>
    readFile(city, "utf8").then(
      (pem) => [pem],
      () => [],
    ),
  );
  const inItsTime = ({ notBefore, window }: Target) => {
    if (notBefore !== undefined && (!clock.trusted || clock.now() < notBefore)) return false;
    return window === undefined || (clock.trusted && inWindow(window, clock.now(), config.gateway.timeZone));
  };
  const fetchTo = async (
    { url, file, sha256 }: Target,
    mostBytes: number,
    progress: (percent: number) => void,
    signal: AbortSignal,
  ) => {
    if (url !== undefined)
      await download({ disk, fetchPart, url, file, sha256, maxBytes: mostBytes, progress, signal });
  };
  await using opened = new AsyncDisposableStack();
  const parts: UpdateParts = {};
  const tell = () =>
    gateway.tell("state/update", encodeUpdateState(config.gateway.id, parts, clock.toUnix(clock.stamp())));
  if (socket !== undefined) {
    const image = await imageVersion(options.machine);
    const heart = opened.use(openHeart(options.pulse, clock));
    const system = opened.use(
      new Updates({
        clock,
        log: log.child({ part: "updates" }),
        disk,
        updater: remoteUpdater(socket),
        version: (slot) => image ?? semverOr(slot?.version, version),
        fetch: (target, progress, signal) => fetchTo(target, maxBytes, progress, signal),
        path: ({ file }) => file,
        discard: async ({ url, file }) => {
          // What somebody has put there is not ours to remove.
          if (url !== undefined) await discard(disk, file);
        },
        health: () => healthOf(gateway, heart),
        mayInstall: inItsTime,
        mayRestart: inItsTime,
        changed: () => {
          tell();
          parts.desired?.poke();
        },
      }),
    );
    parts.system = system;
    system.done.catch((error: unknown) =>
      log.error({ err: error }, "updates broke: a bug; the gateway goes on"),
    );
  }
  const { trust: pems, groups, window } = config.updates;
  if (pems.size > 0) {
    const trust = new Map(Array.from(pems, ([name, pem]) => [name, createPublicKey(pem)]));
    const ending = new AbortController();
    if (configuration)
      parts.configuration = opened.use(
        new ConfigurationUpdates({
          clock,
          log: log.child({ part: "updates" }),
          disk: await openFolderDisk(join(config.storage.folder, "updates-configuration"), privateFiles),
          target: configurationTarget(gateway, configuration.file, configuration.path),
          changed: tell,
        }),
      );
    const { configuration: configurations, system } = parts;
    parts.desired = opened.use(
      new DesiredStates({
        gateway: config.gateway.id,
        groups,
        trust,
        window,
        clock,
        log: log.child({ part: "updates" }),
        disk,
        install: async (target) => {
          if (!system) throw noUpdater();
          await system.install(target);
        },
        ...(configurations
          ? {
              async configure(target: Target, scope: Scope) {
                if (!inItsTime(target)) throw new RefusedError("not now", { code: "not-yet" });
                await fetchTo(target, longestConfiguration, () => {}, ending.signal);
                const bytes = await readBytes(disk, target.file);
                await discard(disk, target.file);
                const bundle = readConfigurationBundle(bytes, scope, trust);
                if (bundle.version !== target.version)
                  throw new RefusedError(`the bundle is version ${bundle.version}`, {
                    code: "other-version",
                  });
                await configurations.install(bundle, target.by, target.allowDowngrade);
              },
            }
          : {}),
        changed: tell,
      }),
    );
    opened.defer(() => ending.abort());
  }
  const held = opened.move();
  const { system, desired } = parts;
  return {
    local: system && localUpdates(system, desired, disk),
    image: () => system && imageOf(system),
    take: async (scope, body) => desired?.receive(scope, body),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

interface UpdateParts {
  system?: Updates;
  desired?: DesiredStates;
  configuration?: ConfigurationUpdates;
}

async function readBytes(disk: Disk, name: string): Promise<Uint8Array> {
  const file = await disk.open(name);
  try {
    return await file.read(0, Math.min(file.size, longestConfiguration));
  } finally {
    await file.close();
  }
}

function imageOf(updates: Updates): MachineFacts["image"] {
  const known = updates.slots();
  if (!known) return undefined;
  const other = known.slots.find(({ booted }) => !booted);
  return {
    slot: known.booted,
    version: updates.state().version,
    ...(other ? { other: [other.name, other.version, other.state].filter(Boolean).join(", ") } : {}),
  };
}

/** What works now. */
function healthOf(gateway: Gateway, heart: Heart): Omit<HealthNow, "starts"> {
  const { clock, loops, sides, config } = gateway;
  return {
    lines: Array.from(loops.values()).flatMap((loop) =>
      loop.status().state === "open" ? [loop.connection] : [],
    ),
    northbound: Array.from(sides.values()).flatMap(({ name, northbound }) =>
      northbound.status().connected ? [name] : [],
    ),
    configured: { lines: [...config.connections.keys()], northbound: [...config.northbound.keys()] },
    uptimeMs: clock.monotonic(),
    ...heart.state(),
    writable: Array.from(sides.values()).every(
      ({ storeProblem, outbox }) => !storeProblem && outbox.status().disk === "ok",
    ),
    time: clock.now(),
    buildTime,
  };
}

/** The image's own version. */
async function imageVersion(machine: MachineSource): Promise<string | undefined> {
  const text = (await machine.read("/etc/os-release")) ?? "";
  const found = /^STADSNOD_VERSION="?([^"\n]{1,64})"?$/m.exec(text)?.[1];
  return found !== undefined && isSemver(found) ? found : undefined;
}

function semverOr(text: string | undefined, other: string): string {
  return text !== undefined && isSemver(text) ? text : other;
}

/** CBOR for `state/update`: docs/update.md. */
function encodeUpdateState(gateway: string, parts: UpdateParts, time: number | undefined): Uint8Array {
  const { system, desired, configuration } = parts;
  const reason = (why: { code: string; message: string } | undefined) =>
    why && { code: why.code, text: why.message };
  const asked = (kind: DesiredKind) => {
    const report = desired?.report(kind);
    return report && { scope: report.scope, serial: report.serial, why: reason(report.why) };
  };
  const failedOf = (failed: readonly { version: string; why: { code: string; message: string } }[]) =>
    failed.map((one) => ({ version: one.version, code: one.why.code, text: one.why.message }));
  const state = system?.state();
  const settings = configuration?.state();
  return encodeCbor({
    gw: gateway,
    time: time === undefined ? undefined : Math.floor(time / 1000),
    phase: state?.phase ?? "none",
    version: state?.version ?? version,
    slot: state?.slot,
    target: state?.target,
    rollout: state?.rollout,
    progress: state?.progress,
    why: reason(state?.why),
    failed: failedOf(state?.failed ?? []),
    desired: asked("system"),
    configuration: settings && {
      phase: settings.phase,
      version: settings.version,
      kept: settings.kept,
      why: reason(settings.why),
      changes: settings.changes,
      failed: failedOf(settings.failed),
      desired: asked("configuration"),
    },
  });
}

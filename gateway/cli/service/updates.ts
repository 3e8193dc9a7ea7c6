import { createHash, createPublicKey } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { encodeCbor } from "../../codec/cbor.ts";
import type { MachineSource } from "../../commissioning/machine.ts";
import type { Gateway } from "../../gateway.ts";
import type { LocalUpdates, MachineFacts } from "../../local/commissioning.ts";
import { RefusedError } from "../../model/errors.ts";
import type { Log } from "../../model/log.ts";
import { buildTime, version } from "../../model/version.ts";
import type { DesiredIntake } from "../../northbound/northbound.ts";
import { openFolderDisk } from "../../store/folder-disk.ts";
import { DesiredStates } from "../../updates/desired-states.ts";
import { discard, download } from "../../updates/download.ts";
import type { HealthNow } from "../../updates/health-gate.ts";
import { bundleFolder, updaterSocket } from "../../updates/helper-words.ts";
import { httpsPart } from "../../updates/https-part.ts";
import type { Target } from "../../updates/record.ts";
import { remoteUpdater } from "../../updates/remote-updater.ts";
import { isSemver } from "../../updates/semver.ts";
import { Updates } from "../../updates/updates.ts";
import { inWindow } from "../../updates/window.ts";

export interface RunningUpdates extends AsyncDisposable {
  readonly local: LocalUpdates;
  /** The image's slots, for the page; undefined where no updater has answered. */
  image(): MachineFacts["image"];
  readonly take: DesiredIntake["take"];
}

/** Far more than an image has. */
const maxBytes = 1024 * 1024 * 1024;
/** There on our images, and nowhere else. */
const imageMark = "/etc/rauc/system.conf";

/** Where the updater listens, if this machine has one. */
export function updaterSocketHere(env: Readonly<Record<string, string | undefined>>): string | undefined {
  return env.STADSNOD_UPDATER ?? (existsSync(imageMark) ? updaterSocket : undefined);
}

/** Updates of the system that this gateway runs on, put together. To be disposed before the gateway. */
export async function openUpdates(
  gateway: Gateway,
  log: Log,
  socket: string,
  machine: MachineSource,
): Promise<RunningUpdates> {
  const { clock, config } = gateway;
  const disk = await openFolderDisk(join(config.storage.folder, "updates"));
  const fetchPart = httpsPart(clock);
  const image = await imageVersion(machine);
  const inItsTime = ({ notBefore, window }: Target) => {
    if (notBefore !== undefined && (!clock.trusted || clock.now() < notBefore)) return false;
    return window === undefined || (clock.trusted && inWindow(window, clock.now(), config.gateway.timeZone));
  };
  await using opened = new AsyncDisposableStack();
  let desired: DesiredStates | undefined;
  let updates: Updates | undefined;
  const tell = () => {
    if (updates)
      gateway.tell(
        "state/update",
        encodeUpdateState(config.gateway.id, updates, desired, clock.toUnix(clock.stamp())),
      );
  };
  const running = opened.use(
    new Updates({
      clock,
      log: log.child({ part: "updates" }),
      disk,
      updater: remoteUpdater(socket),
      version: (slot) => image ?? semverOr(slot?.version, version),
      async fetch({ url, file, sha256 }, progress, signal) {
        if (url !== undefined)
          await download({ disk, fetchPart, url, file, sha256, maxBytes, progress, signal });
      },
      path: ({ file }) => file,
      discard: async ({ url, file }) => {
        // What somebody has put there is not ours to remove.
        if (url !== undefined) await discard(disk, file);
      },
      health: () => healthOf(gateway),
      mayInstall: inItsTime,
      mayRestart: inItsTime,
      changed: tell,
    }),
  );
  updates = running;
  running.done.catch((error: unknown) =>
    log.error({ err: error }, "updates broke: a bug; the gateway goes on"),
  );
  const { trust, groups, window } = config.updates;
  if (trust.size > 0)
    desired = opened.use(
      new DesiredStates({
        gateway: config.gateway.id,
        groups,
        trust: new Map(Array.from(trust, ([name, pem]) => [name, createPublicKey(pem)])),
        window,
        clock,
        log: log.child({ part: "updates" }),
        disk,
        install: (target) => running.install(target),
        changed: tell,
      }),
    );
  const held = opened.move();
  return {
    local: localUpdates(running),
    image: () => imageOf(running),
    take: async (scope, body) => desired?.receive(scope, body),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function localUpdates(updates: Updates): LocalUpdates {
  return {
    state() {
      const slots = updates.slots();
      if (!slots) return undefined;
      const { phase, progress, version, target, rollout, by, why, failed } = updates.state();
      return {
        ...{ phase, progress, version, target, rollout, by, why, failed },
        compatible: slots.compatible,
        slots: slots.slots,
      };
    },
    async install({ file, url, sha256 }, by) {
      if (url !== undefined) return updates.install({ url, sha256, by, file: `${hashOf(url)}.raucb` });
      const name = file?.startsWith(`${bundleFolder}/`) ? file.slice(bundleFolder.length + 1) : file;
      if (name === undefined || !/^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$/.test(name))
        throw new RefusedError("a bundle is named by its file name", {
          code: "bad-bundle-name",
          hint: `put it into ${bundleFolder} first; \`stadsnod update install\` does that`,
        });
      return updates.install({ file: name, sha256, by });
    },
    rollBack: (by) => updates.rollBack(by),
    commit: () => updates.commit(),
  };
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
function healthOf(gateway: Gateway): Omit<HealthNow, "starts"> {
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
    active: true,
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
function encodeUpdateState(
  gateway: string,
  updates: Updates,
  desired: DesiredStates | undefined,
  time: number | undefined,
): Uint8Array {
  const { phase, progress, version, slot, target, rollout, why, failed } = updates.state();
  const report = desired?.report();
  return encodeCbor({
    gw: gateway,
    phase,
    version,
    slot,
    target,
    rollout,
    progress,
    time: time === undefined ? undefined : Math.floor(time / 1000),
    why: why && { code: why.code, text: why.message },
    failed: failed.map((one) => ({ version: one.version, code: one.why.code, text: one.why.message })),
    desired: report && {
      scope: report.scope,
      serial: report.serial,
      why: report.why && { code: report.why.code, text: report.why.message },
    },
  });
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

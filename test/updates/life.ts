// The life of a machine over updates, restarts and power cuts: the real Updates on a simulated disk.

import { silentLog } from "../../gateway/model/log.ts";
import type { Target } from "../../gateway/updates/record.ts";
import { type UpdateState, Updates } from "../../gateway/updates/updates.ts";
import { seeded } from "../fault/random.ts";
import { SimulatedDisk } from "../fault/simulated-disk.ts";
import { settle, VirtualClock } from "../fault/virtual-clock.ts";
import type { FakeMachine } from "./fake-updater.ts";

export class PowerCut extends Error {}

export interface LifeOptions {
  readonly machine: FakeMachine;
  readonly target?: Target;
  /** The power is cut before the n-th thing that lasts, counted over the whole life; several times. */
  readonly cuts?: readonly number[];
  readonly seed?: number;
  readonly mayInstall?: () => boolean;
  /** Stop early: when this is reached. */
  readonly until?: (state: UpdateState) => boolean;
}

export interface Life {
  readonly state: UpdateState;
  /** What was about to happen at each cut. */
  readonly cutAt: readonly string[];
  /** Things that last, over the whole life. */
  readonly moments: readonly string[];
  readonly disk: SimulatedDisk;
}

const settled: ReadonlySet<string> = new Set(["idle", "committed", "rolled-back", "refused"]);

/** Lives until nothing changes any more. Throws what a machine must never do. */
export async function live(options: LifeOptions, from?: SimulatedDisk): Promise<Life> {
  const { machine, target, cuts = [], seed = 1 } = options;
  const random = seeded(seed);
  const moments: string[] = [];
  const cutAt: string[] = [];
  let dead = false;
  const moment = (what: string) => {
    if (dead) throw new PowerCut(what);
    moments.push(what);
    if (!cuts.includes(moments.length)) return;
    cutAt.push(what);
    dead = true;
    throw new PowerCut(what);
  };
  const disk = {
    random,
    before: (operation: string, name: string) => {
      if (operation !== "list" && operation !== "read" && operation !== "open")
        moment(`disk ${operation} ${name}`);
    },
  };
  machine.cut = moment;
  let store = from ? from.copy(disk) : new SimulatedDisk(disk);
  let wanted = target !== undefined;
  for (let start = 0; start < 60; start++) {
    dead = false;
    const clock = new VirtualClock({ bootId: `boot-${machine.boots}`, monotonic: 20_000 });
    let state: UpdateState | undefined;
    const { version, behaviour } = machine.running;
    const updates = new Updates({
      clock,
      log: silentLog,
      disk: store,
      updater: machine.updater(),
      version: () => version,
      fetch: async () => moment("download"),
      path: ({ file }) => file,
      discard: async () => {},
      health: () => ({
        lines: behaviour === "unhealthy" ? [] : ["bus"],
        northbound: ["city"],
        configured: { lines: ["bus"], northbound: ["city"] },
        uptimeMs: clock.monotonic(),
        active: true,
        runMs: clock.monotonic() - 20_000,
        writable: true,
        time: clock.now(),
        buildTime: 0,
      }),
      mayInstall: options.mayInstall ?? (() => true),
      mayRestart: () => true,
      changed: (now) => {
        state = now;
      },
    });
    let cut = false;
    updates.done.catch((error: unknown) => {
      if (!(error instanceof PowerCut)) throw error;
      cut = true;
    });
    let asked: Promise<void> | undefined;
    let quiet = 0;
    // Twenty minutes are longer than any step takes.
    for (let second = 0; second < 1300 && !cut && !dead && !machine.rebooting; second += 5) {
      await settle();
      if (wanted && !asked && updates.slots() !== undefined && target)
        asked = updates.install(target).then(
          () => {
            wanted = false;
          },
          (error: unknown) => {
            if (!(error instanceof PowerCut)) wanted = false;
          },
        );
      await clock.advance(5000);
      if (options.until?.(updates.state())) break;
      quiet = settled.has(updates.state().phase) && updates.slots() !== undefined && !wanted ? quiet + 1 : 0;
      // Long enough for the boot to be confirmed, too.
      if (quiet > 40) break;
    }
    await asked;
    const ended = !machine.rebooting && !dead && !cut;
    state = updates.state();
    await updates[Symbol.asyncDispose]();
    if (ended) return { state, cutAt, moments, disk: store };
    store = dead ? store.cutPower(disk) : store.copy(disk);
    machine.boot();
  }
  throw new Error("it never comes to rest");
}

export function targetOf(version: string, more: Partial<Target> = {}): Target {
  return { version, file: `${version}.raucb`, by: "test", ...more };
}

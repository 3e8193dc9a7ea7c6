import { seeded } from "./random.ts";

/** Lines of the simulated gateway: Modbus TCP, and RTU on a serial line. */
export const lines = ["street", "cellar"] as const;
export type LineName = (typeof lines)[number];

/** What goes wrong on a line until it is well again. */
export type LineFault = "silent" | "flips" | "late" | "foreign" | "reset" | "refused";
/** What goes wrong between the forwarder and the platform. */
export type BrokerFault = "refused" | "half-open" | "lost-ack" | "slow" | "twice" | "forbidden";
export type DiskFault = "slow" | "full" | "failing" | "read-only";

/** One thing that happens to the gateway; `at` is ms from the start of the history. */
export type PlanEvent = { readonly at: number } & (
  | { readonly kind: "line"; readonly line: LineName; readonly fault: LineFault; readonly forMs: number }
  | { readonly kind: "broker"; readonly fault: BrokerFault; readonly forMs: number }
  /** The broker goes down with everything on its way, and comes back. */
  | { readonly kind: "broker-restart"; readonly forMs: number }
  | { readonly kind: "disk"; readonly disk: string; readonly fault: DiskFault; readonly forMs: number }
  | { readonly kind: "jump"; readonly ms: number }
  | { readonly kind: "trust" }
  | { readonly kind: "reload"; readonly to: number }
  | { readonly kind: "command"; readonly command: PlannedCommand }
  /** The end of a process: at once, or at that disk operation from now on. */
  | {
      readonly kind: "end";
      readonly how: "power" | "killed" | "stopped";
      readonly operations: number;
      readonly downMs: number;
      /** How wrong the wall clock is after a power cut, ms; undefined while it is right. */
      readonly clockOff: number | undefined;
    }
);

export interface PlannedCommand {
  readonly id: string;
  readonly device: string;
  readonly point: "level" | "speed";
  /** Its own alone, so that a write tells whose it is. */
  readonly value: number;
  readonly inMs?: number;
  /** Relative to the moment it is sent. */
  readonly untilMs?: number;
  readonly retained: boolean;
  /** Sent again so many ms later, with the same id. */
  readonly again: readonly number[];
}

export interface Plan {
  readonly seed: number;
  readonly trusted: boolean;
  /** Whether the serial line gives the gateway its own bytes back. */
  readonly echo: boolean;
  /** Whether the outbox may hold a handful of packs only. */
  readonly tiny: boolean;
  readonly events: readonly PlanEvent[];
}

/** Ms in which everything happens; then everything is well again. */
export const busyMs = 20_000;
export const devices = ["s1", "c1", "c2"] as const;
/** No register of a unit takes more. */
export const largestValue = 60_000;

/** What happens to one gateway. The same seed gives the same plan on every machine. */
export function planOf(seed: number): Plan {
  const random = seeded(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const one = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const forMs = () => 300 + below(below(4) === 0 ? 20_000 : 4000);
  let commands = 0;

  const command = (): PlannedCommand => {
    const number = ++commands;
    const wrong = random() < 0.1;
    const relative = random() < 0.6;
    const life = random() < 0.2 ? 1 + below(300) : 2000 + below(15_000);
    return {
      id: `k${number}`,
      device: random() < 0.05 ? "nobody" : one(devices),
      point: one(["level", "speed"]),
      value: wrong ? largestValue + number : 1000 + number,
      ...(relative ? { inMs: life } : { untilMs: random() < 0.2 ? -life : life }),
      retained: random() < 0.1,
      again: random() < 0.4 ? [below(10_000), below(10_000)].slice(below(2)) : [],
    };
  };
  const event = (): PlanEvent => {
    const at = below(busyMs);
    const dice = random();
    if (dice < 0.22) {
      const fault = one<LineFault>(["silent", "flips", "late", "foreign", "reset", "refused"]);
      return { at, kind: "line", line: one(lines), fault, forMs: forMs() };
    }
    if (dice < 0.4) {
      const fault = one<BrokerFault>(["refused", "half-open", "lost-ack", "slow", "twice", "forbidden"]);
      return { at, kind: "broker", fault, forMs: forMs() };
    }
    if (dice < 0.44) return { at, kind: "broker-restart", forMs: forMs() };
    if (dice < 0.54) {
      const disk = one(["outbox-city", "outbox-city", "commands", "audit", "plans"]);
      const fault = one<DiskFault>(["slow", "full", "failing", "read-only"]);
      return { at, kind: "disk", disk, fault, forMs: forMs() };
    }
    if (dice < 0.58) return { at, kind: "jump", ms: (random() < 0.5 ? -1 : 1) * below(7_200_000) };
    if (dice < 0.61) return { at, kind: "trust" };
    if (dice < 0.66) return { at, kind: "reload", to: below(3) };
    if (dice < 0.88) return { at, kind: "command", command: command() };
    return {
      at,
      kind: "end",
      how: one(["power", "power", "killed", "stopped"]),
      operations: random() < 0.3 ? 0 : 1 + below(60),
      downMs: below(3000),
      clockOff: random() < 0.3 ? -below(86_400_000) : undefined,
    };
  };
  const trusted = random() < 0.8;
  const echo = random() < 0.2;
  const tiny = random() < 0.25;
  const count = 3 + below(10);
  const events = Array.from({ length: count }, event).toSorted((a, b) => a.at - b.at);
  return { seed, trusted, echo, tiny, events };
}

/**
 * Drops events as long as the history still fails in the same way. Gives the plan that is left and
 * which of the events it kept.
 */
export async function shrink(
  plan: Plan,
  fails: (plan: Plan) => Promise<boolean>,
): Promise<{ readonly plan: Plan; readonly kept: readonly number[] }> {
  const only = (kept: readonly number[]): Plan => ({ ...plan, events: kept.map((at) => plan.events[at]!) });
  let kept = plan.events.map((_, index) => index);
  for (let size = kept.length; size >= 1; size = size >> 1) {
    for (let from = 0; from < kept.length; ) {
      const fewer = kept.toSpliced(from, size);
      if (await fails(only(fewer))) kept = fewer;
      else from += size;
    }
  }
  return { plan: only(kept), kept };
}

import type { BrokerFault, DiskFault } from "./history-plan.ts";
import { seeded } from "./random.ts";

/** How the process ends. */
export interface WeekEnd {
  readonly how: "power" | "killed" | "stopped";
  /** In the midst of that disk operation from now on; 0: at once. */
  readonly operations: number;
  readonly downMs: number;
  /** How wrong the clock is afterwards, ms, until it is told the time 20 min later; undefined: it is right. */
  readonly clockOff?: number | undefined;
}

export type Trouble =
  | { readonly kind: "broker"; readonly fault: BrokerFault }
  | { readonly kind: "disk"; readonly fault: DiskFault }
  | { readonly kind: "line"; readonly fault: "silent" | "refused" }
  | { readonly kind: "end"; readonly end: WeekEnd }
  | { readonly kind: "jump"; readonly ms: number }
  | { readonly kind: "reload" };

/** One thing that goes wrong, with what happens besides while it does. */
export interface Outage {
  readonly name: string;
  /** From the beginning of the week, ms. */
  readonly at: number;
  readonly forMs: number;
  readonly troubles: readonly Trouble[];
  /** Ends of the process in its midst, at parts of its length. */
  readonly ends: readonly { readonly part: number; readonly end: WeekEnd }[];
}

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;
/** At least so long is quiet behind an outage. */
const quietMs = 25 * minuteMs;

type Kind = Omit<Outage, "at" | "ends"> & { readonly ends?: Outage["ends"] };

/** What a week of seven days holds: 40 outages, in an order and at moments that the seed decides. */
export function weekOf(seed: number): Outage[] {
  const random = seeded(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const between = (least: number, most: number) => least + below(most - least);
  const killed = (): WeekEnd => ({ how: "killed", operations: 0, downMs: between(1000, 30_000) });
  const cut = (clockOff?: number): WeekEnd => {
    return { how: "power", operations: 1 + below(60), downMs: between(5000, 10 * minuteMs), clockOff };
  };
  const broker = (name: string, fault: BrokerFault, forMs: number, ends: Outage["ends"] = []): Kind => {
    return { name, forMs, troubles: [{ kind: "broker", fault }], ends };
  };
  const away = (name: string, forMs: number, ends?: Outage["ends"]) =>
    broker(`broker away ${name}`, "refused", forMs, ends);
  // Without a broker that is away the disk would have nothing to keep.
  const disk = (fault: DiskFault): Kind => ({
    name: `disk ${fault}, broker away`,
    forMs: between(5, 40) * minuteMs,
    troubles: [
      { kind: "disk", fault },
      { kind: "broker", fault: "refused" },
    ],
  });
  const end = (name: string, one: WeekEnd): Kind => {
    return { name, forMs: one.downMs, troubles: [{ kind: "end", end: one }] };
  };
  const kinds: Kind[] = [
    away("a day, kill and power cut", dayMs, [
      { part: 0.3, end: killed() },
      { part: 0.7, end: cut() },
    ]),
    away("8 h, power cut without clock", 8 * hourMs, [{ part: 0.5, end: cut(-30 * dayMs) }]),
    away("3 h, kill", 3 * hourMs, [{ part: 0.6, end: killed() }]),
    ...[120, 60, 30, 10, 5, 2].map((minutes) => away(`${minutes} min`, minutes * minuteMs)),
    ...[60, 20, 8, 3].map((minutes) => broker("half-open", "half-open", minutes * minuteMs)),
    ...[3, 2, 1].map((minutes) => broker("PUBACKs lost", "lost-ack", minutes * minuteMs)),
    ...[4000, 15_000, 40_000].map((forMs) => broker("broker restarts", "refused", forMs)),
    ...[30, 15].map((minutes) => broker("broker slow", "slow", minutes * minuteMs)),
    broker("every message twice", "twice", 15 * minuteMs),
    ...(["slow", "full", "full", "failing", "read-only"] as const).map(disk),
    end("gateway killed", killed()),
    end("gateway killed", killed()),
    end("power cut", cut()),
    end("power cut", cut()),
    // No further back: the real clock has a floor.
    end("power cut, clock a year behind", cut(-365 * dayMs)),
    end("gateway stopped", { how: "stopped", operations: 0, downMs: minuteMs }),
    ...[2, -1, 30].map((hours): Kind => {
      return {
        name: `clock jumps ${hours} h`,
        forMs: 0,
        troubles: [{ kind: "jump", ms: hours * hourMs }],
      };
    }),
    { name: "configuration reloaded", forMs: 0, troubles: [{ kind: "reload" }] },
    { name: "configuration reloaded", forMs: 0, troubles: [{ kind: "reload" }] },
    { name: "devices silent", forMs: 2 * hourMs, troubles: [{ kind: "line", fault: "silent" }] },
    { name: "devices refuse", forMs: hourMs, troubles: [{ kind: "line", fault: "refused" }] },
  ];
  const order = kinds
    .map((kind) => ({ kind, place: random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ kind }) => kind);
  const busy = order.reduce((sum, { forMs }) => sum + forMs + quietMs, 0);
  const free = 7 * dayMs - busy - 2 * hourMs;
  const shares = order.map(() => random());
  const whole = shares.reduce((sum, share) => sum + share, 0);
  let at = 0;
  return order.map((kind, place) => {
    at += (shares[place]! / whole) * free;
    const outage = { ends: [], ...kind, at: Math.round(at) };
    at += kind.forMs + quietMs;
    return outage;
  });
}

import { readPack } from "../../simulators/senml.ts";
import type { Platform } from "./history-broker.ts";
import type { LineName } from "./history-plan.ts";
import { type Field, tickMs, timeouts } from "./history-units.ts";

// What must be true of a gateway whatever happens to it, judged from outside: by what the platform got,
// what the units did, and what the gateway had promised by the time its process ended.

/** One process of the gateway. */
export interface Run {
  readonly run: string;
  readonly boot: string;
  /** By audience, when it ended. */
  accounts: readonly {
    readonly audience: string;
    readonly lastSeq: number;
    readonly settledSeq: number;
    /** Readings that the disk did not take when they came. */
    readonly volatile: number;
  }[];
  /** Packs that it had in memory only when it ended, and said so: the disk did not take them. */
  volatile: number;
  /** Packs that the broker would not take. */
  refused: number;
}

export class Judge implements Platform {
  readonly violations: string[] = [];
  readonly runs = new Map<string, Run>();
  /** By boot: how much the wall clock was ahead of true time, each error that it ever had. */
  readonly clockErrors = new Map<string, Set<number>>();
  /** What the platform heard of a command, oldest first, by id. */
  readonly results = new Map<string, ReadonlyMap<string, unknown>[]>();
  /** Good readings that arrived. */
  readings = 0;
  packs = 0;
  gapsTold = 0;
  readonly #received = new Map<string, Set<number>>();
  readonly #gaps = new Map<string, Set<number>>();
  /** Of each audience and lane: the newest pack that was news when it came. */
  readonly #newest = new Map<string, { run: number; seq: number }>();
  readonly #field: Field;
  readonly #now: () => number;
  readonly #tiny: boolean;

  /** @param tiny whether the outbox has room for a handful of packs only */
  constructor(field: Field, now: () => number, tiny: boolean) {
    this.#tiny = tiny;
    this.#field = field;
    this.#now = now;
  }

  violate(what: string): void {
    this.violations.push(what);
  }

  begin(run: string, boot: string): Run {
    const begun: Run = { run, boot, accounts: [], volatile: 0, refused: 0 };
    this.runs.set(run, begun);
    return begun;
  }

  pack(lane: "urgent" | "live" | "backlog", bytes: Uint8Array): void {
    const pack = readPack(bytes);
    const { run, seq, seqTo, audience = "", estimated } = pack;
    const known = this.runs.get(run);
    if (!known) {
      this.violate(`a pack of run ${run}, which never was`);
      return;
    }
    this.packs++;
    const received = setOf(this.#received, `${run}/${audience}`);
    let news: number | undefined;
    for (let one = seq; one <= seqTo; one++) {
      if (!received.has(one)) news ??= one;
      received.add(one);
    }
    if (news !== undefined) this.#checkOrder(`${audience}/${lane}`, run, news, seqTo);
    for (const gap of pack.gaps) {
      this.gapsTold++;
      if (!this.runs.has(gap.run)) this.violate(`a gap of run ${gap.run}, which never was`);
      const gone = setOf(this.#gaps, `${gap.run}/${audience}`);
      for (let one = gap.from; one <= gap.to; one++) gone.add(one);
    }
    for (const { name, value, time } of pack.readings)
      this.#checkReading(name, value, time, known, estimated);
  }

  refused(run: string): void {
    const known = this.runs.get(run);
    if (known) known.refused++;
  }

  result(body: ReadonlyMap<string, unknown>): void {
    const id = String(body.get("id"));
    this.results.set(id, [...(this.results.get(id) ?? []), body]);
  }

  /** Nothing promised is lost, nothing is invented. When all runs have ended. */
  account(): void {
    let excused = 0;
    for (const { volatile, refused, accounts } of this.runs.values()) {
      // What was in memory only may be what the broker refused, or what tells of that, or of what had no room.
      const wasVolatile = volatile > 0 || accounts.some((one) => one.volatile > 0);
      if (wasVolatile) excused += this.#tiny ? Number.POSITIVE_INFINITY : volatile + refused;
    }
    for (const { run, accounts } of this.runs.values()) {
      for (const { audience, lastSeq, settledSeq } of accounts) {
        const key = `${run}/${audience}`;
        const [received, gone] = [setOf(this.#received, key), setOf(this.#gaps, key)];
        for (const seq of [...received, ...gone])
          if (seq > lastSeq) this.violate(`${key}/${seq} is told of, and its run made ${lastSeq}`);
        for (let seq = 1; seq <= settledSeq; seq++)
          if (!received.has(seq) && !gone.has(seq) && excused-- <= 0)
            this.violate(`${key}/${seq} was promised and is lost`);
      }
    }
  }

  #checkOrder(key: string, run: string, seq: number, seqTo: number): void {
    const place = [...this.runs.keys()].indexOf(run);
    const newest = this.#newest.get(key);
    if (newest && (newest.run > place || (newest.run === place && newest.seq >= seq)))
      this.violate(`${key}: ${run}/${seq} came after ${[...this.runs.keys()][newest.run]}/${newest.seq}`);
    this.#newest.set(key, { run: place, seq: seqTo });
  }

  /** A good value is one that the register held when it can have been read. */
  #checkReading(name: string, value: unknown, time: number, { boot }: Run, estimated: boolean): void {
    const found = /-([sc][12]):(ticks|ticks_slow|level|speed)$/.exec(name);
    if (!found) {
      if (!name.endsWith("/quality")) this.violate(`a reading of ${name}, which is no point`);
      return;
    }
    const [, device = "", point = ""] = found;
    if (typeof value !== "number") {
      this.violate(`${name} has the value ${String(value)}`);
      return;
    }
    this.readings++;
    const line: LineName = device.startsWith("s") ? "street" : "cellar";
    const delay = timeouts[line] + 100;
    if (estimated) {
      // Times that nobody knew: the value must be one that was there at some time.
      const ever = point.startsWith("ticks")
        ? this.#tickTime(value) <= this.#now()
        : value === 0 || this.#field.writes.some((write) => write.value === value);
      if (!ever) this.violate(`${name} = ${value}, which it never held`);
      return;
    }
    for (const error of this.clockErrors.get(boot) ?? []) {
      const at = time - error;
      if (point.startsWith("ticks")) {
        const from = this.#tickTime(value);
        if (from <= at + 2 && from + tickMs >= at - delay - 2) return;
      } else if (this.#field.heldBetween(device, point, at - delay - 2, at + 2).includes(value)) return;
    }
    this.violate(`${name} = ${value} at ${time}, which it did not hold then`);
  }

  /** True time at which a ticking register began to hold a value. */
  #tickTime(value: number): number {
    const span = 2 ** 32 * tickMs;
    return Math.floor(this.#now() / span) * span + value * tickMs;
  }
}

function setOf(sets: Map<string, Set<number>>, key: string): Set<number> {
  let set = sets.get(key);
  if (!set) {
    set = new Set();
    sets.set(key, set);
  }
  return set;
}

import { readPack } from "../../simulators/senml.ts";
import type { Platform } from "./history-broker.ts";

// The books of a week, from outside: what the outbox said it has, against what the platform got.

interface Stream {
  /** Readings of each pack that the outbox took, by seq. */
  readonly appended: Map<number, number>;
  /** Seqs that arrived, whoever promised them. */
  readonly received: Set<number>;
  /** Readings that arrived, by `#key`: none may come once more when messages are deduplicated. */
  readonly readings: Set<number>;
  /** Readings of seqs that are news, for the comparison of sums. */
  fresh: number;
  /** Every pack up to this seq was promised by the gateway's own account. */
  promised: number;
}

/** One figure each; all but `appended` and `repeated` must be 0. */
export interface WeekAccount {
  /** Readings that the outbox took. */
  readonly appended: number;
  readonly packs: number;
  /** Of those, how many never arrived. */
  readonly missing: number;
  /** Readings that came again, before deduplication by (gateway, run, audience, seq). */
  readonly repeated: number;
  /** ... and after it. */
  readonly duplicates: number;
  /** Packs that came behind a newer one of their audience and lane. */
  readonly inversions: number;
  readonly gaps: number;
  /** Packs that the outbox refused for want of room. */
  readonly dropped: number;
  /** Packs that nobody built. */
  readonly invented: number;
}

export class WeekJudge implements Platform {
  readonly #runs = new Map<string, number>();
  readonly #streams = new Map<string, Stream>();
  readonly #names = new Map<string, number>();
  readonly #newest = new Map<string, { run: number; seq: number }>();
  #repeated = 0;
  #duplicates = 0;
  #inversions = 0;
  #gaps = 0;
  #dropped = 0;
  #invented = 0;

  begin(run: string): void {
    this.#runs.set(run, this.#runs.size);
  }

  /** The outbox has taken a pack, and said so. */
  took(run: string, audience: string, seq: number, readings: number): void {
    this.#stream(run, audience).appended.set(seq, readings);
  }

  promised(run: string, audience: string, settledSeq: number): void {
    this.#stream(run, audience).promised = settledSeq;
  }

  dropped(): void {
    this.#dropped++;
  }

  pack(lane: "urgent" | "live" | "backlog", bytes: Uint8Array): void {
    const { run, seq, seqTo, audience = "", readings, gaps } = readPack(bytes);
    const place = this.#runs.get(run);
    if (place === undefined) {
      this.#invented++;
      return;
    }
    const stream = this.#stream(run, audience);
    this.#gaps += gaps.length;
    let [known, first] = [0, 0];
    for (let one = seq; one <= seqTo; one++) {
      if (stream.received.has(one)) known++;
      else first ||= one;
      stream.received.add(one);
    }
    if (first === 0) {
      this.#repeated += readings.length;
      return;
    }
    const key = `${audience}/${lane}`;
    const newest = this.#newest.get(key);
    if (newest && (newest.run > place || (newest.run === place && newest.seq >= first))) this.#inversions++;
    this.#newest.set(key, { run: place, seq: seqTo });
    for (const { name, time, value } of readings) {
      const reading = this.#key(name, time, value);
      if (!stream.readings.has(reading)) {
        stream.fresh++;
        stream.readings.add(reading);
      } else if (known > 0) this.#repeated++;
      else this.#duplicates++;
    }
  }

  refused(): void {}

  result(): void {}

  account(): WeekAccount {
    let [appended, packs, missing] = [0, 0, 0];
    for (const stream of this.#streams.values()) {
      let [known, unpromised] = [0, 0];
      for (const [seq, readings] of stream.appended) {
        appended += readings;
        packs++;
        if (stream.received.has(seq)) known += readings;
        else missing += readings;
      }
      for (let seq = 1; seq <= stream.promised; seq++)
        if (!stream.received.has(seq) && !stream.appended.has(seq)) missing++;
      for (const seq of stream.received) if (!stream.appended.has(seq)) unpromised++;
      // What a pack brings must be what was put into it; one whose promise a cut forestalled may bring more.
      if (unpromised === 0) missing += Math.abs(known - stream.fresh);
      else if (stream.fresh < known) missing += known - stream.fresh;
    }
    return {
      appended,
      packs,
      missing,
      repeated: this.#repeated,
      duplicates: this.#duplicates,
      inversions: this.#inversions,
      gaps: this.#gaps,
      dropped: this.#dropped,
      invented: this.#invented,
    };
  }

  /**
   * Name, time to 18 hours and value in 52 bits, as a million of them are kept. The value belongs to it: after
   * a clock was put back a point may be read at the same millisecond once more.
   */
  #key(name: string, time: number, value: unknown): number {
    // A quality is a word; two of them may have the same moment.
    const number = typeof value === "number" ? value : String(value).length;
    let place = this.#names.get(name);
    if (place === undefined) {
      place = this.#names.size;
      this.#names.set(name, place);
    }
    return (time % 2 ** 26) * 2 ** 26 + (place % 1024) * 2 ** 16 + (number & 0xffff);
  }

  #stream(run: string, audience: string): Stream {
    const key = `${run}/${audience}`;
    let stream = this.#streams.get(key);
    if (!stream) {
      stream = { appended: new Map(), received: new Set(), readings: new Set(), fresh: 0, promised: 0 };
      this.#streams.set(key, stream);
    }
    return stream;
  }
}

import type { CityPack, CityReading } from "./senml.ts";

/** Ranges of seq, ascending, with a hole between any two. */
type Ranges = [from: number, to: number][];

/** What is known of one (gateway, run, audience): seq counts from 1 without a hole. */
interface Stream {
  readonly gateway: string;
  seen: Ranges;
  /** Given up by the gateway on purpose, and told so. */
  lost: Ranges;
}

export interface Summary {
  readonly devices: number;
  /** After removing duplicates. */
  readonly readings: number;
  /** Packs as the gateway built them: a merged one counts as many as it holds. After removing duplicates. */
  readonly packs: number;
  /** Messages that brought nothing new. */
  readonly duplicates: number;
  /** Packs that should have come before the last one that came, and of which no gap record tells. */
  readonly missing: number;
  /** Packs that gap records tell of. */
  readonly lost: number;
  /** Messages that are no valid pack. */
  readonly malformed: number;
}

export interface Received {
  /** The readings that are new. */
  readonly fresh: readonly CityReading[];
  readonly duplicate: boolean;
}

interface Totals {
  readonly devices: Set<string>;
  readings: number;
  packs: number;
  duplicates: number;
  malformed: number;
}

/** Readings remembered to tell old from new in a merged pack of which a part came before. */
const remembered = 200_000;

/** Keeps the books of what came, per gateway: nothing twice, and what is missing. */
export class Account {
  readonly #streams = new Map<string, Stream>();
  readonly #totals = new Map<string, Totals>();
  readonly #recent = new Set<string>();

  receive(pack: CityPack, audience: string): Received {
    const stream = this.#stream(pack.gateway, pack.run, audience);
    const totals = this.#of(pack.gateway);
    const size = pack.seqTo - pack.seq + 1;
    const before = overlap(stream.seen, pack.seq, pack.seqTo);
    for (const gap of pack.gaps) {
      const told = this.#stream(pack.gateway, gap.run, audience);
      told.lost = add(told.lost, gap.from, gap.to);
    }
    if (before === size) {
      totals.duplicates++;
      return { fresh: [], duplicate: true };
    }
    stream.seen = add(stream.seen, pack.seq, pack.seqTo);
    totals.packs += size - before;
    const key = ({ name, time }: CityReading) => `${pack.run} ${name} ${time}`;
    const fresh =
      before === 0 ? pack.readings : pack.readings.filter((entry) => !this.#recent.has(key(entry)));
    for (const reading of fresh) {
      totals.devices.add(reading.name.slice(0, reading.name.lastIndexOf(":") + 1));
      this.#recent.add(key(reading));
    }
    for (const oldest of this.#recent) {
      if (this.#recent.size <= remembered) break;
      this.#recent.delete(oldest);
    }
    totals.readings += fresh.length;
    return { fresh, duplicate: false };
  }

  malformed(gateway: string): void {
    this.#of(gateway).malformed++;
  }

  get gateways(): readonly string[] {
    return Array.from(this.#totals.keys()).sort();
  }

  /** Of one gateway, or of all. */
  summary(gateway?: string): Summary {
    const chosen = gateway === undefined ? this.gateways : [gateway];
    const totals = chosen.map((name) => this.#of(name));
    const streams = Array.from(this.#streams.values()).filter((stream) => chosen.includes(stream.gateway));
    const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
    return {
      devices: sum(totals.map(({ devices }) => devices.size)),
      readings: sum(totals.map(({ readings }) => readings)),
      packs: sum(totals.map(({ packs }) => packs)),
      duplicates: sum(totals.map(({ duplicates }) => duplicates)),
      missing: sum(streams.map(missing)),
      lost: sum(
        streams.map(({ lost, seen }) => length(lost) - sum(lost.map((range) => overlap(seen, ...range)))),
      ),
      malformed: sum(totals.map((entry) => entry.malformed)),
    };
  }

  #of(gateway: string): Totals {
    let totals = this.#totals.get(gateway);
    if (!totals) {
      totals = { devices: new Set(), readings: 0, packs: 0, duplicates: 0, malformed: 0 };
      this.#totals.set(gateway, totals);
    }
    return totals;
  }

  #stream(gateway: string, run: string, audience: string): Stream {
    const key = JSON.stringify([gateway, run, audience]);
    let stream = this.#streams.get(key);
    if (!stream) {
      stream = { gateway, seen: [], lost: [] };
      this.#streams.set(key, stream);
    }
    return stream;
  }
}

function missing({ seen, lost }: Stream): number {
  const known = lost.reduce((ranges, [from, to]) => add(ranges, from, to), seen);
  const last = known.at(-1);
  return last ? last[1] - length(known) : 0;
}

function length(ranges: Ranges): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);
}

/** How many of from..to lie in the ranges. */
function overlap(ranges: Ranges, from: number, to: number): number {
  return ranges.reduce((sum, [a, b]) => sum + Math.max(0, Math.min(b, to) - Math.max(a, from) + 1), 0);
}

function add(ranges: Ranges, from: number, to: number): Ranges {
  const touching = ranges.filter(([a, b]) => a <= to + 1 && b >= from - 1);
  const rest = ranges.filter(([a, b]) => a > to + 1 || b < from - 1);
  const joined: [number, number] = [
    Math.min(from, ...touching.map(([a]) => a)),
    Math.max(to, ...touching.map(([, b]) => b)),
  ];
  return [...rest, joined].sort(([a], [b]) => a - b);
}

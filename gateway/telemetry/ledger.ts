/** One line of a consumer's record: a pack, a gap record, or what `state` said of earlier runs. */
export type RecordLine =
  | {
      readonly type: "pack";
      readonly gateway: string;
      readonly run: string;
      readonly audience: string;
      readonly seq: number;
      readonly seqTo: number;
      /** Records inside. */
      readonly readings: number;
    }
  | {
      readonly type: "gap";
      readonly gateway: string;
      readonly run: string;
      readonly audience: string;
      readonly from: number;
      readonly to: number;
    }
  | {
      readonly type: "state";
      readonly gateway: string;
      readonly run: string;
      readonly audience: string;
      readonly lastSeq: number;
    };

export interface StreamAudit {
  readonly gateway: string;
  readonly run: string;
  readonly audience: string;
  /** Packs that the gateway is known to have made: the largest seq that anybody told of. */
  readonly expected: number;
  /** Of these, received at least once. */
  readonly received: number;
  /** Readings in the packs received, each pack counted once. */
  readonly readings: number;
  /** Messages that brought a pack again. */
  readonly duplicates: number;
  /** Given up by the gateway, named in a gap record, and not received. */
  readonly lost: number;
  readonly missing: number;
  /** Missing seqs as ranges, both ends included. */
  readonly holes: readonly (readonly [from: number, to: number])[];
}

interface Stream {
  readonly gateway: string;
  readonly run: string;
  readonly audience: string;
  lastSeq: number;
  duplicates: number;
  readings: number;
  readonly received: Set<number>;
  readonly lost: Set<number>;
}

const maxSeqs = 50_000_000;

/**
 * Judges a consumer's record: seqs are gapless from 1 per gateway, run and audience, so whatever is
 * neither received nor named in a gap record is missing. Knows nothing of how packs travelled.
 */
export class Ledger {
  readonly #streams = new Map<string, Stream>();

  /** Throws RangeError for a line that is none of `RecordLine`. */
  add(line: unknown): void {
    const { type, gateway, run, audience } = fields(line);
    const number = (key: string) => whole(line, key);
    const stream = this.#stream(gateway, run, audience);
    if (type === "pack") {
      const [seq, seqTo] = [number("seq"), number("seqTo")];
      if (seqTo < seq || seqTo > maxSeqs) throw new RangeError(`seqs ${seq}..${seqTo}`);
      let fresh = 0;
      for (let one = seq; one <= seqTo; one++) {
        if (stream.received.has(one)) continue;
        stream.received.add(one);
        fresh++;
      }
      // A merged pack of which a part came before counts in proportion: its readings are not told by seq.
      const packs = seqTo - seq + 1;
      if (fresh === packs) stream.readings += number("readings");
      else {
        stream.duplicates++;
        const known = property(line, "fresh");
        if (typeof known === "number") stream.readings += known;
      }
      stream.lastSeq = Math.max(stream.lastSeq, seqTo);
    } else if (type === "gap") {
      const [from, to] = [number("from"), number("to")];
      if (to < from || to > maxSeqs) throw new RangeError(`seqs ${from}..${to}`);
      for (let one = from; one <= to; one++) stream.lost.add(one);
      stream.lastSeq = Math.max(stream.lastSeq, to);
    } else if (type === "state") {
      stream.lastSeq = Math.max(stream.lastSeq, number("lastSeq"));
    } else throw new RangeError(`unknown type ${JSON.stringify(type)}`);
  }

  /** What the gateway itself says: all seqs up to `lastSeq` exist. */
  expect(known: { gateway: string; run: string; audience: string; lastSeq: number }): void {
    const stream = this.#stream(known.gateway, known.run, known.audience);
    stream.lastSeq = Math.max(stream.lastSeq, known.lastSeq);
  }

  audit(): StreamAudit[] {
    return Array.from(this.#streams.values(), (stream) => {
      const holes: [number, number][] = [];
      let missing = 0;
      let lost = 0;
      for (let seq = 1; seq <= stream.lastSeq; seq++) {
        if (stream.received.has(seq)) continue;
        if (stream.lost.has(seq)) {
          lost++;
          continue;
        }
        missing++;
        const last = holes.at(-1);
        if (last && last[1] === seq - 1) last[1] = seq;
        else holes.push([seq, seq]);
      }
      const { gateway, run, audience, readings, duplicates } = stream;
      return {
        gateway,
        run,
        audience,
        expected: stream.lastSeq,
        received: stream.received.size,
        readings,
        duplicates,
        lost,
        missing,
        holes,
      };
    });
  }

  #stream(gateway: string, run: string, audience: string): Stream {
    const key = JSON.stringify([gateway, run, audience]);
    let stream = this.#streams.get(key);
    if (!stream) {
      stream = {
        gateway,
        run,
        audience,
        lastSeq: 0,
        duplicates: 0,
        readings: 0,
        received: new Set(),
        lost: new Set(),
      };
      this.#streams.set(key, stream);
    }
    return stream;
  }
}

function fields(line: unknown): { type: unknown; gateway: string; run: string; audience: string } {
  const [gateway, run, audience] = ["gateway", "run", "audience"].map((key) => property(line, key));
  if (typeof gateway !== "string" || typeof run !== "string" || typeof audience !== "string") {
    throw new RangeError("gateway, run and audience are missing");
  }
  return { type: property(line, "type"), gateway, run, audience };
}

function property(line: unknown, key: string): unknown {
  return typeof line === "object" && line !== null ? Reflect.get(line, key) : undefined;
}

function whole(line: unknown, key: string): number {
  const value = property(line, key);
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`${key} is not a whole number`);
  return value;
}

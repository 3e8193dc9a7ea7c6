import type { RecordLine } from "../../simulators/platform.ts";

/** Packs that a gateway answers for and that the platform neither got nor was told of as lost. */
export interface Missing {
  readonly run: string;
  readonly audience: string;
  readonly seqs: readonly number[];
}

/**
 * Reads the platform's books of one gateway. What has to be there, per run and audience: every pack up to the last one
 * that came, and up to the last one that the gateway said it had stored (`state`), which a power cut must not take.
 * A gateway that was set back to an earlier disk is judged by the lines that this disk has lived through.
 */
export function missingIn(lines: readonly RecordLine[]): readonly Missing[] {
  const streams = new Map<string, { run: string; audience: string; last: number; here: Set<number> }>();
  const of = (run: string, audience: string) => {
    const key = JSON.stringify([run, audience]);
    const stream = streams.get(key) ?? { run, audience, last: 0, here: new Set() };
    streams.set(key, stream);
    return stream;
  };
  for (const line of lines) {
    const stream = of(line.run, line.audience);
    if (line.type === "state") stream.last = Math.max(stream.last, line.lastSeq);
    else {
      const [from, to] = line.type === "pack" ? [line.seq, line.seqTo] : [line.from, line.to];
      for (let seq = from; seq <= to; seq++) stream.here.add(seq);
      if (line.type === "pack") stream.last = Math.max(stream.last, to);
    }
  }
  return [...streams.values()].flatMap(({ run, audience, last, here }) => {
    const seqs = Array.from({ length: last }, (_, at) => at + 1).filter((seq) => !here.has(seq));
    return seqs.length > 0 ? [{ run, audience, seqs }] : [];
  });
}

import { historyBytes, type SoakResult, type SoakSample } from "./soak.ts";
import { meansOf, type Point, type Trend, trendOf } from "./trend.ts";

/** What a soak shows; the first half of it is warming up. */
export interface SoakVerdict {
  /** Why it is not flat; empty when it is. */
  readonly troubles: readonly string[];
  /** Of the second half; MB per hour, from means of a minute. */
  readonly rss: Trend;
  readonly pss: Trend;
  readonly mostFds: number;
  readonly mostThreads: number;
  readonly mostDisk: number;
  readonly mostHistory: number;
  readonly slowestAnswerMs: number;
  readonly readingsPerSecond: number;
  /** Of one core. */
  readonly cpuShare: number;
}

const hourMs = 3_600_000;
/** A slope that is certainly above this is growth, MB/h. A process that loses 4 MB an hour lives for days on the smallest board. */
const steepest = 4;
/** Whatever the certainty: what the line may rise by in the second half, as a part of the mean. */
const mostRise = 0.05;
/** What the mean of the second half may be above that of the first. */
const looseFds = 2;
/**
 * Of a store that drains (docs/outbox.md): the segment that is written, the one before it, two spare ones of 4 MiB
 * and the ballast; the audit log, the ledger and small documents besides. It gets there within half an hour.
 */
const diskBound = 20_000_000;
const filesBound = 10;
/** SQLite's log beside the file of the history, and the pages of a transaction. */
const historySlack = 8_000_000;

export function judgeSoak({ samples, missing, lost }: SoakResult): SoakVerdict {
  const middle = (samples.at(-1)?.ms ?? 0) / 2;
  const [early, late] = [samples.filter(({ ms }) => ms < middle), samples.filter(({ ms }) => ms >= middle)];
  const trend = (of: (sample: SoakSample) => number): Trend =>
    trendOf(
      meansOf(
        late.map((sample): Point => [sample.ms / hourMs, of(sample) / 1e6]),
        60_000 / hourMs,
      ),
    );
  const [rss, pss] = [trend((sample) => sample.rss), trend((sample) => sample.pss)];
  const most = (of: (sample: SoakSample) => number, among = samples) => Math.max(0, ...among.map(of));
  const troubles: string[] = [];
  const grows = (what: string, of: (sample: SoakSample) => number, slack: number) => {
    const [before, after] = [most(of, early), most(of, late)];
    if (after > before + slack)
      troubles.push(`${what}: ${before} at most in the first half, ${after} in the second`);
  };
  if (!Number.isFinite(rss.plusMinus)) troubles.push("too short to tell: at least ten minutes are needed");
  if (rss.slope - rss.plusMinus > steepest)
    troubles.push(`memory: grows by ${rss.slope.toFixed(1)} ± ${rss.plusMinus.toFixed(1)} MB/h`);
  if (rss.rise > mostRise * rss.mean)
    troubles.push(
      `memory: ${rss.rise.toFixed(1)} MB more at the end of the second half than at its beginning`,
    );
  // By means: SQLite and the outbox open a few files for a moment, and a leak stays.
  const fds = [early, late].map((some) => meanOf(some.map(fdsOf)));
  if (fds[1]! > fds[0]! + looseFds)
    troubles.push(
      `open file descriptors: ${fds[0]!.toFixed(1)} in the first half, ${fds[1]!.toFixed(1)} in the second`,
    );
  grows("threads", ({ threads }) => threads, 0);
  const [mostFiles, mostDisk] = [most(({ disk }) => disk.files), most(({ disk }) => disk.bytes)];
  if (mostFiles > filesBound || mostDisk > diskBound)
    troubles.push(`the store takes ${mostDisk} bytes in ${mostFiles} files`);
  const mostHistory = most((sample) => sample.historyBytes);
  if (mostHistory > historyBytes + historySlack)
    troubles.push(`the local history takes ${mostHistory} bytes`);
  if (missing > 0 || lost > 0) troubles.push(`${missing} packs are missing, ${lost} given up`);
  const [first, last] = [samples[0], samples.at(-1)];
  const seconds = first && last ? (last.ms - first.ms) / 1000 : 0;
  const per = (of: (sample: SoakSample) => number) => (first && last ? (of(last) - of(first)) / seconds : 0);
  return {
    troubles,
    rss,
    pss,
    mostFds: most(fdsOf),
    mostThreads: most(({ threads }) => threads),
    mostDisk,
    mostHistory,
    slowestAnswerMs: most(({ answerMs }) => answerMs),
    readingsPerSecond: per(({ readings }) => readings),
    cpuShare: per(({ cpuMs }) => cpuMs) / 1000,
  };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

export function fdsOf({ fds }: Pick<SoakSample, "fds">): number {
  return Object.values(fds).reduce((sum, count) => sum + count, 0);
}

// node scripts/proof/soak.ts [--for 1h] [--points 1000] [--every 10s] [--no-history] [--json] [--plant memory|handles]
// The built daemon under a steady load, looked at from outside (docs/proof.md). Ends with 1 when it is not flat.
import { parseArgs } from "node:util";
import { type SoakSample, soak } from "../../test/soak/soak.ts";
import { fdsOf, judgeSoak, type SoakVerdict } from "../../test/soak/verdict.ts";

const { values } = parseArgs({
  options: {
    for: { type: "string", default: "1h" },
    points: { type: "string", default: "1000" },
    every: { type: "string", default: "10s" },
    history: { type: "boolean", default: true },
    json: { type: "boolean", default: false },
    plant: { type: "string" },
  },
  allowNegative: true,
});
const plant = values.plant;
const points = Number(values.points);
if (!Number.isSafeInteger(points) || points < 100 || points > 24_000)
  throw new RangeError("--points takes a number from 100 to 24000: devices of a hundred points");
if (plant !== undefined && plant !== "memory" && plant !== "handles")
  throw new RangeError("--plant takes memory or handles");

const samples: SoakSample[] = [];
const result = await soak({
  points,
  forMs: msOf(values.for),
  everyMs: msOf(values.every),
  history: values.history,
  plant,
  onSample: (sample) => {
    const before = samples.at(-1);
    samples.push(sample);
    const minute = ({ ms }: SoakSample) => Math.floor(ms / 60_000);
    if (before === undefined || minute(sample) > minute(before)) console.error(lineOf(sample));
  },
});
const verdict = judgeSoak(result);
if (values.json) console.log(JSON.stringify({ ...result, verdict }));
(values.json ? console.error : console.log)(tableOf(verdict));
process.exitCode = verdict.troubles.length === 0 ? 0 : 1;

/** 90s, 10m, 1h */
function msOf(text: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text) ?? [];
  const ms = { s: 1000, m: 60_000, h: 3_600_000 }[unit];
  if (ms === undefined) throw new RangeError(`${text} is no time: write 90s, 10m or 1h`);
  return Number(number) * ms;
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function lineOf({
  ms,
  rss,
  pss,
  threads,
  fds,
  disk,
  historyBytes,
  waiting,
  answerMs,
  readings,
}: SoakSample): string {
  const kinds = Object.entries(fds).map(([kind, count]) => `${kind} ${count}`);
  return [
    `${String(Math.round(ms / 60_000)).padStart(4)} min`,
    `RSS ${mb(rss)} MB, PSS ${mb(pss)}`,
    `${threads} threads`,
    `fds ${kinds.sort().join(" ")}`,
    `disk ${mb(disk.bytes)} MB in ${disk.files} files, history ${mb(historyBytes)}`,
    `${waiting} packs wait`,
    `answer ${answerMs.toFixed(1)} ms`,
    `${readings} readings`,
  ].join("; ");
}

function tableOf(verdict: SoakVerdict): string {
  const { rss, pss, troubles } = verdict;
  const [first, last] = [samples[0], samples.at(-1)];
  const change = (of: (sample: SoakSample) => number) => (first && last ? `${of(first)} -> ${of(last)}` : "");
  const slope = ({ mean, slope, plusMinus }: typeof rss) =>
    `${mean.toFixed(1)} MB, ${slope.toFixed(2)} ± ${plusMinus.toFixed(2)} MB/h (95 %)`;
  const rows: [string, string][] = [
    ["looked at", `${samples.length} times in ${((last?.ms ?? 0) / 60_000).toFixed(1)} min`],
    ["readings per second, arrived", verdict.readingsPerSecond.toFixed(0)],
    ["CPU", `${(100 * verdict.cpuShare).toFixed(1)} % of one core`],
    ["RSS, second half", slope(rss)],
    ["PSS, second half", slope(pss)],
    ["open file descriptors", `${change(fdsOf)}, at most ${verdict.mostFds}`],
    ["threads", `${change(({ threads }) => threads)}, at most ${verdict.mostThreads}`],
    ["files of the store", change(({ disk }) => disk.files)],
    ["bytes of the store", `${change(({ disk }) => disk.bytes)}, at most ${verdict.mostDisk}`],
    [
      "bytes of the local history",
      `${change(({ historyBytes }) => historyBytes)}, at most ${verdict.mostHistory}`,
    ],
    ["slowest answer to /metrics", `${verdict.slowestAnswerMs.toFixed(1)} ms`],
    ["packs missing, twice, given up", `${result.missing}, ${result.duplicates}, ${result.lost}`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const words = troubles.length === 0 ? ["flat"] : ["not flat:", ...troubles.map((one) => `  ${one}`)];
  return [...rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`), ...words].join("\n");
}

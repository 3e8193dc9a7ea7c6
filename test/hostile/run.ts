import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { seeded } from "../fault/random.ts";
import { inputFor } from "./mutate.ts";
import { type Target, type TargetSource, Violation } from "./target.ts";
import { watched } from "./watchdog.ts";

/** The promise: no input holds the loop up for longer. */
export const longestMs = 200;
/** What may be left in memory of all inputs of a target. */
const mostKeptBytes = 48 * 2 ** 20;
/** Reported of one target; more of the same help nobody. */
const mostFindings = 10;

export type FindingKind = "crash" | "stall" | "violation" | "memory";

export interface Finding {
  readonly target: string;
  readonly kind: FindingKind;
  /** What was thrown, or for how long it took. */
  readonly what: string;
  /** Does it again. */
  readonly replay: string;
  readonly input: Uint8Array;
}

export interface Outcome {
  readonly target: string;
  readonly inputs: number;
  /** How many were taken without an error; the others were refused with one that is declared. */
  readonly taken: number;
  readonly findings: readonly Finding[];
  readonly slowestMs: number;
  /** Which input that was: a number, or the name of a corpus file. */
  readonly slowest: string;
  readonly totalMs: number;
}

export interface RunOptions {
  /** Inputs over all targets, the corpus not counted. */
  readonly inputs: number;
  readonly seed: number;
  /** Of a target that has no `most`; 5000 unless given. */
  readonly least?: number;
  /** Told before each target and now and then in between. */
  readonly progress?: (line: string) => void;
  readonly corpus?: string;
}

/** Feeds every target its share, what made trouble before first. */
export async function run(sources: readonly TargetSource[], options: RunOptions): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const counts = countsOf(sources, options);
  for (const source of sources) {
    options.progress?.(`${source.name}: ${counts.get(source.name)} inputs`);
    outcomes.push(await runOne(source, counts.get(source.name) ?? 0, options));
  }
  return outcomes;
}

/** Inputs by target: their shares, none below `least` or above its `most`. Together at least `inputs`. */
export function countsOf(
  sources: readonly TargetSource[],
  { inputs, least = 5000 }: Pick<RunOptions, "inputs" | "least">,
): ReadonlyMap<string, number> {
  const bounded = sources.filter(({ most }) => most !== undefined);
  const free = sources.filter(({ most }) => most === undefined);
  const share = (some: readonly TargetSource[]) => some.reduce((sum, one) => sum + one.share, 0);
  const floor = Math.min(least, Math.floor(inputs / sources.length));
  const counts = new Map(
    bounded.map(({ name, share: own, most = 0 }) => [
      name,
      Math.min(most, Math.max(1, Math.ceil((inputs * own) / share(sources)))),
    ]),
  );
  const left = inputs - Array.from(counts.values()).reduce((sum, count) => sum + count, 0);
  const leastOf = ({ least: own = floor }: TargetSource) => Math.min(own, floor);
  const rest = Math.max(0, left - free.reduce((sum, one) => sum + leastOf(one), 0));
  for (const one of free) counts.set(one.name, leastOf(one) + Math.ceil((rest * one.share) / share(free)));
  return counts;
}

/** The bytes of input number `index` of a target: always the same ones. */
export function inputAt(target: Target, seed: number, index: number): Uint8Array {
  let mixed = seed >>> 0;
  for (const sign of target.name) mixed = (Math.imul(mixed, 31) + sign.charCodeAt(0)) >>> 0;
  return inputFor(target, seeded((Math.imul(mixed, 0x9e3779b1) + Math.imul(index, 0x85ebca6b)) >>> 0));
}

async function runOne(source: TargetSource, count: number, options: RunOptions): Promise<Outcome> {
  const target = await source.open();
  const { seed } = options;
  const findings: Finding[] = [];
  let taken = 0;
  let slowestMs = 0;
  let slowest = "";
  const started = performance.now();
  const feed = async (input: Uint8Array, name: string, replay: string): Promise<void> => {
    let [crash, ms] = await timed(target, input, replay);
    // A busy machine is slow once, a slow reader always.
    for (let again = 0; again < 2 && ms > longestMs; again++) {
      const [other, otherMs] = await timed(target, input, replay);
      crash ??= other;
      ms = Math.min(ms, otherMs);
    }
    if (ms > slowestMs) [slowestMs, slowest] = [ms, name];
    if (crash === undefined) taken++;
    const found = (kind: FindingKind, what: string): void => {
      if (findings.length < mostFindings) findings.push({ target: target.name, kind, what, replay, input });
    };
    if (ms > longestMs) found("stall", `${ms.toFixed(0)} ms for ${input.length} bytes`);
    if (crash !== undefined && !target.errors.some((one) => crash instanceof one))
      found(crash instanceof Violation ? "violation" : "crash", describe(crash));
  };
  try {
    for (const [name, input] of corpusOf(target.name, options.corpus))
      await feed(input, name, `node scripts/proof/hostile.ts --target ${target.name} --file ${name}`);
    // A few inputs keep nothing that would be seen, and a collection takes longer than they do.
    const heap = count < 1000 ? undefined : heapAfterCollection();
    let told = performance.now();
    for (let index = 0; index < count; index++) {
      const replay = `node scripts/proof/hostile.ts --target ${target.name} --seed ${seed} --index ${index}`;
      await feed(inputAt(target, seed, index), `${index}`, replay);
      // Handles are closed between two turns of the loop, never within one.
      if (index % 200 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (performance.now() - told > 10_000) {
        told = performance.now();
        options.progress?.(`${target.name}: ${index + 1} of ${count}`);
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
    const kept = heap === undefined ? 0 : heapAfterCollection() - heap;
    if (kept > mostKeptBytes) {
      const replay = `node scripts/proof/hostile.ts --target ${target.name} --seed ${seed} --inputs ${count}`;
      const what = `${(kept / 2 ** 20).toFixed(0)} MiB are kept after ${count} inputs`;
      findings.push({ target: target.name, kind: "memory", what, replay, input: new Uint8Array() });
    }
  } finally {
    await target.close?.();
  }
  const totalMs = performance.now() - started;
  return { target: target.name, inputs: count, taken, findings, slowestMs, slowest, totalMs };
}

/** What was thrown, and for how many ms at a stretch the loop was held up. */
async function timed(target: Target, input: Uint8Array, replay: string): Promise<[unknown, number]> {
  const lap = stretches();
  if (!target.waits) return [await watched(target, input, replay), lap()];
  let longest = 0;
  const tick = () => {
    longest = Math.max(longest, lap());
  };
  const ticking = setInterval(tick, 5);
  const crash = await watched(target, input, replay);
  clearInterval(ticking);
  tick();
  return [crash, longest];
}

/** Gives the ms since it was last asked, of this thread's own work: what a busy machine takes from it is nobody's stall. */
function stretches(): () => number {
  let start = performance.now();
  let before = process.threadCpuUsage();
  return () => {
    const { user, system } = process.threadCpuUsage(before);
    const ms = Math.min(performance.now() - start, (user + system) / 1000);
    start = performance.now();
    before = process.threadCpuUsage();
    return ms;
  };
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return `threw ${String(error)}`;
  const [at = ""] = /\b(?:gateway|test)\/[^)\s]+/.exec(error.stack ?? "") ?? [];
  return `${error.constructor.name}: ${error.message.slice(0, 200)} ${at}`.trim();
}

/** What made trouble once, by file name. */
export function corpusOf(
  target: string,
  folder = join(import.meta.dirname, "corpus"),
): readonly (readonly [name: string, input: Uint8Array])[] {
  let names: string[];
  try {
    names = readdirSync(join(folder, target)).toSorted();
  } catch {
    return [];
  }
  return names.map((name) => [name, new Uint8Array(readFileSync(join(folder, target, name)))]);
}

let collect: (() => void) | undefined;

function heapAfterCollection(): number {
  if (!collect) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  // Twice: array buffers are freed behind the first.
  collect();
  collect();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

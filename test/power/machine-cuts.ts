import { type FSWatcher, readFileSync, truncateSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { build } from "esbuild";
import type { Random } from "../../gateway/model/clock.ts";
import { seeded } from "../fault/random.ts";
import type { Inspection } from "./inspect.ts";
import { run, Workplace } from "./machine.ts";
import type { Promised, WriterOrder } from "./promises.ts";
import { Machine, needUserModeLinux, Preload } from "./user-mode-linux.ts";

// A whole machine, kernel and page cache, writes as a gateway does; its power is cut, it boots again and looks what is there.

export interface MachineCutOptions {
  readonly seed: number;
  readonly cuts: number;
  /** Who writes on it; one that does not sync is the negative control, which must lose something. */
  readonly writer: "gateway" | "gateway-without-sync";
  /** No further cuts after the first that lost something. */
  readonly untilLoss?: boolean;
  /** Called after each cut with how many there were. */
  readonly progress?: (done: number) => void;
}

export interface MachineCutFigures {
  readonly cuts: number;
  /** Cuts while it still booted or looked what the last cut had left. */
  readonly early: number;
  /** Boots that found at least one problem. */
  readonly bad: number;
  /** Promised packs that had to be there, over all boots. */
  readonly packs: number;
  /** Commands that had to be known, over all boots. */
  readonly commands: number;
  readonly lost: number;
  readonly corrupt: number;
  readonly twice: number;
  readonly examples: readonly string[];
}

const diskMebibytes = 32;
/** Cuts of one machine's life; more are made of further ones, each of another seed. */
const cutsPerMachine = 20;
const mostExamples = 5;

/** As many machines as it takes, two at once. Seeds count up from `seed`. */
export async function cutMachines({ progress, ...options }: MachineCutOptions): Promise<MachineCutFigures> {
  needUserModeLinux();
  using preload = new Preload();
  const lives = Array.from({ length: Math.ceil(options.cuts / cutsPerMachine) }, (_, place) => ({
    ...options,
    seed: options.seed + place,
    cuts: Math.min(cutsPerMachine, options.cuts - place * cutsPerMachine),
  }));
  const all: MachineCutFigures[] = [];
  let done = 0;
  const work = async () => {
    for (let next = lives.shift(); next; next = lives.shift())
      all.push(await liveOf({ ...next, progress: () => progress?.(++done) }, preload));
  };
  await Promise.all([work(), work()]);
  return all.reduce(sum);
}

/** One machine from its first boot to its last, which only looks. */
async function liveOf(options: MachineCutOptions, preload: Preload): Promise<MachineCutFigures> {
  using workplace = new Workplace();
  const random = seeded(options.seed);
  const disk = workplace.path("disk.img");
  run("truncate", "-s", `${diskMebibytes}M`, disk);
  run("mkfs.ext4", "-q", "-F", "-b", "4096", "-J", "size=4", disk);
  await bundleWork(workplace);
  const promises = new LineFile<Promised>(workplace.path("promises"));
  const reports = new LineFile<Inspection>(workplace.path("reports"));

  const figures = { cuts: 0, early: 0, bad: 0, packs: 0, commands: 0, lost: 0, corrupt: 0, twice: 0 };
  const examples: string[] = [];
  const take = ({ problems, packs, commands }: Inspection) => {
    figures.packs += packs;
    figures.commands += commands;
    if (problems.length > 0) figures.bad++;
    for (const { kind } of problems) figures[kind]++;
    if (problems[0] && examples.length < mostExamples)
      examples.push(`seed ${options.seed}, after ${figures.cuts} cuts: ${problems[0].text}`);
  };
  for (let boot = 1; boot <= options.cuts + 1; boot++) {
    writeFileSync(workplace.path("order"), JSON.stringify(orderOf(boot, random, promises, options)));
    const machine = new Machine({
      preload,
      disk,
      init: join(import.meta.dirname, "machine-init.sh"),
      environment: {
        host: workplace.folder,
        node: process.execPath,
        check: random() < 0.5 ? "yes" : "no",
      },
    });
    const looked = reports.lines.length + 1;
    // What is left after the last cut is looked at in any case.
    const moment = boot > options.cuts ? reports.until(looked) : momentOf(random, promises, reports, looked);
    let stopped: string | undefined;
    try {
      stopped = await Promise.race([moment, machine.stopped()]);
    } finally {
      await machine.cutPower();
    }
    promises.settle();
    reports.settle();
    const report = reports.lines[looked - 1];
    if (report) take(report);
    // One that finds its stores broken may not be able to go on with them; any other has to.
    if (stopped !== undefined && !report?.problems.length) throw new Error(stopped);
    if (stopped !== undefined || boot > options.cuts) break;
    figures.cuts++;
    if (!report) figures.early++;
    options.progress?.(figures.cuts);
    if (options.untilLoss && figures.bad > 0) break;
  }
  const begun = new Set<string>();
  for (const said of promises.lines) {
    if (said.kind !== "begun") continue;
    if (begun.has(said.id)) {
      figures.twice++;
      examples.push(`seed ${options.seed}: ${said.id} was carried out in two lives`);
    }
    begun.add(said.id);
  }
  return { ...figures, examples };
}

function orderOf(
  boot: number,
  random: Random,
  promises: LineFile<Promised>,
  { writer }: MachineCutOptions,
): WriterOrder {
  return {
    folder: "/mnt/data",
    run: `run-${boot}`,
    seed: Math.floor(random() * 2 ** 31),
    // A command that was given and not yet promised when the power went is not given again.
    from: (promises.lines.at(-1)?.n ?? 0) + 10,
    rounds: Number.MAX_SAFE_INTEGER,
    ...(writer === "gateway-without-sync" ? { flaw: "no-sync" } : {}),
  };
}

/** Resolves when the power is to go: mostly in the middle of the work, else at any time from power-on. */
async function momentOf(
  random: Random,
  promises: LineFile<Promised>,
  reports: LineFile<Inspection>,
  looked: number,
): Promise<undefined> {
  const [dice, count, ms] = [random(), random(), random()];
  if (dice < 0.2) {
    // As long as a boot takes on a machine that is not busy.
    await after(ms * 4000);
    return undefined;
  }
  await reports.until(looked);
  await promises.until(promises.lines.length + 1 + Math.floor(count * 400));
  // Not right after a promise: in the middle of whatever comes next.
  await after(ms * 30);
  return undefined;
}

/** A file that a machine appends JSON lines to, each whole when its write has returned there. */
class LineFile<T> {
  readonly #path: string;
  readonly #lines: T[] = [];
  /** Where what was read ends. */
  #end = 0;

  constructor(path: string) {
    this.#path = path;
    writeFileSync(path, "");
  }

  get lines(): readonly T[] {
    return this.#lines;
  }

  /** Resolves when it has so many lines. */
  async until(count: number): Promise<undefined> {
    let watcher: FSWatcher | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const look = () => {
          this.#read();
          if (this.lines.length >= count) resolve();
        };
        watcher = watch(this.#path, look);
        watcher.once("error", reject);
        look();
      });
    } finally {
      watcher?.close();
    }
    return undefined;
  }

  /** Takes what is there, and cuts off a last line that was not whole when the power went: nobody was told it. */
  settle(): void {
    this.#read();
    truncateSync(this.#path, this.#end);
  }

  #read(): void {
    const bytes = readFileSync(this.#path).subarray(this.#end);
    const length = bytes.lastIndexOf("\n") + 1;
    for (const text of bytes.toString("utf8", 0, length).split("\n"))
      if (text !== "") this.#lines.push(JSON.parse(text));
    this.#end += length;
  }
}

async function bundleWork(workplace: Workplace): Promise<void> {
  // One file: a machine that is emulated loads hundreds of them for seconds.
  await build({
    entryPoints: [join(import.meta.dirname, "machine-work.ts")],
    outfile: workplace.path("work.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "error",
    // What packages of the other kind ask for.
    banner: {
      js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
    },
  });
}

function sum(a: MachineCutFigures, b: MachineCutFigures): MachineCutFigures {
  return {
    cuts: a.cuts + b.cuts,
    early: a.early + b.early,
    bad: a.bad + b.bad,
    packs: a.packs + b.packs,
    commands: a.commands + b.commands,
    lost: a.lost + b.lost,
    corrupt: a.corrupt + b.corrupt,
    twice: a.twice + b.twice,
    examples: [...a.examples, ...b.examples].slice(0, 10),
  };
}

export function describeMachineCuts(figures: MachineCutFigures): string {
  const { cuts, early, bad, packs, commands, lost, corrupt, twice } = figures;
  return (
    `${cuts} power cuts of whole machines (${early} of them before it worked again), ${packs} promised packs and ${commands} ` +
    `commands looked for: ${lost} lost, ${corrupt} corrupt, ${twice} carried out twice; bad boots ${bad}`
  );
}

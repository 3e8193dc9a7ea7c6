import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { needMachine } from "./machine.ts";

export interface PowerCutOptions {
  readonly seed: number;
  readonly cuts: number;
  /** Who writes; the rest are negative controls, which must lose something. */
  readonly writer: "gateway" | "gateway-without-sync" | "sqlite-full" | "sqlite-normal";
  /** A disk that keeps so many writes in its cache, whatever is flushed. */
  readonly lies?: number;
  /** Cuts only while the file system's superblock is under way to the disk, and tears what is. */
  readonly superblock?: boolean;
  /** Called after each cut with how many there were. */
  readonly progress?: (done: number) => void;
}

export interface PowerCutFigures {
  readonly cuts: number;
  /** Cuts with at least one problem. */
  readonly bad: number;
  /** Promised packs (rows) that had to be there, over all cuts. */
  readonly packs: number;
  /** Commands that had to be known, over all cuts. */
  readonly commands: number;
  /** Writes that a cut could take away, over all cuts. */
  readonly pending: number;
  readonly lost: number;
  readonly corrupt: number;
  readonly twice: number;
  /** Disks that would not mount (their superblock was torn) until they were repaired as the image does. */
  readonly repaired: number;
  readonly examples: readonly string[];
}

/**
 * Records what a writer does to a disk over several starts, then cuts the power at many moments of it.
 *
 * In a process with mounts of its own: a program that is started elsewhere with a copy of all mounts (`ip
 * netns exec` is one) would keep a file system alive that is unmounted here, and the next disk would show
 * the last one's files. Mounts also go when that process does, however it ends.
 */
export async function cutPower({ progress, ...options }: PowerCutOptions): Promise<PowerCutFigures> {
  needMachine();
  const script = join(import.meta.dirname, "cut-here-entry.ts");
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", script, JSON.stringify(options)];
  const child = spawn("unshare", ["--mount", "--propagation", "private", "--", ...node], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit");
  const complaints = text(child.stderr);
  let figures: PowerCutFigures | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const said: number | PowerCutFigures = JSON.parse(line);
    if (typeof said === "number") progress?.(said);
    else figures = said;
  }
  const [code, signal] = await exited;
  const complaint = await complaints;
  if (complaint) process.stderr.write(complaint);
  if (!figures || code !== 0)
    throw new Error(
      `the power cuts ended with ${code ?? signal}: ${complaint.trim().split("\n").slice(0, 8).join(" | ")}`,
    );
  return figures;
}

/** Cuts of one recording; more are made of further ones, each of another seed. */
const cutsPerRecording = 100;

/** As `cutPower`, over as many recordings as it takes, two at once. Seeds count up from `seed`. */
export async function cutPowerOften({ progress, ...options }: PowerCutOptions): Promise<PowerCutFigures> {
  const recordings = Array.from({ length: Math.ceil(options.cuts / cutsPerRecording) }, (_, place) => ({
    ...options,
    seed: options.seed + place,
    cuts: Math.min(cutsPerRecording, options.cuts - place * cutsPerRecording),
  }));
  const all: PowerCutFigures[] = [];
  let done = 0;
  const work = async () => {
    for (let next = recordings.shift(); next; next = recordings.shift())
      all.push(await cutPower({ ...next, progress: () => progress?.(++done) }));
  };
  await Promise.all([work(), work()]);
  return all.reduce(sum);
}

function sum(a: PowerCutFigures, b: PowerCutFigures): PowerCutFigures {
  return {
    cuts: a.cuts + b.cuts,
    bad: a.bad + b.bad,
    packs: a.packs + b.packs,
    commands: a.commands + b.commands,
    pending: a.pending + b.pending,
    lost: a.lost + b.lost,
    corrupt: a.corrupt + b.corrupt,
    twice: a.twice + b.twice,
    repaired: a.repaired + b.repaired,
    examples: [...a.examples, ...b.examples].slice(0, 10),
  };
}

export function describeFigures(figures: PowerCutFigures): string {
  const { cuts, bad, packs, commands, pending, lost, corrupt, twice, repaired } = figures;
  return (
    `${cuts} power cuts (${pending} writes at stake), ${packs} promised packs and ${commands} commands looked for: ` +
    `${lost} lost, ${corrupt} corrupt, ${twice} carried out twice; ` +
    `bad cuts ${bad}, file systems repaired ${repaired}`
  );
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Random } from "../../gateway/model/clock.ts";
import { seeded } from "../fault/random.ts";
import { type Inspection, inspectStores, type Problem } from "./inspect.ts";
import { needMachine, Workplace } from "./machine.ts";
import { markOf } from "./mark.ts";
import type { PowerCutFigures, PowerCutOptions } from "./power-cuts.ts";
import { noPromises, note, type Promised, type Promises, type WriterOrder } from "./promises.ts";
import { openRecordingDisk, type RecordingDisk } from "./recording-disk.ts";
import { inspectDatabase } from "./sqlite-reference.ts";
import { type DiskRequest, Replayer, readWriteLog } from "./write-log.ts";

const flaws: Readonly<Record<PowerCutOptions["writer"], WriterOrder["flaw"]>> = {
  gateway: undefined,
  "gateway-without-sync": "no-sync",
  "sqlite-full": undefined,
  "sqlite-normal": "synchronous-normal",
};
const starts = 3;
const rounds = 150;
const mostExamples = 5;
/** The superblock fills the second kibibyte of the disk (ext4, "Layout"). */
const superblockEnd = 2048;

/** As `cutPower`, in this process. */
export async function cutPowerHere(options: PowerCutOptions): Promise<PowerCutFigures> {
  needMachine();
  const random = seeded(options.seed);
  using workplace = new Workplace();
  const disk = await openRecordingDisk(workplace);
  const promised: Promised[] = [];
  for (let start = 1; start <= starts; start++) await live(disk, start, promised, random, options);
  const requests = readWriteLog(await disk.finish());
  const { examples, ...counts } = await replay(workplace, requests, promised, random, options);
  return { ...counts, examples: examples.map((one) => `seed ${options.seed}: ${one}`) };
}

/** One start of the writer. All but the last are killed at a random moment. */
async function live(
  disk: RecordingDisk,
  start: number,
  promised: Promised[],
  random: Random,
  { writer }: PowerCutOptions,
): Promise<void> {
  const order: WriterOrder = {
    folder: disk.folder,
    disk: disk.file,
    run: `run-${start}`,
    seed: Math.floor(random() * 2 ** 31),
    from: (promised.at(-1)?.n ?? 0) + 1,
    rounds,
    flaw: flaws[writer],
  };
  const script = writer.startsWith("sqlite") ? "sqlite-writer.ts" : "writer.ts";
  const enough = start === starts ? Number.POSITIVE_INFINITY : rounds * (0.5 + random());
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", join(import.meta.dirname, script), JSON.stringify(order)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const exited = once(child, "exit");
  const before = promised.length;
  for await (const line of createInterface({ input: child.stdout })) {
    promised.push(JSON.parse(line));
    if (promised.length - before >= enough) child.kill("SIGKILL");
  }
  const [code, signal] = await exited;
  if (code !== 0 && signal !== "SIGKILL") throw new Error(`the writer ended with ${code ?? signal}`);
  if (promised.length - before < rounds / 4) throw new Error("the writer promised next to nothing");
}

async function replay(
  workplace: Workplace,
  requests: readonly DiskRequest[],
  promised: readonly Promised[],
  random: Random,
  { cuts, writer, lies, superblock, progress }: PowerCutOptions,
): Promise<PowerCutFigures> {
  const replayer = new Replayer(requests, lies === undefined ? {} : { lies });
  const moments = (superblock ? superblockMomentsOf : momentsOf)(requests, cuts, random);
  const image = workplace.path("rebuilt.img");
  const folder = workplace.path("rebuilt");
  mkdirSync(folder);
  const promises = noPromises();
  let noted = 0;
  let passed = 0;
  const figures = {
    cuts: 0,
    bad: 0,
    packs: 0,
    commands: 0,
    pending: 0,
    lost: 0,
    corrupt: 0,
    twice: 0,
    repaired: 0,
  };
  const examples: string[] = [];
  for (const moment of moments) {
    let said = 0;
    for (; passed < moment; passed++) said = markOf(requests[passed]!) ?? said;
    for (; noted < promised.length && promised[noted]!.n <= said; noted++) note(promises, promised[noted]!);
    const { disk, fate, pending } = replayer.rebuild(moment, random, superblock ? "torn" : undefined);
    // A file of its own: nothing that still knows the last one is taken for this one.
    rmSync(image, { force: true });
    writeFileSync(image, disk);
    const { problems, packs, commands, repaired } = await inspected(
      workplace,
      image,
      folder,
      writer,
      promises,
    );
    figures.cuts++;
    figures.packs += packs;
    figures.commands += commands;
    figures.pending += pending;
    if (problems.length > 0) figures.bad++;
    if (repaired) figures.repaired++;
    for (const { kind } of problems) figures[kind]++;
    if (problems[0] && examples.length < mostExamples)
      examples.push(
        `cut ${moment} of ${requests.length}, ${pending} writes not flushed, ${fate}: ${problems[0].text}`,
      );
    progress?.(figures.cuts);
  }
  return { ...figures, examples };
}

/** Moments right before a request, in order, from the first promise on. */
function momentsOf(requests: readonly DiskRequest[], cuts: number, random: Random): number[] {
  const first = requests.findIndex((request) => markOf(request) !== undefined);
  if (first < 0) throw new Error("nothing was promised");
  const span = requests.length - first;
  return Array.from({ length: cuts }, () => first + 1 + Math.floor(random() * span)).sort((a, b) => a - b);
}

/** Moments right after a write of the superblock, which no flush has made durable yet. */
function superblockMomentsOf(requests: readonly DiskRequest[], cuts: number, random: Random): number[] {
  const first = requests.findIndex((request) => markOf(request) !== undefined);
  const writes = requests.flatMap(({ kind, position, length }, place) =>
    place > first && kind === "write" && position < superblockEnd && position + length >= superblockEnd
      ? [place + 1]
      : [],
  );
  if (writes.length === 0) throw new Error("the superblock was not written");
  return Array.from({ length: cuts }, () => writes[Math.floor(random() * writes.length)]!).sort(
    (a, b) => a - b,
  );
}

async function inspected(
  workplace: Workplace,
  image: string,
  folder: string,
  writer: PowerCutOptions["writer"],
  promises: Promises,
): Promise<Inspection & { readonly repaired: boolean }> {
  let repaired = false;
  const failed = (error: unknown) => {
    const problem: Problem = { kind: "corrupt", text: String(error) };
    return { problems: [problem], packs: 0, commands: 0, repaired };
  };
  try {
    // The kernel refuses a superblock whose two sectors do not belong together: its journal is not asked then.
    if (!workplace.tryToMount(image, folder)) {
      repaired = true;
      workplace.repair(image);
      workplace.mount(image, folder);
    }
  } catch (error) {
    return failed(error);
  }
  try {
    const inspection = writer.startsWith("sqlite")
      ? inspectDatabase(folder, promises)
      : await inspectStores(folder, promises);
    return { ...inspection, repaired };
  } catch (error) {
    return failed(error);
  } finally {
    workplace.unmount(folder);
  }
}

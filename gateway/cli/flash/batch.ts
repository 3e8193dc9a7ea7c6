import { writeFileSync } from "node:fs";
import { GatewayError } from "../../model/errors.ts";
import { type CliContext, explainError, inFolder, readNamed } from "../context.ts";
import { confirm, type DiskOptions, realPath, shown } from "./choose.ts";
import { parseTable } from "./csv.ts";
import { type Disk, parseDisks } from "./disks.ts";
import type { Image } from "./image.ts";
import { labelsHtml } from "./labels.ts";
import { inLanguage, problem } from "./problems.ts";
import { makeProvision, type Provisioned, reasonOf } from "./provision.ts";
import { type ProvisionOptions, type ProvisionSources, provisionOptions } from "./provision-options.ts";
import { isMedia, nameToType, refusalsOf } from "./refusals.ts";
import { addResult, type ResultLine, readResults, tokenMark } from "./results.ts";
import { flashDisk, standing, unmountMedia } from "./session.ts";
import type { FlashSystem } from "./system.ts";
import { words } from "./words.ts";
import type { Progress } from "./write-image.ts";

/** A row of the table, ready to be written. */
export interface Task extends Provisioned {
  readonly row: number;
}

/** Reads the whole table before the first card: every row makes a provision.json that its gateway will accept. */
export async function readTasks(
  bytes: Buffer,
  defaults: ProvisionOptions,
  sources: ProvisionSources,
): Promise<Task[]> {
  const tasks: Task[] = [];
  const seen = { gateway: new Map<string, number>(), token: new Map<string, number>() };
  for (const { number, cells } of parseTable(bytes, provisionOptions, [])) {
    let made: Provisioned;
    try {
      made = await makeProvision(withDefaults(defaults, cells), sources);
    } catch (error) {
      const reason = reasonOf(error);
      throw reason === undefined ? error : problem("bad-csv", `row ${number}: ${reason}`, { cause: error });
    }
    for (const key of ["gateway", "token"] as const) {
      const value = made[key];
      const before = value === undefined ? undefined : seen[key].get(value);
      if (before !== undefined)
        throw problem(
          "bad-csv",
          `row ${number}, column ${key}: the same as in row ${before}; each gateway has its own`,
        );
      if (value !== undefined) seen[key].set(value, number);
    }
    tasks.push({ ...made, row: number });
  }
  return tasks;
}

/** A cell wins over the option; a token of its own also over a file of tokens, and so with the Wi-Fi. */
function withDefaults(defaults: ProvisionOptions, cells: ProvisionOptions): ProvisionOptions {
  const merged = { ...defaults, ...cells };
  if (cells.token !== undefined && cells["token-file"] === undefined) delete merged["token-file"];
  if (cells["wifi-psk"] !== undefined && cells["wifi-passphrase-file"] === undefined)
    delete merged["wifi-passphrase-file"];
  return merged;
}

/** What is left to do. Throws ConfigError when a token went to another gateway before. */
export function openTasks(tasks: readonly Task[], results: readonly ResultLine[]): Task[] {
  const done = new Map(results.filter(({ state }) => state === "done").map((one) => [one.gateway, one]));
  return tasks.filter(({ gateway, token, row }) => {
    const mark = token === undefined ? undefined : tokenMark(token);
    const other = results.find((one) => mark !== undefined && one.token === mark && one.gateway !== gateway);
    if (other)
      throw problem("bad-csv", `row ${row}, column token: it went to ${other.gateway} on ${other.at}`);
    const before = done.get(gateway);
    if (before && before.token !== mark)
      throw problem("bad-csv", `row ${row}: ${gateway} got its card on ${before.at} with another token`, {
        hint: "for a new card after a loss, take its lines out of the file of finished rows",
      });
    return !before;
  });
}

export interface BatchOptions extends DiskOptions {
  readonly table: string;
  readonly results: string;
  readonly labels?: string | undefined;
  readonly json: boolean;
}

interface Batch {
  readonly context: CliContext;
  readonly system: FlashSystem;
  readonly image: Image;
  readonly options: BatchOptions;
  readonly tell: (progress: Progress) => void;
  readonly endProgress: () => void;
}

const maxFailures = 3;

/** Card after card, until every row has one. */
export async function runBatch(batch: Batch, tasks: readonly Task[]): Promise<void> {
  const { context, options, system } = batch;
  const text = words[options.language];
  const path = inFolder(context, options.results);
  const results = readResults(path);
  const todo = openTasks(tasks, results);
  const say = (line: string) => {
    if (!options.json) context.err(`${line}\n`);
  };
  if (todo.length < tasks.length) say(text.already(tasks.length - todo.length));
  const nobody = context.input === undefined || context.columns === undefined;
  if (todo.length > 0 && nobody && !options.yes && options.yesIMean === undefined)
    throw problem("not-confirmed");
  const awaited = new Insertions(batch);
  await awaited.begin();
  for (const task of todo) {
    const begun = results.findLast(({ gateway, state }) => gateway === task.gateway && state === "started");
    if (begun)
      say(text.unfinished(task.gateway, [begun.card.model, begun.card.serial].filter(Boolean).join(", ")));
    for (let failures = 0; ; ) {
      say(text.next(tasks.indexOf(task) + 1, tasks.length, task.row, task.gateway));
      const disk = await awaited.next();
      try {
        await oneCard(batch, task, disk, path);
        awaited.done(disk);
        break;
      } catch (error) {
        batch.endProgress();
        failures++;
        if (!(error instanceof GatewayError) || context.signal.aborted || failures >= maxFailures)
          throw error;
        if (options.json)
          context.out(
            `${JSON.stringify({ event: "failed", gateway: task.gateway, code: error.code, message: error.message })}\n`,
          );
        say(explainError(inLanguage(error, options.language)));
        say(text.again(task.gateway));
        awaited.done(disk);
      }
    }
    if (options.labels !== undefined) writeLabels(batch, path, tasks);
  }
  if (options.labels !== undefined) {
    writeLabels(batch, path, tasks);
    say(text.labels(options.labels));
  }
  say(text.batchDone(tasks.length));
  if (options.json)
    context.out(`${JSON.stringify({ event: "finished", cards: tasks.length, at: system.now() })}\n`);
}

async function oneCard(
  { context, system, image, options, tell, endProgress }: Batch,
  task: Task,
  disk: Disk,
  results: string,
): Promise<void> {
  const typed = await confirm(context, disk, image.bmap.imageSize, options);
  const line = (state: ResultLine["state"]): ResultLine => ({
    at: system.now().toISOString(),
    state,
    row: task.row,
    gateway: task.gateway,
    ...(task.site !== undefined && { site: task.site }),
    ...(task.token !== undefined && { token: tokenMark(task.token) }),
    card: { model: disk.model, serial: disk.serial, size: disk.size },
    image: image.sha256,
  });
  await flashDisk(
    system,
    disk,
    image,
    { typed },
    {
      provision: { content: task.content, modified: system.now() },
      signal: context.signal,
      progress: tell,
      beforeProvision: async () => addResult(results, line("started")),
    },
  );
  endProgress();
  addResult(results, line("done"));
  if (options.json)
    context.out(
      `${JSON.stringify({ event: "done", row: task.row, gateway: task.gateway, disk: disk.path })}\n`,
    );
  else context.err(`${words[options.language].done(shown(disk))}\n`);
}

function writeLabels({ context, options }: Batch, results: string, tasks: readonly Task[]): void {
  const wanted = new Set(tasks.map(({ gateway }) => gateway));
  const labels = readResults(results)
    .filter(({ state, gateway }) => state === "done" && wanted.has(gateway))
    .map(({ gateway, site, at }) => ({ gateway, site, day: at.slice(0, 10) }));
  writeFileSync(inFolder(context, options.labels ?? ""), labelsHtml(labels, options.language));
}

/** Waits for cards. A reader without a card is there with no bytes, so coming and going is seen in the list of disks. */
class Insertions {
  readonly #batch: Batch;
  readonly #device: string | undefined;
  /** Disks that were there before, or are finished: they count again once they have been away. */
  #known = new Set<string>();
  #said = "";

  constructor(batch: Batch) {
    this.#batch = batch;
    this.#device = batch.options.device === undefined ? undefined : realPath(batch.options.device);
  }

  /** What is in now was not put in for this, unless it is named, or the only card and somebody can be asked. */
  async begin(): Promise<void> {
    const present = await this.#present();
    const { yes } = this.#batch.options;
    if (this.#device !== undefined || (present.length === 1 && !yes)) return;
    this.#known = new Set(present.map(keyOf));
  }

  done(disk: Disk): void {
    this.#known.add(keyOf(disk));
  }

  async next(): Promise<Disk> {
    const { context, system, image, options } = this.#batch;
    const text = words[options.language];
    let before: string | undefined;
    for (let isFirst = true; ; isFirst = false) {
      if (!isFirst) await system.wait(1000, context.signal);
      if (context.signal.aborted) throw problem("interrupted");
      const present = await this.#present();
      const keys = new Set(present.map(keyOf));
      this.#known = new Set([...this.#known].filter((key) => keys.has(key)));
      const fresh = present.filter((disk) => !this.#known.has(keyOf(disk)));
      const [found] = fresh;
      const ready = found && fresh.length === 1 ? await this.#ready(found) : undefined;
      // Seen twice alike: a card that is just being put in comes in steps, and so does the desktop that mounts it.
      if (ready && before === keyOf(ready)) return ready;
      before = ready && keyOf(ready);
      if (ready) continue;
      if (fresh.length > 1) this.#say(text.several(fresh.map(({ path }) => path).join(", ")));
      else if (found)
        this.#say(
          text.notUsable(shown(found), refusalsOf(found, image.bmap.imageSize).map(text.refusal).join("; ")),
        );
      else this.#say(text.insert);
    }
  }

  async #ready(disk: Disk): Promise<Disk | undefined> {
    const { system, image, options } = this.#batch;
    const now = options.unmount && disk.mounts.every(isMedia) ? await unmountMedia(system, disk) : disk;
    return standing(now, image.bmap.imageSize, { typed: nameToType(now) }).length === 0 ? now : undefined;
  }

  /** Disks that could be meant: removable ones with a card in them, or the one that is named. */
  async #present(): Promise<Disk[]> {
    const disks = parseDisks(await this.#batch.system.lsblk());
    return disks.filter(
      ({ path, removable, size }) =>
        size > 0 && (this.#device === undefined ? removable : path === this.#device),
    );
  }

  #say(line: string): void {
    if (line === this.#said || this.#batch.options.json) return;
    this.#said = line;
    this.#batch.context.err(`${line}\n`);
  }
}

function keyOf({ path, majorMinor, size, serial, model }: Disk): string {
  return JSON.stringify([path, majorMinor, size, serial, model]);
}

/** The table's bytes; `-` is no choice here, because answers come from there. */
export function readTable(context: CliContext, path: string): Buffer {
  return readNamed(context, path);
}

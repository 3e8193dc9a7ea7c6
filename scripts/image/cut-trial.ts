import { rmSync } from "node:fs";
import { join } from "node:path";
import type { RecordLine } from "../../simulators/platform.ts";
import { type Missing, missingIn } from "./books.ts";
import type { City, UpdateReport } from "./city.ts";
import { asKept, type Chapter, type Ending, type lanes, type Moment } from "./cut-moments.ts";
import { nextReport, orMachineEnds, type Report, switchOn } from "./field-trial.ts";
import { ImageError, run } from "./process.ts";
import type { Machine } from "./qemu.ts";
import { variantOfTrial } from "./variant.ts";

// Power cuts in the middle of updates, on a machine that really boots: QEMU is killed, and switched on again.

/** A power cut, and the machine's next start. */
export interface Cut {
  readonly gateway: string;
  readonly moment: string;
  /** Phase of the update that was on the console last before the cut; empty where this start had told none yet. */
  readonly phase: string;
  /** Slot that the boot loader started after the cut. */
  readonly slot: string;
  /** From power-on until the first reading of this start was at the platform. */
  readonly seconds: number;
}

/** How an update ended that was cut. */
export interface End {
  readonly gateway: string;
  readonly cuts: readonly Cut[];
  readonly end: UpdateReport;
  /** Packs at the platform, and those that are not. */
  readonly packs: number;
  readonly missing: readonly Missing[];
}

export interface CutOptions {
  /** Hears of each cut once the machine is up again, and of each end. */
  told?(text: string): void;
  /** Folder that gets the consoles. */
  readonly logs?: string;
  /** Gateways that run at the same time: a guest that gets too little of the host hangs by itself, and proves nothing. */
  readonly atOnce?: number;
}

/** No moment comes after it; but what was kept can still be given up. */
const endOfUpdate = /"phase":"(?:committed|refused|rolled-back)"/;
const endOfGivenUp = /"phase":"(?:refused|rolled-back)"/;
/** In how many seconds a machine has to be up, on a busy host. */
const patience = 1200;
const version = "0.2.0";
/** Of what is no bundle. */
const laterVersion = "0.3.0";
/** A person at the gateway, who asks until there is something to go back from. Part of no image. */
const givingUp = `[Unit]
After=stadsnod.service
[Service]
ExecStart=/bin/sh -c 'until /opt/stadsnod/bin/stadsnod update roll-back; do sleep 3; done'
`;
const asked = ["machine", "hostname", "certificate", "bootstate", "failed"];

/**
 * One gateway per lane: it is enrolled, the city wants an update of it, and its power goes at the
 * moments of each chapter. After each cut it has to come up in a slot that works, as the same gateway (machine id, name,
 * certificate) and without a failed unit, and send new readings; at the end of each chapter the update is
 * kept (given up, refused), the version that fits runs in the slot that fits, and every pack that the gateway answers for is at the platform. What does not hold is told, the
 * other chapters go on, and an ImageError names it at the end.
 */
export async function cutTrials(
  image: string,
  cache: string,
  city: City,
  chosen: ReadonlyMap<number, (typeof lanes)[number]>,
  { told = () => {}, logs, atOnce = 1 }: CutOptions = {},
): Promise<readonly End[]> {
  const bundle = join(cache, "cut-trial.raucb");
  await variantOfTrial(image, cache, version, bundle);
  const ends: End[] = [];
  const failures: string[] = [];
  const place: Place = {
    ...{ image, cache, city, bundle, told, logs },
    ended: (end) => ends.push(end),
    failed(why) {
      failures.push(why);
      told(why);
    },
  };
  try {
    const waiting = [...chosen];
    const worker = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift())
        await new Lane(`gw-cut-${next[0]}`, place).run(next[1]);
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  } finally {
    rmSync(bundle, { force: true });
  }
  if (failures.length > 0) throw new ImageError(failures.join("\n"));
  return ends;
}

/** What all lanes share. */
interface Place {
  readonly image: string;
  readonly cache: string;
  readonly city: City;
  readonly bundle: string;
  told(text: string): void;
  readonly logs?: string | undefined;
  ended(end: End): void;
  failed(why: string): void;
}

/** A disk as a cut left it, and the books of what it has lived through. */
interface Kept {
  readonly disk: string;
  readonly books: readonly RecordLine[];
}

class Lane {
  readonly #gateway: string;
  readonly #place: Place;
  readonly #disk: string;
  readonly #kept = new Map<string, Kept>();
  #identity: string | undefined;
  #start = 0;

  constructor(gateway: string, place: Place) {
    this.#gateway = gateway;
    this.#place = place;
    this.#disk = join(place.cache, `${gateway}.img`);
  }

  /** Never rejects: what goes wrong is told to the place. */
  async run(chapters: readonly Chapter[]): Promise<void> {
    rmSync(this.#disk, { force: true });
    try {
      for (const chapter of chapters) {
        try {
          this.#judge(await this.#chapter(chapter), chapter.ends ?? asKept);
        } catch (error) {
          const names = chapter.cuts.map(({ name }) => name).join(", ");
          this.#place.failed(
            `${this.#gateway}: FAILED (${names}): ${error instanceof Error ? error.message : error}`,
          );
        }
      }
    } finally {
      for (const disk of [this.#disk, ...[...this.#kept.values()].map((one) => one.disk)])
        rmSync(disk, { force: true });
    }
  }

  #judge(end: End, wanted: Ending): void {
    const { phase, version: runs, slot } = end.end;
    const missing = end.missing.map(({ run, seqs }) => `run ${run}: ${seqs.join(" ")}`).join("; ") || "none";
    const what = `ends as ${phase}, version ${runs} in slot ${slot}; ${end.packs} packs came, missing: ${missing}`;
    const fits =
      phase === wanted.phase && slot === wanted.slot && (runs === version) === (wanted.runs === "new");
    if (!fits || end.missing.length > 0) throw new ImageError(`${what} ${end.end.why?.text ?? ""}`);
    this.#place.told(`${this.#gateway}: ${what}`);
    this.#place.ended(end);
  }

  async #chapter({ from, cuts, ends = asKept }: Chapter): Promise<End> {
    const { city } = this.#place;
    const target = ends.phase === "refused" ? laterVersion : version;
    const kept = from === undefined ? undefined : this.#kept.get(from);
    if (from !== undefined && !kept) throw new ImageError(`no cut has left the disk "${from}"`);
    if (kept) await copy(kept.disk, this.#disk);
    // Who goes on with a disk has lived through all that came before.
    const begin = kept ? city.books.length : 0;
    const books = () => [...(kept?.books ?? []), ...this.#lines(begin)];
    const trials: Cut[] = [];
    const before = books();
    let machine = await this.#switchOn(ends.phase === "rolled-back" ? { "giving-up.service": givingUp } : {});
    try {
      let ended = this.#ended(target);
      if (!kept) {
        await this.#up(machine, before);
        const { image, bundle } = this.#place;
        await city.want(
          this.#gateway,
          target,
          ends.phase === "refused" ? join(image, "manifest.json") : bundle,
        );
      }
      for (const moment of cuts) {
        const end = ends.phase === "rolled-back" ? endOfGivenUp : endOfUpdate;
        const cut = await this.#reach(machine, moment, end);
        await machine[Symbol.asyncDispose]();
        const before = books();
        if (moment.keep !== undefined) {
          const disk = `${this.#disk}.${moment.keep}`;
          await copy(this.#disk, disk);
          this.#kept.set(moment.keep, { disk, books: before });
        }
        // What it says from the next start on counts.
        ended = this.#ended(target);
        machine = await this.#switchOn();
        const trial = { ...cut, ...(await this.#up(machine, before)) };
        trials.push(trial);
        this.#place.told(
          `${this.#gateway}: ${trial.moment} (${trial.phase || "-"}): boots, slot ${trial.slot}, readings after ${trial.seconds} s`,
        );
      }
      const end = await orMachineEnds(machine, ended, patience);
      if (ends.phase === "rolled-back") await notAgain(machine);
      const whole = () => missingIn(books()).length === 0;
      const settled = (async () => {
        while (!whole()) await city.booked(({ gateway }) => gateway === this.#gateway);
      })();
      // What is not there by then is reported as missing.
      await orMachineEnds(machine, settled, 120).catch(() => {});
      const packs = books().filter(({ type }) => type === "pack").length;
      return { gateway: this.#gateway, cuts: trials, end, packs, missing: missingIn(books()) };
    } finally {
      await machine[Symbol.asyncDispose]();
    }
  }

  #switchOn(units: Readonly<Record<string, string>> = {}): Promise<Machine> {
    const { image, city, logs } = this.#place;
    const log = logs === undefined ? {} : { log: join(logs, `${this.#gateway}.${this.#start}.console.log`) };
    this.#start++;
    return switchOn(image, city, { disk: this.#disk, gateway: this.#gateway, asked, units, ...log });
  }

  #lines(from: number): RecordLine[] {
    return this.#place.city.books.slice(from).filter(({ gateway }) => gateway === this.#gateway);
  }

  #ended(wanted: string): Promise<UpdateReport> {
    return this.#place.city.report(
      ({ gateway, phase, target }) =>
        gateway === this.#gateway &&
        target === wanted &&
        ["committed", "rolled-back", "refused"].includes(phase),
    );
  }

  /** The machine is up: as the gateway that it was, and with readings that no start before this one has taken. */
  async #up(machine: Machine, before: readonly RecordLine[]): Promise<Pick<Cut, "slot" | "seconds">> {
    const started = performance.now();
    const runs = new Set(before.map((line) => line.run));
    const fresh = this.#place.city.booked(
      (line) => line.gateway === this.#gateway && line.type === "pack" && !runs.has(line.run),
    );
    const report = await nextReport(machine, patience);
    await orMachineEnds(machine, fresh, patience);
    const seconds = Math.round((performance.now() - started) / 1000);
    this.#same(report);
    const slots = machine.console.matchAll(/stadsnod: starting slot ([AB])/g);
    return { slot: [...slots].at(-1)?.[1] ?? "", seconds };
  }

  #same(report: Report): void {
    const identity = ["machine", "hostname", "certificate"].map((one) => report.get(one)).join(" ");
    this.#identity ??= identity;
    const failed = report.get("failed");
    if (identity !== this.#identity || failed !== "")
      throw new ImageError(
        `${this.#gateway}: it was ${this.#identity} and is ${identity}; failed units: ${failed}`,
      );
  }

  async #reach(
    machine: Machine,
    { name, pattern, mebibytes, packs = 0 }: Moment,
    end: RegExp,
  ): Promise<Pick<Cut, "gateway" | "moment" | "phase">> {
    await machine.heard(new RegExp(`${pattern.source}|${end.source}`), patience);
    if (!pattern.test(machine.console)) {
      const why = machine.console.split("\n").findLast((line) => end.test(line));
      throw new ImageError(`the update ended before "${name}": ${why}`);
    }
    if (mebibytes !== undefined) {
      const wanted = machine.written + mebibytes * 2 ** 20;
      while (machine.written < wanted) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (let pack = 0; pack < packs; pack++)
      await orMachineEnds(
        machine,
        this.#place.city.booked(({ gateway, type }) => gateway === this.#gateway && type === "pack"),
        patience,
      );
    const phase = [...machine.console.matchAll(/"phase":"([a-z-]+)"/g)].at(-1)?.[1] ?? "";
    return { gateway: this.#gateway, moment: name, phase };
  }
}

/** The city still wants the version that was given up: it must not be fetched, while the former one proves itself anew. */
async function notAgain(machine: Machine): Promise<void> {
  await machine.heard(/[Mm]arked slot \S+ as good/, patience);
  const again = /"phase":"(?:downloading|installing)"/.exec(machine.console);
  if (again) throw new ImageError(`a version that was given up is taken again: ${again[0]}`);
}

function copy(from: string, to: string): Promise<string> {
  return run("cp", ["--sparse=always", from, to]);
}

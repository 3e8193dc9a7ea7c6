import type { Random } from "../../gateway/model/clock.ts";
import { silentLog } from "../../gateway/model/log.ts";
import type {
  Gap,
  Lane,
  Mark,
  Outbox,
  PackHead,
  PreviousRun,
  StoredPack,
} from "../../gateway/outbox/outbox.ts";
import type { openOutbox } from "../../gateway/outbox/segment-outbox.ts";
import { seeded } from "./random.ts";
import { type Operation, SimulatedDisk, type SimulatedDiskOptions } from "./simulated-disk.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** What a negative control leaves out. */
export type Flaws = Pick<SimulatedDiskOptions, "ignoreSync" | "ignoreSyncNames">;

interface Written {
  readonly head: PackHead;
  readonly bytes: Uint8Array;
}

/** A power cut at one moment, with what had been promised by then. */
interface Cut {
  readonly disk: SimulatedDisk;
  readonly promised: number;
  readonly acked: number;
}

const lanes: readonly Lane[] = ["urgent", "live", "backlog"];
const audiences = ["open", "streets"];
const segmentBytes = 2_048;
/** Marks that a segment as small as this carries on for sure. */
const marksKept = 8;

/** How often the power was cut in a life. */
export interface Crashes {
  readonly cuts: number;
  /** Of those, how many left bytes that no other cut of the same life had left: so often the outbox was opened. */
  readonly disks: number;
}

/** What an outbox showed after it was opened on a disk. */
interface Shown {
  /** Names of its packs, in order. */
  readonly packs: ReadonlySet<string>;
  readonly gaps: readonly Gap[];
  readonly previousRuns: readonly PreviousRun[];
  readonly recentMarks: readonly Mark[];
  /** With which promises it was compared: the same ones need no second look. */
  readonly compared: Set<string>;
}

/** At one moment the power may go in so many ways, each with another fate of what was not synced. */
const waysToCut = 8;

/**
 * One seeded life of an outbox over a few daemon starts: appends, peeks, acks and faults in any order,
 * with power cuts at nearly every disk operation, in several ways each. What every cut leaves is
 * recovered and compared with what had been promised by then; a disk whose very bytes were recovered
 * before in this life is only compared, because recovery would see the same. Throws an Error that says
 * what was lost.
 */
export async function liveThrough(
  seed: number,
  open: typeof openOutbox,
  flaws: Flaws = {},
): Promise<Crashes> {
  const life = new Life(seed, open, flaws);
  return life.run();
}

class Life {
  readonly #random: Random;
  readonly #open: typeof openOutbox;
  readonly #flaws: Flaws;
  /** Everything ever handed to append, by run/audience/seq. */
  readonly #written = new Map<string, Written>();
  #promised: string[] = [];
  #acked: string[] = [];
  /** Acked in earlier starts, or named in a gap. */
  readonly #settled = new Set<string>();
  #cuts: Cut[] = [];
  readonly #shown = new Map<string, Shown>();
  #start = 0;
  #checked = 0;
  #cutRate = 0;
  #faulty = false;
  #syncFailed = false;

  constructor(seed: number, open: typeof openOutbox, flaws: Flaws) {
    this.#random = seeded(seed);
    this.#open = open;
    this.#flaws = flaws;
  }

  async run(): Promise<Crashes> {
    let disk = new SimulatedDisk(this.#diskOptions());
    const starts = 2 + Math.floor(this.#random() * 2);
    for (let start = 1; start <= starts; start++) {
      disk = await this.#oneRun(disk, `run-${start}`);
    }
    return { cuts: this.#checked, disks: this.#shown.size };
  }

  async #oneRun(disk: SimulatedDisk, run: string): Promise<SimulatedDisk> {
    this.#start++;
    this.#faulty = this.#random() < 0.3;
    this.#syncFailed = false;
    disk.options = this.#diskOptions(() => this.#maybeCut(disk));
    const { outbox, clock } = await this.#opened(disk);
    this.#cutRate = 0.9;
    const seqs = new Map<string, number>();
    const pending: Promise<unknown>[] = [];
    const steps = 4 + Math.floor(this.#random() * 12);
    for (let step = 0; step < steps; step++) {
      const dice = this.#random();
      if (dice < 0.55) pending.push(...this.#append(outbox, run, seqs));
      else if (dice < 0.8) await this.#ackSome(outbox);
      else if (dice < 0.82) await clock.advance(1_000);
      else await Promise.all(pending.splice(0));
      if (this.#random() < 0.2) await Promise.resolve();
    }
    if (this.#random() < 0.7) await Promise.all(pending.splice(0));
    if (this.#random() < 0.1) {
      await outbox[Symbol.asyncDispose]();
      await Promise.all(pending.splice(0));
    }

    // The old process is dead from here on: what it still does, and hears, reaches nobody.
    this.#cutRate = 0;
    this.#promised = [...this.#promised];
    disk.options = { random: this.#random };
    const killed = !this.#syncFailed && this.#random() < 0.2;
    const next = killed ? disk.copy(this.#diskOptions()) : this.#cut(disk).disk;
    const cuts = [...this.#cuts, this.#cutOf(next.copy(this.#diskOptions()))];
    this.#cuts = [];
    for (const cut of cuts) await this.#check(cut);
    // What recovery showed once is durable: it is forwarded and counted from then on.
    const opened = next.copy(this.#diskOptions());
    const shown = await this.#recovered(opened);
    this.#compare(this.#cutOf(opened), shown);
    this.#checked++;
    this.#promised = [...shown.packs];
    for (const key of this.#acked) this.#settled.add(key);
    this.#acked = [];
    await this.#check(this.#cut(opened));
    return next;
  }

  async #opened(disk: SimulatedDisk): Promise<{ outbox: Outbox; clock: VirtualClock; gaps: Gap[] }> {
    const gaps: Gap[] = [];
    const clock = new VirtualClock();
    const outbox = await this.#open(disk, {
      clock,
      random: this.#random,
      log: silentLog,
      limits: { maxBytes: 1e6, maxAge: Number.POSITIVE_INFINITY },
      liveFor: 60_000,
      segmentBytes,
      ballastBytes: 64,
      cacheBytes: 400,
      onGap: (gap) => {
        gaps.push(gap);
      },
    });
    return { outbox, clock, gaps };
  }

  #append(outbox: Outbox, run: string, seqs: Map<string, number>): Promise<unknown>[] {
    const promised = this.#promised;
    return Array.from({ length: 1 + Math.floor(this.#random() * 4) }, async () => {
      const audience = audiences[Math.floor(this.#random() * audiences.length)]!;
      const seq = (seqs.get(audience) ?? 0) + 1;
      seqs.set(audience, seq);
      const head: PackHead = {
        lane: this.#random() < 0.2 ? "urgent" : "live",
        audience,
        run,
        seq,
        time: { base: this.#random() < 0.5 ? "boot" : "unix", ms: Math.floor(this.#random() * 1e12) },
        bootId: "boot-1",
        readings: Math.floor(this.#random() * 300),
        ...(this.#random() < 0.4 ? { marks: [`${run[4]}.${audience[0]}${seq}`] } : {}),
      };
      const bytes = new Uint8Array(Math.floor(this.#random() * 160));
      for (let at = 0; at < bytes.length; at++) bytes[at] = this.#random() < 0.5 ? 0 : this.#random() * 256;
      this.#written.set(keyOf(head), { head, bytes });
      if ((await outbox.append(bytes, head)) === "disk") promised.push(keyOf(head));
    });
  }

  async #ackSome(outbox: Outbox): Promise<void> {
    const lane = lanes[Math.floor(this.#random() * 3)]!;
    const peeked = await outbox.peek(lane, 1 + Math.floor(this.#random() * 12)).catch(() => []);
    for (const pack of peeked) this.#sameAsWritten(pack);
    const chosen = peeked.filter(() => this.#random() < 0.8);
    for (const pack of chosen) this.#acked.push(keyOf(pack));
    await outbox.ack(chosen);
  }

  #diskOptions(before?: (operation: Operation) => void): SimulatedDiskOptions {
    return {
      random: this.#random,
      ...this.#flaws,
      ...(before && { before }),
      fail: (operation) => {
        if (!this.#faulty || this.#cutRate === 0 || this.#random() > 0.08) return undefined;
        if (operation === "sync" || operation === "syncNames") this.#syncFailed = true;
        if (operation === "sync" || operation === "write") return "disk-io";
        return operation === "create" || operation === "syncNames" ? "disk-full" : undefined;
      },
    };
  }

  #maybeCut(disk: SimulatedDisk): void {
    if (this.#random() >= this.#cutRate) return;
    for (let way = 0; way < waysToCut; way++) this.#cuts.push(this.#cut(disk));
  }

  #cut(disk: SimulatedDisk): Cut {
    return this.#cutOf(disk.cutPower({ random: this.#random, ...this.#flaws }));
  }

  #cutOf(disk: SimulatedDisk): Cut {
    return { disk, promised: this.#promised.length, acked: this.#acked.length };
  }

  async #check(cut: Cut): Promise<void> {
    this.#checked++;
    const bytes = bytesOf(cut.disk);
    let shown = this.#shown.get(bytes);
    if (!shown) {
      shown = await this.#recovered(cut.disk);
      this.#shown.set(bytes, shown);
    }
    this.#compare(cut, shown);
  }

  /** Opens what a cut left. What it shows must be what was written, in order. */
  async #recovered(disk: SimulatedDisk): Promise<Shown> {
    const { outbox, gaps } = await this.#opened(disk);
    const packs = new Set<string>();
    const lastSeq = new Map<string, number>();
    for (const pack of await everything(outbox)) {
      this.#sameAsWritten(pack);
      const key = keyOf(pack);
      const stream = `${pack.run}/${pack.audience}`;
      if (packs.has(key)) throw new Error(`${key} came twice`);
      if ((lastSeq.get(stream) ?? 0) >= pack.seq) throw new Error(`${key} is out of order`);
      packs.add(key);
      lastSeq.set(stream, pack.seq);
    }
    const { previousRuns, recentMarks } = outbox;
    return { packs, gaps, previousRuns, recentMarks, compared: new Set() };
  }

  /** Everything promised and not acked by the time of the cut must be there, and nothing else. */
  #compare(cut: Cut, shown: Shown): void {
    const { packs: found, gaps, compared } = shown;
    const moment = `${this.#start} ${cut.promised} ${cut.acked}`;
    if (compared.has(moment)) return;
    compared.add(moment);
    const acked = new Set(this.#acked.slice(0, cut.acked));
    const known = new Map(
      shown.previousRuns.map(({ run, audience, lastSeq }) => [`${run}/${audience}`, lastSeq]),
    );
    for (const key of this.#promised.slice(0, cut.promised)) {
      if (!found.has(key) && !acked.has(key)) throw new Error(`${key} was promised and is lost`);
      const { head } = this.#written.get(key)!;
      const last = known.get(`${head.run}/${head.audience}`) ?? 0;
      if (last < head.seq) throw new Error(`previousRuns says ${last}, but ${key} was stored`);
    }
    this.#checkMarks(shown, cut, acked);
    for (const [stream, last] of known) {
      if (!this.#written.has(`${stream}/${last}`)) throw new Error(`previousRuns invents ${stream}/${last}`);
    }
    for (const { run, audience, from, to } of gaps) {
      for (let seq = from; seq <= to; seq++) {
        const key = `${run}/${audience}/${seq}`;
        if (found.has(key)) throw new Error(`${key} was reported as a gap and is there`);
        if (!this.#written.has(key)) throw new Error(`gap of ${key}, which never was`);
        if (acked.has(key) && !this.#faulty) throw new Error(`${key} was delivered and is reported as a gap`);
      }
    }
  }

  /** A mark is there exactly when its pack is or was. */
  #checkMarks(
    { packs: found, gaps, recentMarks: recent }: Shown,
    cut: Cut,
    acked: ReadonlySet<string>,
  ): void {
    const known = new Set(recent.map(({ audience, mark }) => `${audience}/${mark}`));
    if (known.size !== recent.length) throw new Error("a mark is there twice");
    const keyOfMark = new Map(
      Array.from(this.#written.values(), ({ head }) => [`${head.audience}/${head.marks?.[0]}`, keyOf(head)]),
    );
    for (const { run, audience, from, to } of gaps)
      for (let seq = from; seq <= to; seq++) this.#settled.add(`${run}/${audience}/${seq}`);
    for (const mark of known) {
      const key = keyOfMark.get(mark);
      if (key === undefined) throw new Error(`mark ${mark} was never appended`);
      if (!found.has(key) && !acked.has(key) && !this.#settled.has(key))
        throw new Error(`mark ${mark} is known and its pack is lost`);
    }
    const marked = (keys: Iterable<string>) =>
      [...keys].flatMap((key) => {
        const head = this.#written.get(key)?.head;
        return head?.marks ? [`${head.audience}/${head.marks[0]}`] : [];
      });
    const newest = marked(this.#promised.slice(0, cut.promised)).slice(-marksKept);
    for (const mark of [...marked(found), ...newest])
      if (!known.has(mark)) throw new Error(`mark ${mark} is forgotten`);
  }

  #sameAsWritten(pack: StoredPack): void {
    const written = this.#written.get(keyOf(pack));
    if (!written) throw new Error(`${keyOf(pack)} was never appended`);
    const { id: _, bytes, ...head } = pack;
    if (Buffer.compare(bytes, written.bytes) !== 0) throw new Error(`${keyOf(pack)} has other bytes`);
    for (const field of ["lane", "bootId", "readings"] as const) {
      if (head[field] !== written.head[field]) throw new Error(`${keyOf(pack)} has another ${field}`);
    }
    if (head.time.base !== written.head.time.base || head.time.ms !== written.head.time.ms) {
      throw new Error(`${keyOf(pack)} has another time`);
    }
  }
}

function keyOf({ run, audience, seq }: PackHead): string {
  return `${run}/${audience}/${seq}`;
}

async function everything(outbox: Outbox): Promise<StoredPack[]> {
  const packs: StoredPack[] = [];
  for (const lane of lanes) packs.push(...(await outbox.peek(lane, 1e6)));
  return packs.sort((a, b) => a.id - b.id);
}

/** All that a disk holds, as one string. */
function bytesOf(disk: SimulatedDisk): string {
  return disk.names
    .map((name) => `${name}\n${Buffer.from(disk.contents(name)).toString("latin1")}`)
    .join("\n");
}

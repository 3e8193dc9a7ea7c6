import { defaultRetention } from "../../gateway/commands/ledger.ts";
import { type Command, type CommandResult, commandFailures } from "../../gateway/model/command.ts";
import { StorageError, TransientError } from "../../gateway/model/errors.ts";
import { Bench, commandOf, World, words } from "./desk-harness.ts";
import { seeded } from "./random.ts";
import { SimulatedDisk, type SimulatedDiskOptions } from "./simulated-disk.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** What a negative control leaves out. */
export type Flaws = Pick<SimulatedDiskOptions, "ignoreSync" | "ignoreSyncNames">;

/** Everything as it was when the power went, or the process was killed. */
interface Cut {
  readonly at: string;
  readonly disk: SimulatedDisk;
  readonly world: World;
  readonly acked: ReadonlySet<string>;
  readonly clock: VirtualClock;
}

const points = ["often", "safe", "last", "pump", "worn", "lock"];
// A journal that is written anew every few commands.
const retention = { ...defaultRetention, growthBytes: 0 };
const generations = 3;
const lifetime = 12;
const perDay = 5;

/**
 * One seeded life of a desk over several starts: commands, duplicates, replays, confirmations, releases,
 * failing devices, links and disks in any order; each start ends by a power cut or a kill at a random
 * moment. Throws an Error that says which promise was broken. Returns the moments of the cuts.
 */
export async function liveThrough(seed: number, flaws: Flaws = {}): Promise<string[]> {
  const random = seeded(seed);
  const sent: Command[] = [];
  let cut: Cut = {
    at: "start",
    disk: new SimulatedDisk({ random, ...flaws }),
    world: new World(),
    acked: new Set(),
    clock: new VirtualClock(),
  };
  const moments: string[] = [];
  for (let generation = 0; generation < generations; generation++) {
    cut = await oneLife(random, sent, cut, flaws);
    moments.push(cut.at);
  }
  await theEnd(seed, random, sent, cut);
  return moments;
}

async function oneLife(random: () => number, sent: Command[], before: Cut, flaws: Flaws): Promise<Cut> {
  const acked = new Set(before.acked);
  const { disk, world, clock } = before;
  const cuts: Cut[] = [];
  let seen = 0;
  const moment = (at: string) => {
    // Reservoir sampling: each moment of this life is as likely to be its end.
    seen++;
    if (random() >= 1 / seen) return;
    cuts[0] = { at, ...stopped(random, disk, clock, flaws), world: world.clone(), acked: new Set(acked) };
  };
  const bench = new Bench({
    disk,
    world,
    clock,
    seed: Math.floor(random() * 1e9),
    moment,
    writeMs: 200,
    desk: { retention },
  });
  const faulty = random() < 0.2;
  const diskOptions = {
    random,
    ...flaws,
    before: (operation: string) => moment(`disk ${operation}`),
    fail: (operation: string) => (faulty && operation === "sync" && random() < 0.1 ? "disk-io" : undefined),
  };
  disk.options = { ...diskOptions, fail: () => undefined };
  await bench.open();
  disk.options = diskOptions;
  const pending: Promise<void>[] = [];
  const give = (command: Command, retained = false) => {
    const received = bench.receive(command, { retained }).then(
      () => void acked.add(command.id),
      (error: unknown) => {
        if (!(error instanceof StorageError)) throw error;
      },
    );
    pending.push(received);
  };
  // The broker brings what was never acknowledged once more.
  for (const command of sent) if (!acked.has(command.id) && random() < 0.8) give(command);
  const steps = 3 + Math.floor(random() * 8);
  for (let step = 0; step < steps; step++) {
    const dice = random();
    const old = sent[Math.floor(random() * sent.length)];
    if (dice < 0.5) {
      const command = anyCommand(random, sent.length);
      sent.push(command);
      give(command);
    } else if (old && dice < 0.65) give(old, random() < 0.2);
    else if (old?.point === "lock" && old.action === "write" && dice < 0.75) {
      const confirm = commandOf({
        id: `k${sent.length}`,
        point: "lock",
        action: "confirm",
        confirms: old.id,
        value: undefined,
      });
      sent.push(confirm);
      give(confirm);
    } else if (dice < 0.8) bench.failures.push(new TransientError("retry", { code: "not-verified" }));
    else if (dice < 0.85) bench.link(random() < 0.5);
    await bench.run(random() < 0.1 ? 20_000_000 * random() : 400 * random());
  }
  bench.link(true);
  await bench.run(2000);
  moment("idle");
  await Promise.all(pending);
  disk.options = { random };
  await bench.run(120_000);
  await bench.desk[Symbol.asyncDispose]();
  const end = cuts[0];
  if (!end) throw new Error("a life without a moment");
  return end;
}

/** A killed process leaves the disk as programs saw it; a power cut as it may, and another boot. */
function stopped(
  random: () => number,
  disk: SimulatedDisk,
  clock: VirtualClock,
  flaws: Flaws,
): Pick<Cut, "disk" | "clock"> {
  const killed = random() < 0.4;
  const options = { random, ...flaws };
  const boot = {
    unix: clock.now() + Math.floor(random() * 10_000),
    monotonic: killed ? clock.monotonic() + 5000 : 10_000,
    bootId: killed ? clock.bootId : `boot-${Math.floor(random() * 1e9)}`,
    trusted: random() < 0.8,
  };
  return { disk: killed ? disk.copy(options) : disk.cutPower(options), clock: new VirtualClock(boot) };
}

function anyCommand(random: () => number, count: number): Command {
  const point = points[Math.floor(random() * points.length)]!;
  // Every command has a value of its own, so that a write tells whose it is.
  const value =
    point === "lock" ? (random() < 0.5 ? "open" : "closed") : point === "worn" ? count % 101 : count + 1;
  return commandOf({
    id: `id${count}`,
    point,
    value,
    device: random() < 0.8 ? "lamp-1" : "lamp-2",
    expiry: { inMs: 500 + Math.floor(random() * 60_000) },
  });
}

/** The last start: everything is delivered, and the record must be without contradiction. */
async function theEnd(seed: number, random: () => number, sent: readonly Command[], cut: Cut): Promise<void> {
  const { disk, world, clock, acked } = cut;
  disk.options = { random };
  const bench = await new Bench({ disk, world, clock, seed }).open();
  await bench.run(600_000);
  const broken = (what: string) => new Error(`seed ${seed}, cut at ${cut.at}: ${what}`);
  if (bench.desk.status().open > 0) throw broken("a command has no last word");
  for (const command of sent) {
    const { id } = command;
    const heard = world.answers.filter(({ result }) => result.id === id).map(({ result }) => result);
    const lasts = new Set(heard.filter(({ last }) => last).map(words));
    if (lasts.size > 1) throw broken(`answers of ${id} contradict each other: ${[...lasts].join(", ")}`);
    if (acked.has(id) && lasts.size === 0) throw broken(`${id} was acknowledged and never got a last word`);
    if (heard.length > 0 && lasts.size === 0) throw broken(`${id} was answered and never got a last word`);
    checkWrites(command, heard, world, broken);
  }
  checkBudget(world, broken);
  await bench.desk[Symbol.asyncDispose]();
}

function checkWrites(
  command: Command,
  heard: readonly CommandResult[],
  world: World,
  broken: (what: string) => Error,
): void {
  if (command.action !== "write" || command.point === "lock") return;
  const mine = world.writes.filter(
    ({ place, value, commanded }) =>
      commanded && place === `${command.device}/${command.point}` && value === command.value,
  );
  const calls = new Set(mine.map(({ call }) => call)).size;
  if (calls > 1) throw broken(`${command.id} was written ${calls} times`);
  const last = heard.find((one) => one.last);
  if (last?.state === "succeeded" && !last.unchanged && calls === 0)
    throw broken(`${command.id} is said to have succeeded, and nothing was written`);
  const begun: readonly string[] = commandFailures;
  if (last && last.state !== "succeeded" && !begun.includes(last.code ?? "") && calls > 0)
    throw broken(`${command.id} is said not to have been begun (${words(last)}), and was written`);
}

function checkBudget(world: World, broken: (what: string) => Error): void {
  for (const device of ["lamp-1", "lamp-2"]) {
    const worn = world.writes.filter(({ place }) => place === `${device}/worn`);
    if (worn.length > lifetime) throw broken(`${worn.length} writes for life to ${device}`);
    for (const { at } of worn) {
      const day = worn.filter((other) => other.at >= at && other.at < at + 86_400_000).length;
      if (day > perDay) throw broken(`${day} writes in a day to ${device}`);
    }
  }
}

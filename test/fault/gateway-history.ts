// Past 300 lines: one gateway's lives from start to start, and the few moments in which one may end.
import type { GatewayConfig } from "../../gateway/config/config.ts";
import { type Gateway, openGateway } from "../../gateway/gateway.ts";
import { StorageError } from "../../gateway/model/errors.ts";
import { SimulatedBroker } from "./history-broker.ts";
import { type CommandFate, judgeCommands } from "./history-commands.ts";
import { configsOf } from "./history-config.ts";
import { HistoryDisks } from "./history-disks.ts";
import { account, bugLog, troublesOf, unfinished, volatileOf, withKind } from "./history-health.ts";
import { Judge, type Run } from "./history-judge.ts";
import { busyMs, type Plan, type PlanEvent } from "./history-plan.ts";
import { Field } from "./history-units.ts";
import { seeded } from "./random.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** What negative controls do to the world around the gateway, never to the gateway. */
export interface Sabotage {
  readonly ignoreSync?: boolean;
  /** The broker says that it has what it throws away. */
  readonly ackThenDrop?: boolean;
  readonly reorders?: boolean;
  /** Every start finds an empty ledger of commands. */
  readonly forgetsLedger?: boolean;
  readonly mendsCrc?: boolean;
  readonly swallows?: boolean;
}

export interface HistorySummary {
  readonly readings: number;
  readonly packs: number;
  readonly gaps: number;
  readonly ends: number;
  readonly writes: number;
}

/** The first promise that a history broke. */
export class Violation extends Error {}

type End = Extract<PlanEvent, { kind: "end" }>;
const openMs = 60_000;
const closeMs = 10_000;
const healMs = 240_000;
const stepMs = 5000;
const firstUnix = 1_790_000_000_000;
const configs = new Map<boolean, readonly GatewayConfig[]>();

/** Lives one history to its end. Throws Violation. */
export async function liveThrough(plan: Plan, sabotage: Sabotage = {}): Promise<HistorySummary> {
  return new History(plan, sabotage).live();
}

class History {
  readonly #plan: Plan;
  readonly #field: Field;
  readonly #broker: SimulatedBroker;
  readonly #judge: Judge;
  readonly #fates = new Map<string, CommandFate>();
  readonly #disks: HistoryDisks;
  #configs: readonly GatewayConfig[] = [];
  #config = 0;
  #runs = 0;
  #boots = 0;
  #trueStart = firstUnix;
  #clock = new VirtualClock({ rounds: 1 });
  #run: Run | undefined;
  #gateway: Gateway | undefined;
  #ended: End | undefined;
  #ends = 0;
  readonly #dead: { readonly gateway: Gateway; readonly clock: VirtualClock }[] = [];
  /** What a boot that knew the time is remembered to have counted from. */
  readonly #bootTimes = new Map<string, number>();

  constructor(plan: Plan, sabotage: Sabotage) {
    this.#plan = plan;
    const stream = (which: number) => seeded(plan.seed * 16 + which);
    const now = () => this.#now();
    this.#field = new Field({
      random: stream(1),
      echo: plan.echo,
      now,
      run: () => this.#run?.run,
      mendsCrc: sabotage.mendsCrc,
      swallows: sabotage.swallows,
    });
    this.#judge = new Judge(this.#field, now, plan.tiny);
    this.#disks = new HistoryDisks({
      random: stream(0),
      now,
      ignoreSync: sabotage.ignoreSync,
      forgets: sabotage.forgetsLedger ? "commands" : undefined,
    });
    this.#broker = new SimulatedBroker({
      random: stream(2),
      now,
      lives: (run) => this.#run?.run === run,
      platform: this.#judge,
      onCommand: (id, what) => {
        const fate = this.#fates.get(id)!;
        if (what === "given") fate.given.push(this.#now());
        else fate.acknowledged = true;
      },
      drops: sabotage.ackThenDrop ? 0.05 : 0,
      reorders: sabotage.reorders,
    });
  }

  async live(): Promise<HistorySummary> {
    const { tiny, events, trusted } = this.#plan;
    let made = configs.get(tiny);
    if (!made) {
      made = await configsOf(this.#broker.kind, tiny);
      configs.set(tiny, made);
    }
    this.#configs = made.map((config) => withKind(config, this.#broker));
    this.#boot(trusted ? 0 : -3_600_000, trusted);
    await this.#open();
    const begin = this.#now();
    for (const event of this.#events(events)) {
      await this.#until(begin + event.at);
      await this.#apply(event);
    }
    await this.#until(begin + busyMs);
    await this.#heal();
    await this.#stop();
    if (this.#run && this.#gateway) account(this.#run, this.#gateway);
    this.#judge.account();
    judgeCommands(this.#fates.values(), this.#judge.results, this.#field, (what) =>
      this.#judge.violate(what),
    );
    this.#check();
    await this.#bury();
    const { readings, packs, gapsTold } = this.#judge;
    return { readings, packs, gaps: gapsTold, ends: this.#ends, writes: this.#field.writes.length };
  }

  /** Commands that are sent again have moments of their own. */
  #events(events: readonly PlanEvent[]): PlanEvent[] {
    return events
      .flatMap((event): PlanEvent[] =>
        event.kind === "command"
          ? [event, ...event.command.again.map((later) => ({ ...event, at: event.at + later }))]
          : [event],
      )
      .filter(({ at }) => at <= busyMs)
      .toSorted((a, b) => a.at - b.at);
  }

  #now(): number {
    return this.#trueStart + this.#clock.monotonic();
  }

  #check(): void {
    const [first] = this.#judge.violations;
    if (first !== undefined) throw new Violation(first);
  }

  /** Power comes. `off`: how wrong the wall clock is. */
  #boot(off: number, trusted: boolean): void {
    const now = this.#now();
    const boot = `boot-${++this.#boots}`;
    this.#clock = new VirtualClock({ unix: now + off, monotonic: 10_000, trusted, bootId: boot, rounds: 1 });
    this.#trueStart = now - 10_000;
    this.#noteClock();
  }

  #noteClock(): void {
    const { bootId } = this.#clock;
    const errors = this.#judge.clockErrors.get(bootId) ?? new Set();
    this.#judge.clockErrors.set(bootId, errors.add(this.#clock.now() - this.#now()));
    const began = this.#clock.toUnix({ base: "boot", ms: 0 });
    if (began !== undefined) this.#bootTimes.set(bootId, began);
  }

  async #open(): Promise<void> {
    for (;;) {
      const run = this.#judge.begin(`run-${++this.#runs}`, this.#clock.bootId);
      this.#run = run;
      let settled = false;
      const opening = openGateway(this.#configs[this.#config]!, {
        clock: this.#clock,
        random: seeded(this.#plan.seed * 31 + this.#runs),
        log: bugLog((bug) => {
          if (this.#run === run) this.#judge.violate(bug);
        }),
        connect: this.#field.connect(this.#clock, run.run),
        openDisk: async (name) => this.#disks.open(name, this.#clock, () => this.#run === run),
        segmentBytes: 16_384,
        run: run.run,
        bootTime: (bootId) => this.#bootTimes.get(bootId),
        reloadConfig: async () => ({ config: this.#configs[this.#config], diagnostics: [] }),
      });
      opening.then(
        (gateway) => {
          settled = true;
          if (this.#run === run) this.#gateway = gateway;
        },
        (error: unknown) => {
          settled = true;
          if (this.#run === run) this.#judge.violate(`it does not start: ${String(error)}`);
        },
      );
      await this.#clock.advance(openMs, () => settled || this.#ended !== undefined);
      if (this.#ended) {
        await this.#restart(this.#ended);
        continue;
      }
      if (!settled) this.#judge.violate("it does not start in time");
      this.#check();
      for (const device of this.#gateway!.config.devices) this.#field.answered.delete(device.id);
      return;
    }
  }

  /** The process ends in this moment: nothing that it still does reaches anything. */
  #die(end: End): void {
    const [run, gateway] = [this.#run, this.#gateway];
    if (!run) return;
    this.#ended = end;
    this.#ends++;
    if (gateway) account(run, gateway);
    if (gateway) this.#dead.push({ gateway, clock: this.#clock });
    this.#run = undefined;
    this.#gateway = undefined;
    this.#disks.end(end.how === "power");
  }

  async #restart({ how, downMs, clockOff }: End): Promise<void> {
    this.#ended = undefined;
    if (how === "power") {
      this.#trueStart += downMs;
      this.#boot(clockOff ?? 0, clockOff === undefined);
      return;
    }
    // A process that is killed leaves its boot; its clock goes on in another object.
    const { trusted, bootId } = this.#clock;
    const [unix, monotonic] = [this.#clock.now() + downMs, this.#clock.monotonic() + downMs];
    this.#clock = new VirtualClock({ unix, monotonic, trusted, bootId, rounds: 1 });
  }

  /** Lets time pass; starts it again when it ended meanwhile. */
  async #until(moment: number): Promise<void> {
    while (this.#now() < moment) {
      await this.#clock.advance(Math.min(stepMs, moment - this.#now()), () => this.#ended !== undefined);
      this.#look();
      if (!this.#ended) continue;
      await this.#restart(this.#ended);
      await this.#open();
    }
  }

  async #apply(event: PlanEvent): Promise<void> {
    const { kind } = event;
    if (kind === "line") this.#field.break(event.line, event.fault, event.forMs);
    else if (kind === "broker") this.#broker.break(event.fault, event.forMs);
    else if (kind === "broker-restart") this.#broker.break("refused", event.forMs);
    else if (kind === "disk") this.#disks.break(event.disk, event.fault, event.forMs);
    else if (kind === "jump") this.#jump(event.ms);
    else if (kind === "trust") this.#trust();
    else if (kind === "command") this.#command(event);
    else if (kind === "reload") await this.#reload(event.to);
    else if (event.how === "stopped") {
      await this.#stop();
      this.#die(event);
      await this.#restart(event);
      await this.#open();
    } else if (event.operations > 0) this.#disks.endAfter(event.operations, () => this.#die(event));
    else {
      this.#die(event);
      await this.#restart(event);
      await this.#open();
    }
  }

  #jump(ms: number): void {
    this.#clock.jump(ms);
    this.#noteClock();
  }

  #trust(): void {
    if (this.#clock.trusted) return;
    this.#clock.trust(this.#now());
    this.#noteClock();
  }

  #command({ command }: Extract<PlanEvent, { kind: "command" }>): void {
    const { id } = command;
    if (!this.#fates.has(id))
      this.#fates.set(id, { command, sentAt: this.#now(), given: [], acknowledged: false });
    this.#broker.publish(command);
  }

  async #reload(to: number): Promise<void> {
    const [before, run, gateway] = [this.#config, this.#run, this.#gateway];
    // A far side that is closed takes what the disk did not with it, and the account of that is in memory.
    if (run && gateway) run.volatile += volatileOf(gateway);
    this.#config = to;
    let done = false;
    gateway?.reload().then(
      ({ applied, changes }) => {
        done = true;
        if (!applied) this.#judge.violate(`a reload from ${before} to ${to} was refused: ${changes.join()}`);
      },
      (error: unknown) => {
        done = true;
        if (!this.#ended) this.#judge.violate(`a reload failed: ${String(error)}`);
      },
    );
    await this.#clock.advance(openMs, () => done || this.#ended !== undefined);
    if (!done && !this.#ended) this.#judge.violate("a reload does not end");
    for (const device of this.#configs[to]!.devices) this.#field.answered.delete(device.id);
  }

  #look(): void {
    if (this.#gateway && this.#run && !this.#ended)
      for (const trouble of troublesOf(this.#gateway)) this.#judge.violate(trouble);
    this.#check();
  }

  /** Everything is well: then everything must come to its end, and every point be read. */
  async #heal(): Promise<void> {
    this.#disks.mend();
    this.#field.mend();
    this.#broker.break(undefined, 0);
    this.#trust();
    await this.#repair();
    this.#field.answered.clear();
    const end = this.#now() + healMs;
    let open: string | undefined;
    while (this.#now() < end) {
      await this.#clock.advance(1000);
      this.#look();
      open = unfinished(this.#gateway!, this.#field, this.#broker);
      if (open === undefined) return;
    }
    throw new Violation(`${open} ${healMs / 1000} s after everything was well`);
  }

  /** Signals that nobody aborts would keep every killed process in memory. */
  async #bury(): Promise<void> {
    for (const { gateway, clock } of this.#dead) {
      void gateway[Symbol.asyncDispose]().catch(() => {});
      await clock.advance(1500);
    }
  }

  /** A store that could not be opened is tried again now and then; here somebody starts the gateway again. */
  async #repair(): Promise<void> {
    const stores = [...this.#gateway!.problems.keys()].filter((key) => key.startsWith("store of "));
    if (stores.length === 0) return;
    await this.#stop();
    const end: End = { at: 0, kind: "end", how: "stopped", operations: 0, downMs: 0, clockOff: undefined };
    this.#die(end);
    await this.#restart(end);
    await this.#open();
  }

  async #stop(): Promise<void> {
    const [gateway, run] = [this.#gateway, this.#run];
    if (!gateway || !run) return;
    let closed = false;
    gateway[Symbol.asyncDispose]().then(
      () => {
        closed = true;
      },
      (error: unknown) => {
        closed = true;
        if (!(error instanceof StorageError)) this.#judge.violate(`it does not stop: ${String(error)}`);
      },
    );
    await this.#clock.advance(closeMs, () => closed || this.#ended !== undefined);
    if (!closed && !this.#ended) this.#judge.violate("it does not stop in time");
  }
}

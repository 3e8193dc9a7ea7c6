import type { GatewayConfig } from "../../gateway/config/config.ts";
import { type Gateway, openGateway } from "../../gateway/gateway.ts";
import type { Connect } from "../../gateway/transport/transport.ts";
import type { HistoryDisks } from "./history-disks.ts";
import { bugLog, troublesOf } from "./history-health.ts";
import { seeded } from "./random.ts";
import { VirtualClock } from "./virtual-clock.ts";
import type { WeekEnd } from "./week-plan.ts";

const openMs = 60_000;
const closeMs = 10_000;
const firstUnix = 1_790_000_000_000;

export interface LivesOptions {
  readonly seed: number;
  readonly configs: readonly GatewayConfig[];
  readonly disks: HistoryDisks;
  connect(clock: VirtualClock, run: string): Connect;
  /** A process begins. */
  began(run: string): void;
  /** The outbox answered for a pack. */
  took(run: string, audience: string, seq: number, readings: number): void;
  dropped(): void;
  /** By its own account every pack up to that seq was stored. */
  promised(run: string, audience: string, settledSeq: number): void;
}

/** The lives of one gateway, from start to start, on a clock of its own. Throws an Error when a promise of its own is broken. */
export class Lives {
  clock = new VirtualClock({ rounds: 1 });
  gateway: Gateway | undefined;
  run: string | undefined;
  runs = 0;
  readonly #options: LivesOptions;
  #config = 0;
  #boots = 0;
  #trueStart = firstUnix;
  #ended: WeekEnd | undefined;
  #broken: string | undefined;
  readonly #bootTimes = new Map<string, number>();

  constructor(options: LivesOptions) {
    this.#options = options;
  }

  /** True time, ms. */
  now(): number {
    return this.#trueStart + this.clock.monotonic();
  }

  /** Power comes. `off`: how wrong the wall clock is. */
  boot(off: number, trusted: boolean): void {
    const now = this.now();
    this.#boots++;
    this.clock = new VirtualClock({
      unix: now + off,
      monotonic: 10_000,
      trusted,
      bootId: `boot-${this.#boots}`,
      rounds: 1,
    });
    this.#trueStart = now - 10_000;
    this.#noteClock();
  }

  async open(): Promise<void> {
    const { seed, configs, disks, connect, began } = this.#options;
    for (;;) {
      const run = `run-${++this.runs}`;
      this.run = run;
      began(run);
      let settled = false;
      const { clock } = this;
      openGateway(configs[this.#config]!, {
        clock,
        random: seeded(seed * 31 + this.runs),
        log: bugLog((bug) => this.#break(run, bug)),
        connect: connect(clock, run),
        openDisk: async (name) => disks.open(name, clock, () => this.run === run),
        segmentBytes: 262_144,
        run,
        bootTime: (bootId) => this.#bootTimes.get(bootId),
        reloadConfig: async () => ({ config: configs[this.#config], diagnostics: [] }),
      }).then(
        (gateway) => {
          settled = true;
          if (this.run !== run) return;
          this.gateway = gateway;
          this.#watch(gateway, run);
        },
        (error: unknown) => {
          settled = true;
          this.#break(run, `it does not start: ${String(error)}`);
        },
      );
      await this.clock.advance(openMs, () => settled || this.#ended !== undefined);
      if (!settled && !this.#ended) this.#break(run, "it does not start in time");
      this.#check();
      if (!this.#ended) return;
      await this.#restart(this.#ended);
    }
  }

  /** Lets time pass, looking at it now and then; starts it again when it ended meanwhile. */
  async until(moment: number, stepMs: number, look: () => void = () => {}): Promise<void> {
    while (this.now() < moment) {
      await this.clock.advance(Math.min(stepMs, moment - this.now()), () => this.#ended !== undefined);
      if (this.#ended) {
        await this.#restart(this.#ended);
        await this.open();
      }
      const [trouble] = this.gateway ? troublesOf(this.gateway) : [];
      if (trouble !== undefined) throw new Error(trouble);
      this.#check();
      look();
    }
  }

  async end(end: WeekEnd): Promise<void> {
    if (end.operations > 0) {
      this.#options.disks.endAfter(end.operations, () => this.#die(end));
      return;
    }
    if (end.how === "stopped") await this.stop();
    this.#die(end);
    await this.#restart(end);
    await this.open();
  }

  jump(ms: number): void {
    this.clock.jump(ms);
    this.#noteClock();
  }

  trust(): void {
    if (this.clock.trusted) return;
    this.clock.trust(this.now());
    this.#noteClock();
  }

  async reload(): Promise<void> {
    this.#config = (this.#config + 1) % this.#options.configs.length;
    let applied: boolean | undefined;
    this.gateway?.reload().then(
      (result) => {
        applied = result.applied;
      },
      (error: unknown) => {
        this.#broken ??= `a reload failed: ${String(error)}`;
      },
    );
    await this.clock.advance(openMs, () => applied !== undefined || this.#broken !== undefined);
    if (!applied) this.#broken ??= "a reload was not applied";
    if (this.gateway && this.run !== undefined) this.#watch(this.gateway, this.run);
    this.#check();
  }

  async stop(): Promise<void> {
    let closed = false;
    this.gateway?.[Symbol.asyncDispose]().then(
      () => {
        closed = true;
      },
      (error: unknown) => {
        this.#broken ??= `it does not stop: ${String(error)}`;
      },
    );
    await this.clock.advance(closeMs, () => closed || this.#broken !== undefined);
    if (!closed) this.#broken ??= "it does not stop in time";
    this.#account();
    this.#check();
  }

  /** Hears what the outbox answers for each pack. */
  #watch(gateway: Gateway, run: string): void {
    const { took, dropped } = this.#options;
    for (const { outbox } of gateway.sides.values()) {
      const append = outbox.append.bind(outbox);
      outbox.append = async (bytes, head) => {
        const outcome = await append(bytes, head);
        if (this.run !== run) return outcome;
        if (outcome === "dropped") dropped();
        else took(head.run, head.audience, head.seq, head.readings);
        return outcome;
      };
    }
  }

  /** What the gateway itself says that it has promised, as long as it lives. */
  #account(): void {
    for (const { audience, settledSeq } of this.gateway?.builder.accounting() ?? [])
      this.#options.promised(this.run ?? "", audience, settledSeq);
  }

  /** The process ends in this moment: nothing that it still does reaches anything. */
  #die(end: WeekEnd): void {
    if (this.run === undefined) return;
    this.#account();
    this.#ended = end;
    this.run = undefined;
    this.#options.disks.end(end.how === "power");
  }

  async #restart({ how, downMs, clockOff }: WeekEnd): Promise<void> {
    this.#ended = undefined;
    const [dead, clock] = [this.gateway, this.clock];
    this.gateway = undefined;
    if (how === "power") {
      this.#trueStart += downMs;
      this.boot(clockOff ?? 0, clockOff === undefined);
    } else {
      // A process that is killed leaves its boot; its clock goes on in another object.
      const { trusted, bootId } = clock;
      const [unix, monotonic] = [clock.now() + downMs, clock.monotonic() + downMs];
      this.clock = new VirtualClock({ unix, monotonic, trusted, bootId, rounds: 1 });
    }
    // Signals that nobody aborts would keep it in memory.
    void dead?.[Symbol.asyncDispose]().catch(() => {});
    await clock.advance(2 * closeMs);
  }

  #noteClock(): void {
    const began = this.clock.toUnix({ base: "boot", ms: 0 });
    if (began !== undefined) this.#bootTimes.set(this.clock.bootId, began);
  }

  #break(run: string, what: string): void {
    if (this.run === run) this.#broken ??= what;
  }

  #check(): void {
    if (this.#broken !== undefined) throw new Error(this.#broken);
  }
}

import type { Clock } from "../model/clock.ts";
import { GatewayError, LinkError, RefusedError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { Lane, Outbox, StoredPack } from "../outbox/outbox.ts";
import { groupBacklog, Pace, PackTimes } from "./backlog.ts";
import type { Northbound, OutgoingPack } from "./northbound.ts";

export interface ForwarderOptions {
  readonly outbox: Outbox;
  readonly northbound: Northbound;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the forwarder; what is on its way is not waited for (it stays in the outbox). */
  readonly signal: AbortSignal;
  /** Gives a boot-relative pack its absolute base time (Unix ms); `estimated` marks the pack as such. */
  setBaseTime(pack: Uint8Array, unixMs: number, estimated: boolean): Uint8Array;
  /** One pack of packs of one audience and run with contiguous seq, oldest first; it names its seq range. */
  mergePacks(packs: readonly Uint8Array[]): Uint8Array;
  /** Unix ms of the moment that an earlier boot counted from, if anybody remembers. */
  bootTime?(bootId: string): number | undefined;
  /** How long boot-relative packs wait for a trusted clock before they leave with the best known time. */
  readonly trustWaitMs?: number | undefined;
}

export interface Forwarder extends AsyncDisposable {
  /** Settles when the forwarder has ended; rejects only with a bug of ours or of a plug-in. */
  readonly done: Promise<void>;
  status(): ForwarderStatus;
}

export interface ForwarderStatus {
  /** Stored packs that the far side owns now. */
  readonly delivered: number;
  /** Messages that carried them: fewer, as backlog packs are merged. */
  readonly messages: number;
  /** Stored packs given up because the far side refused them for good. */
  readonly refused: number;
  readonly inFlight: number;
  /** Packs wait for the clock to be trusted. */
  readonly waitingForTime: boolean;
}

/** Starts to move packs from the outbox to the far side. */
export function openForwarder(options: ForwarderOptions): Forwarder {
  return new LaneForwarder(options);
}

/** Packs that leave as one message. */
interface Job {
  readonly packs: readonly StoredPack[];
  readonly outgoing: OutgoingPack;
}

const lanes: readonly Lane[] = ["urgent", "live", "backlog"];
/** Stored packs looked at in one go, so that the best ones to merge are seen together. */
const backlogWindow = 256;
const defaultTrustWaitMs = 10 * 60_000;
/** After a failure of the disk. */
const storagePauseMs = 1_000;

/**
 * Urgent before live before backlog. Within a lane and audience packs leave in the order of the
 * outbox: several are on their way at a time, and after a lost link everything without an
 * acknowledgement goes again from the oldest. At least once; `seq` tells the far side what it has.
 */
class LaneForwarder implements Forwarder {
  readonly done: Promise<void>;
  readonly #options: ForwarderOptions;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #times: PackTimes;
  readonly #pace: Pace;
  /** Ids on their way, by lane. */
  readonly #busy: Readonly<Record<Lane, Set<number>>> = {
    urgent: new Set(),
    live: new Set(),
    backlog: new Set(),
  };
  readonly #running = new Set<Promise<void>>();
  /** Ids that were acknowledged while a `peek` was under way, which may still show them. */
  readonly #justDone = new Set<number>();
  /** Delivered, but the disk did not take the note; noted again with the next one. */
  readonly #unnoted = new Map<number, StoredPack>();
  /** Members of a merged pack that was refused: each is tried by itself before it is given up. */
  readonly #alone = new Set<number>();
  readonly #refusalsTold = new Set<string>();
  #window: StoredPack[] = [];
  #linkLost = false;
  #storageFailed = false;
  #waitingForTime = false;
  #wake = Promise.withResolvers<void>();
  #delivered = 0;
  #messages = 0;
  #refused = 0;
  #fault: { readonly error: unknown } | undefined;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
    this.#times = new PackTimes(options.clock, options.trustWaitMs ?? defaultTrustWaitMs, (bootId) =>
      options.bootTime?.(bootId),
    );
    this.#pace = new Pace(options.clock, options.northbound.backlogRate ?? {});
    this.done = this.#run();
    // Whoever awaits `done` sees the error; until somebody does it must not count as unhandled.
    this.done.catch(() => {});
  }

  status(): ForwarderStatus {
    return {
      delivered: this.#delivered,
      messages: this.#messages,
      refused: this.#refused,
      inFlight: this.#running.size,
      waitingForTime: this.#waitingForTime,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.done;
  }

  async #run(): Promise<void> {
    try {
      while (!this.#signal.aborted) {
        await this.#options.northbound.connected(this.#signal);
        this.#linkLost = false;
        this.#wake = Promise.withResolvers<void>();
        const idle = await this.#fill();
        await this.#pause(idle);
        if (this.#fault) throw this.#fault.error;
        // Only when nothing is on its way any more may the oldest go again: that keeps the order.
        if (this.#linkLost) {
          await Promise.all(this.#running);
          this.#window = [];
        }
      }
    } catch (error) {
      if (!this.#signal.aborted) throw error;
    } finally {
      this.#stop.abort();
      await Promise.all(this.#running);
    }
    if (this.#fault) throw this.#fault.error;
  }

  /** Sends what may be sent now; gives the lanes that have nothing left to send. */
  async #fill(): Promise<readonly Lane[]> {
    this.#waitingForTime = false;
    const idle: Lane[] = [];
    try {
      for (const lane of lanes) {
        const started = lane === "backlog" ? await this.#fillBacklog() : await this.#fillLane(lane);
        if (!started && this.#busy[lane].size === 0) idle.push(lane);
      }
      this.#storageFailed = false;
    } catch (error) {
      this.#storageTrouble(error);
    }
    return idle;
  }

  /** Whether anything was found in the lane. */
  async #fillLane(lane: Lane): Promise<boolean> {
    const { northbound } = this.#options;
    const room = northbound.concurrency - this.#running.size;
    if (room <= 0) return true;
    const packs = await this.#peek(lane, room);
    const held = new Set<string>();
    for (const pack of packs) {
      if (this.#linkLost || this.#running.size >= northbound.concurrency) break;
      if (held.has(pack.audience)) continue;
      const bytes = this.#resolve(pack);
      if (bytes) this.#launch(lane, { packs: [pack], outgoing: outgoing(lane, [pack], bytes) });
      else held.add(pack.audience);
    }
    return packs.length > 0;
  }

  async #fillBacklog(): Promise<boolean> {
    const { northbound, mergePacks } = this.#options;
    // At most half of what may be on its way, so that a live pack never waits for a free place.
    const share = () => Math.max(1, northbound.concurrency >> 1);
    const free = () =>
      this.#running.size < northbound.concurrency && this.#groups < share() && this.#pace.delayMs() === 0;
    const held = new Set<string>();
    let found = this.#window.length > 0;
    while (free() && !this.#linkLost) {
      if (this.#window.length === 0) {
        this.#window = await this.#peek("backlog", backlogWindow);
        found ||= this.#window.length > 0;
      }
      const ready: { pack: StoredPack; bytes: Uint8Array }[] = [];
      const waiting: StoredPack[] = [];
      for (const pack of this.#window) {
        const bytes = held.has(pack.audience) ? undefined : this.#resolve(pack);
        if (bytes) ready.push({ pack, bytes });
        else {
          held.add(pack.audience);
          waiting.push(pack);
        }
      }
      const groups = groupBacklog(ready, northbound.maxPackBytes, this.#alone);
      const group = groups[0];
      if (!group) break;
      const packs = group.map(({ pack }) => pack);
      const [first] = group;
      const bytes = group.length === 1 && first ? first.bytes : mergePacks(group.map((entry) => entry.bytes));
      this.#pace.spend(bytes.length);
      this.#window = this.#window.filter((pack) => !packs.includes(pack));
      if (this.#window.length === waiting.length) this.#window = [];
      this.#launch("backlog", { packs, outgoing: outgoing("backlog", packs, bytes) });
    }
    return found;
  }

  /** Messages of the backlog that are on their way. */
  #groups = 0;

  async #peek(lane: Lane, room: number): Promise<StoredPack[]> {
    this.#justDone.clear();
    const packs = await this.#options.outbox.peek(lane, room + this.#busy[lane].size + this.#unnoted.size);
    return packs
      .filter(
        ({ id }) =>
          !this.#justDone.has(id) &&
          !this.#unnoted.has(id) &&
          lanes.every((other) => !this.#busy[other].has(id)),
      )
      .slice(0, room);
  }

  /** The pack's bytes with absolute time, or undefined while it has to wait for the clock. */
  #resolve(pack: StoredPack): Uint8Array | undefined {
    if (pack.time.base === "unix") return pack.bytes;
    const time = this.#times.of(pack);
    if (!time) {
      this.#waitingForTime = true;
      return undefined;
    }
    return this.#options.setBaseTime(pack.bytes, time.unixMs, time.estimated);
  }

  #launch(lane: Lane, job: Job): void {
    for (const { id } of job.packs) this.#busy[lane].add(id);
    if (lane === "backlog") this.#groups++;
    const running = this.#deliver(job)
      .catch((error: unknown) => {
        this.#fault ??= { error };
      })
      .finally(() => {
        for (const { id } of job.packs) this.#busy[lane].delete(id);
        if (lane === "backlog") this.#groups--;
        this.#running.delete(running);
        this.#wake.resolve();
      });
    this.#running.add(running);
  }

  async #deliver(job: Job): Promise<void> {
    const { northbound, outbox } = this.#options;
    try {
      await northbound.publish(job.outgoing, this.#signal);
    } catch (error) {
      if (error instanceof RefusedError) return await this.#refuse(job, error);
      if (this.#signal.aborted) return;
      if (!(error instanceof LinkError)) throw error;
      this.#linkLost = true;
      return;
    }
    this.#delivered += job.packs.length;
    this.#messages++;
    this.#refusalsTold.delete(job.outgoing.audience);
    for (const pack of job.packs) this.#alone.delete(pack.id);
    const note = [...job.packs, ...this.#unnoted.values()];
    for (const pack of job.packs) this.#unnoted.set(pack.id, pack);
    try {
      await outbox.ack(note);
      for (const { id } of note) {
        this.#unnoted.delete(id);
        this.#justDone.add(id);
      }
    } catch (error) {
      this.#storageTrouble(error);
    }
  }

  async #refuse(job: Job, error: RefusedError): Promise<void> {
    const { outbox, log } = this.#options;
    if (job.packs.length > 1) {
      for (const { id } of job.packs) this.#alone.add(id);
      this.#window = [];
      return;
    }
    const { audience } = job.outgoing;
    if (!this.#refusalsTold.has(audience)) {
      this.#refusalsTold.add(audience);
      log.warn({ code: error.code, hint: error.hint, audience }, `given up: ${error.message}`);
    }
    this.#refused += job.packs.length;
    for (const { id } of job.packs) this.#alone.delete(id);
    try {
      await outbox.drop(job.packs, "refused");
      for (const { id } of job.packs) this.#justDone.add(id);
    } catch (cause) {
      this.#storageTrouble(cause);
    }
  }

  #storageTrouble(error: unknown): void {
    if (this.#signal.aborted) return;
    if (!(error instanceof GatewayError)) throw error;
    if (!this.#storageFailed) this.#options.log.error({ code: error.code, hint: error.hint }, error.message);
    this.#storageFailed = true;
  }

  /** Waits until something may have changed: an answer, a new pack in an idle lane, time, trust. */
  async #pause(idle: readonly Lane[]): Promise<void> {
    const { clock, outbox } = this.#options;
    const over = new AbortController();
    const signal = AbortSignal.any([this.#signal, over.signal]);
    using timers = new DisposableStack();
    const wake = () => this.#wake.resolve();
    const after = (ms: number) => timers.use(clock.timer(ms, wake));
    const abort = () => wake();
    this.#signal.addEventListener("abort", abort);
    timers.defer(() => this.#signal.removeEventListener("abort", abort));
    if (this.#signal.aborted) return;
    if (this.#storageFailed) after(storagePauseMs);
    const delay = this.#pace.delayMs();
    if (delay > 0 && Number.isFinite(delay)) after(delay);
    if (this.#waitingForTime) {
      timers.use(clock.whenTrusted(wake));
      after(this.#times.waitMs());
    }
    const watching =
      idle.length === 0 || this.#storageFailed
        ? undefined
        : outbox.waitFor(idle, signal).then(wake, (error: unknown) => {
            if (signal.aborted) return;
            if (!(error instanceof GatewayError)) this.#fault ??= { error };
            wake();
          });
    await this.#wake.promise;
    over.abort();
    await watching;
  }
}

function outgoing(lane: Lane, packs: readonly StoredPack[], bytes: Uint8Array): OutgoingPack {
  const [first] = packs;
  const last = packs.at(-1);
  if (!first || !last) throw new RangeError("a message of no packs");
  return { lane, audience: first.audience, run: first.run, seq: first.seq, seqTo: last.seq, bytes };
}

// A little long: lanes, rates and what is on its way decide together which pack goes next.
import type { Clock } from "../model/clock.ts";
import { GatewayError, LinkError, RefusedError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { Lane, Outbox, StoredPack } from "../outbox/outbox.ts";
import { BootTimes, groupBacklog, Pace, type ReadyPack } from "./backlog.ts";
import { InFlight } from "./in-flight.ts";
import type { Northbound, OutgoingPack } from "./northbound.ts";

// Past 300 lines: one loop and the state that only it touches; what could stand alone stands in
// backlog.ts (what leaves together, when, with which time) and in-flight.ts (what is on its way).

export interface ForwarderOptions {
  readonly outbox: Outbox;
  readonly northbound: Northbound;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the forwarder; what is on its way is not waited for (it stays in the outbox). */
  readonly signal: AbortSignal;
  /** Gives a boot-relative pack absolute times: `unixMs` is its base time (`PackHead.time`). `codec/senml`. */
  setBaseTime(pack: Uint8Array, unixMs: number, estimated: boolean): Uint8Array;
  /** One pack of several of one audience and run with contiguous seq, oldest first. `codec/senml`. */
  mergePacks(packs: readonly Uint8Array[]): Uint8Array;
  /** Unix ms that an earlier boot counted from, if anybody remembers. */
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
  /** Stored packs given up: refused for good by the far side, or damaged in store. */
  readonly refused: number;
  readonly inFlight: number;
  /** Packs wait for the clock to be trusted. */
  readonly waitingForTime: boolean;
}

/** Starts to move packs from the outbox to the far side. */
export function openForwarder(options: ForwarderOptions): Forwarder {
  return new LaneForwarder(options);
}

const lanes: readonly Lane[] = ["urgent", "live", "backlog"];
/** Stored packs looked at in one go, so that those to merge are seen together. */
const backlogWindow = 256;
/** Live packs looked at while some audience is refused, so that it does not hide the others. */
const suspectWindow = 256;
const defaultTrustWaitMs = 10 * 60_000;
/** After a failure of the disk. */
const storagePauseMs = 1_000;
/** One for all pauses: an error of its own for each would cost more than the pause. */
const pauseOver = new LinkError("something has changed", { code: "closed" });

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
  readonly #bootTimes: BootTimes;
  readonly #pace: Pace;
  readonly #inFlight: InFlight;
  readonly #running = new Set<Promise<void>>();
  /** Members of a merged pack that was refused: each is tried by itself before it is given up. */
  readonly #alone = new Set<number>();
  /** Audiences whose last pack was refused, which was told once. */
  readonly #refusalsTold = new Set<string>();
  /** The first pack of each such audience, found by this round. */
  readonly #suspects = new Map<string, { lane: Lane; pack: StoredPack; bytes: Uint8Array }>();
  /** Backlog that was looked at and has not left, in groups that may leave together. */
  #groups: ReadyPack[][] = [];
  #backlogMessages = 0;
  #linkLost = false;
  #storageFailed = false;
  #waitingForTime = false;
  #wake = Promise.withResolvers<void>();
  #fault: { readonly error: unknown } | undefined;
  #delivered = 0;
  #messages = 0;
  #refused = 0;

  constructor(options: ForwarderOptions) {
    const { clock, northbound, outbox, trustWaitMs = defaultTrustWaitMs } = options;
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
    this.#inFlight = new InFlight(outbox);
    this.#bootTimes = new BootTimes(clock, trustWaitMs, (bootId) => options.bootTime?.(bootId));
    this.#pace = new Pace(clock, northbound.backlogRate ?? {});
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
        this.#wake = Promise.withResolvers();
        const idle = await this.#fill();
        await this.#pause(idle);
        if (this.#fault) break;
        // Only when nothing is on its way any more may the oldest go again: that keeps the order.
        if (this.#linkLost) {
          await Promise.all(this.#running);
          this.#groups = [];
        }
      }
    } catch (error) {
      if (!this.#signal.aborted) this.#fault ??= { error };
    }
    this.#stop.abort();
    await Promise.all(this.#running);
    if (this.#fault) throw this.#fault.error;
  }

  /** Sends what may be sent now; gives the lanes that have nothing to send, so that new packs in them are news. */
  async #fill(): Promise<readonly Lane[]> {
    const idle: Lane[] = [];
    this.#waitingForTime = false;
    try {
      for (const lane of lanes) {
        const found = lane === "backlog" ? await this.#fillBacklog() : await this.#fillLane(lane);
        if (!found && this.#inFlight.empty(lane)) idle.push(lane);
      }
      this.#probeSuspect();
      this.#storageFailed = false;
    } catch (error) {
      this.#storageTrouble(error);
    }
    return idle;
  }

  /** Whether the lane may hold anything. */
  async #fillLane(lane: "urgent" | "live"): Promise<boolean> {
    const { northbound } = this.#options;
    const room = northbound.concurrency - this.#running.size;
    if (room <= 0) return true;
    const suspicious = this.#refusalsTold.size > 0;
    const packs = await this.#inFlight.peek(lane, suspicious ? suspectWindow : room);
    for (const { pack, bytes } of await this.#ready(packs)) {
      if (this.#linkLost || this.#running.size >= northbound.concurrency) break;
      if (!this.#suspect(pack)) this.#launch(lane, [pack], bytes);
      else if (!this.#suspects.has(pack.audience)) this.#suspects.set(pack.audience, { lane, pack, bytes });
    }
    return packs.length > 0;
  }

  /**
   * An audience whose last pack was refused: some brokers (mosquitto) end the connection with the
   * refusal, so its packs go one at a time, when nothing else is on its way that would suffer.
   */
  #suspect({ audience }: StoredPack): boolean {
    return this.#refusalsTold.has(audience);
  }

  #probeSuspect(): void {
    const [next] = this.#suspects.values();
    this.#suspects.clear();
    if (next && this.#running.size === 0 && !this.#linkLost) this.#launch(next.lane, [next.pack], next.bytes);
  }

  /** Whether the lane may hold anything. */
  async #fillBacklog(): Promise<boolean> {
    const { northbound } = this.#options;
    while (!this.#linkLost) {
      // At most half of what may be on its way, so that a live pack need not wait for a free place.
      if (this.#backlogMessages >= Math.max(1, northbound.concurrency >> 1)) return true;
      if (this.#running.size >= northbound.concurrency || this.#pace.delayMs() > 0) return true;
      if (this.#groups.length === 0) {
        const packs = await this.#inFlight.peek("backlog", backlogWindow);
        const ready: ReadyPack[] = [];
        for (const entry of await this.#ready(packs)) {
          const { pack, bytes } = entry;
          if (!this.#suspect(pack)) ready.push(entry);
          else if (!this.#suspects.has(pack.audience))
            this.#suspects.set(pack.audience, { lane: "backlog", pack, bytes });
        }
        this.#groups = groupBacklog(ready, northbound.maxPackBytes, this.#alone);
        if (this.#groups.length === 0) return packs.length > 0;
      }
      this.#launchGroup();
    }
    return true;
  }

  /** Sends the first group as one message, or puts back smaller groups when it does not fit into one. */
  #launchGroup(): void {
    const group = this.#groups.shift() ?? [];
    const [first] = group;
    if (!first) return;
    let { bytes } = first;
    if (group.length > 1) {
      try {
        bytes = this.#options.mergePacks(group.map((entry) => entry.bytes));
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        // One of them is not what its head says. Each by itself: the far side judges.
        this.#groups.unshift(...group.map((entry) => [entry]));
        return;
      }
      if (bytes.length > this.#options.northbound.maxPackBytes) {
        const half = group.length >> 1;
        this.#groups.unshift(group.slice(0, half), group.slice(half));
        return;
      }
    }
    this.#pace.spend(bytes.length);
    const packs = group.map(({ pack }) => pack);
    this.#launch("backlog", packs, bytes);
  }

  /** Packs with absolute times, without those (and all that follow in their audience) that wait for the clock. */
  async #ready(packs: readonly StoredPack[]): Promise<ReadyPack[]> {
    const ready: ReadyPack[] = [];
    const held = new Set<string>();
    for (const pack of packs) {
      if (held.has(pack.audience)) continue;
      if (pack.time.base === "unix") {
        ready.push({ pack, bytes: pack.bytes, estimated: false });
        continue;
      }
      const boot = this.#bootTimes.of(pack);
      if (!boot) {
        held.add(pack.audience);
        this.#waitingForTime = true;
        continue;
      }
      try {
        const bytes = this.#options.setBaseTime(pack.bytes, boot.unixMs + pack.time.ms, boot.estimated);
        ready.push({ pack, bytes, estimated: boot.estimated });
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        this.#options.log.error(
          { code: error.code, id: pack.id },
          `a stored pack is damaged: ${error.message}`,
        );
        this.#refused++;
        await this.#giveUp([pack], "damaged");
      }
    }
    return ready;
  }

  #launch(lane: Lane, packs: readonly StoredPack[], bytes: Uint8Array): void {
    this.#inFlight.take(lane, packs);
    if (lane === "backlog") this.#backlogMessages++;
    const running = this.#deliver(packs, outgoing(lane, packs, bytes))
      .catch((error: unknown) => {
        this.#fault ??= { error };
      })
      .finally(() => {
        this.#inFlight.release(lane, packs);
        if (lane === "backlog") this.#backlogMessages--;
        this.#running.delete(running);
        this.#wake.resolve();
      });
    this.#running.add(running);
  }

  async #deliver(packs: readonly StoredPack[], message: OutgoingPack): Promise<void> {
    try {
      await this.#options.northbound.publish(message, this.#signal);
    } catch (error) {
      if (error instanceof RefusedError) return await this.#refuse(packs, error);
      if (this.#signal.aborted) return;
      if (!(error instanceof LinkError)) throw error;
      this.#linkLost = true;
      return;
    }
    this.#delivered += packs.length;
    this.#messages++;
    this.#refusalsTold.delete(message.audience);
    for (const { id } of packs) this.#alone.delete(id);
    try {
      await this.#inFlight.delivered(packs);
    } catch (error) {
      this.#storageTrouble(error);
    }
  }

  async #refuse(packs: readonly StoredPack[], error: RefusedError): Promise<void> {
    const [first] = packs;
    if (!first) return;
    if (packs.length > 1) {
      for (const { id } of packs) this.#alone.add(id);
      this.#groups = [];
      return;
    }
    const { audience } = first;
    if (!this.#refusalsTold.has(audience))
      this.#options.log.warn({ code: error.code, hint: error.hint, audience }, `given up: ${error.message}`);
    this.#refusalsTold.add(audience);
    this.#refused++;
    this.#alone.delete(first.id);
    try {
      await this.#giveUp(packs, "refused");
    } catch (cause) {
      this.#storageTrouble(cause);
    }
  }

  /**
   * Waits until their gap is safe, but not beyond the end: the pack that tells of it may have to wait for
   * this very end. They then come again from the outbox that is opened next.
   */
  async #giveUp(packs: readonly StoredPack[], reason: "refused" | "damaged"): Promise<void> {
    const dropped = this.#inFlight.dropped(packs, reason);
    dropped.catch(() => {});
    const ended = Promise.withResolvers<void>();
    this.#signal.addEventListener("abort", () => ended.resolve(), { once: true });
    if (!this.#signal.aborted) await Promise.race([dropped, ended.promise]);
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
    const wake = this.#wake.resolve;
    using waits = new DisposableStack();
    const over = new AbortController();
    waits.defer(() => over.abort(pauseOver));
    const signal = AbortSignal.any([this.#signal, over.signal]);
    this.#signal.addEventListener("abort", () => wake(), { signal: over.signal });
    if (this.#signal.aborted) return;

    const delay = this.#pace.delayMs();
    if (delay > 0) waits.use(clock.timer(delay, wake));
    if (this.#waitingForTime) {
      waits.use(clock.whenTrusted(wake));
      waits.use(clock.timer(this.#bootTimes.waitMs(), wake));
    }
    if (this.#storageFailed) waits.use(clock.timer(storagePauseMs, wake));
    else if (idle.length > 0) {
      outbox.waitFor(idle, signal).then(wake, (error: unknown) => {
        if (!signal.aborted) this.#fault ??= { error };
        wake();
      });
    }
    await this.#wake.promise;
  }
}

function outgoing(lane: Lane, packs: readonly StoredPack[], bytes: Uint8Array): OutgoingPack {
  const [first] = packs;
  const last = packs.at(-1);
  if (!first || !last) throw new RangeError("a message of no packs");
  return { lane, audience: first.audience, run: first.run, seq: first.seq, seqTo: last.seq, bytes };
}

import type { Clock, Random } from "../model/clock.ts";
import { type CommandResult, isLast } from "../model/command.ts";
import { GatewayError, RefusedError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { CommandCodec } from "./codec-seam.ts";
import type { Answerers } from "./command-desk.ts";
import type { Telling } from "./entry.ts";

/** What somebody is to be told: states in order, and how many each far side has taken. */
export interface Tellable {
  readonly states: readonly CommandResult[];
  readonly tellings: ReadonlyMap<string, Telling>;
}

export interface AnswerSenderOptions {
  northbounds(): readonly string[];
  readonly answerers: Answerers;
  readonly codec: Pick<CommandCodec, "encodeResult">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** A result as a far side may hear it; absent: as it is. */
  outgoing?(result: CommandResult, one: Tellable): CommandResult;
  /** That far side has taken one more. Must not throw. */
  told(one: Tellable, far: string): void;
  /** Most states that wait per far side; beyond, what was said on the way is dropped before last words. */
  readonly maxWaiting?: number | undefined;
}

const defaultWaiting = 20_000;
/** Commands whose answers are under way to one far side at once; those of one command go in order. */
const parallel = 8;
const firstPauseMs = 1000;
const longestPauseMs = 60_000;

/**
 * Brings results to the far sides, in order per command, until each is taken. Nothing is kept here that
 * the ledger does not know, but for answers to what was no command.
 */
export class AnswerSender implements AsyncDisposable {
  readonly #options: AnswerSenderOptions;
  readonly #fars = new Map<string, Far>();
  readonly #stop = new AbortController();
  /** States that no far side will get any more. */
  dropped = 0;

  constructor(options: AnswerSenderOptions) {
    this.#options = options;
  }

  /** States that no far side has taken yet. */
  get waiting(): number {
    let sum = 0;
    for (const far of this.#fars.values()) sum += waitingAt(far);
    return sum;
  }

  /** There may be something to tell. Cheap when there is not. */
  offer(one: Tellable): void {
    for (const [name, telling] of one.tellings) {
      const far = this.#far(name);
      if (!far) {
        // Gone from gateway.yaml: nobody will ever take it.
        this.#drop(one, telling, one.states.length);
        continue;
      }
      if (telling.told >= one.states.length) continue;
      far.queue.add(one);
      if (far.queue.size > (this.#options.maxWaiting ?? defaultWaiting) / 4) this.#shed(far);
      this.#pump(far);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new GatewayError("the command desk is closed", { code: "closed" }));
    await Promise.allSettled([...this.#fars.values()].flatMap(({ running }) => [...running]));
  }

  #far(name: string): Far | undefined {
    if (!this.#options.northbounds().includes(name)) return undefined;
    let far = this.#fars.get(name);
    if (!far) {
      far = new Far(name);
      this.#fars.set(name, far);
    }
    return far;
  }

  #pump(far: Far): void {
    for (const one of far.queue) {
      if (far.paused || this.#stop.signal.aborted || far.running.size >= parallel) return;
      if (far.active.has(one)) continue;
      far.active.add(one);
      const running = this.#tell(far, one).finally(() => {
        far.running.delete(running);
        far.active.delete(one);
        if (!isWaiting(far, one)) far.queue.delete(one);
        this.#pump(far);
      });
      far.running.add(running);
    }
  }

  /** Never rejects. */
  async #tell(far: Far, one: Tellable): Promise<void> {
    const { answerers, log } = this.#options;
    const { signal } = this.#stop;
    for (;;) {
      const telling = one.tellings.get(far.name);
      const state = telling && one.states[telling.told];
      if (!telling || !state) return;
      try {
        await answerers.connected(far.name, signal);
        const body = this.#encoded(state, one);
        const answer = { device: state.device, body, replyTo: telling.reply };
        await answerers.answer(far.name, answer, signal);
        far.pauseMs = firstPauseMs;
        if (far.failing) log.info({ northbound: far.name }, "answers to commands are taken again");
        far.failing = false;
        this.#took(one, far, telling, state);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof RefusedError) {
          log.warn(
            { northbound: far.name, id: state.id, code: error.code },
            "an answer to a command was refused",
          );
          this.dropped++;
          this.#took(one, far, telling, state);
          continue;
        }
        this.#pause(far, error);
        return;
      }
    }
  }

  /** Throws RefusedError: what has no bytes must not keep all others waiting for ever. */
  #encoded(state: CommandResult, one: Tellable): Uint8Array {
    const { codec, outgoing } = this.#options;
    try {
      return codec.encodeResult(outgoing?.(state, one) ?? state);
    } catch (cause) {
      throw new RefusedError("a result cannot be written as bytes: a bug", { code: "internal", cause });
    }
  }

  /** Unless it was asked for anew, or given up, while it was on its way. */
  #took(one: Tellable, far: Far, telling: Telling, state: CommandResult): void {
    if (one.tellings.get(far.name) !== telling || one.states[telling.told] !== state) return;
    telling.told++;
    this.#options.told(one, far.name);
  }

  #pause(far: Far, error: unknown): void {
    const { clock, random, log } = this.#options;
    if (!far.failing)
      log.warn(
        { northbound: far.name, error: String(error) },
        "answers to commands are not taken; they are kept",
      );
    far.failing = true;
    if (far.paused) return;
    far.paused = true;
    const ms = far.pauseMs * (0.5 + random() / 2);
    far.pauseMs = Math.min(longestPauseMs, far.pauseMs * 2);
    const again = () => {
      far.paused = false;
      this.#pump(far);
    };
    clock.sleep(ms, this.#stop.signal).then(again, () => {});
  }

  #shed(far: Far): void {
    let over = waitingAt(far) - (this.#options.maxWaiting ?? defaultWaiting);
    for (const wordsToo of [false, true]) {
      for (const one of far.queue) {
        if (over <= 0) return;
        const telling = one.tellings.get(far.name);
        const last = one.states.at(-1);
        if (!telling || !last || far.active.has(one)) continue;
        const keep = !wordsToo && isLast(last.state) ? 1 : 0;
        if (!wordsToo && keep === 0) continue;
        const before = telling.told;
        this.#drop(one, telling, one.states.length - keep);
        over -= telling.told - before;
        if (keep === 0) far.queue.delete(one);
      }
    }
  }

  #drop(one: Tellable, telling: Telling, upTo: number): void {
    if (telling.told >= upTo) return;
    if (this.dropped === 0)
      this.#options.log.warn(
        {},
        "answers to commands are dropped: no far side takes them; last words are kept longest",
      );
    this.dropped += upTo - telling.told;
    telling.told = upTo;
    for (const [name, other] of one.tellings) if (other === telling) this.#options.told(one, name);
  }
}

class Far {
  readonly name: string;
  /** In the order in which they were first offered. */
  readonly queue = new Set<Tellable>();
  readonly active = new Set<Tellable>();
  readonly running = new Set<Promise<void>>();
  paused = false;
  failing = false;
  pauseMs = firstPauseMs;

  constructor(name: string) {
    this.name = name;
  }
}

function isWaiting(far: Far, one: Tellable): boolean {
  const telling = one.tellings.get(far.name);
  return telling !== undefined && telling.told < one.states.length;
}

function waitingAt(far: Far): number {
  let sum = 0;
  for (const one of far.queue)
    sum += one.states.length - (one.tellings.get(far.name)?.told ?? one.states.length);
  return sum;
}

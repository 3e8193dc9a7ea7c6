/** Signals that are listened to before those are dropped that nobody waits with. */
const mostHeard = 4;

/**
 * Hears of the abort of the signals that requests come with. Callers pass one and the same signal
 * again and again: one listener stays on it, as adding and removing one for every request costs
 * more than the request.
 */
export class AbortListeners {
  readonly #heard = new Map<AbortSignal, () => void>();
  readonly #isAwaited: (signal: AbortSignal) => boolean;
  readonly #aborted: (signal: AbortSignal) => void;

  constructor(isAwaited: (signal: AbortSignal) => boolean, aborted: (signal: AbortSignal) => void) {
    this.#isAwaited = isAwaited;
    this.#aborted = aborted;
  }

  listen(signal: AbortSignal): void {
    if (this.#heard.has(signal)) return;
    if (this.#heard.size >= mostHeard) this.#drop((one) => !this.#isAwaited(one));
    const abort = () => this.#aborted(signal);
    this.#heard.set(signal, abort);
    signal.addEventListener("abort", abort, { once: true });
  }

  clear(): void {
    this.#drop(() => true);
  }

  #drop(which: (signal: AbortSignal) => boolean): void {
    for (const [signal, abort] of this.#heard) {
      if (!which(signal)) continue;
      signal.removeEventListener("abort", abort);
      this.#heard.delete(signal);
    }
  }
}

/** Silence after which a connection is made anew the first time, and at most, ms; it grows by the factor. */
const firstMs = 3_000;
const longestMs = 300_000;
const factor = 4;

/**
 * How long nobody has answered on a network connection. TCP sends what was lost again after pauses
 * that double up to two minutes (RFC 6298, 5.5), and what is asked later waits behind it: after an
 * outage a new connection is heard long before. But who is only asleep must not be connected to
 * for ever: each time that a new connection brought no answer, the next one waits longer.
 */
export class Silence {
  #since: number;
  #tries = 0;

  /** `now`: monotonic ms, as everywhere here. */
  constructor(now: number) {
    this.#since = now;
  }

  heard(now: number): void {
    this.#since = now;
    this.#tries = 0;
  }

  /** A new connection is open. */
  opened(now: number): void {
    this.#since = now;
  }

  /** Whether to connect anew. */
  isTooLong(now: number): boolean {
    return now - this.#since >= Math.min(longestMs, firstMs * factor ** this.#tries);
  }

  /** It is connected to anew because of the silence. */
  tried(): void {
    this.#tries++;
  }
}

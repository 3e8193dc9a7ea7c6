import type { Log } from "../model/log.ts";
import type { Gap } from "./outbox.ts";

/**
 * Told of every Gap, once, or again after a restart that came before it was safe. A promise says
 * when the gap itself is safe (its own pack appended); until then the packs are not given up on disk.
 */
export type OnGap = (gap: Gap) => void | Promise<void>;

/** Reports gaps and remembers which reports are under way. */
export class GapReporter {
  readonly #onGap: OnGap;
  readonly #log: Log;
  readonly #open = new Set<Promise<boolean>>();

  constructor(onGap: OnGap, log: Log) {
    this.#onGap = onGap;
    this.#log = log;
  }

  /** True when all of them are safe. Never rejects. */
  report(gaps: readonly Gap[]): Promise<boolean> {
    if (gaps.length === 0) return Promise.resolve(true);
    const report = this.#deliver(gaps).finally(() => this.#open.delete(report));
    this.#open.add(report);
    return report;
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open);
  }

  async #deliver(gaps: readonly Gap[]): Promise<boolean> {
    try {
      await Promise.all(gaps.map((gap) => this.#onGap(gap)));
      return true;
    } catch (error) {
      this.#log.error({ error, gaps }, "gap not reported; its packs come back at the next start");
      return false;
    }
  }
}

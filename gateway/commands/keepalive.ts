import type { Clock } from "../model/clock.ts";
import type { Log } from "../model/log.ts";
import { targetOf } from "./checks.ts";
import type { CommandAudit } from "./command-audit.ts";
import { pointKey, type Standing } from "./entry.ts";
import type { Lanes } from "./lanes.ts";
import { type OwnWriteOptions, writeOwn } from "./own-write.ts";

export interface KeepaliveOptions extends OwnWriteOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly audit: CommandAudit;
  readonly lanes: Lanes;
}

type Place = Pick<Standing, "device" | "point">;

/**
 * Writes what a point was commanded once more before the device falls back (`keepalive`), from the first
 * command on until a release or a failsafe. While the device is gone it is tried on, at the same pace.
 */
export class Keepalive implements Disposable {
  readonly #options: KeepaliveOptions;
  readonly #timers = new Map<string, Disposable>();
  readonly #failing = new Set<string>();

  constructor(options: KeepaliveOptions) {
    this.#options = options;
  }

  /** The point was written just now. */
  written(place: Place): void {
    const everyMs = this.#target(place)?.rule.keepaliveMs;
    if (everyMs !== undefined) this.#wait(place, everyMs);
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
    this.#timers.clear();
  }

  #wait(place: Place, everyMs: number): void {
    const key = pointKey(place);
    this.#timers.get(key)?.[Symbol.dispose]();
    this.#timers.set(
      key,
      this.#options.clock.timer(everyMs, () => this.#due(place, everyMs)),
    );
  }

  #due(place: Place, lastEveryMs: number): void {
    const key = pointKey(place);
    const { ledger, lanes } = this.#options;
    const standing = ledger.standings.get(key);
    if (!standing || standing.released || standing.uncertain || standing.by === "failsafe") {
      this.#timers.delete(key);
      return;
    }
    const target = this.#target(place);
    if (target && target.rule.keepaliveMs === undefined) {
      // The profile does not ask for it any more.
      this.#timers.delete(key);
      return;
    }
    this.#wait(place, target?.rule.keepaliveMs ?? lastEveryMs);
    if (!target) return;
    // While something else is written to the point there is nothing to keep alive.
    lanes.exclusive(key, async (signal) => {
      try {
        await writeOwn(this.#options, target, standing.value, signal);
        if (this.#failing.delete(key)) this.#tell(place, "works again");
      } catch (error) {
        if (signal.aborted || this.#failing.has(key)) return;
        this.#failing.add(key);
        this.#tell(place, String(error));
      }
    });
  }

  #tell(place: Place, text: string): void {
    const { log, audit } = this.#options;
    const { device, point } = place;
    log.warn({ device, point, text }, "keepalive of a commanded point");
    audit.own("keepalive", { device, point, text });
  }

  #target({ device, point }: Place) {
    return targetOf({ device, point }, this.#options.field);
  }
}

import { targetOf } from "./checks.ts";
import { plain } from "./command-audit.ts";
import { pointKey, type Standing } from "./entry.ts";
import { Failsafe, type FailsafeOptions, type Links } from "./failsafe.ts";
import { Keepalive } from "./keepalive.ts";
import { writeOwn } from "./own-write.ts";

export type { Links };

const firstPauseMs = 5_000;
const longestPauseMs = 300_000;

/** Watches over commanded points when nobody commands: keepalive, failsafe, and what a restart does. */
export class Guardian implements Disposable {
  readonly #options: FailsafeOptions;
  readonly #keepalive: Keepalive;
  readonly #failsafe: Failsafe;

  constructor(options: FailsafeOptions) {
    this.#options = options;
    this.#keepalive = new Keepalive(options);
    this.#failsafe = new Failsafe(options);
  }

  /** After a restart: each commanded point as its profile says. */
  start(): void {
    this.#failsafe.start();
    const { ledger, field } = this.#options;
    for (const [key, standing] of ledger.standings) {
      if (standing.released) continue;
      const restart = targetOf(standing, field)?.rule.restart ?? "hold";
      const unchanged = () => ledger.standings.get(key) === standing;
      if (restart === "failsafe")
        void this.#failsafe.write(standing, "the gateway was started again", unchanged);
      else if (restart === "last" && !standing.uncertain) void this.#writeLast(standing, unchanged);
    }
  }

  /** `known`: whether the device has what was asked for. */
  carriedOut(place: Pick<Standing, "device" | "point">, known: boolean): void {
    if (known) this.#keepalive.written(place);
    this.#failsafe.refresh();
  }

  [Symbol.dispose](): void {
    this.#keepalive[Symbol.dispose]();
    this.#failsafe[Symbol.dispose]();
  }

  async #writeLast(standing: Standing, stillDue: () => boolean): Promise<void> {
    const { clock, signal, lanes, audit, field } = this.#options;
    const { device, point, value } = standing;
    for (
      let pause = firstPauseMs;
      !signal.aborted && stillDue();
      pause = Math.min(longestPauseMs, pause * 2)
    ) {
      const done = Promise.withResolvers<boolean>();
      const job = async (aborted: AbortSignal): Promise<void> => {
        try {
          const target = targetOf(standing, field);
          if (!target) return;
          await writeOwn(this.#options, target, value, aborted);
          audit.own("restart", { device, point, value: plain(value) });
          this.#keepalive.written(standing);
          done.resolve(true);
        } catch {
          // Tried again; the loop below says when.
        } finally {
          done.resolve(false);
        }
      };
      if (lanes.exclusive(pointKey(standing), job) && (await done.promise)) return;
      await clock.sleep(pause, signal).catch(() => {});
    }
  }
}

import type { Clock } from "../model/clock.ts";
import type { Command } from "../model/command.ts";
import { lifeLeft } from "./carry-out.ts";
import type { Entry } from "./entry.ts";
import { pointKey } from "./entry.ts";
import { atLeast } from "./holds.ts";
import type { Lanes } from "./lanes.ts";
import type { CommandRules } from "./rules.ts";

export interface ArmingOptions {
  readonly clock: Clock;
  readonly lanes: Pick<Lanes, "giveUp" | "replace">;
  rules(): CommandRules;
}

/** Two-step commands that wait for their confirmation, for a bounded time. */
export class Arming implements Disposable {
  readonly #options: ArmingOptions;
  readonly #waiting = new Map<Entry, Disposable>();
  #closed = false;

  constructor(options: ArmingOptions) {
    this.#options = options;
  }

  arm(entry: Entry): void {
    const { clock, lanes, rules } = this.#options;
    entry.phase = "armed";
    if (this.#closed) return;
    const late = () => {
      this.#waiting.delete(entry);
      void lanes.giveUp(entry, { state: "expired", text: "nobody confirmed it in time" });
    };
    const ms = Math.max(0, Math.min(rules().armingMs, lifeLeft(entry, clock)));
    this.#waiting.set(entry, clock.timer(ms, late));
  }

  /** The command that this one confirms, no longer waiting. */
  take(confirm: Command): Entry | undefined {
    const entry = this.#confirmed(confirm);
    if (!entry) return undefined;
    this.#waiting.get(entry)?.[Symbol.dispose]();
    this.#waiting.delete(entry);
    return entry;
  }

  /** What a confirmation would find. `named`: any command with the id that it confirms. */
  stateOf(confirm: Command, named: Entry | undefined): "armed" | "late" | undefined {
    if (this.#confirmed(confirm)) return "armed";
    if (!named || this.#waiting.has(named) || pointKey(named.command) !== pointKey(confirm)) return undefined;
    return named.states.some(({ stage }) => stage === "armed") ? "late" : undefined;
  }

  /**
   * Ids are unique per issuer only: what is confirmed is of the same point, and of two with one id the
   * issuer's own, or none.
   */
  #confirmed(confirm: Command): Entry | undefined {
    const found = [...this.#waiting.keys()].filter(
      ({ command }) => command.id === confirm.confirms && pointKey(command) === pointKey(confirm),
    );
    return found.length > 1 ? found.find(({ command }) => command.issuer === confirm.issuer) : found[0];
  }

  /** A newer command of the point is carried out: what waits and is not stronger is given up. */
  supersede(newer: Entry): void {
    for (const [older, timer] of this.#waiting) {
      if (older === newer || pointKey(older.command) !== pointKey(newer.command)) continue;
      if (!atLeast(newer.command.priority, older.command.priority)) continue;
      timer[Symbol.dispose]();
      this.#waiting.delete(older);
      this.#options.lanes.replace(older, newer);
    }
  }

  /** They stay open in the ledger: the next start gives them their last word. */
  [Symbol.dispose](): void {
    this.#closed = true;
    for (const timer of this.#waiting.values()) timer[Symbol.dispose]();
    this.#waiting.clear();
  }
}

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

  /** The command that waits under this id, no longer waiting. */
  take(id: string): Entry | undefined {
    for (const [entry, timer] of this.#waiting) {
      if (entry.command.id !== id) continue;
      timer[Symbol.dispose]();
      this.#waiting.delete(entry);
      return entry;
    }
    return undefined;
  }

  /** What a confirmation would find. `named`: the command with the id that it confirms. */
  stateOf(command: Command, named: Entry | undefined): "armed" | "late" | undefined {
    if (!named || pointKey(named.command) !== pointKey(command)) return undefined;
    if (this.#waiting.has(named)) return "armed";
    return named.states.some(({ stage }) => stage === "armed") ? "late" : undefined;
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

import type { Clock } from "../model/clock.ts";
import { type CommandOrigin, type CommandResult, isLast } from "../model/command.ts";
import { StorageError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { AnswerSender } from "./answer-sender.ts";
import type { CommandAudit } from "./command-audit.ts";
import type { DeskStatus } from "./command-desk.ts";
import { type Entry, present } from "./entry.ts";
import type { Ledger } from "./ledger.ts";
import type { LedgerRecord } from "./ledger-record.ts";
import type { Subscribers } from "./subscribers.ts";

export interface BookOptions {
  readonly ledger: Ledger;
  readonly sender: AnswerSender;
  readonly subscribers: Subscribers;
  readonly audit: CommandAudit;
  northbounds(): readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** Ends all waiting for the disk. */
  readonly signal: AbortSignal;
}

/** What a result says beside whose it is. */
export type Said = Omit<CommandResult, "id" | "device" | "point" | "issuer" | "time" | "last">;

export interface FinishOptions {
  /** What must be saved with it; called once, and not when there is a last word already. */
  readonly beside?: () => readonly LedgerRecord[];
  readonly patient?: boolean;
}

const firstPauseMs = 1000;
const longestPauseMs = 60_000;

/**
 * The life of commands on paper: what is said of one is first made durable, then told to everyone. A last
 * word is said once, and never before the disk has it.
 */
export class Book {
  readonly #options: BookOptions;
  readonly #counts = { accepted: 0, succeeded: 0, failed: 0, expired: 0 };
  readonly #refused = new Map<string, number>();

  constructor(options: BookOptions) {
    this.#options = options;
  }

  get counts(): Pick<DeskStatus, "accepted" | "succeeded" | "failed" | "expired" | "refused"> {
    return { ...this.#counts, refused: Object.fromEntries(this.#refused) };
  }

  countRefusal(code: string): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
  }

  /** A new entry with its first state, and what was decided with it. Rejects with StorageError: then there is none. */
  async begin(entry: Entry, beside: readonly LedgerRecord[] = [], commit?: () => void): Promise<void> {
    const { ledger, audit } = this.#options;
    ledger.add(entry);
    ledger.prune();
    entry.saved = ledger.save([...beside, { type: "entry", entry }], { commit });
    try {
      await entry.saved;
    } catch (error) {
      ledger.remove(entry);
      throw error;
    }
    const result = present(entry);
    if (entry.refused) this.countRefusal(result.code ?? "internal");
    else {
      this.#counts.accepted++;
      if (result.last) this.#countEnd(result);
    }
    audit.command(entry.command, entry.origin, result, entry.refused);
    this.#publish(entry, result);
  }

  /** What is said on the way. A stage is kept as well as can be: it explains an interruption. */
  progress(entry: Entry, said: Said): void {
    if (entry.phase === "ending" || entry.phase === "ended") return;
    const result = this.result(entry, said);
    entry.states = [...entry.states, result];
    if (said.stage !== undefined && said.stage !== "armed")
      this.#options.ledger.save([{ type: "entry", entry }], { sync: false }).catch(() => {});
    this.#publish(entry, result);
  }

  /**
   * The last word. Waits for the disk as long as it takes, and resolves when it was said, or the desk
   * closes before (a restart then says `interrupted`); not `patient` it rejects with StorageError. Says nothing when
   * one was said already.
   */
  async finish(
    entry: Entry,
    said: Said,
    { beside = () => [], patient = true }: FinishOptions = {},
  ): Promise<void> {
    if (entry.phase === "ending" || entry.phase === "ended") return;
    entry.phase = "ending";
    const result = this.result(entry, said);
    const states = [...entry.states, result];
    if (entry.origin.kind !== "northbound" && changed(result))
      for (const far of this.#options.northbounds())
        if (!entry.tellings.has(far)) entry.tellings.set(far, { told: states.length - 1 });
    const records: LedgerRecord[] = [...beside(), { type: "entry", entry: { ...entry, states } }];
    const commit = () => {
      entry.states = states;
      entry.phase = "ended";
    };
    if (!(await this.#saved(records, commit, { id: entry.command.id, patient }))) return;
    this.#countEnd(result);
    this.#options.audit.command(entry.command, entry.origin, result);
    this.#publish(entry, result);
  }

  result(entry: Pick<Entry, "command">, said: Said): CommandResult {
    const { id, device, point, issuer } = entry.command;
    return {
      id,
      device,
      point,
      issuer,
      ...said,
      time: this.#options.clock.stamp(),
      last: isLast(said.state),
    };
  }

  /** The present state goes to this far side once more, where it is asked for. */
  again(entry: Entry, origin: CommandOrigin): void {
    if (origin.kind !== "northbound") return;
    const told = Math.min(
      entry.tellings.get(origin.northbound)?.told ?? Number.POSITIVE_INFINITY,
      entry.states.length - 1,
    );
    entry.tellings.set(origin.northbound, { told, reply: origin.reply });
    this.#options.sender.offer(entry);
  }

  async #saved(
    records: readonly LedgerRecord[],
    commit: () => void,
    { id, patient }: { readonly id: string; readonly patient: boolean },
  ): Promise<boolean> {
    const { ledger, clock, log, signal } = this.#options;
    for (let pause = firstPauseMs; ; pause = Math.min(longestPauseMs, pause * 2)) {
      try {
        await ledger.ready();
        await ledger.save(records, { commit });
        return true;
      } catch (error) {
        if (!(error instanceof StorageError) || !patient) throw error;
        if (pause === firstPauseMs)
          log.error(
            { id, code: error.code },
            "the disk does not take the result of a command; it is kept back",
          );
        await clock.sleep(pause, signal).catch(() => {});
        if (signal.aborted) return false;
      }
    }
  }

  #countEnd({ state }: CommandResult): void {
    if (state === "succeeded" || state === "failed" || state === "expired") this.#counts[state]++;
  }

  #publish(entry: Entry, result: CommandResult): void {
    this.#options.subscribers.publish(result);
    this.#options.sender.offer(entry);
  }
}

/** Whether the city must learn of what it did not ask for: something was written, or may have been. */
function changed({ state, unchanged, code }: CommandResult): boolean {
  if (state === "succeeded") return unchanged !== true;
  return code === "interrupted" || code === "no-answer" || code === "not-verified" || code === "taken-back";
}

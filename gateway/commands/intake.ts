import type { Clock } from "../model/clock.ts";
import { type Command, type CommandOrigin, type CommandResult, isLast } from "../model/command.ts";
import type { AnswerSender } from "./answer-sender.ts";
import type { Arming } from "./arming.ts";
import type { Book, Said } from "./book.ts";
import { type Asked, type Circumstances, judge, needsConfirmation, type Verdict } from "./checks.ts";
import type { WallTime } from "./codec-seam.ts";
import { Allowance, type CommandAudit } from "./command-audit.ts";
import type { Field } from "./command-desk.ts";
import { type Entry, entryKey, pointKey, present, sameCommand, type Telling } from "./entry.ts";
import { holdOf } from "./holds.ts";
import type { Lanes } from "./lanes.ts";
import type { Ledger } from "./ledger.ts";
import { momentOf } from "./moment.ts";
import { reserve } from "./reserve.ts";
import type { CommandRules } from "./rules.ts";
import type { Rates, Wear } from "./wear.ts";

export interface IntakeOptions {
  rules(): CommandRules;
  readonly clock: Clock;
  readonly field: Field;
  readonly ledger: Ledger;
  readonly book: Book;
  readonly sender: AnswerSender;
  readonly audit: CommandAudit;
  readonly lanes: Lanes;
  readonly arming: Arming;
  readonly wear: Wear;
  readonly rates: Rates;
  readonly maxOpen?: number | undefined;
}

/** Refused commands that are kept per minute: each one costs a sync of the disk. */
const keptRefusals = 60;
const mostOpen = 500;

/** Where commands are taken or refused: between the checks and the ledger, in one turn, so that no two see the same room. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #refusals: Allowance;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#refusals = new Allowance(options.clock, keptRefusals);
  }

  /** What a command would be told. */
  check(asked: Asked): CommandResult | undefined {
    const verdict = judge(asked, this.#circumstances());
    if (!verdict) return undefined;
    if ("again" in verdict) return present(this.#known(asked.command));
    return this.#options.book.result(asked, refused(verdict));
  }

  /** Decides on a command and keeps what was decided. Rejects with StorageError: then nothing was. */
  async take(asked: Asked): Promise<CommandResult> {
    const { command, origin } = asked;
    const { ledger, book } = this.#options;
    if (ledger.full) ledger.prune();
    const verdict = judge(asked, this.#circumstances());
    if (verdict && "again" in verdict) {
      const known = this.#known(command);
      await known.saved;
      book.again(known, origin);
      return present(known);
    }
    if (verdict) return this.#refuse(asked, verdict);
    if (command.action === "confirm") return this.#confirm(asked);
    if (command.action === "release") return this.#release(asked);
    return this.#accept(asked);
  }

  async #accept({ command, origin }: Asked): Promise<CommandResult> {
    const { field } = this.#options;
    const armed = needsConfirmation(command, field) && origin.kind !== "failsafe";
    const taken = reserve(command, field, this.#options.wear);
    const first: Said = armed ? { state: "accepted", stage: "armed" } : { state: "accepted" };
    const entry = this.#entry({ command, origin }, first, armed ? "armed" : "waiting", taken.reserved);
    this.#options.rates.note(command, entry.received);
    const expected = armed ? undefined : field.expectWrite?.(command.device);
    try {
      await this.#options.book.begin(entry, taken.records);
    } catch (error) {
      expected?.[Symbol.dispose]();
      this.#options.rates.takeBack(command, entry.received);
      taken.giveBack();
      throw error;
    }
    if (armed) this.#options.arming.arm(entry);
    else this.#queue(entry, expected);
    // What it is now: a queue may have ended it at once.
    return entry.states[0] ?? present(entry);
  }

  async #confirm(asked: Asked): Promise<CommandResult> {
    const waiting = this.#options.arming.take(asked.command);
    const text = `${asked.command.confirms} is carried out`;
    const entry = this.#entry(asked, { state: "succeeded", text }, "ended");
    const expected = waiting && this.#options.field.expectWrite?.(waiting.command.device);
    try {
      await this.#options.book.begin(entry);
    } catch (error) {
      expected?.[Symbol.dispose]();
      if (waiting) this.#options.arming.arm(waiting);
      throw error;
    }
    if (waiting) this.#queue(waiting, expected);
    return present(entry);
  }

  async #release(asked: Asked): Promise<CommandResult> {
    const key = pointKey(asked.command);
    const { standings } = this.#options.ledger;
    const standing = standings.get(key);
    const held = standing !== undefined && !standing.released;
    const said: Said = { state: "succeeded", unchanged: held ? undefined : true };
    const entry = this.#entry(asked, said, "ended");
    if (!standing) await this.#options.book.begin(entry);
    else {
      const released = { ...standing, released: true };
      await this.#options.book.begin(entry, [{ type: "standing", standing: released }], () => {
        // A write that came in between holds it anew.
        if (standings.get(key) === standing) standings.set(key, released);
      });
    }
    return present(entry);
  }

  async #refuse(asked: Asked, verdict: Verdict & { readonly by: string }): Promise<CommandResult> {
    if ("again" in verdict) throw new RangeError("not a refusal");
    const { command, origin } = asked;
    const kept =
      !["form", "signature", "id", "busy"].includes(verdict.by) &&
      (origin.kind !== "northbound" || this.#refusals.take());
    if (!kept) {
      this.#options.book.countRefusal(verdict.refuse);
      return this.answerOnce(command, origin, verdict, command);
    }
    const entry = this.#entry(asked, refused(verdict), "ended");
    await this.#options.book.begin(entry);
    return present(entry);
  }

  /** An answer that the ledger does not keep. */
  answerOnce(
    about: Pick<Command, "id" | "device" | "point" | "issuer">,
    origin: CommandOrigin,
    verdict: { readonly refuse: NonNullable<Said["code"]>; readonly text: string },
    command?: Command,
  ): CommandResult {
    const { id, device, point, issuer } = about;
    const time = this.#options.clock.stamp();
    const result: CommandResult = { id, device, point, issuer, ...refused(verdict), time, last: true };
    if (command) this.#options.audit.command(command, origin, result, true);
    this.#options.sender.offer({ states: [result], tellings: tellingsFor(origin) });
    return result;
  }

  #entry(
    { command, origin }: Pick<Asked, "command" | "origin">,
    first: Said,
    phase: Entry["phase"],
    reserved: Entry["reserved"] = new Map(),
  ): Entry {
    const { clock } = this.#options;
    const { expiry } = command;
    return {
      key: entryKey(command),
      command,
      origin,
      received: momentOf(clock),
      lifeMs: "at" in expiry ? Math.max(0, expiry.at - clock.now()) : expiry.inMs,
      refused: first.state === "failed",
      states: [this.#options.book.result({ command }, first)],
      tellings: tellingsFor(origin),
      reserved,
      phase,
      saved: Promise.resolve(),
    };
  }

  #queue(entry: Entry, expected: Disposable | undefined): void {
    this.#options.arming.supersede(entry);
    this.#options.lanes.enqueue(entry);
    // In a moment the write waits for the line by itself, or there is none.
    if (expected) this.#options.clock.timer(1, () => expected[Symbol.dispose]());
  }

  #known(command: Command): Entry {
    const entry = this.#options.ledger.entries.get(entryKey(command));
    if (!entry) throw new RangeError(`no command ${command.id}`);
    return entry;
  }

  /** Commands without a last word. */
  get open(): number {
    let open = 0;
    for (const entry of this.#options.ledger.entries.values()) if (!isLast(present(entry).state)) open++;
    return open;
  }

  #now(): WallTime {
    const { clock } = this.#options;
    return { unixMs: clock.now(), trusted: clock.trusted };
  }

  #circumstances(): Circumstances {
    const { field, clock } = this.#options;
    const ledger = this.#options.ledger;
    return {
      now: this.#now(),
      rules: this.#options.rules(),
      device: (id) => field.device(id),
      latest: (device, point) => field.latest(device, point),
      known: (command) => {
        const entry = ledger.entries.get(entryKey(command));
        return entry && (sameCommand(entry.command, command) ? "same" : "other");
      },
      hold: (device, point) => holdOf(ledger.standings.get(pointKey({ device, point })), clock),
      armed: (command) => this.#options.arming.stateOf(command, ledger.byId(command.confirms ?? "")),
      rateWait: (command, rate) => this.#options.rates.wait(command, rate),
      budgetLeft: (device, point, budget) => this.#options.wear.left({ device, point }, budget),
      busy: ledger.full || this.open >= (this.#options.maxOpen ?? mostOpen),
    };
  }
}

function refused({
  refuse,
  text,
}: {
  readonly refuse: NonNullable<Said["code"]>;
  readonly text: string;
}): Said {
  return { state: "failed", code: refuse, text };
}

function tellingsFor(origin: CommandOrigin): Map<string, Telling> {
  if (origin.kind !== "northbound") return new Map();
  return new Map([[origin.northbound, { told: 0, reply: origin.reply }]]);
}

import type { Clock, Random } from "../model/clock.ts";
import { type Command, type CommandOrigin, type CommandResult, commandId, isLast } from "../model/command.ts";
import { GatewayError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { IncomingCommand } from "../northbound/northbound.ts";
import type { Disk } from "../store/disk.ts";
import { AnswerSender } from "./answer-sender.ts";
import { Arming } from "./arming.ts";
import { Book, type Said } from "./book.ts";
import { type Asked, type Circumstances, judge, needsConfirmation, type Verdict } from "./checks.ts";
import type { CommandCodec, WallTime } from "./codec-seam.ts";
import { Allowance, CommandAudit } from "./command-audit.ts";
import type { Answerers, Audit, CommandDesk, DeskStatus, Field, Hold } from "./command-desk.ts";
import { type Entry, entryKey, pointKey, present, sameCommand, type Telling } from "./entry.ts";
import { Guardian, type Links } from "./guardian.ts";
import { holdOf } from "./holds.ts";
import { Lanes } from "./lanes.ts";
import { defaultRetention, Ledger, type Retention } from "./ledger.ts";
import { momentOf } from "./moment.ts";
import { recover } from "./recover.ts";
import { reserve } from "./reserve.ts";
import type { CommandRules } from "./rules.ts";
import { Subscribers } from "./subscribers.ts";
import { Rates, Wear } from "./wear.ts";

export interface DeskOptions {
  /** Asked at every command, so that a reload counts at once. */
  rules(): CommandRules;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** A folder of its own: the ledger's. */
  readonly disk: Disk;
  readonly field: Field;
  readonly answerers: Answerers;
  /** Names of the far sides. */
  readonly northbounds: readonly string[];
  readonly links: Links;
  readonly audit: Audit;
  readonly codec: CommandCodec;
  readonly retention?: Retention | undefined;
  /** Commands without a last word; beyond, further ones are refused `busy`. Default 500. */
  readonly maxOpen?: number | undefined;
}

/** Refused commands that are kept per minute: each one costs a sync of the disk. */
const keptRefusals = 60;

/**
 * Opens the ledger and gives every command of earlier runs its last word. Rejects with StorageError when
 * the ledger cannot be read or written. Nothing is written to devices before `open` resolves.
 */
export async function openDesk(options: DeskOptions): Promise<CommandDesk> {
  const { retention = defaultRetention } = options;
  const ledger = await Ledger.open({ ...options, retention });
  try {
    const desk = new Desk(options, ledger);
    await desk.recover();
    return desk;
  } catch (error) {
    await ledger[Symbol.asyncDispose]();
    throw error;
  }
}

class Desk implements CommandDesk {
  readonly #options: DeskOptions;
  readonly #ledger: Ledger;
  readonly #stop = new AbortController();
  readonly #subscribers = new Subscribers();
  readonly #audit: CommandAudit;
  readonly #sender: AnswerSender;
  readonly #book: Book;
  readonly #wear: Wear;
  readonly #rates: Rates;
  readonly #lanes: Lanes;
  readonly #arming: Arming;
  readonly #guardian: Guardian;
  readonly #refusals: Allowance;
  readonly #maxOpen: number;

  constructor(options: DeskOptions, ledger: Ledger) {
    const { clock, audit, maxOpen = 500 } = options;
    const rules = () => options.rules();
    this.#options = options;
    this.#ledger = ledger;
    this.#maxOpen = maxOpen;
    this.#audit = new CommandAudit(audit, clock);
    this.#refusals = new Allowance(clock, keptRefusals);
    this.#wear = new Wear(ledger.wear, clock);
    this.#rates = new Rates(clock);
    this.#sender = new AnswerSender({
      ...options,
      told: (one, far) => this.#told(one, far),
    });
    const shared = { ...options, ledger, audit: this.#audit, wear: this.#wear, rules };
    this.#book = new Book({
      ...shared,
      sender: this.#sender,
      subscribers: this.#subscribers,
      signal: this.#stop.signal,
    });
    this.#lanes = new Lanes({
      ...shared,
      book: this.#book,
      carriedOut: ({ command }) => this.#guardian.carriedOut(command),
    });
    this.#arming = new Arming({ ...shared, lanes: this.#lanes });
    this.#guardian = new Guardian({
      ...shared,
      lanes: this.#lanes,
      carry: (command) => this.#carry(command, { kind: "failsafe" }),
      signal: this.#stop.signal,
    });
  }

  async recover(): Promise<void> {
    await recover(this.#ledger, this.#book, this.#rates, this.#options.clock);
    for (const entry of this.#ledger.entries.values()) this.#sender.offer(entry);
    this.#guardian.start();
  }

  async receive(northbound: string, message: IncomingCommand): Promise<void> {
    await this.#ready();
    const origin: CommandOrigin = { kind: "northbound", northbound, reply: message.replyTo };
    const decoded = this.#options.codec.decode(message, this.#now());
    if ("command" in decoded) {
      const { command, issuersOfKey } = decoded;
      await this.#take({ command, origin, retained: message.retained, issuersOfKey });
      return;
    }
    const { refuse, text, id, point = "", issuer = "" } = decoded;
    this.#book.countRefusal(refuse);
    this.#audit.malformed(northbound, { device: message.device, code: refuse, text, id, point, issuer });
    if (id === undefined || !commandId.test(id)) return;
    this.#answerOnce({ id, device: message.device, point, issuer }, origin, { refuse, text });
  }

  async submit(command: Command, origin: CommandOrigin): Promise<CommandResult> {
    await this.#ready();
    return this.#take({ command, origin });
  }

  check(command: Command, origin: CommandOrigin): CommandResult | undefined {
    const verdict = judge({ command, origin }, this.#circumstances());
    if (!verdict) return undefined;
    if ("again" in verdict) return present(this.#known(command));
    return this.#book.result({ command }, refused(verdict));
  }

  async *follow(id: string, signal: AbortSignal): AsyncGenerator<CommandResult, void, undefined> {
    const entry = this.#ledger.byId(id);
    if (!entry) return;
    const { issuer } = entry.command;
    const mine = (result: CommandResult) => result.id === id && result.issuer === issuer;
    for await (const result of this.#subscribers.listen(signal, mine, [present(entry)])) {
      if ("lost" in result) continue;
      yield result;
      if (result.last) return;
    }
  }

  results(signal: AbortSignal): AsyncIterable<CommandResult | { readonly lost: number }> {
    return this.#subscribers.listen(signal);
  }

  list({
    device,
    point,
    open,
    limit = 1000,
  }: {
    device?: string;
    point?: string;
    open?: boolean;
    limit?: number;
  } = {}): readonly CommandResult[] {
    const found: CommandResult[] = [];
    for (const entry of [...this.#ledger.entries.values()].reverse()) {
      if (found.length >= limit) break;
      const result = present(entry);
      if (device !== undefined && result.device !== device) continue;
      if (point !== undefined && result.point !== point) continue;
      if (open === undefined || open === !result.last) found.push(result);
    }
    return found;
  }

  holds(): readonly Hold[] {
    return [...this.#ledger.standings.values()].flatMap((one) => holdOf(one, this.#options.clock) ?? []);
  }

  status(): DeskStatus {
    const problem = this.#ledger.problem?.message;
    return { open: this.#open(), ...this.#book.counts, unanswered: this.#sender.waiting, problem };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#guardian[Symbol.dispose]();
    this.#arming[Symbol.dispose]();
    // Last words are given one chance each: a dead disk must not keep the gateway from stopping.
    this.#stop.abort(new GatewayError("the command desk is closed", { code: "closed" }));
    await this.#lanes[Symbol.asyncDispose]();
    await this.#sender[Symbol.asyncDispose]();
    this.#subscribers.close();
    await this.#ledger[Symbol.asyncDispose]();
  }

  /** Rejects with StorageError, and with GatewayError `closed` after the end. */
  async #ready(): Promise<void> {
    await this.#ledger.ready();
    this.#stop.signal.throwIfAborted();
  }

  async #take(asked: Asked): Promise<CommandResult> {
    const { command, origin } = asked;
    const verdict = judge(asked, this.#circumstances());
    if (verdict && "again" in verdict) {
      const known = this.#known(command);
      await known.saved;
      this.#book.again(known, origin);
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
    const taken = reserve(command, field, this.#wear);
    const first: Said = armed ? { state: "accepted", stage: "armed" } : { state: "accepted" };
    const entry = this.#entry({ command, origin }, first, armed ? "armed" : "waiting", taken.reserved);
    this.#rates.note(command, entry.received);
    try {
      await this.#book.begin(entry, taken.records);
    } catch (error) {
      this.#rates.takeBack(command, entry.received);
      taken.giveBack();
      throw error;
    }
    if (armed) this.#arming.arm(entry);
    else this.#queue(entry);
    // What it is now: a queue may have ended it at once.
    return entry.states[0] ?? present(entry);
  }

  async #confirm(asked: Asked): Promise<CommandResult> {
    const { confirms = "" } = asked.command;
    const waiting = this.#arming.take(confirms);
    const text = `${confirms} is carried out`;
    const entry = this.#entry(asked, { state: "succeeded", text }, "ended");
    try {
      await this.#book.begin(entry);
    } catch (error) {
      if (waiting) this.#arming.arm(waiting);
      throw error;
    }
    if (waiting) this.#queue(waiting);
    return present(entry);
  }

  async #release(asked: Asked): Promise<CommandResult> {
    const key = pointKey(asked.command);
    const { standings } = this.#ledger;
    const standing = standings.get(key);
    const held = standing !== undefined && !standing.released;
    const said: Said = { state: "succeeded", unchanged: held ? undefined : true };
    const entry = this.#entry(asked, said, "ended");
    if (!standing) await this.#book.begin(entry);
    else {
      const released = { ...standing, released: true };
      await this.#book.begin(entry, [{ type: "standing", standing: released }], () => {
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
      this.#book.countRefusal(verdict.refuse);
      return this.#answerOnce(command, origin, verdict, command);
    }
    const entry = this.#entry(asked, refused(verdict), "ended");
    await this.#book.begin(entry);
    return present(entry);
  }

  /** An answer that the ledger does not keep. */
  #answerOnce(
    about: Pick<Command, "id" | "device" | "point" | "issuer">,
    origin: CommandOrigin,
    verdict: { readonly refuse: NonNullable<Said["code"]>; readonly text: string },
    command?: Command,
  ): CommandResult {
    const { id, device, point, issuer } = about;
    const time = this.#options.clock.stamp();
    const result: CommandResult = { id, device, point, issuer, ...refused(verdict), time, last: true };
    if (command) this.#audit.command(command, origin, result, true);
    this.#sender.offer({ states: [result], tellings: tellingsFor(origin) });
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
      states: [this.#book.result({ command }, first)],
      tellings: tellingsFor(origin),
      reserved,
      phase,
      saved: Promise.resolve(),
    };
  }

  #queue(entry: Entry): void {
    this.#arming.supersede(entry);
    this.#lanes.enqueue(entry);
  }

  /** Submits and waits for the last word. Rejects with StorageError. */
  async #carry(command: Command, origin: CommandOrigin): Promise<CommandResult> {
    const first = await this.submit(command, origin);
    if (first.last) return first;
    let last = first;
    for await (const result of this.follow(command.id, this.#stop.signal)) last = result;
    return last;
  }

  #known(command: Command): Entry {
    const entry = this.#ledger.entries.get(entryKey(command));
    if (!entry) throw new RangeError(`no command ${command.id}`);
    return entry;
  }

  #told(one: { readonly tellings: ReadonlyMap<string, Telling> }, far: string): void {
    const telling = one.tellings.get(far);
    if (!telling || !("key" in one) || typeof one.key !== "string") return;
    // Forgotten by a power cut, it is told once more.
    this.#ledger
      .save([{ type: "told", key: one.key, far, told: telling.told }], { sync: false })
      .catch(() => {});
  }

  #open(): number {
    let open = 0;
    for (const entry of this.#ledger.entries.values()) if (!isLast(present(entry).state)) open++;
    return open;
  }

  #now(): WallTime {
    const { clock } = this.#options;
    return { unixMs: clock.now(), trusted: clock.trusted };
  }

  #circumstances(): Circumstances {
    const { field, clock } = this.#options;
    const ledger = this.#ledger;
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
      armed: (command) => this.#arming.stateOf(command, ledger.byId(command.confirms ?? "")),
      rateWait: (command, rate) => this.#rates.wait(command, rate),
      budgetLeft: (device, point, budget) => this.#wear.left({ device, point }, budget),
      busy: ledger.full || this.#open() >= this.#maxOpen,
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

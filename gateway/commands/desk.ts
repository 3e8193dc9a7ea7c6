import type { Clock, Random } from "../model/clock.ts";
import { type Command, type CommandOrigin, type CommandResult, commandId } from "../model/command.ts";
import { GatewayError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { IncomingCommand } from "../northbound/northbound.ts";
import type { Disk } from "../store/disk.ts";
import { AnswerSender } from "./answer-sender.ts";
import { Arming } from "./arming.ts";
import { Book } from "./book.ts";
import type { CommandCodec } from "./codec-seam.ts";
import { CommandAudit } from "./command-audit.ts";
import type { Answerers, Audit, CommandDesk, DeskStatus, Field, Hold } from "./command-desk.ts";
import { entryKey, present, type Telling } from "./entry.ts";
import { Guardian, type Links } from "./guardian.ts";
import { holdOf } from "./holds.ts";
import { Intake } from "./intake.ts";
import { Lanes } from "./lanes.ts";
import { defaultRetention, Ledger, type Retention } from "./ledger.ts";
import { recover } from "./recover.ts";
import type { CommandRules } from "./rules.ts";
import { Subscribers } from "./subscribers.ts";
import { WatchedField } from "./watched-field.ts";
import { Rates, Wear } from "./wear.ts";
import { withheld } from "./withheld.ts";

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
  /** Names of the far sides that are configured now. */
  northbounds(): readonly string[];
  readonly links: Links;
  readonly audit: Audit;
  readonly codec: CommandCodec;
  readonly retention?: Retention | undefined;
  /** Commands without a last word; beyond, further ones are refused `busy`. Default 500. */
  readonly maxOpen?: number | undefined;
}

/**
 * Opens the ledger and gives every command of earlier runs its last word. Rejects with StorageError when
 * the ledger cannot be read or written. Nothing of earlier runs is written again, but for what profiles say of a restart.
 */
export async function openDesk(options: DeskOptions): Promise<CommandDesk> {
  const { retention = defaultRetention } = options;
  const desk = new Desk(options, await Ledger.open({ ...options, retention }));
  try {
    await desk.recover();
    return desk;
  } catch (error) {
    await desk[Symbol.asyncDispose]();
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
  readonly #intake: Intake;

  constructor(options: DeskOptions, ledger: Ledger) {
    const { clock, audit } = options;
    const rules = () => options.rules();
    this.#options = options;
    this.#ledger = ledger;
    this.#audit = new CommandAudit(audit, clock);
    this.#wear = new Wear(ledger.wear, clock);
    this.#rates = new Rates(clock);
    this.#sender = new AnswerSender({
      ...options,
      outgoing: (result, one) => withheld(result, one, options.field),
      told: (one, far) => this.#told(one, far),
    });
    const field = new WatchedField(options.field, clock);
    const shared = { ...options, field, ledger, audit: this.#audit, wear: this.#wear, rules };
    this.#book = new Book({
      ...shared,
      sender: this.#sender,
      subscribers: this.#subscribers,
      signal: this.#stop.signal,
    });
    this.#lanes = new Lanes({
      ...shared,
      book: this.#book,
      carriedOut: ({ command }, value) => this.#guardian.carriedOut(command, value !== undefined),
    });
    this.#arming = new Arming({ ...shared, lanes: this.#lanes });
    this.#intake = new Intake({
      ...shared,
      book: this.#book,
      sender: this.#sender,
      lanes: this.#lanes,
      arming: this.#arming,
      rates: this.#rates,
    });
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
    const { codec, clock } = this.#options;
    const origin: CommandOrigin = { kind: "northbound", northbound, reply: message.replyTo };
    const decoded = codec.decode(message, { unixMs: clock.now(), trusted: clock.trusted });
    if ("command" in decoded) {
      const { command, issuersOfKey } = decoded;
      await this.#intake.take({ command, origin, retained: message.retained, issuersOfKey });
      return;
    }
    const { refuse, text, id, point = "", issuer = "" } = decoded;
    this.#book.countRefusal(refuse);
    this.#audit.malformed(northbound, { device: message.device, code: refuse, text, id, point, issuer });
    if (id === undefined || !commandId.test(id)) return;
    this.#intake.answerOnce({ id, device: message.device, point, issuer }, origin, { refuse, text });
  }

  async submit(command: Command, origin: CommandOrigin): Promise<CommandResult> {
    await this.#ready();
    return this.#intake.take({ command, origin });
  }

  check(command: Command, origin: CommandOrigin): CommandResult | undefined {
    return this.#intake.check({ command, origin });
  }

  async *follow(
    id: string,
    signal: AbortSignal,
    wanted?: string,
  ): AsyncGenerator<CommandResult, void, undefined> {
    const entry =
      wanted === undefined
        ? this.#ledger.byId(id)
        : this.#ledger.entries.get(entryKey({ id, issuer: wanted }));
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
    return { open: this.#intake.open, ...this.#book.counts, unanswered: this.#sender.waiting, problem };
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

  /** Submits and waits for the last word. Rejects with StorageError. */
  async #carry(command: Command, origin: CommandOrigin): Promise<CommandResult> {
    const first = await this.submit(command, origin);
    if (first.last) return first;
    let last = first;
    for await (const result of this.follow(command.id, this.#stop.signal, command.issuer)) last = result;
    return last;
  }

  #told(one: { readonly tellings: ReadonlyMap<string, Telling> }, far: string): void {
    const telling = one.tellings.get(far);
    if (!telling || !("key" in one) || typeof one.key !== "string") return;
    // Forgotten by a power cut, it is told once more.
    this.#ledger
      .save([{ type: "told", key: one.key, far, told: telling.told }], { sync: false })
      .catch(() => {});
  }
}

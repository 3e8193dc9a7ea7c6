import { createPublicKey } from "node:crypto";
import type { CommandCodec } from "./commands/codec-seam.ts";
import { makeCommandCodec } from "./commands/command-codec.ts";
import type { Audit, CommandDesk, Field } from "./commands/command-desk.ts";
import { openDesk } from "./commands/desk.ts";
import type { CommandRules } from "./commands/rules.ts";
import type { Schedules } from "./commands/schedules/schedules.ts";
import type { GatewayConfig } from "./config/config.ts";
import { calendarOf } from "./config/schedules.ts";
import type { Clock, Random } from "./model/clock.ts";
import { type GatewayError, LinkError, StorageError } from "./model/errors.ts";
import type { Log } from "./model/log.ts";
import { LinkWatch } from "./northbound/links.ts";
import type { IncomingCommand, Northbound } from "./northbound/northbound.ts";
import type { Disk } from "./store/disk.ts";

/** What the control room needs of the gateway around it. */
export interface ControlOptions {
  /** Asked anew each time, so that a reload counts. */
  config(): GatewayConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly run: string;
  openDisk(name: string): Promise<Disk>;
  readonly field: Field;
  northbound(name: string): Northbound | undefined;
  readonly audit: Audit;
}

/**
 * Everything that commands: the desk with its ledger, and the schedules. The second half of `gateway.ts`:
 * these two files alone know every room.
 */
export class Control implements AsyncDisposable {
  readonly #options: ControlOptions;
  readonly #links: LinkWatch;
  readonly #opening = Promise.withResolvers<CommandDesk>();
  #desk: CommandDesk | undefined;
  #schedules: Schedules | undefined;

  constructor(options: ControlOptions) {
    this.#options = options;
    this.#links = new LinkWatch(options.clock, () => this.#northbounds(), options.northbound);
    this.#opening.promise.catch(() => {});
  }

  /** Undefined until it is open, and where its disk does not let it. */
  get desk(): CommandDesk | undefined {
    return this.#desk;
  }

  get schedules(): Schedules | undefined {
    return this.#schedules;
  }

  /** A command of a far side; waits for the desk. Rejects with StorageError where there is none: it may come again. */
  async receive(northbound: string, message: IncomingCommand): Promise<void> {
    const desk = this.#desk ?? (await this.#opening.promise);
    await desk.receive(northbound, message);
  }

  /** When lines and far sides are there, and again while it could not. Returns why there are no commands, if so; never rejects for a disk. */
  async open(): Promise<GatewayError | undefined> {
    const { clock, random, log, openDisk, field, northbound, audit } = this.#options;
    try {
      this.#desk = await openDesk({
        rules: () => this.#options.config().commands,
        clock,
        random,
        log,
        disk: await openDisk("commands"),
        field,
        answerers: {
          async answer(name, answer, signal) {
            const far = northbound(name);
            if (!far?.answer) throw new LinkError(`${name} takes no answers`, { code: "not-connected" });
            await far.answer(answer, signal);
          },
          async connected(name, signal) {
            const far = northbound(name);
            // It is being reopened, or cannot be: whoever asks again finds the one that is there by then.
            if (!far) throw new LinkError(`${name} is not open`, { code: "not-connected" });
            await far.connected(signal);
          },
        },
        northbounds: () => this.#northbounds(),
        links: this.#links,
        audit,
        codec: this.#codec(),
      });
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#opening.reject(error);
      log.error({ code: error.code, hint: error.hint }, `no commands are taken: ${error.message}`);
      return error;
    }
    this.#opening.resolve(this.#desk);
    await this.renewSchedules();
    return undefined;
  }

  /** After the start, and when `schedules:` or what they act on has changed. */
  async renewSchedules(): Promise<void> {
    const { clock, log, run, config } = this.#options;
    await this.#schedules?.[Symbol.asyncDispose]();
    this.#schedules = undefined;
    const { schedules, holidays, gateway } = config();
    if (!this.#desk || schedules.length === 0) return;
    // Most gateways keep none, and do without the memory.
    const { openSchedules } = await import("./commands/schedules/schedules.ts");
    this.#schedules = await openSchedules({
      schedules,
      calendar: calendarOf(gateway.timeZone, holidays),
      position: gateway.position,
      clock,
      log,
      desk: this.#desk,
      run,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#opening.reject(new StorageError("the gateway stops", { code: "closed" }));
    await this.#schedules?.[Symbol.asyncDispose]();
    await this.#desk?.[Symbol.asyncDispose]();
    this.#links[Symbol.dispose]();
  }

  #northbounds(): readonly string[] {
    return [...this.#options.config().northbound.keys()];
  }

  /** Made anew when a reload has changed the keys. */
  #codec(): CommandCodec {
    let made: { rules: CommandRules; codec: CommandCodec } | undefined;
    const codec = (): CommandCodec => {
      const { commands, gateway } = this.#options.config();
      if (made?.rules !== commands) {
        const trust = new Map(
          Array.from(commands.trust, ([kid, { pem, issuers }]) => [
            kid,
            { key: createPublicKey(pem), issuers },
          ]),
        );
        made = { rules: commands, codec: makeCommandCodec({ gateway: gateway.id, trust }) };
      }
      return made.codec;
    };
    return {
      decode: (message, now) => codec().decode(message, now),
      encodeResult: (result) => codec().encodeResult(result),
    };
  }
}

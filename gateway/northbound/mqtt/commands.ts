import type { IPublishPacket } from "mqtt";
import { LinkError, RefusedError } from "../../model/errors.ts";
import type { Log } from "../../model/log.ts";
import type { IncomingCommand, NorthboundStatus } from "../northbound.ts";
import { commandFilter, incomingCommand, type Places } from "./intake.ts";
import type { Session } from "./session.ts";

/** Takes commands in, over one connection after the other, and keeps count of them. */
export class Commands {
  readonly #places: Places;
  readonly #log: Log;
  readonly #onCommand: (command: IncomingCommand) => Promise<void>;
  /** Whether this process has subscribed in the session that the broker keeps. */
  #subscribed = false;
  #taken = 0;
  #ignored = 0;
  #notKept = 0;
  #problem: unknown;

  constructor(places: Places, log: Log, onCommand: (command: IncomingCommand) => Promise<void>) {
    this.#places = places;
    this.#log = log;
    this.#onCommand = onCommand;
  }

  status(): NonNullable<NorthboundStatus["commands"]> {
    return {
      subscribed: this.#subscribed,
      taken: this.#taken,
      ignored: this.#ignored,
      notKept: this.#notKept,
    };
  }

  /**
   * Subscribes, unless this process has done so and the broker has kept it: with MQTT 3.1.1 each
   * SUBSCRIBE brings all retained messages again. The first time is never left out: the topics may be
   * others than before. A RefusedError says why nothing will come; undefined: all is well, or the
   * connection was lost and the next one tries.
   */
  async subscribe(session: Session): Promise<RefusedError | undefined> {
    if (session.resumed && this.#subscribed) return undefined;
    this.#subscribed = false;
    try {
      await session.subscribe(commandFilter(this.#places));
      this.#subscribed = true;
      return undefined;
    } catch (error) {
      if (error instanceof RefusedError) return error;
      if (error instanceof LinkError) return undefined;
      throw error;
    }
  }

  /** Resolves when the command is durable or is none of ours: then it is acknowledged. */
  async take(packet: IPublishPacket): Promise<void> {
    const command = incomingCommand(packet, this.#places);
    if (!command) {
      this.#ignored++;
      return;
    }
    try {
      await this.#onCommand(command);
    } catch (error) {
      this.#notKept++;
      const said = error instanceof Error ? error.message : String(error);
      if (this.#problem !== said)
        this.#log.error(
          { err: error, device: command.device },
          "a command could not be kept: it may come again",
        );
      this.#problem = said;
      throw error;
    }
    this.#problem = undefined;
    this.#taken++;
  }
}

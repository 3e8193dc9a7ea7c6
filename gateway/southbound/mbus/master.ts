import type { Clock, Instant } from "../../model/clock.ts";
import { TransientError } from "../../model/errors.ts";
import type { Exchange } from "../exchange.ts";
import { unsent } from "../protocol.ts";
import type { Received } from "./address.ts";
import {
  encodeLong,
  encodeShort,
  type Frame,
  frameCountBit,
  isResponse,
  type LongFrame,
  requestUserData2,
  selectedAddress,
  sendInitialise,
  sendUserData,
} from "./frame.ts";
import { type Ask, MbusLine } from "./line.ts";
import type { ScanAnswer } from "./scan.ts";
import { encodeSelect, matches } from "./secondary.ts";
import {
  type MbusConnection,
  type MbusDevice,
  type MbusHead,
  meterName,
  type SecondaryAddress,
} from "./settings.ts";
import { decodeTelegram } from "./telegram.ts";

const applicationReset = 0x50;
/** What is known of one meter between two readings. */
export interface MeterState {
  /** The meter has been initialised and is at its only telegram: the frame count bit alone goes on. */
  ready: boolean;
  /** Frame count bit of the next request. */
  count: boolean;
  /** When its battery has earned the next reading, monotonic ms. */
  dueAt: number | undefined;
}

export function newMeterState(): MeterState {
  return { ready: false, count: true, dueAt: undefined };
}

/** The master of one line. One call at a time. */
export class MbusMaster {
  readonly #line: MbusLine;
  readonly #connection: MbusConnection;
  readonly #clock: Clock;
  readonly #counts = { telegrams: 0, "foreign-telegrams": 0, "bad-telegrams": 0 };

  constructor(exchange: Exchange<Frame>, connection: MbusConnection, clock: Clock) {
    this.#line = new MbusLine(exchange, connection, clock);
    this.#connection = connection;
    this.#clock = clock;
  }

  get statistics(): Readonly<Record<string, number>> {
    return { ...this.#line.statistics, ...this.#counts };
  }

  /**
   * All telegrams of one reading. Rejects with TransientError (`timeout`, `bad-reply`,
   * `foreign-reply`, `repeated-telegram`, `no-data`, what `decodeTelegram` throws, or `unsent` before
   * the meter's least interval has passed), LinkError or the signal's reason.
   */
  async read(
    meter: MbusDevice,
    head: MbusHead,
    state: MeterState,
    signal: AbortSignal,
  ): Promise<readonly Received[]> {
    this.#keepBudget(meter, head, state);
    const startedAt = this.#clock.monotonic();
    const wakeUp = head.wakeUp ?? this.#connection.wakeUp;
    if (wakeUp) await this.#line.wake(wakeUp.byte, wakeUp.forMs, signal);
    const wasReady = state.ready;
    state.ready = false;
    const address = meter.secondary ? selectedAddress : meter.address;
    const ask: Ask = { name: meterName(meter), timeout: head.timing.timeout, signal };
    if (meter.secondary) {
      await this.#acknowledged(encodeSelect(meter.secondary), ask);
      state.count = true;
    } else if (!wasReady && head.reset === "link") {
      await this.#acknowledged(encodeShort(sendInitialise, address), ask);
      state.count = true;
    }
    if (!wasReady && head.reset === "application") {
      const reset = {
        control: sendUserData,
        address,
        information: applicationReset,
        data: new Uint8Array(0),
      };
      await this.#acknowledged(encodeLong(reset), ask);
    }
    const spent = Math.max(startedAt, state.dueAt ?? startedAt) + (head.minInterval ?? 0);
    const received = await this.#telegrams(meter, address, head, state, ask, () => {
      state.dueAt = spent;
    });
    // Only with one telegram a meter stays where it is: else it has to be led back to the first.
    state.ready = received.length === 1 && received[0]?.telegram.more === false;
    return received;
  }

  /** What the line says when the meters that match are selected: for `scanSecondary`. */
  async probe(address: SecondaryAddress, signal: AbortSignal): Promise<ScanAnswer> {
    const ask: Ask = { name: meterName({ secondary: address }), signal, timeout: undefined, repeats: 1 };
    try {
      await this.#acknowledged(encodeSelect(address), ask);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      if (error.code === "timeout") return "nobody";
      // Bytes, but no single E5: several meters acknowledged at slightly different times.
    }
    try {
      const { frame } = await this.#line.request(
        encodeShort(requestUserData2 | frameCountBit, selectedAddress),
        isResponse,
        { ...ask, repeats: 0 },
        true,
      );
      return frame.kind === "long" ? decodeTelegram(frame).header : "several";
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      return "several";
    }
  }

  /** A meter's battery lasts for so many readings: what comes too early is not sent. */
  #keepBudget(meter: MbusDevice, { minInterval }: MbusHead, { dueAt }: MeterState): void {
    if (minInterval === undefined || dueAt === undefined) return;
    // A poll that was held up and the next one on time are closer: what counts is the long run.
    const wait = dueAt - minInterval / 2 - this.#clock.monotonic();
    if (wait <= 0) return;
    throw new TransientError(`${meterName(meter)} may be read again in ${Math.ceil(wait / 1000)} s`, {
      code: unsent,
      hint: "its profile says minInterval: every reading costs battery",
    });
  }

  async #telegrams(
    meter: MbusDevice,
    address: number,
    { telegrams }: MbusHead,
    state: MeterState,
    ask: Ask,
    answered: () => void,
  ): Promise<readonly Received[]> {
    const received: Received[] = [];
    let before: LongFrame | undefined;
    for (;;) {
      const control = requestUserData2 | (state.count ? frameCountBit : 0);
      const { frame, at } = await this.#answer(encodeShort(control, address), meter, ask);
      state.count = !state.count;
      answered();
      if (before && isSame(before, frame))
        throw new TransientError(`${ask.name} gave the same telegram twice`, {
          code: "repeated-telegram",
          hint: "raise the timeout, or write telegrams: 1 when the meter has only one",
        });
      before = frame;
      received.push({ telegram: this.#decode(frame, meter), at: this.#instant(at) });
      if (received.length === telegrams || received.at(-1)?.telegram.more === false) return received;
    }
  }

  #decode(frame: LongFrame, { secondary }: MbusDevice): Received["telegram"] {
    try {
      const telegram = decodeTelegram(frame);
      if (secondary && !matches(secondary, telegram.header)) {
        this.#counts["foreign-telegrams"]++;
        throw new TransientError(`meter ${telegram.header.id} answered instead`, { code: "foreign-reply" });
      }
      this.#counts.telegrams++;
      return telegram;
    } catch (error) {
      if (error instanceof TransientError && error.code !== "foreign-reply") this.#counts["bad-telegrams"]++;
      throw error;
    }
  }

  async #answer(bytes: Uint8Array, meter: MbusDevice, ask: Ask): Promise<{ frame: LongFrame; at: number }> {
    let idle = false;
    const mine = (frame: Frame) => {
      // E5 is "nothing to say", or the late answer to what was asked before: more may come.
      if (frame.kind === "ack") idle = true;
      // A selected meter answers with its primary address, which only it knows; or with 253.
      return isResponse(frame) && (meter.secondary !== undefined || frame.address === meter.address);
    };
    try {
      const { frame, at } = await this.#line.request(bytes, mine, ask, true);
      if (frame.kind !== "long") throw new TransientError("not a telegram", { code: "bad-reply" });
      return { frame, at };
    } catch (error) {
      if (!idle || !(error instanceof TransientError)) throw error;
      throw new TransientError(`${ask.name} has nothing to say`, { code: "no-data", cause: error });
    }
  }

  async #acknowledged(bytes: Uint8Array, ask: Ask): Promise<void> {
    await this.#line.request(bytes, (frame) => frame.kind === "ack", ask, false);
  }

  #instant(at: number): Instant {
    const stamp = this.#clock.stamp();
    return { base: stamp.base, ms: stamp.ms - (this.#clock.monotonic() - at) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#line[Symbol.asyncDispose]();
  }
}

function isSame(one: LongFrame, other: LongFrame): boolean {
  return (
    one.information === other.information &&
    one.data.length === other.data.length &&
    one.data.every((byte, index) => byte === other.data[index])
  );
}

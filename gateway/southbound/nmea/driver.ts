import type { Instant } from "../../model/clock.ts";
import { ConfigError } from "../../model/errors.ts";
import { Exchange } from "../exchange.ts";
import { LineDeframer, type LineFraming } from "../line-deframer.ts";
import type { Driver, SouthboundContext } from "../protocol.ts";
import { hearSentence, type NmeaUnit, noCounts } from "./decode.ts";
import { GnssTime } from "./gnss-time.ts";
import type { NmeaGiven } from "./schema.ts";
import { longestSentence } from "./sentence.ts";
import type { NmeaAddress, NmeaConnection, NmeaDevice, NmeaHead } from "./settings.ts";

export type NmeaDriver = Driver<NmeaAddress, NmeaDevice, NmeaHead>;

/** `$` and `!` begin sentences and stand nowhere else in them; CR LF ends them (IEC 61162-1, 7.1). */
export const nmeaFraming: LineFraming = {
  terminators: [Uint8Array.of(0x0d), Uint8Array.of(0x0a)],
  starts: [0x24, 0x21],
  max: longestSentence,
};

/** A connected driver. Rejects with LinkError. */
export async function openNmea(connection: NmeaConnection, context: SouthboundContext): Promise<NmeaDriver> {
  const transport = await context.connect(connection.endpoint, context.signal);
  return new LiveDriver(
    connection,
    context,
    (heard) => new Exchange<Uint8Array>(transport, new LineDeframer(nmeaFraming), context.clock, heard),
  );
}

class LiveDriver implements NmeaDriver {
  readonly concurrency = 1;
  readonly #connection: NmeaConnection;
  readonly #context: SouthboundContext;
  readonly #exchange: Exchange<Uint8Array>;
  readonly #counters = { ...noCounts(), "not-delivered": 0 };
  readonly #time = new GnssTime();
  #devices: readonly NmeaUnit[] = [];

  constructor(
    connection: NmeaConnection,
    context: SouthboundContext,
    open: (heard: (frame: Uint8Array, at: number) => void) => Exchange<Uint8Array>,
  ) {
    this.#connection = connection;
    this.#context = context;
    this.#exchange = open((frame, at) => this.#heard(frame, at));
  }

  get lost(): AbortSignal {
    return this.#exchange.lost;
  }

  get statistics(): Readonly<Record<string, number>> {
    return { ...this.#exchange.statistics, ...this.#counters };
  }

  listen(devices: readonly NmeaUnit[]): void {
    this.#devices = devices;
  }

  #heard(frame: Uint8Array, monotonic: number): void {
    const heard = hearSentence(frame, this.#devices, this.#instant(monotonic), this.#counters);
    if (!heard) return;
    if (this.#connection.clock) {
      const unixMs = this.#time.take(heard.sentence, monotonic);
      if (unixMs !== undefined) this.#context.timeSource?.(unixMs, monotonic, "gnss");
    }
    for (const { device, results } of heard.told)
      this.#context.emit(device, results).catch(() => {
        this.#counters["not-delivered"] += 1;
      });
  }

  #instant(monotonic: number): Instant {
    const { clock } = this.#context;
    const stamp = clock.stamp();
    return { base: stamp.base, ms: stamp.ms - (clock.monotonic() - monotonic) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#exchange[Symbol.asyncDispose]();
  }
}

/** A driver that hears an example's sentences, once. */
export function replayNmea({ rx }: NmeaGiven, context: SouthboundContext): NmeaDriver {
  const lost = new AbortController();
  const deframer = new LineDeframer(nmeaFraming);
  const counters = noCounts();
  const stream =
    typeof rx === "string" ? rx.replaceAll("\\r", "\r").replaceAll("\\n", "\n") : rx.join("\r\n");
  return {
    concurrency: 1,
    lost: lost.signal,
    get statistics() {
      return { ...deframer.statistics, ...counters };
    },
    async listen(devices) {
      for (const bytes of deframer.push(Buffer.from(`${stream}\r\n`, "latin1")))
        for (const { device, results } of hearSentence(bytes, devices, context.clock.stamp(), counters)
          ?.told ?? [])
          await context.emit(device, results);
    },
    async [Symbol.asyncDispose]() {
      lost.abort(new ConfigError("the replay is over", { code: "closed" }));
    },
  };
}

import type { Instant } from "../../model/clock.ts";
import { Exchange } from "../exchange.ts";
import type { Driver, PointResult, SouthboundContext } from "../protocol.ts";
import { MeterDeframer } from "./framing.ts";
import { MeterListener } from "./listener.ts";
import type { MeterAddress, MeterConnection, MeterDevice, MeterHead, MeterSettings } from "./settings.ts";

export type MeterDriver = Driver<MeterAddress, MeterSettings, MeterHead>;

/** A driver on the port of a meter, which only listens. Rejects with LinkError. */
export async function openMeter(
  { endpoint }: MeterConnection,
  context: SouthboundContext,
): Promise<MeterDriver> {
  const transport = await context.connect(endpoint, context.signal);
  const deframer = new MeterDeframer();
  const hearing = new MeterHearing(context);
  const exchange = new Exchange(transport, deframer, context.clock, (bytes, at) => hearing.hear(bytes, at));
  return {
    concurrency: 1,
    lost: exchange.lost,
    async listen(devices) {
      const refused = deframer.listen(devices);
      const silenced = new Set<unknown>(refused.map(({ device }) => device));
      hearing.listen(devices.filter((device) => !silenced.has(device)));
      return refused;
    },
    get statistics() {
      return { ...exchange.statistics, ...hearing.counts };
    },
    [Symbol.asyncDispose]: () => exchange[Symbol.asyncDispose](),
  };
}

interface Hearer {
  readonly listener: MeterListener;
  /** Whether earlier results are still on their way into the store. */
  busy: boolean;
  /** The newest results that wait for it; older ones give way. */
  next: readonly PointResult<MeterAddress>[] | undefined;
}

/** Hands what is heard on to the loop, one message at a time and device. */
class MeterHearing {
  readonly #context: SouthboundContext;
  readonly counts: Record<string, number> = {};
  #hearers: readonly Hearer[] = [];

  constructor(context: SouthboundContext) {
    this.#context = context;
  }

  listen(devices: readonly MeterDevice[]): void {
    // A device that stays keeps its counters against replay.
    this.#hearers = devices.map(
      (device) =>
        this.#hearers.find(({ listener }) => listener.device === device) ?? {
          listener: new MeterListener(device, (what) => this.#count(what)),
          busy: false,
          next: undefined,
        },
    );
  }

  hear(bytes: Uint8Array, at: number): void {
    const time = this.#instant(at);
    for (const hearer of this.#hearers) {
      const results = hearer.listener.results(bytes, time);
      // No results are a sign of life, too: a list of which the profile has no point.
      if (!results) continue;
      if (hearer.next) this.#count("overtaken");
      hearer.next = results;
      if (!hearer.busy) void this.#deliver(hearer);
    }
  }

  async #deliver(hearer: Hearer): Promise<void> {
    hearer.busy = true;
    for (let results = hearer.next; results; results = hearer.next) {
      hearer.next = undefined;
      await this.#context.emit(hearer.listener.device, results);
    }
    hearer.busy = false;
  }

  /** The moment of a chunk that was taken from the port at `at`, monotonic ms. */
  #instant(at: number): Instant {
    const { clock } = this.#context;
    const { base, ms } = clock.stamp();
    return { base, ms: ms - Math.max(0, clock.monotonic() - at) };
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
}

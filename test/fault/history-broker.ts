import { Decoder, Encoder } from "cbor-x";
import * as z from "zod";
import type { Random } from "../../gateway/model/clock.ts";
import { LinkError, RefusedError } from "../../gateway/model/errors.ts";
import type {
  Northbound,
  NorthboundContext,
  NorthboundKind,
  OutgoingPack,
} from "../../gateway/northbound/northbound.ts";
import type { BrokerFault, PlannedCommand } from "./history-plan.ts";

// A broker at the seam of the northbound: messages in order, at least once, until something happens.

export interface Platform {
  /** A message with readings, as it came. */
  pack(lane: OutgoingPack["lane"], bytes: Uint8Array): void;
  /** A message that the broker would not take. */
  refused(run: string): void;
  result(body: ReadonlyMap<string, unknown>): void;
}

export interface BrokerOptions {
  readonly random: Random;
  /** True time, ms. */
  now(): number;
  /** Whether that run lives. */
  lives(run: string): boolean;
  readonly platform: Platform;
  /** Called when a command is given to a gateway, and when that acknowledged it. */
  onCommand(id: string, what: "given" | "acknowledged"): void;
  /** Negative control: so much of what is acknowledged is forgotten. */
  readonly drops?: number | undefined;
  /** Negative control: some messages overtake others. */
  readonly reorders?: boolean | undefined;
}

interface Waiting {
  readonly command: PlannedCommand;
  readonly body: Uint8Array;
}

const decoder = new Decoder({ mapsAsObjects: false, useRecords: false });
const encoder = new Encoder({ mapsAsObjects: true, useRecords: false, variableMapSize: true });
const settings = z.strictObject({ pace: z.int() });
const keepaliveMs = 8000;

export class SimulatedBroker {
  readonly options: BrokerOptions;
  #fault: BrokerFault | undefined;
  #until = 0;
  #side: SimulatedSide | undefined;
  /** Commands that no gateway acknowledged yet, in order. */
  readonly waiting: Waiting[] = [];
  readonly #bodies = new Map<string, Uint8Array>();

  constructor(options: BrokerOptions) {
    this.options = options;
  }

  get fault(): BrokerFault | undefined {
    return this.#fault && this.options.now() < this.#until ? this.#fault : undefined;
  }

  break(fault: BrokerFault | undefined, forMs: number): void {
    this.#fault = fault;
    this.#until = this.options.now() + forMs;
    // When all is well again a session that is only half there ends now: what is sent last must arrive.
    if (fault === "refused" || fault === undefined) this.#side?.suspect(0);
    if (fault === "half-open") this.#side?.deafen();
  }

  /** Somebody publishes a command, or the same one again. Absolute expiry is the sender's, who knows the time. */
  publish(command: PlannedCommand): void {
    const { id, point, value, inMs, untilMs = 0 } = command;
    let body = this.#bodies.get(id);
    if (!body) {
      const expiry =
        inMs === undefined ? { expiresAt: Math.round(this.options.now() + untilMs) } : { expiresIn: inMs };
      body = encoder.encode({ id, point, value, issuer: "city", ...expiry });
      this.#bodies.set(id, body);
    }
    this.waiting.push({ command, body });
    this.#side?.deliver();
  }

  readonly kind: NorthboundKind<z.infer<typeof settings>> = {
    name: "simulated",
    settings,
    open: async ({ pace }, context) => {
      const side = new SimulatedSide(this, context, pace);
      this.#side = side;
      return side;
    },
  };
}

class SimulatedSide implements Northbound {
  readonly maxPackBytes = 4096;
  readonly concurrency = 4;
  readonly topics = "stadsnod/v1/gw1";
  readonly backlogRate;
  readonly #broker: SimulatedBroker;
  readonly #context: NorthboundContext;
  readonly #inFlight = new Set<(error: LinkError) => void>();
  readonly #delivering = new Set<Waiting>();
  #up = Promise.withResolvers<void>();
  #connected = false;
  /** Half-open: what goes into this session comes out nowhere. */
  #deaf = false;
  #session = 0;
  #lastArrival = 0;
  #ended = false;
  #published = 0;

  constructor(broker: SimulatedBroker, context: NorthboundContext, pace: number) {
    this.#broker = broker;
    this.#context = context;
    this.backlogRate = { packsPerSecond: 20 + pace };
    this.#dial(20);
  }

  get #live(): boolean {
    return this.#connected && !this.#ended;
  }

  /** Whether what we do reaches anybody: a dead process sends nothing. */
  get #heard(): boolean {
    return this.#broker.options.lives(this.#context.run);
  }

  async publish(pack: OutgoingPack, signal: AbortSignal): Promise<void> {
    const { platform, drops = 0, random } = this.#broker.options;
    const bytes = pack.bytes.slice();
    const twice = this.#broker.fault === "twice";
    await this.#send(signal, pack.audience, () => {
      if (random() < drops) return;
      platform.pack(pack.lane, bytes);
      if (twice) platform.pack(pack.lane, bytes);
    });
    this.#published++;
  }

  async answer({ body }: { readonly body: Uint8Array }, signal: AbortSignal): Promise<void> {
    const { platform } = this.#broker.options;
    await this.#send(signal, "", () => platform.result(decoder.decode(body)));
  }

  announce(): void {}

  async connected(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (!this.#live) {
      if (this.#ended) throw new LinkError("this far side was closed", { code: "closed" });
      const aborted = Promise.withResolvers<never>();
      const abort = () => aborted.reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      try {
        await Promise.race([this.#up.promise, aborted.promise]);
      } finally {
        signal.removeEventListener("abort", abort);
      }
    }
  }

  status() {
    return {
      connected: this.#live && this.#heard,
      peer: "simulated",
      published: this.#published,
      bytes: 0,
      refused: 0,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#up.resolve();
    this.#lose();
  }

  /** The link is not what it seems; it is lost when somebody notices. */
  suspect(ms: number): void {
    const session = this.#session;
    this.#context.clock.timer(ms, () => {
      if (this.#session === session && this.#connected) this.#lose();
    });
  }

  /** The other end is gone, and nobody said so. */
  deafen(): void {
    if (!this.#live) return;
    this.#deaf = true;
    this.suspect(keepaliveMs);
  }

  /** Gives the gateway what waits, in order. */
  deliver(): void {
    const { clock, onCommand } = this.#context;
    const { options, waiting } = this.#broker;
    for (const one of [...waiting]) {
      if (!this.#live || !this.#heard || this.#deaf) return;
      if (this.#delivering.has(one)) continue;
      const session = this.#session;
      this.#delivering.add(one);
      const { id, device, retained } = one.command;
      options.onCommand(id, "given");
      const message = { device, body: one.body.slice(), retained, properties: new Map<string, string>() };
      onCommand?.(message).then(
        () => {
          // The acknowledgement goes the way of every message.
          const arrives = this.#session === session && this.#heard && !this.#deaf;
          this.#delivering.delete(one);
          const place = waiting.indexOf(one);
          if (!arrives || place < 0) return;
          waiting.splice(place, 1);
          options.onCommand(id, "acknowledged");
        },
        () => {
          clock.timer(2000, () => {
            this.#delivering.delete(one);
            this.deliver();
          });
        },
      );
    }
  }

  /** Resolves when the broker said that it has it. */
  #send(signal: AbortSignal, audience: string, arrive: () => void): Promise<void> {
    const { clock } = this.#context;
    const { platform, random, reorders } = this.#broker.options;
    signal.throwIfAborted();
    if (!this.#live) return Promise.reject(new LinkError("not connected", { code: "not-connected" }));
    const session = this.#session;
    const { fault } = this.#broker;
    return new Promise<void>((resolve, reject) => {
      const over = () => {
        this.#inFlight.delete(fail);
        signal.removeEventListener("abort", abort);
      };
      const fail = (error: unknown) => {
        over();
        reject(error);
      };
      const forbid = () => {
        platform.refused(this.#context.run);
        fail(new RefusedError("not authorised", { code: "not-authorised" }));
      };
      const abort = () => fail(signal.reason);
      this.#inFlight.add(fail);
      signal.addEventListener("abort", abort);
      const way = fault === "slow" ? 500 + 3000 * random() : 5 + 40 * random();
      this.#lastArrival = Math.max(this.#lastArrival, clock.monotonic() + way);
      const wait = reorders ? way : this.#lastArrival - clock.monotonic();
      clock.timer(wait, () => {
        if (this.#session !== session || !this.#heard || this.#deaf) return;
        if (fault === "forbidden" && audience === "open") return forbid();
        arrive();
        if (fault === "lost-ack") return this.suspect(500);
        clock.timer(way / 2, () => {
          if (this.#session !== session) return;
          over();
          resolve();
        });
      });
    });
  }

  #lose(): void {
    this.#connected = false;
    this.#deaf = false;
    this.#session++;
    for (const fail of [...this.#inFlight]) fail(new LinkError("the link was lost", { code: "lost" }));
    this.#delivering.clear();
    if (!this.#ended) this.#dial(100 + 1500 * this.#broker.options.random());
  }

  #dial(ms: number): void {
    this.#context.clock.timer(ms, () => {
      if (this.#ended) return;
      if (this.#broker.fault === "refused" || this.#broker.fault === "half-open" || !this.#heard)
        return this.#dial(1000);
      this.#connected = true;
      this.#up.resolve();
      this.#up = Promise.withResolvers();
      this.deliver();
    });
  }
}

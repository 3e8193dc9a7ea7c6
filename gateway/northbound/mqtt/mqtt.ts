import { GatewayError, LinkError, RefusedError } from "../../model/errors.ts";
import { ConnectRefusal } from "../../transport/mqtt/client.ts";
import { asksForOlder } from "../../transport/mqtt/failures.ts";
import { type BrokerAddress, brokerAddress, reveal } from "../../transport/mqtt/settings.ts";
import { loadCredentials, openSocket, tlsFacts } from "../../transport/mqtt/socket.ts";
import type {
  BacklogRate,
  Northbound,
  NorthboundContext,
  NorthboundKind,
  NorthboundStatus,
  OutgoingPack,
} from "../northbound.ts";
import { factMessage, messageOverhead, packMessage, topicBase } from "./message.ts";
import { openSession, type Session } from "./session.ts";
import { type MqttSettings, mqttSettings } from "./settings.ts";

/** Uncompressed bytes of a pack when the broker tells no limit: the size of a merged backlog pack. */
const defaultPackBytes = 65_536;
/** From the first packet to CONNACK. */
/** A whole gateway stops within two seconds, whatever its brokers do. */
const goodbyeMs = 500;
const connectTimeoutMs = 30_000;
/** Full jitter: uniform between 0 and min(longest, first * 2^attempt). */
const firstBackoffMs = 2_000;
const longestBackoffMs = 60_000;
/** A connection that lasted this long, or delivered something, was a good one: the next pause starts small again. */
const goodConnectionMs = 30_000;

/** MQTT 5 with fallback to 3.1.1. Topics and bodies: docs/telemetry.md. */
export const mqtt: NorthboundKind<MqttSettings> = {
  name: "mqtt",
  settings: mqttSettings,
  async open(settings, context) {
    // What can never work is told now; later it would only be one more failed attempt.
    if (settings.url.startsWith("mqtts:")) loadCredentials(settings);
    return new MqttNorthbound(settings, context);
  },
};

class MqttNorthbound implements Northbound {
  readonly backlogRate: BacklogRate;
  readonly #settings: MqttSettings;
  readonly #context: NorthboundContext;
  readonly #address: BrokerAddress;
  readonly #base: string;
  readonly #stop = new AbortController();
  readonly #ended: AbortSignal;
  readonly #loop: Promise<void>;
  readonly #facts = new Map<string, Uint8Array>();
  /** Facts that this connection has not told the broker yet. */
  readonly #untold = new Set<string>();
  #telling = false;
  #session: Session | undefined;
  #up = Promise.withResolvers<void>();
  #packBytes = defaultPackBytes;
  #concurrency = 1;
  #version: 4 | 5 | undefined;
  #spokeFive = false;
  #since: number | undefined;
  #lastError: NorthboundStatus["lastError"];
  #refusedFacts = new Set<string>();
  #published = 0;
  #bytes = 0;
  #refused = 0;

  constructor(settings: MqttSettings, context: NorthboundContext) {
    const address = brokerAddress(settings.url);
    if (!address) throw new TypeError(`settings were not checked: ${settings.url}`);
    this.#settings = settings;
    this.#context = context;
    this.#address = address;
    this.#base = topicBase(settings.root, context.gateway);
    this.backlogRate = settings.backlog;
    this.#ended = AbortSignal.any([context.signal, this.#stop.signal]);
    this.#loop = this.#run();
  }

  get maxPackBytes(): number {
    return this.#packBytes;
  }

  get topics(): string {
    return this.#base;
  }

  get concurrency(): number {
    return this.#concurrency;
  }

  async publish(pack: OutgoingPack, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const session = this.#live;
    if (!session) throw new LinkError("not connected to the broker", { code: "not-connected" });
    const message = packMessage(this.#base, this.#context.gateway, pack, this.#settings.compression);
    try {
      await orAborted(session.send(message), signal);
    } catch (error) {
      if (error instanceof RefusedError) this.#refused++;
      throw error;
    }
    this.#published++;
    this.#bytes += message.payload.length;
  }

  announce(topic: string, body: Uint8Array): void {
    this.#facts.set(topic, body);
    this.#untold.add(topic);
    void this.#tell();
  }

  async connected(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (!this.#live) await orAborted(this.#up.promise, signal);
  }

  status(): NorthboundStatus {
    const version = this.#version === undefined ? "" : ` (MQTT ${this.#version === 5 ? "5" : "3.1.1"})`;
    const { host, port, tls } = this.#address;
    return {
      connected: this.#live !== undefined,
      peer: `${tls ? "mqtts" : "mqtt"}://${host}:${port}${version}`,
      since: this.#since,
      lastError: this.#lastError,
      published: this.#published,
      bytes: this.#bytes,
      refused: this.#refused,
    };
  }

  get #live(): Session | undefined {
    return this.#session?.lost.aborted ? undefined : this.#session;
  }

  /** Leaves the farewell as `state`, then DISCONNECT. */
  async [Symbol.asyncDispose](): Promise<void> {
    const session = this.#live;
    this.#session = undefined;
    if (session) {
      // The broker forgets the will at a DISCONNECT, so a planned end is told like any other fact.
      const { farewell, lastWill } = this.#context;
      const goodbye = session.send(factMessage(this.#base, "state", farewell?.() ?? lastWill));
      const { promise: late, resolve: giveUp } = Promise.withResolvers<void>();
      using _deadline = this.#context.clock.timer(goodbyeMs, giveUp);
      await Promise.race([goodbye.catch(() => {}), late]);
      await session.close();
    }
    this.#stop.abort();
    await this.#loop;
  }

  /** Connects, stays, connects again, until the end. */
  async #run(): Promise<void> {
    const { clock, random, log } = this.#context;
    let attempt = 0;
    while (!this.#ended.aborted) {
      try {
        const session = await this.#connect();
        const since = clock.monotonic();
        const publishedBefore = this.#published;
        this.#begin(session);
        await over(session.lost, this.#ended);
        if (this.#session === session) this.#session = undefined;
        if (this.#ended.aborted) await session.close();
        if (this.#published > publishedBefore || clock.monotonic() - since >= goodConnectionMs) attempt = 0;
        if (session.lost.aborted) throw session.lost.reason;
      } catch (error) {
        if (this.#ended.aborted) return;
        if (!(error instanceof GatewayError)) throw error;
        const { code, message, hint } = error;
        // One line when something changes; an outage of a week is one line, not ten thousand.
        if (this.#lastError?.code !== code)
          log.warn({ code, hint, peer: this.status().peer }, `not connected: ${message}`);
        this.#lastError = { code, message, hint };
        this.#since = undefined;
        const longest = Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.min(attempt, 16));
        attempt++;
        await clock.sleep(random() * longest, this.#ended).catch(() => {});
      }
    }
  }

  #begin(session: Session): void {
    const { clock, gateway, run, log } = this.#context;
    this.#session = session;
    this.#version = session.version;
    this.#spokeFive ||= session.version === 5;
    this.#since = clock.trusted ? clock.now() : undefined;
    this.#lastError = undefined;
    this.#concurrency = session.limits.receiveMaximum;
    const most = session.limits.maximumPacketSize ?? Number.POSITIVE_INFINITY;
    this.#packBytes = Math.max(
      1,
      Math.min(defaultPackBytes, most - messageOverhead(this.#base, gateway, run)),
    );
    log.info({ peer: this.status().peer }, "connected to the broker");
    for (const topic of this.#facts.keys()) this.#untold.add(topic);
    this.#refusedFacts.clear();
    this.#up.resolve();
    this.#up = Promise.withResolvers<void>();
    void this.#tell();
  }

  /** Tells the broker the retained facts that it has not heard, one after the other, the newest body of each. */
  async #tell(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    try {
      for (;;) {
        const session = this.#live;
        const [topic] = this.#untold;
        if (!session || topic === undefined) return;
        this.#untold.delete(topic);
        const body = this.#facts.get(topic);
        if (body) await this.#tellOne(session, topic, body);
      }
    } finally {
      this.#telling = false;
    }
  }

  async #tellOne(session: Session, topic: string, body: Uint8Array): Promise<void> {
    try {
      await session.send(factMessage(this.#base, topic, body));
    } catch (error) {
      if (error instanceof RefusedError) {
        if (!this.#refusedFacts.has(error.code))
          this.#context.log.warn({ code: error.code, hint: error.hint, topic }, error.message);
        this.#refusedFacts.add(error.code);
      } else if (error instanceof LinkError) {
        // Told again after the reconnect, as all facts are.
        this.#untold.add(topic);
      } else throw error;
    }
  }

  /** One attempt: MQTT 5, and at once 3.1.1 when the broker does not speak it. */
  async #connect(): Promise<Session> {
    const { protocol } = this.#settings;
    try {
      return await this.#attempt(protocol === "3.1.1" ? 4 : 5);
    } catch (error) {
      if (!(error instanceof ConnectRefusal)) throw error;
      // Closing without an answer is how some old brokers refuse MQTT 5; one that has spoken it was only restarted.
      const older = error.reason === undefined ? !this.#spokeFive : asksForOlder(error.reason);
      if (protocol !== "auto" || !older) throw error.failure;
    }
    try {
      return await this.#attempt(4);
    } catch (error) {
      throw error instanceof ConnectRefusal ? error.failure : error;
    }
  }

  async #attempt(version: 4 | 5): Promise<Session> {
    const { clock, gateway, lastWill } = this.#context;
    const settings = this.#settings;
    const address = this.#address;
    const late = new AbortController();
    using _deadline = clock.timer(connectTimeoutMs, () =>
      late.abort(
        new LinkError(`no answer from ${address.host}:${address.port} within ${connectTimeoutMs / 1000} s`, {
          code: "connect-timeout",
          hint: "is the network slow, or does a firewall swallow the packets?",
        }),
      ),
    );
    const signal = AbortSignal.any([this.#ended, late.signal]);
    const socket = await openSocket(settings, address, clock, signal);
    return await openSession(
      socket,
      {
        address,
        version,
        clientId: settings.clientId ?? `stadsnod-${gateway}`,
        username: settings.username,
        password: settings.password === undefined ? undefined : reveal(settings.password),
        keepalive: settings.keepalive,
        will: factMessage(this.#base, "state", lastWill),
        clock,
        tls: tlsFacts(settings, clock),
      },
      signal,
    );
  }
}

/** The work's outcome, or the signal's reason when that comes first; the work is not stopped. */
async function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Resolves when one of the signals aborts. */
function over(...signals: AbortSignal[]): Promise<void> {
  const any = AbortSignal.any(signals);
  return new Promise((resolve) => {
    if (any.aborted) resolve();
    else any.addEventListener("abort", () => resolve(), { once: true });
  });
}

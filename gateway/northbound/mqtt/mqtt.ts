import { GatewayError, LinkError, RefusedError } from "../../model/errors.ts";
import { type BrokerAddress, brokerAddress } from "../../transport/mqtt/settings.ts";
import { credentialsMark, loadCredentials } from "../../transport/mqtt/socket.ts";
import type {
  Answer,
  BacklogRate,
  Northbound,
  NorthboundContext,
  NorthboundKind,
  NorthboundStatus,
  OutgoingPack,
} from "../northbound.ts";
import { Commands } from "./commands.ts";
import { connectBroker } from "./connect.ts";
import { DesiredTopics } from "./desired.ts";
import { Facts } from "./facts.ts";
import { commandFilter, type Places } from "./intake.ts";
import {
  answerMessages,
  factMessage,
  type Message,
  messageOverhead,
  packMessage,
  topicBase,
} from "./message.ts";
import type { Session } from "./session.ts";
import { type MqttSettings, mqttSettings } from "./settings.ts";
import { orAborted, over } from "./waiting.ts";
import { watchCredentials } from "./watch-credentials.ts";

/** Uncompressed bytes of a pack when the broker tells no limit: the size of a merged backlog pack. */
const defaultPackBytes = 65_536;
/** A whole gateway stops within two seconds, whatever its brokers do. */
const goodbyeMs = 500;
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
    // What can never work is told now; later it would only be one more failed attempt. A file that is not there is
    // something else: a new gateway measures, and keeps what it measures, before it has its certificate.
    if (settings.url.startsWith("mqtts:") && credentialsMark(settings) !== undefined)
      loadCredentials(settings);
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
  readonly #places: Places;
  readonly #facts: Facts;
  readonly #commands: Commands | undefined;
  readonly #desired: DesiredTopics | undefined;
  #session: Session | undefined;
  #up = Promise.withResolvers<void>();
  #closed = false;
  #packBytes = defaultPackBytes;
  #concurrency = 1;
  #version: 4 | 5 | undefined;
  #spokeFive = false;
  #since: number | undefined;
  #lastError: NorthboundStatus["lastError"];
  #saidNoCommands = false;
  #saidNoReply = false;
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
    this.#places = { root: settings.root, base: this.#base };
    this.#facts = new Facts(this.#base, context.log, () => this.#live);
    this.#commands = context.onCommand && new Commands(this.#places, context.log, context.onCommand);
    this.#desired =
      context.desired && new DesiredTopics(settings.root, context.gateway, context.desired, context.log);
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
  }

  async answer(answer: Answer, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const session = this.#live;
    if (!session) throw new LinkError("not connected to the broker", { code: "not-connected" });
    const { result, reply } = answerMessages(this.#places, answer);
    const both = [session.send(result), ...(reply ? [this.#reply(session, reply)] : [])];
    await orAborted(
      Promise.all(both).then(() => {}),
      signal,
    );
  }

  /** To where the sender wanted it. That it may not be told there is the sender's own mistake, not a lost result. */
  async #reply(session: Session, message: Message): Promise<void> {
    try {
      await session.send(message);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      const { code, hint } = error;
      if (!this.#saidNoReply) this.#context.log.warn({ code, hint, topic: message.topic }, error.message);
      this.#saidNoReply = true;
    }
  }

  async connected(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (!this.#live) {
      if (this.#closed) throw new LinkError("this far side was closed", { code: "closed" });
      await orAborted(this.#up.promise, signal);
    }
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
      commands: this.#commands?.status(),
    };
  }

  get #live(): Session | undefined {
    return this.#session?.lost.aborted ? undefined : this.#session;
  }

  /** Leaves the farewell as `state`, then DISCONNECT. */
  async [Symbol.asyncDispose](): Promise<void> {
    const session = this.#live;
    this.#session = undefined;
    this.#closed = true;
    // Whoever waits for a connection is to ask the far side that comes after this one.
    this.#up.resolve();
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
    const { clock, random, log, gateway, lastWill } = this.#context;
    const commands = this.#commands;
    const desired = this.#desired;
    let attempt = 0;
    while (!this.#ended.aborted) {
      try {
        const mark = credentialsMark(this.#settings);
        const session = await connectBroker(
          {
            settings: this.#settings,
            address: this.#address,
            gateway,
            clock,
            will: factMessage(this.#base, "state", lastWill),
            take:
              commands || desired
                ? async (packet) =>
                    desired?.has(packet.topic) ? desired.take(packet) : commands?.take(packet)
                : undefined,
            spokeFive: this.#spokeFive,
          },
          this.#ended,
        );
        const since = clock.monotonic();
        const publishedBefore = this.#published;
        this.#begin(session);
        const renewed = new AbortController();
        using _watch = watchCredentials(this.#settings, mark, clock, () => renewed.abort());
        await over(session.lost, this.#ended, renewed.signal);
        if (this.#session === session) this.#session = undefined;
        if (this.#ended.aborted || renewed.signal.aborted) await session.close();
        if (renewed.signal.aborted) {
          log.info({ peer: this.status().peer }, "the certificate was renewed: connecting anew");
          attempt = 0;
          continue;
        }
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
    this.#up.resolve();
    this.#up = Promise.withResolvers<void>();
    this.#facts.tellAll();
    void this.#subscribe(session);
  }

  async #subscribe(session: Session): Promise<void> {
    const { log } = this.#context;
    await this.#desired?.subscribe(session);
    if (!this.#commands) {
      // The broker may still send what an earlier configuration wanted.
      if (session.resumed) await session.unsubscribe(commandFilter(this.#places)).catch(() => {});
      return;
    }
    const refused = await this.#commands.subscribe(session);
    if (!refused || session.lost.aborted) return;
    const { code, message, hint } = refused;
    this.#lastError = { code, message, hint };
    if (!this.#saidNoCommands) log.warn({ code, hint }, `no commands: ${message}`);
    this.#saidNoCommands = true;
  }
}

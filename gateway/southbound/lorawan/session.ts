import type { Socket } from "node:net";
import type { IPublishPacket, MqttClient } from "mqtt";
import { LinkError } from "../../model/errors.ts";
import { ConnectRefusal, connectClient } from "../../transport/mqtt/client.ts";
import {
  asksForOlder,
  connackFailure,
  disconnectFailure,
  linkFailure,
  type TlsFacts,
} from "../../transport/mqtt/failures.ts";
import { type BrokerAddress, type BrokerSettings, reveal } from "../../transport/mqtt/settings.ts";
import { openSocket, tlsFacts } from "../../transport/mqtt/socket.ts";
import type { SouthboundContext } from "../protocol.ts";
import type { Bridge, Message } from "./bridge.ts";

export interface SessionOptions {
  readonly broker: BrokerSettings;
  readonly address: BrokerAddress;
  /** The same after every restart: the broker keeps what comes while we are away for it. */
  readonly clientId: string;
  readonly subscribe: Bridge["subscribe"];
  /**
   * Takes a message over; it is acknowledged when this resolves. Rejects when it could not be kept:
   * then the session ends, and the broker sends the message again to the next one.
   */
  readonly take: (message: Message, qos: 0 | 1 | 2) => Promise<void>;
}

/** How long the broker keeps our session while we are away. */
const sessionExpirySeconds = 7 * 86_400;
/** Messages that are taken at the same time; when there are more, the socket is not read on. */
const mostTaken = 48;
/** What a broker sends before it waits for us (MQTT 5): less than that, so that the socket is always read. */
const receiveMaximum = 40;
/** An event with its topic is far smaller; what is larger is not read. */
const maximumPacketSize = 300_000;
const connectTimeoutMs = 30_000;
const publishTimeoutMs = 30_000;

interface Owed {
  readonly messageId: number;
  settled: boolean;
}

/**
 * One connection to a network server's broker. A message with QoS 1 is acknowledged when it has been
 * taken over, in the order in which they came (MQTT 5 section 4.6), while others are being taken.
 */
export class ServerSession implements AsyncDisposable {
  readonly lost: AbortSignal;
  readonly version: 4 | 5;
  readonly #client: MqttClient;
  readonly #context: Pick<SouthboundContext, "clock">;
  readonly #lost: AbortController;
  readonly #inbox: Inbox;

  constructor(
    client: MqttClient,
    socket: Socket,
    inbox: Inbox,
    version: 4 | 5,
    address: BrokerAddress,
    tls: TlsFacts,
    context: Pick<SouthboundContext, "clock">,
  ) {
    this.#client = client;
    this.#inbox = inbox;
    this.#context = context;
    this.#lost = inbox.lost;
    this.lost = inbox.lost.signal;
    this.version = version;
    this.lost.addEventListener("abort", () => client.end(true), { once: true });
    const end = (reason: LinkError): void => inbox.end(reason);
    socket.on("error", (error) => end(linkFailure(error, address, tls)));
    client.on("error", (error) => end(linkFailure(error, address, tls)));
    client.on("disconnect", (packet) => end(disconnectFailure(packet.reasonCode ?? 0, address)));
    client.on("close", () =>
      end(
        new LinkError(`${address.host}:${address.port} closed the connection`, {
          code: "connection-closed",
          hint: "it is opened again by itself; the broker's log says why",
        }),
      ),
    );
    if (this.lost.aborted) client.end(true);
  }

  /** Resolves when the broker has it (QoS 1), or when it is written (QoS 0). Rejects with LinkError. */
  async publish({ topic, payload }: Message, qos: 0 | 1): Promise<void> {
    this.lost.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const gone = () => reject(this.lost.reason);
    this.lost.addEventListener("abort", gone, { once: true });
    using _deadline = this.#context.clock.timer(publishTimeoutMs, () =>
      reject(new LinkError("the broker does not take the downlink", { code: "no-puback" })),
    );
    this.#client.publish(topic, Buffer.from(payload), { qos }, (error) => {
      if (error) reject(new LinkError(error.message, { code: "publish-refused", cause: error }));
      else resolve();
    });
    try {
      await promise;
    } finally {
      this.lost.removeEventListener("abort", gone);
    }
  }

  /** Rejects with LinkError when the account may not see the events. */
  async subscribe(subscribe: Bridge["subscribe"]): Promise<void> {
    const wanted = Object.fromEntries(subscribe.map(({ topic, qos }) => [topic, { qos }]));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const gone = () => reject(this.lost.reason);
    this.lost.addEventListener("abort", gone, { once: true });
    this.#client.subscribe(wanted, (error, granted) => {
      const refused = (granted ?? []).find(({ qos }) => Number(qos) >= 128);
      if (!error && !refused) return resolve();
      reject(
        new LinkError(`the broker does not let the account read ${refused?.topic ?? subscribe[0]?.topic}`, {
          code: "subscribe-refused",
          hint: "check application:, tenant: and the account's rights at the network server",
          cause: error,
        }),
      );
    });
    try {
      await promise;
    } finally {
      this.lost.removeEventListener("abort", gone);
    }
  }

  /** DISCONNECT. What is being taken is not acknowledged any more: it comes again. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.lost.aborted) {
      const closed = new Promise<void>((resolve) => this.#client.once("close", () => resolve()));
      // What has just become durable is still acknowledged.
      await this.#context.clock.sleep(1);
      this.#inbox.close();
      this.#client.end(false);
      const { promise: late, resolve: giveUp } = Promise.withResolvers<void>();
      using _deadline = this.#context.clock.timer(2000, giveUp);
      await Promise.race([closed, late]);
      this.#lost.abort(new LinkError("the gateway closed the connection", { code: "closed" }));
    }
    this.#client.stream.destroy();
  }
}

/** What came and is not acknowledged yet. Exists before the connection: the first messages follow its CONNACK at once. */
class Inbox {
  readonly lost = new AbortController();
  readonly #take: SessionOptions["take"];
  readonly #acknowledge: (messageId: number) => void;
  readonly #owed: Owed[] = [];
  #taken = 0;
  #resume: (() => void) | undefined;
  #closed = false;

  constructor(take: SessionOptions["take"], acknowledge: (messageId: number) => void) {
    this.#take = take;
    this.#acknowledge = acknowledge;
  }

  /** `next` lets the following packet through. */
  receive(packet: IPublishPacket, next: () => void): void {
    if (this.#closed) {
      next();
      return;
    }
    const owed: Owed | undefined =
      packet.qos > 0 && packet.messageId !== undefined
        ? { messageId: packet.messageId, settled: false }
        : undefined;
    if (owed) this.#owed.push(owed);
    this.#taken += 1;
    const payload = typeof packet.payload === "string" ? Buffer.from(packet.payload) : packet.payload;
    this.#take({ topic: packet.topic, payload }, packet.qos)
      .then(
        () => {
          if (owed) this.#settle(owed);
        },
        (cause: unknown) => {
          // Nobody sends a message with QoS 0 again: what it was lost for has been counted.
          if (owed)
            this.end(
              new LinkError("an uplink could not be kept: it is left to the broker", {
                code: "not-kept",
                hint: "look at the gateway's storage; the network server's broker sends it again",
                cause,
              }),
            );
        },
      )
      .finally(() => {
        this.#taken -= 1;
        this.#resume?.();
      });
    if (this.#taken < mostTaken) next();
    else
      this.#resume = () => {
        this.#resume = undefined;
        next();
      };
  }

  #settle(owed: Owed): void {
    owed.settled = true;
    while (this.#owed[0]?.settled && !this.#closed) {
      const first = this.#owed.shift();
      if (first) this.#acknowledge(first.messageId);
    }
  }

  /** Nothing is acknowledged any more. */
  close(): void {
    this.#closed = true;
    this.#owed.length = 0;
  }

  end(reason: LinkError): void {
    this.close();
    if (!this.lost.signal.aborted) this.lost.abort(reason);
  }
}

/**
 * A session that hears its topics: MQTT 5, and 3.1.1 with a broker that does not speak it. Rejects with
 * LinkError, ConfigError (a PEM file) or the signal's reason.
 */
export async function openServerSession(
  options: SessionOptions,
  context: Pick<SouthboundContext, "clock">,
  signal: AbortSignal,
): Promise<ServerSession> {
  const { protocol } = options.broker;
  try {
    return await attempt(options, protocol === "3.1.1" ? 4 : 5, context, signal);
  } catch (error) {
    if (!(error instanceof ConnectRefusal)) throw error;
    const older = error.reason === undefined || asksForOlder(error.reason);
    if (protocol !== "auto" || !older) throw error.failure;
  }
  try {
    return await attempt(options, 4, context, signal);
  } catch (error) {
    throw error instanceof ConnectRefusal ? error.failure : error;
  }
}

async function attempt(
  { broker, address, clientId, subscribe, take }: SessionOptions,
  version: 4 | 5,
  context: Pick<SouthboundContext, "clock">,
  outer: AbortSignal,
): Promise<ServerSession> {
  const { clock } = context;
  const late = new AbortController();
  using _deadline = clock.timer(connectTimeoutMs, () =>
    late.abort(
      new LinkError(`no answer from ${address.host}:${address.port} within ${connectTimeoutMs / 1000} s`, {
        code: "connect-timeout",
        hint: "is the network slow, or does a firewall swallow the packets?",
      }),
    ),
  );
  const signal = AbortSignal.any([outer, late.signal]);
  const tls = tlsFacts(broker, clock);
  const socket = await openSocket(broker, address, clock, signal);
  const { default: packets } = await import("mqtt-packet");
  const inbox = new Inbox(take, (messageId) => {
    if (socket.writable)
      socket.write(
        packets.generate({ cmd: "puback", messageId, reasonCode: 0 }, { protocolVersion: version }),
      );
  });
  const keeps = subscribe.some(({ qos }) => qos > 0);
  const { client, connack } = await connectClient(
    socket,
    {
      address,
      version,
      clientId,
      username: broker.username,
      password: broker.password === undefined ? undefined : reveal(broker.password),
      keepalive: broker.keepalive,
      clean: !keeps,
      sessionExpirySeconds: keeps ? sessionExpirySeconds : undefined,
      receiveMaximum,
      maximumPacketSize,
      tls,
      prepare: (made) => {
        made.handleMessage = (packet, done) => inbox.receive(packet, () => done(unacknowledged));
      },
    },
    signal,
  );
  const session = new ServerSession(client, socket, inbox, version, address, tls, context);
  try {
    if (keeps && version === 5 && connack.properties?.maximumQoS === 0) throw connackFailure(155, address);
    const subscribed = session.subscribe(subscribe);
    // What the broker kept comes before its SUBACK, and is not taken over before this is open.
    if (connack.sessionPresent)
      subscribed.catch((error: unknown) => {
        if (error instanceof LinkError) inbox.end(error);
      });
    else await subscribed;
    return session;
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Told to mqtt.js with each message: it goes on with the next packet and sends no PUBACK of its own
 * (its `handleMessage` may fail so; ours says when a message is acknowledged).
 */
const unacknowledged = new Error("acknowledged later");

import type { Socket } from "node:net";
import type { MqttClient } from "mqtt";
import { LinkError } from "../../model/errors.ts";
import { ConnectRefusal, connectClient } from "../../transport/mqtt/client.ts";
import {
  asksForOlder,
  connackFailure,
  disconnectFailure,
  linkFailure,
  type TlsFacts,
} from "../../transport/mqtt/failures.ts";
import { Inbox } from "../../transport/mqtt/inbox.ts";
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
    lost: AbortController,
    version: 4 | 5,
    address: BrokerAddress,
    tls: TlsFacts,
    context: Pick<SouthboundContext, "clock">,
  ) {
    this.#client = client;
    this.#inbox = inbox;
    this.#context = context;
    this.#lost = lost;
    this.lost = lost.signal;
    this.version = version;
    this.lost.addEventListener("abort", () => client.end(true), { once: true });
    const end = (reason: LinkError): void => this.end(reason);
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

  /** Nothing is acknowledged any more. Does nothing the second time. */
  end(reason: LinkError): void {
    this.#inbox.close();
    if (!this.lost.aborted) this.#lost.abort(reason);
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
  const lost = new AbortController();
  const inbox = new Inbox({
    mostTaken,
    take: ({ topic, payload, qos }) =>
      take({ topic, payload: typeof payload === "string" ? Buffer.from(payload) : payload }, qos),
    onNotTaken(cause, owed) {
      // Nobody sends a message with QoS 0 again: what it was lost for has been counted.
      if (!owed) return;
      inbox.close();
      lost.abort(
        new LinkError("an uplink could not be kept: it is left to the broker", {
          code: "not-kept",
          hint: "look at the gateway's storage; the network server's broker sends it again",
          cause,
        }),
      );
    },
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
      prepare: (made) => inbox.attach(made, socket),
    },
    signal,
  );
  const session = new ServerSession(client, socket, inbox, lost, version, address, tls, context);
  try {
    if (keeps && version === 5 && connack.properties?.maximumQoS === 0) throw connackFailure(155, address);
    const subscribed = session.subscribe(subscribe);
    // What the broker kept comes before its SUBACK, and is not taken over before this is open.
    if (connack.sessionPresent)
      subscribed.catch((error: unknown) => {
        if (error instanceof LinkError) session.end(error);
      });
    else await subscribed;
    return session;
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
}

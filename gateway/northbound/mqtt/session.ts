// A line too long: one connection that is up, in both directions.
import type { Socket } from "node:net";
import type { IConnackPacket, MqttClient } from "mqtt";
import type { Clock } from "../../model/clock.ts";
import { LinkError, RefusedError } from "../../model/errors.ts";
import { connectClient } from "../../transport/mqtt/client.ts";
import {
  connackFailure,
  disconnectFailure,
  linkFailure,
  pubackRefusal,
  type TlsFacts,
  tooLarge,
} from "../../transport/mqtt/failures.ts";
import { Inbox, type InboxOptions } from "../../transport/mqtt/inbox.ts";
import type { BrokerAddress } from "../../transport/mqtt/settings.ts";
import { type Message, messageSize } from "./message.ts";

export interface SessionOptions {
  readonly address: BrokerAddress;
  readonly version: 4 | 5;
  readonly clientId: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Seconds. */
  readonly keepalive: number;
  readonly will: Message;
  readonly clock: Clock;
  readonly tls: TlsFacts;
  /** Takes what the broker sends; absent: nothing is wanted, and nothing is kept of it. */
  readonly take?: InboxOptions["take"] | undefined;
}

/** What the broker allows, from its CONNACK. */
export interface BrokerLimits {
  /** Messages with QoS 1 on their way at the same time. */
  readonly receiveMaximum: number;
  /** Bytes of a whole packet; undefined: no limit told. */
  readonly maximumPacketSize?: number | undefined;
  readonly retain: boolean;
}

/** The broker keeps our session this long: commands that come meanwhile are not lost. */
const sessionExpirySeconds = 7 * 86_400;
/** More than enough for any broker; bounds the memory of what waits for its PUBACK. */
const mostInFlight = 64;
/** A connection that answers pings but no PUBLISH is not alive. */
const ackTimeoutMs = 60_000;
/** Messages that we take before we acknowledge one: MQTT 5. */
const receiveMaximum = 16;
/** The same with 3.1.1, which knows no such number: the socket is not read on. */
const mostTaken = 24;
/** Of these with QoS 0: with the receive maximum fewer than all, so that they stop no PUBACK of telemetry. */
const mostUnowed = mostTaken - receiveMaximum - 1;
/**
 * A message that was not taken comes again to the next connection only. This one stays for a while:
 * telemetry must not wait for a ledger that cannot be written.
 */
const untakenMs = 60_000;

interface Pending {
  reject(error: Error): void;
}

/**
 * One connection that is up. mqtt.js speaks the protocol and sends the pings; reconnecting, waiting
 * and sending again are not its business: a session ends once and is not used again.
 */
export class Session {
  readonly version: 4 | 5;
  readonly limits: BrokerLimits;
  readonly lost: AbortSignal;
  /** Whether the broker has kept subscriptions and messages for us since the last connection. */
  readonly resumed: boolean;
  readonly #client: MqttClient;
  readonly #inbox: Inbox | undefined;
  readonly #clock: Clock;
  readonly #lost = new AbortController();
  readonly #pending = new Set<Pending>();
  readonly #queue: (() => void)[] = [];
  #flying = 0;

  constructor(
    client: MqttClient,
    socket: Socket,
    connack: IConnackPacket,
    inbox: Inbox | undefined,
    options: SessionOptions,
  ) {
    this.version = options.version;
    this.lost = this.#lost.signal;
    this.resumed = connack.sessionPresent;
    this.#inbox = inbox;
    this.#client = client;
    this.#clock = options.clock;
    const granted = options.version === 5 ? connack.properties : undefined;
    this.limits = {
      receiveMaximum: Math.min(granted?.receiveMaximum ?? mostInFlight, mostInFlight),
      maximumPacketSize: granted?.maximumPacketSize,
      retain: granted?.retainAvailable ?? true,
    };
    const { address } = options;
    socket.on("error", (error) => this.end(linkFailure(error, address, options.tls)));
    client.on("error", (error) => this.end(linkFailure(error, address, options.tls)));
    client.on("disconnect", (packet) => this.end(disconnectFailure(packet.reasonCode ?? 0, address)));
    client.on("close", () =>
      this.end(
        new LinkError(`${address.host}:${address.port} closed the connection`, {
          code: "connection-closed",
          hint: "it is opened again by itself; the broker's log says why",
        }),
      ),
    );
    if (granted?.maximumQoS === 0) this.end(connackFailure(155, address));
  }

  /**
   * Resolves on a PUBACK below 0x80. Rejects with RefusedError (0x80 and above, or too large for the
   * broker) or LinkError (connection lost: nobody knows whether it arrived).
   */
  async send(message: Message): Promise<void> {
    const size = messageSize(message);
    const maximum = this.limits.maximumPacketSize;
    if (maximum !== undefined && size > maximum) throw tooLarge(size, maximum, message.topic);
    if (this.#flying >= this.limits.receiveMaximum)
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    if (this.lost.aborted) throw this.lost.reason;
    this.#flying++;
    try {
      await this.#publish(message);
    } finally {
      this.#flying--;
      this.#queue.shift()?.();
    }
  }

  #publish(message: Message): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.timer(ackTimeoutMs, () =>
        this.end(
          new LinkError(`no PUBACK within ${ackTimeoutMs / 1000} s`, {
            code: "no-puback",
            hint: "the broker answers pings but takes no messages: look at its log",
          }),
        ),
      );
      const done = () => {
        timer[Symbol.dispose]();
        this.#pending.delete(pending);
      };
      const pending: Pending = {
        reject(error) {
          done();
          reject(error);
        },
      };
      this.#pending.add(pending);
      this.#client.publish(
        message.topic,
        Buffer.from(message.payload.buffer, message.payload.byteOffset, message.payload.byteLength),
        { qos: 1, retain: message.retain, properties: publishProperties(message) },
        (error) => {
          done();
          if (!error) return resolve();
          const reason = "code" in error ? error.code : undefined;
          if (typeof reason !== "number")
            return reject(new LinkError(error.message, { code: "connection-lost", cause: error }));
          // mqtt.js calls 0x01..0x7f an error too; for QoS 1 they mean success.
          if (reason < 0x80) resolve();
          else reject(pubackRefusal(reason, message.topic));
        },
      );
    });
  }

  /**
   * Asks for the messages of a topic filter, QoS 1; with `always` also for what is retained, although the broker has kept the subscription. Resolves when the broker sends them. Rejects with
   * RefusedError, or LinkError when the connection is lost.
   */
  async subscribe(filter: string, retained: "once" | "always" = "once"): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // MQTT 5: the flag of a retained message must reach us; and what is retained is sent to a
    // new subscription, where it is seen and refused, but not again to one that the broker has kept.
    this.#client.subscribe(
      filter,
      { qos: 1, rap: true, rh: retained === "once" ? 1 : 0 },
      (error, _, suback) => {
        if (!error) resolve();
        // Without a SUBACK the connection broke, which rejects by itself.
        else if (suback)
          reject(
            new RefusedError(`the broker does not let this gateway read ${filter}`, {
              code: "subscribe-refused",
              hint: `give its account the right to subscribe to ${filter}; it asks again when it connects`,
              cause: error,
            }),
          );
      },
    );
    await this.#orLost(promise);
  }

  /** The broker forgets a filter. Rejects with LinkError when the connection is lost. */
  async unsubscribe(filter: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#client.unsubscribe(filter, () => resolve());
    await this.#orLost(promise);
  }

  async #orLost(work: Promise<void>): Promise<void> {
    const { promise: gone, reject } = Promise.withResolvers<never>();
    const lost = () => reject(this.lost.reason);
    this.lost.addEventListener("abort", lost, { once: true });
    try {
      this.lost.throwIfAborted();
      await Promise.race([work, gone]);
    } finally {
      this.lost.removeEventListener("abort", lost);
    }
  }

  /** Ends the session: what is on its way rejects with `reason`. Does nothing the second time. */
  end(reason: LinkError): void {
    if (this.lost.aborted) return;
    this.#inbox?.close();
    this.#lost.abort(reason);
    for (const pending of [...this.#pending]) pending.reject(reason);
    for (const resume of this.#queue.splice(0)) resume();
    this.#client.end(true);
  }

  /** DISCONNECT: the broker forgets the last will. Resolves when the socket is closed. */
  async close(): Promise<void> {
    if (this.lost.aborted) return;
    this.#inbox?.close();
    const reason = new LinkError("the gateway closed the connection", { code: "closed" });
    this.#lost.abort(reason);
    for (const pending of [...this.#pending]) pending.reject(reason);
    for (const resume of this.#queue.splice(0)) resume();
    const closed = new Promise<void>((resolve) => this.#client.once("close", () => resolve()));
    // Acknowledgements that are missing would keep `end` waiting: they have been rejected above.
    for (const id of Object.keys(this.#client.outgoing)) this.#client.removeOutgoingMessage(Number(id));
    this.#client.end(false);
    const { promise: late, resolve: giveUp } = Promise.withResolvers<void>();
    using _deadline = this.#clock.timer(2000, giveUp);
    await Promise.race([closed, late]);
    this.#client.stream.destroy();
  }
}

/** CONNECT over a socket. Rejects with ConnectRefusal, LinkError or the signal's reason. */
export async function openSession(
  socket: Socket,
  options: SessionOptions,
  signal: AbortSignal,
): Promise<Session> {
  let session: Session | undefined;
  let retake: Disposable | undefined;
  const inbox =
    options.take &&
    new Inbox({
      take: options.take,
      mostTaken,
      mostUnowed,
      onNotTaken(cause, owed) {
        // Nobody sends a message with QoS 0 again.
        if (!owed || retake) return;
        retake = options.clock.timer(untakenMs, () =>
          session?.end(
            new LinkError("a command could not be kept: the broker is asked for it again", {
              code: "not-kept",
              hint: "look at the gateway's storage",
              cause,
            }),
          ),
        );
        session?.lost.addEventListener("abort", () => retake?.[Symbol.dispose](), { once: true });
      },
    });
  const { client, connack } = await connectClient(
    socket,
    {
      ...options,
      clean: false,
      sessionExpirySeconds,
      receiveMaximum,
      maximumPacketSize: 65_536,
      prepare: (made) => inbox?.attach(made, socket),
    },
    signal,
  );
  session = new Session(client, socket, connack, inbox, options);
  return session;
}

function publishProperties({ contentType, userProperties, correlation }: Message) {
  const properties = {
    payloadFormatIndicator: false,
    contentType,
    ...(correlation ? { correlationData: Buffer.from(correlation) } : {}),
  };
  // mqtt-packet counts an empty object as properties and then writes none: the broker would wait for the rest.
  return Object.keys(userProperties).length === 0
    ? properties
    : { ...properties, userProperties: { ...userProperties } };
}

import type { Socket } from "node:net";
import type { IConnackPacket, MqttClient } from "mqtt";
import type { Clock } from "../../model/clock.ts";
import { LinkError } from "../../model/errors.ts";
import { connectClient } from "../../transport/mqtt/client.ts";
import {
  connackFailure,
  disconnectFailure,
  linkFailure,
  pubackRefusal,
  type TlsFacts,
  tooLarge,
} from "../../transport/mqtt/failures.ts";
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
  readonly #client: MqttClient;
  readonly #clock: Clock;
  readonly #lost = new AbortController();
  readonly #pending = new Set<Pending>();
  readonly #queue: (() => void)[] = [];
  #flying = 0;

  constructor(client: MqttClient, socket: Socket, connack: IConnackPacket, options: SessionOptions) {
    this.version = options.version;
    this.lost = this.#lost.signal;
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

  /** Ends the session: what is on its way rejects with `reason`. Does nothing the second time. */
  end(reason: LinkError): void {
    if (this.lost.aborted) return;
    this.#lost.abort(reason);
    for (const pending of [...this.#pending]) pending.reject(reason);
    for (const resume of this.#queue.splice(0)) resume();
    this.#client.end(true);
  }

  /** DISCONNECT: the broker forgets the last will. Resolves when the socket is closed. */
  async close(): Promise<void> {
    if (this.lost.aborted) return;
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
  const { client, connack } = await connectClient(
    socket,
    { ...options, clean: false, sessionExpirySeconds, receiveMaximum: 16, maximumPacketSize: 65_536 },
    signal,
  );
  return new Session(client, socket, connack, options);
}

function publishProperties({ contentType, userProperties }: Message) {
  const properties = { payloadFormatIndicator: false, contentType };
  // mqtt-packet counts an empty object as properties and then writes none: the broker would wait for the rest.
  return Object.keys(userProperties).length === 0
    ? properties
    : { ...properties, userProperties: { ...userProperties } };
}

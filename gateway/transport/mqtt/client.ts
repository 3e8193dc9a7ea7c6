import type { Socket } from "node:net";
import type { IClientOptions, IConnackPacket, MqttClient } from "mqtt";
import type { LinkError } from "../../model/errors.ts";
import { cutPublishes } from "./cut.ts";
import { closedBeforeAnswer, connackFailure, linkFailure, type TlsFacts } from "./failures.ts";
import type { BrokerAddress } from "./settings.ts";

/** What goes into CONNECT. */
export interface ClientOptions {
  readonly address: BrokerAddress;
  readonly version: 4 | 5;
  readonly clientId: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Seconds. */
  readonly keepalive: number;
  /** Whether the broker is to forget what it kept for us. */
  readonly clean: boolean;
  /** How long the broker keeps our session while we are away; MQTT 5 only, 3.1.1 brokers have a rule of their own. */
  readonly sessionExpirySeconds?: number | undefined;
  /** Messages with QoS 1 that we take before we acknowledge one; MQTT 5 only. */
  readonly receiveMaximum: number;
  /** Bytes of a packet that we take; with MQTT 3.1.1, which cannot say so, a longer payload is cut (at 65,539 bytes at least). */
  readonly maximumPacketSize: number;
  readonly will?:
    | {
        readonly topic: string;
        readonly payload: Uint8Array;
        readonly retain: boolean;
        readonly contentType: string;
      }
    | undefined;
  readonly tls: TlsFacts;
  /** Is called before anything is received: for listeners that must not miss a message. */
  readonly prepare?: ((client: MqttClient) => void) | undefined;
}

/** A broker's refusal of CONNECT; `reason` is the CONNACK code, undefined when it just closed. */
export class ConnectRefusal extends Error {
  readonly reason: number | undefined;
  readonly failure: LinkError;
  constructor(failure: LinkError, reason?: number) {
    super(failure.message, { cause: failure });
    this.failure = failure;
    this.reason = reason;
  }
}

/**
 * CONNECT over a socket: mqtt.js speaks the protocol and sends the pings; it never reconnects. Rejects
 * with ConnectRefusal, LinkError or the signal's reason.
 */
export async function connectClient(
  socket: Socket,
  options: ClientOptions,
  signal: AbortSignal,
): Promise<{ client: MqttClient; connack: IConnackPacket }> {
  // Loaded when first used: it is the largest dependency, and not every gateway talks MQTT.
  const [{ default: mqtt }, { default: packet }] = await Promise.all([import("mqtt"), import("mqtt-packet")]);
  // Else it keeps 65,536 small buffers, 7 MB, to be a little quicker at numbers.
  packet.writeToStream.cacheNumbers = false;
  if (options.version === 4) cutPublishes(socket, options.maximumPacketSize);
  const client = new mqtt.MqttClient(() => socket, clientOptions(options));
  options.prepare?.(client);
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      stop();
      client.on("error", () => {});
      client.end(true);
      reject(error);
    };
    const connected = (connack: IConnackPacket) => {
      stop();
      resolve({ client, connack });
    };
    const refused = (error: Error) => {
      const reason = "code" in error ? error.code : undefined;
      if (typeof reason === "number")
        fail(new ConnectRefusal(connackFailure(reason, options.address, error), reason));
      else fail(linkFailure(error, options.address, options.tls));
    };
    const broken = (error: Error) => fail(linkFailure(error, options.address, options.tls));
    const closed = () => fail(new ConnectRefusal(closedBeforeAnswer(options.address, options.version)));
    const aborted = () => fail(signal.reason);
    const stop = () => {
      client.off("connect", connected);
      client.off("error", refused);
      client.off("close", closed);
      socket.off("error", broken);
      signal.removeEventListener("abort", aborted);
    };
    socket.on("error", broken);
    client.on("connect", connected);
    client.on("error", refused);
    client.on("close", closed);
    if (signal.aborted) aborted();
    else signal.addEventListener("abort", aborted, { once: true });
  });
}

function clientOptions(options: ClientOptions): IClientOptions {
  const { version, will, sessionExpirySeconds } = options;
  return {
    protocolId: "MQTT",
    protocolVersion: version,
    clientId: options.clientId,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    clean: options.clean,
    keepalive: options.keepalive,
    reconnectPeriod: 0,
    // Our own clock ends an attempt; this is only the longest that mqtt.js would wait.
    connectTimeout: 120_000,
    queueQoSZero: false,
    resubscribe: false,
    autoAssignTopicAlias: true,
    ...(will
      ? {
          will: {
            topic: will.topic,
            payload: Buffer.from(will.payload),
            qos: 1,
            retain: will.retain,
            ...(version === 5 ? { properties: { contentType: will.contentType } } : {}),
          },
        }
      : {}),
    ...(version === 5
      ? {
          properties: {
            ...(sessionExpirySeconds === undefined ? {} : { sessionExpiryInterval: sessionExpirySeconds }),
            receiveMaximum: options.receiveMaximum,
            maximumPacketSize: options.maximumPacketSize,
          },
        }
      : {}),
  };
}

import type { Clock } from "../../model/clock.ts";
import { LinkError } from "../../model/errors.ts";
import { ConnectRefusal } from "../../transport/mqtt/client.ts";
import { asksForOlder } from "../../transport/mqtt/failures.ts";
import { type BrokerAddress, reveal } from "../../transport/mqtt/settings.ts";
import { openSocket, tlsFacts } from "../../transport/mqtt/socket.ts";
import type { Message } from "./message.ts";
import { openSession, type Session, type SessionOptions } from "./session.ts";
import type { MqttSettings } from "./settings.ts";

/** From the first packet to CONNACK. */
const connectTimeoutMs = 30_000;

export interface ConnectOptions {
  readonly settings: MqttSettings;
  readonly address: BrokerAddress;
  readonly gateway: string;
  readonly clock: Clock;
  readonly will: Message;
  readonly take: SessionOptions["take"];
  /** Whether this broker has spoken MQTT 5 before: then one that closes without a word is only restarting. */
  readonly spokeFive: boolean;
}

/**
 * One attempt: MQTT 5, and at once 3.1.1 when the broker does not speak it. Rejects with LinkError,
 * ConfigError (a PEM file) or the signal's reason.
 */
export async function connectBroker(options: ConnectOptions, signal: AbortSignal): Promise<Session> {
  const { protocol } = options.settings;
  try {
    return await attempt(options, protocol === "3.1.1" ? 4 : 5, signal);
  } catch (error) {
    if (!(error instanceof ConnectRefusal)) throw error;
    // Closing without an answer is how some old brokers refuse MQTT 5.
    const older = error.reason === undefined ? !options.spokeFive : asksForOlder(error.reason);
    if (protocol !== "auto" || !older) throw error.failure;
  }
  try {
    return await attempt(options, 4, signal);
  } catch (error) {
    throw error instanceof ConnectRefusal ? error.failure : error;
  }
}

async function attempt(
  { settings, address, gateway, clock, will, take }: ConnectOptions,
  version: 4 | 5,
  outer: AbortSignal,
): Promise<Session> {
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
      will,
      clock,
      tls: tlsFacts(settings, clock),
      take,
    },
    signal,
  );
}

import type { QueueItem, QueuePolicy } from "./downlink-queue.ts";
import type { NetworkEvent } from "./events.ts";

/** A message to the broker. */
export interface Told {
  readonly topic: string;
  readonly payload: Uint8Array;
}

/** What an application asked for. */
export interface Command {
  /** Either of the two names the device. */
  readonly devEui?: string | undefined;
  readonly deviceId?: string | undefined;
  readonly items: readonly QueueItem[];
  /** The items take the place of what waits. */
  readonly replace: boolean;
}

/** How a make of network server talks to applications over MQTT. */
export interface Dialect {
  readonly name: string;
  /** As it stands in topics. */
  readonly application: string;
  readonly qos: 0 | 1;
  readonly policy: QueuePolicy;
  /** Topic filters of commands. */
  readonly commands: readonly string[];
  /** The message of an event; undefined for what this make does not tell. */
  tell(event: NetworkEvent): Told | undefined;
  /** Throws, with the reason, what the server would refuse: it only writes it to its own log. */
  command(topic: string, payload: Uint8Array, time: number): Command;
}

import { appendFileSync } from "node:fs";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { captureLine } from "./lorawan/capture.ts";
import { chance } from "./lorawan/chance.ts";
import type { Dialect, Told } from "./lorawan/dialect.ts";
import type { EndDevice, Network, NetworkEvent, UplinkRecord } from "./lorawan/events.ts";
import { deviceId } from "./lorawan/the-things-stack.ts";
import { brokerAt } from "./mqtt-client.ts";
import { after } from "./wire.ts";

// The application side of a LoRaWAN network server on a real broker. The network outlives it: to restart
// the server, end it and open another one with the same network and the same dialect.

export interface NetworkServerOptions {
  /** mqtt:// or mqtts:// */
  readonly url: string;
  readonly network: Network;
  readonly dialect: Dialect;
  /** Share of uplinks that are published twice: at once, or after a later message of the device. */
  readonly duplicates?: number | undefined;
  /** Share of uplinks that are overtaken by the device's next one. */
  readonly reorders?: number | undefined;
  /** File that gets a line for each message, for `replay`. */
  readonly record?: string | undefined;
  /** More for the client: version 5, certificates, account. */
  readonly client?: IClientOptions | undefined;
}

/** A command that the server did not take; a real one tells only its own log. */
export interface Refusal {
  readonly topic: string;
  readonly reason: string;
}

export interface NetworkServer extends AsyncDisposable {
  readonly refused: readonly Refusal[];
  /** Commands taken. */
  readonly commands: number;
  /** Messages given to the broker. */
  readonly published: number;
  /** Held uplinks go out; resolves when the broker has acknowledged all messages (QoS 1), or they are written (QoS 0). */
  idle(): Promise<void>;
  /** Resolves when `holds` does; looked at again and again. */
  until(holds: () => boolean): Promise<void>;
  /** Of its connection. */
  readonly clientId: string;
  /** Ends as a process that was killed: what the broker has not acknowledged may be lost. */
  crash(): Promise<void>;
}

/** A connected server. Rejects when the broker cannot be reached; later it reconnects by itself. */
export async function openNetworkServer(options: NetworkServerOptions): Promise<NetworkServer> {
  const { dialect, url } = options;
  const client = await connectAsync({
    ...brokerAt(url),
    clientId: clientId(dialect),
    clean: true,
    reconnectPeriod: 100,
    queueQoSZero: false,
    ...options.client,
  });
  const server = new Server(client, options);
  try {
    await client.subscribeAsync([...dialect.commands], { qos: dialect.qos });
    server.begin();
    return server;
  } catch (error) {
    await client.endAsync(true);
    throw error;
  }
}

function clientId({ application }: Dialect): string {
  return `network-server-${application}`.slice(0, 60);
}

class Server implements NetworkServer {
  readonly clientId: string;
  readonly refused: Refusal[] = [];
  commands = 0;
  published = 0;
  readonly #client: MqttClient;
  readonly #options: NetworkServerOptions;
  readonly #random: () => number;
  readonly #onTheWay = new Set<Promise<void>>();
  /** Uplinks that wait for the device's next one. */
  readonly #held = new Map<EndDevice, () => void>();
  #listening: Disposable | undefined;

  constructor(client: MqttClient, options: NetworkServerOptions) {
    this.#client = client;
    this.#options = options;
    this.clientId = options.client?.clientId ?? clientId(options.dialect);
    this.#random = chance(options.network.seed, `publishing of ${options.network.uplinks.length}`);
    client.on("message", (topic, payload) => this.#command(topic, payload));
    // The client reconnects; what went wrong shows in what arrives.
    client.on("error", () => {});
  }

  begin(): void {
    const { network, dialect } = this.#options;
    this.#listening = network.listen((event) => this.#event(event), dialect.policy);
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => after(5, resolve));
  }

  async idle(): Promise<void> {
    this.#releaseAll();
    while (this.#onTheWay.size > 0) await Promise.all(this.#onTheWay);
  }

  async crash(): Promise<void> {
    this.#listening?.[Symbol.dispose]();
    this.#held.clear();
    await this.#client.endAsync(true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listening?.[Symbol.dispose]();
    if (this.#client.connected) await this.idle();
    await this.#client.endAsync(true);
  }

  #event(event: NetworkEvent): void {
    const told = this.#options.dialect.tell(event);
    if (!told) return;
    if (event.kind === "up") this.#uplink(event.device, told, event.record);
    else this.#publish(told);
  }

  #uplink(device: EndDevice, told: Told, record: UplinkRecord): void {
    const { duplicates = 0, reorders = 0 } = this.#options;
    const waiting = this.#held.get(device);
    if (!waiting && this.#random() < reorders) {
      this.#held.set(device, () => this.#publish(told, record));
      return;
    }
    this.#publish(told, record);
    waiting?.();
    this.#held.delete(device);
    if (this.#random() >= duplicates) return;
    if (this.#random() < 0.5) this.#publish(told, record);
    else this.#held.set(device, () => this.#publish(told, record));
  }

  #releaseAll(): void {
    for (const release of this.#held.values()) release();
    this.#held.clear();
  }

  #publish(told: Told, record?: UplinkRecord): void {
    const { dialect, record: file } = this.#options;
    this.published++;
    if (record) record.copies++;
    if (file !== undefined) appendFileSync(file, captureLine(told));
    const publishing = this.#client
      .publishAsync(told.topic, Buffer.from(told.payload), { qos: dialect.qos })
      .then(
        () => {
          if (record && dialect.qos === 1) record.acknowledged++;
        },
        // The connection is gone for good (QoS 1) or at this moment (QoS 0).
        () => {
          this.published--;
          if (record) record.copies--;
        },
      )
      .finally(() => {
        this.#onTheWay.delete(publishing);
      });
    this.#onTheWay.add(publishing);
  }

  #command(topic: string, payload: Uint8Array): void {
    const { network, dialect } = this.#options;
    try {
      const command = dialect.command(topic, payload, network.now());
      const device = network.devices.find(({ settings }) =>
        command.devEui === undefined
          ? deviceId(settings.name) === command.deviceId
          : settings.devEui === command.devEui,
      );
      if (!device) throw new Error("no such device");
      if (command.replace) device.queue.clear();
      for (const item of command.items) network.enqueue(device, item);
      this.commands++;
    } catch (error) {
      this.refused.push({ topic, reason: error instanceof Error ? error.message : String(error) });
    }
  }
}

import { type After, after as realAfter } from "../wire.ts";
import { type Server, SessionDevice, type Surroundings } from "./device-session.ts";
import type { QueueItem, QueuePolicy } from "./downlink-queue.ts";
import type { EndDevice, Listener, Network, NetworkOptions, UplinkRecord } from "./events.ts";
import type { RadioGateway } from "./radio.ts";

/** Four gateways in the middle of Stockholm. */
export const stockholmGateways: readonly RadioGateway[] = [
  { id: "0016c001f1500001", latitude: 59.3293, longitude: 18.0686, altitude: 42 },
  { id: "0016c001f1500002", latitude: 59.3346, longitude: 18.0532, altitude: 58 },
  { id: "0016c001f1500003", latitude: 59.3151, longitude: 18.0752, altitude: 63 },
  { id: "0016c001f1500004", latitude: 59.3421, longitude: 18.0935, altitude: 35 },
];

/**
 * A LoRaWAN network without its application interface: end devices, the air, the network server's sessions
 * and queues. What a server of some make would tell its applications comes out as events.
 */
export function createNetwork(options: NetworkOptions): Network {
  return new LoraNetwork(options);
}

class LoraNetwork implements Network, Surroundings {
  readonly seed: number;
  readonly now: () => number;
  readonly uplinks: UplinkRecord[] = [];
  readonly devices: readonly SessionDevice[];
  readonly after: After;
  readonly options: NetworkOptions;
  readonly gateways: readonly RadioGateway[];
  server: Server | undefined;
  #timers = new Set<Disposable>();
  readonly #byEui: ReadonlyMap<string, SessionDevice>;

  constructor(options: NetworkOptions) {
    this.options = options;
    this.seed = options.seed ?? 1;
    this.now = options.now ?? Date.now;
    this.after = options.after ?? realAfter;
    this.gateways = options.gateways ?? stockholmGateways;
    this.devices = options.devices.map((settings) => new SessionDevice(this, settings));
    this.#byEui = new Map(this.devices.map((device) => [device.settings.devEui, device]));
  }

  device(devEui: string): SessionDevice | undefined {
    return this.#byEui.get(devEui);
  }

  listen(listener: Listener, policy: QueuePolicy): Disposable {
    if (this.server) throw new Error("a server is connected to this network already");
    const server = { listener, policy };
    this.server = server;
    return {
      [Symbol.dispose]: () => {
        if (this.server === server) this.server = undefined;
      },
    };
  }

  enqueue(device: EndDevice, item: QueueItem): void {
    const own = this.#byEui.get(device.settings.devEui);
    if (!own) throw new Error(`no such device: ${device.settings.devEui}`);
    own.enqueue(item);
  }

  start(): void {
    for (const device of this.devices) device.start();
  }

  /** A timer that ends with the network. */
  later(ms: number, callback: () => void): void {
    const timer = this.after(ms, () => {
      this.#timers.delete(timer);
      callback();
    });
    this.#timers.add(timer);
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers.clear();
  }
}

import { actuatorUnits, lockAddress, openActuators } from "../actuators/open.ts";
import { chirpstack } from "../lorawan/chirpstack.ts";
import type { Network } from "../lorawan/events.ts";
import { createNetwork } from "../lorawan/network.ts";
import { type NetworkServer, openNetworkServer } from "../network-server.ts";
import { after } from "../wire.ts";
import type { CityConnection, CityDevice } from "./city.ts";
import { loraCity } from "./lorawan.ts";
import type { Nature } from "./nature.ts";

// What can be moved in the city, and what speaks by radio.

/** A part of the city, in the words of gateway.yaml. */
export interface Quarter extends AsyncDisposable {
  readonly connections: readonly CityConnection[];
  readonly devices: readonly CityDevice[];
}

export interface StreetOptions {
  /** Where the link of the lock's line shall lie; by default in a temporary folder. */
  readonly link?: string | undefined;
  /** Somebody works on the pump, and has locked it out, for the last `forMs` of every `everyMs`. */
  readonly pumpWork?: { readonly everyMs: number; readonly forMs: number } | undefined;
}

/** A street lamp, a relay board, a drainage pump and a door lock. */
export async function openStreet({
  link,
  pumpWork = { everyMs: 60_000, forMs: 20_000 },
}: StreetOptions = {}): Promise<Quarter> {
  const actuators = await openActuators({ link });
  let timer: Disposable | undefined;
  const work = (begins: boolean) => {
    actuators.pump.lockout = begins;
    const { everyMs, forMs } = pumpWork;
    timer = after(begins ? forMs : everyMs - forMs, () => work(!begins));
  };
  work(false);
  const cabinet = "street-cabinet";
  const door = "door-line";
  return {
    connections: [
      { id: cabinet, protocol: "modbus", settings: { tcp: { host: "127.0.0.1", port: actuators.port } } },
      { id: door, protocol: "serial-frame", settings: { serial: { port: actuators.lockPath, baud: 9600 } } },
    ],
    devices: [
      {
        id: "lamp-1",
        model: "generic/dali-lamp",
        connection: cabinet,
        settings: { unit: actuatorUnits.lamp },
        where: "street lamp on Götgatan",
      },
      {
        id: "square-relays",
        model: "generic/relay-board",
        connection: cabinet,
        settings: { unit: actuatorUnits.relays },
        where: "fountain and lights of the square",
      },
      {
        id: "tunnel-pump",
        model: "generic/pump",
        connection: cabinet,
        settings: { unit: actuatorUnits.pump },
        where: "pump of the road tunnel, with interlock",
      },
      {
        id: "cabinet-lock",
        model: "generic/door-lock",
        connection: door,
        settings: { address: lockAddress },
        where: "door of the street cabinet",
      },
    ],
    async [Symbol.asyncDispose]() {
      timer?.[Symbol.dispose]();
      await actuators[Symbol.asyncDispose]();
    },
  };
}

export interface RadioOptions {
  /** mqtt:// */
  readonly url: string;
  readonly nature: Nature;
  /** Of `loraCity`, in its order. */
  readonly ids: readonly string[];
  /** Divides the makers' intervals. */
  readonly hurry?: number | undefined;
  readonly seed?: number | undefined;
}

export interface RadioQuarter extends Quarter {
  readonly network: Network;
  readonly server: NetworkServer;
}

/** LoRaWAN devices behind a ChirpStack. They are silent until `network.start()`. */
export async function openRadioQuarter({
  url,
  nature,
  ids,
  hurry,
  seed = 1,
}: RadioOptions): Promise<RadioQuarter> {
  const found = loraCity(nature, { hurry }).filter(({ id }) => ids.includes(id));
  const dialect = chirpstack(seed);
  const network = createNetwork({ devices: found.map(({ device }) => device), now: nature.now, seed });
  const server = await openNetworkServer({ url, network, dialect });
  const connection = "lorawan";
  const { application } = dialect;
  return {
    network,
    server,
    connections: [
      {
        id: connection,
        protocol: "lorawan",
        settings: { server: "chirpstack", application, mqtt: { url } },
      },
    ],
    devices: found.map(({ id, model, where, device: { devEui } }) => ({
      id,
      model,
      where,
      connection,
      settings: { devEui },
    })),
    async [Symbol.asyncDispose]() {
      network[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

import { openModbusServer } from "../modbus/server.ts";
import { openPty } from "../pty.ts";
import { sdm120, sdm630 } from "./energy-meter.ts";
import { isDark, type Nature, seededRandom } from "./nature.ts";
import { feederPillar, qdy30a, senseairS8, xyMd02 } from "./sensors.ts";
import { openSerialDevices } from "./serial-devices.ts";

/** One simulated device, as someone would find it in the field. */
export interface CityDevice {
  readonly id: string;
  /** `<maker>/<model>`, as a profile would be called. */
  readonly model: string;
  readonly connection: string;
  /** What gateway.yaml says of it besides: its unit id, address or DevEUI. */
  readonly settings: Readonly<Record<string, string | number>>;
  readonly where: string;
}

/** One line of the city, in the words of gateway.yaml. */
export interface CityConnection {
  readonly id: string;
  readonly protocol: string;
  readonly settings: Readonly<Record<string, string | Readonly<Record<string, string | number>>>>;
}

export interface City extends AsyncDisposable {
  /** On 127.0.0.1, by connection. */
  readonly tcpPorts: { readonly substation: number; readonly "feeder-pillar": number };
  /** A Modbus RTU line, 9600 baud 8N1. */
  readonly ptyPath: string;
  readonly connections: readonly CityConnection[];
  readonly devices: readonly CityDevice[];
  /** A pulled serial adapter, and put back. */
  unplugLine(): void;
  replugLine(): void;
}

export interface CityOptions {
  /** Unix ms; real time by default. */
  readonly now?: () => number;
  readonly seed?: number;
  /** Where the links of the serial lines shall lie: this path is the Modbus line's, the others get a suffix. By default in temporary folders. */
  readonly link?: string;
  /** The water level probe is silent for the last `forMs` of every `everyMs`. `forMs: 0`: never. */
  readonly silence?: { readonly everyMs: number; readonly forMs: number };
}

const modbusDevices: readonly CityDevice[] = [
  {
    id: "town-hall-meter",
    model: "eastron/sdm630",
    connection: "substation",
    settings: { unit: 1 },
    where: "substation of the town hall",
  },
  {
    id: "harbour-pillar",
    model: "generic/feeder-pillar",
    connection: "feeder-pillar",
    settings: { unit: 1 },
    where: "feeder pillar, four lamp circuits",
  },
  {
    id: "quay-lamps-meter",
    model: "eastron/sdm120",
    connection: "line",
    settings: { unit: 1 },
    where: "lamps of the quay",
  },
  {
    id: "quay-climate",
    model: "xy/xy-md02",
    connection: "line",
    settings: { unit: 2 },
    where: "cabinet at the quay",
  },
  {
    id: "school-air",
    model: "senseair/s8",
    connection: "line",
    settings: { unit: 3 },
    where: "classroom 4B",
  },
  {
    id: "drain-level",
    model: "generic/qdy30a",
    connection: "line",
    settings: { unit: 4 },
    where: "storm drain",
  },
];

/** Nine city devices: six that speak Modbus on two TCP connections and one serial line, and three with a serial line of their own. Their values move with the hour and with what is written to them. */
export async function openCity(options: CityOptions = {}): Promise<City> {
  const { now = Date.now, seed = 1, silence = { everyMs: 90_000, forMs: 20_000 } } = options;
  const nature: Nature = { now, random: seededRandom(seed) };
  const opened = now();
  await using stack = new AsyncDisposableStack();
  const substation = stack.use(
    await openModbusServer({ listen: { tcp: 0 }, units: { 1: sdm630(nature, 42_000) } }),
  );
  const pillar = stack.use(
    await openModbusServer({ listen: { tcp: 0 }, units: { 1: feederPillar(nature) } }),
  );
  const pty = stack.use(openPty({ link: options.link }));
  const line = stack.use(
    await openModbusServer({
      listen: { wire: pty },
      units: {
        1: sdm120(nature, (at) => (isDark(at) ? 1840 : 35)),
        2: xyMd02(nature),
        3: senseairS8(nature),
        4: qdy30a(nature),
      },
    }),
  );
  const own = stack.use(
    openSerialDevices(nature, (name) => (options.link === undefined ? undefined : `${options.link}-${name}`)),
  );
  // The first fault comes after the first readings.
  line.unit(4).fault(() => {
    const phase = (now() - opened) % silence.everyMs;
    return phase >= silence.everyMs - silence.forMs ? { kind: "silence" } : undefined;
  });
  const closing = stack.move();
  return {
    tcpPorts: { substation: substation.port, "feeder-pillar": pillar.port },
    ptyPath: pty.path,
    connections: [
      tcpLine("substation", substation.port),
      tcpLine("feeder-pillar", pillar.port),
      { id: "line", protocol: "modbus", settings: { serial: { port: pty.path, baud: 9600 } } },
      ...own.devices.map(({ id, protocol, serial }) => ({ id: lineOf(id), protocol, settings: { serial } })),
    ],
    devices: [
      ...modbusDevices,
      ...own.devices.map(({ id, model, where, settings }) => ({
        id,
        model,
        connection: lineOf(id),
        settings,
        where,
      })),
    ],
    unplugLine: () => pty.unplug(),
    replugLine: () => pty.replug(),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

function tcpLine(id: string, port: number): CityConnection {
  return { id, protocol: "modbus", settings: { tcp: { host: "127.0.0.1", port } } };
}

function lineOf(device: string): string {
  return `${device}-line`;
}

import { openModbusServer } from "../modbus/server.ts";
import { openPty } from "../pty.ts";
import { sdm120, sdm630 } from "./energy-meter.ts";
import { isDark, type Nature, seededRandom } from "./nature.ts";
import { feederPillar, qdy30a, senseairS8, xyMd02 } from "./sensors.ts";

/** One simulated device, as someone would find it in the field. */
export interface CityDevice {
  readonly id: string;
  /** `<maker>/<model>`, as a profile would be called. */
  readonly model: string;
  /** `line` is the serial one. */
  readonly connection: "substation" | "feeder-pillar" | "line";
  readonly unit: number;
  readonly where: string;
}

export interface City extends AsyncDisposable {
  /** On 127.0.0.1, by connection. */
  readonly tcpPorts: { readonly substation: number; readonly "feeder-pillar": number };
  /** A Modbus RTU line, 9600 baud 8N1. */
  readonly ptyPath: string;
  readonly devices: readonly CityDevice[];
  /** A pulled serial adapter, and put back. */
  unplugLine(): void;
  replugLine(): void;
}

export interface CityOptions {
  /** Unix ms; real time by default. */
  readonly now?: () => number;
  readonly seed?: number;
  /** Where the serial line's link shall lie; by default in a temporary folder. */
  readonly link?: string;
  /** The water level probe is silent for the last `forMs` of every `everyMs`. `forMs: 0`: never. */
  readonly silence?: { readonly everyMs: number; readonly forMs: number };
}

const devices: readonly CityDevice[] = [
  {
    id: "town-hall-meter",
    model: "eastron/sdm630",
    connection: "substation",
    unit: 1,
    where: "substation of the town hall",
  },
  {
    id: "harbour-pillar",
    model: "generic/feeder-pillar",
    connection: "feeder-pillar",
    unit: 1,
    where: "feeder pillar, four lamp circuits",
  },
  {
    id: "quay-lamps-meter",
    model: "eastron/sdm120",
    connection: "line",
    unit: 1,
    where: "lamps of the quay",
  },
  { id: "quay-climate", model: "xy/xy-md02", connection: "line", unit: 2, where: "cabinet at the quay" },
  { id: "school-air", model: "senseair/s8", connection: "line", unit: 3, where: "classroom 4B" },
  { id: "drain-level", model: "generic/qdy30a", connection: "line", unit: 4, where: "storm drain" },
];

/** Six city devices on two TCP connections and one serial line. Their values move with the hour and with what is written to them. */
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
  // The first fault comes after the first readings.
  line.unit(4).fault(() => {
    const phase = (now() - opened) % silence.everyMs;
    return phase >= silence.everyMs - silence.forMs ? { kind: "silence" } : undefined;
  });
  const closing = stack.move();
  return {
    tcpPorts: { substation: substation.port, "feeder-pillar": pillar.port },
    ptyPath: pty.path,
    devices,
    unplugLine: () => pty.unplug(),
    replugLine: () => pty.replug(),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

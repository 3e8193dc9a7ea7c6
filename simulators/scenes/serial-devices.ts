import { attachMeters, bcd, int, type MbusMeter } from "../mbus-meter.ts";
import { attachP1Meter, p1Scene } from "../p1-meter.ts";
import { createPmSensor } from "../pm-sensor.ts";
import { openPty } from "../pty.ts";
import { bell, counter, hourOfDay, type Nature, wanderer } from "./nature.ts";

/** A device that has a serial line of its own. */
export interface SerialDevice {
  readonly id: string;
  readonly model: string;
  readonly where: string;
  readonly protocol: string;
  /** The pty, and how it is set. */
  readonly serial: { readonly port: string; readonly baud: number; readonly parity?: "even" };
  /** What gateway.yaml says of the device besides: an M-Bus address. */
  readonly settings: Readonly<Record<string, number>>;
}

/** Energy of a litre of water per kelvin, Wh. */
const wattHoursPerLitreKelvin = 1.163;

/**
 * A grid meter that speaks every two seconds, a district heating meter that answers on an M-Bus, and a
 * fine dust sensor. `link` gives each line's path.
 */
export function openSerialDevices(
  nature: Nature,
  link: (name: string) => string | undefined,
): { readonly devices: readonly SerialDevice[] } & AsyncDisposable {
  const stack = new AsyncDisposableStack();
  const line = (name: string) => stack.use(openPty({ link: link(name) }));

  const p1 = line("p1");
  stack.use(attachP1Meter(p1, { state: p1Scene(nature, 18_000), everyMs: 2000 }));

  const bus = line("mbus");
  attachMeters(bus, [multical(nature)]);

  const dust = line("pm");
  const wander = wanderer(nature, 8, { pull: 0.02, push: 1.5 });
  const sensor = stack.use(
    createPmSensor({
      blankFrames: 2,
      air: () => {
        const pm25 = Math.max(1, wander(6 + 9 * bell(hourOfDay(nature.now()), 8, 2)));
        return { pm25, pm10: pm25 * 2.1 };
      },
    }),
  );
  sensor.attach(dust);

  return {
    devices: [
      {
        id: "library-grid-meter",
        model: "swedish-grid/p1-meter",
        where: "P1 port of the library's grid meter",
        protocol: "smart-meter",
        serial: { port: p1.path, baud: 115_200 },
        settings: {},
      },
      {
        id: "library-heat",
        model: "kamstrup/multical-601",
        where: "M-Bus in the library's cellar",
        protocol: "mbus",
        serial: { port: bus.path, baud: 2400, parity: "even" },
        settings: { address: 5 },
      },
      {
        id: "hornsgatan-dust",
        model: "nova/sds011",
        where: "lamp post on Hornsgatan",
        protocol: "serial-frame",
        serial: { port: dust.path, baud: 9600 },
        settings: {},
      },
    ],
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** The district heating meter of a house: more in the morning, less by day. Records as a MULTICAL 601 sends them. */
function multical(nature: Nature): MbusMeter {
  const energy = counter(nature, 37_351);
  const volume = counter(nature, 561_080);
  const hours = counter(nature, 41_200);
  const wander = wanderer(nature, 34, { pull: 0.01, push: 2 });
  const id = "67260115";
  return {
    address: 5,
    id,
    manufacturer: "KAM",
    version: 8,
    medium: 4,
    telegrams: () => {
      const now = nature.now();
      const powerKw = Math.max(4, wander(26 + 14 * bell(hourOfDay(now), 6, 3)));
      const supplyC = 78;
      const returnC = 44 - powerKw / 10;
      const litresPerHour = (powerKw * 1000) / (wattHoursPerLitreKelvin * (supplyC - returnC));
      const centi = (celsius: number) => int(Math.round(celsius * 100), 4);
      const local = new Date(now + 3_600_000);
      return [
        [
          ...[0x0c, 0x78, ...bcd(Number(id), 4)],
          ...[0x04, 0x06, ...int(Math.floor(energy(powerKw)), 4)],
          ...[0x04, 0x14, ...int(Math.floor(volume(litresPerHour) / 10), 4)],
          ...[0x04, 0x22, ...int(Math.floor(hours(1)), 4)],
          ...[0x04, 0x59, ...centi(supplyC)],
          ...[0x04, 0x5d, ...centi(returnC)],
          ...[0x04, 0x61, ...centi(supplyC - returnC)],
          ...[0x04, 0x2d, ...int(Math.round(powerKw * 10), 4)],
          ...[0x14, 0x2d, ...int(655, 4)],
          ...[0x04, 0x3b, ...int(Math.round(litresPerHour), 4)],
          ...[0x14, 0x3b, ...int(1320, 4)],
          ...[0x04, 0x6d, local.getUTCMinutes(), local.getUTCHours(), ...dayOf(local)],
          // Stored on the last day of the month before.
          ...[0x44, 0x06, ...int(33_361, 4)],
          ...[0x44, 0x14, ...int(53_800, 4)],
          ...[0x42, 0x6c, ...dayOf(new Date(Date.UTC(local.getUTCFullYear(), local.getUTCMonth(), 0)))],
        ],
      ];
    },
  };
}

/** Day, month and year of EN 13757-3, type G. */
function dayOf(date: Date): number[] {
  const year = date.getUTCFullYear() % 100;
  return [((year & 7) << 5) | date.getUTCDate(), ((year >> 3) << 4) | (date.getUTCMonth() + 1)];
}

import type { EndDeviceSettings, Frame } from "../lorawan/end-device.ts";
import type { LoraCityDevice } from "./lorawan.ts";
import { bell, hourOfDay, type Nature, wanderer } from "./nature.ts";

// More LoRaWAN devices of a city: those that the example flows of Node-RED look at.

type Payload = EndDeviceSettings["payload"];

const minute = 60_000;
const low16 = (value: number): number[] => [value & 0xff, (value >> 8) & 0xff];
const high16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];
const frame = (fPort: number, bytes: readonly number[]): Frame => ({ fPort, bytes: Uint8Array.from(bytes) });

/** A leak sensor in a cellar, a noise sensor on the square, and a traffic counter. `hurry` divides the makers' intervals. */
export function sensorCity(nature: Nature, hurry: number): readonly LoraCityDevice[] {
  return [
    {
      id: "library-cellar",
      model: "milesight/em300-zld",
      where: "floor of the library's cellar",
      device: {
        devEui: "24e124136b320013",
        name: "Library cellar",
        model: { profile: "Milesight EM300-ZLD", brand: "milesight-iot", model: "em300-zld" },
        everyMs: (10 * minute) / hurry,
        payload: leakSensor(nature),
        supply: () => 94,
      },
    },
    {
      id: "square-noise",
      model: "elsys/ers-sound",
      where: "Medborgarplatsen, towards the terraces",
      device: {
        devEui: "a81758fffe051d31",
        name: "Square noise",
        model: { profile: "ELSYS ERS Sound", brand: "elsys", model: "ers-sound" },
        everyMs: (10 * minute) / hurry,
        payload: soundSensor(nature),
        supply: () => 87,
      },
    },
    {
      id: "hornsgatan-traffic",
      model: "parametric/tcr",
      where: "lamp post on Hornsgatan",
      device: {
        devEui: "0004a30b00fb6713",
        name: "Hornsgatan traffic",
        model: { profile: "Parametric TCR-LS", brand: "parametric", model: "tcr-ls" },
        everyMs: (15 * minute) / hurry,
        payload: trafficCounter(nature),
        supply: "external",
      },
    },
  ];
}

/** Milesight EM300-ZLD: wet for one uplink of forty, when somebody has washed the floor. */
function leakSensor(nature: Nature): Payload {
  const air = wanderer(nature, 14, { pull: 1 / 3600, push: 0.5 });
  return ({ fCnt }) =>
    frame(85, [
      ...[0x01, 0x75, 94],
      ...[0x03, 0x67, ...low16(Math.round(air(14) * 10))],
      ...[0x04, 0x68, 112],
      ...[0x05, 0x00, Number(fCnt % 40 === 39)],
    ]);
}

/** ELSYS ERS Sound: loudest on a summer's evening, in whole dB; peak, then average. */
function soundSensor(nature: Nature): Payload {
  const level = wanderer(nature, 52, { pull: 1 / 600, push: 4 });
  return ({ time, random }) => {
    const average = Math.round(Math.min(95, Math.max(35, level(48 + 14 * bell(hourOfDay(time), 22, 3)))));
    const peak = Math.min(120, average + 6 + Math.floor(random() * 15));
    return frame(5, [
      ...[0x01, ...high16(142)],
      ...[0x02, 61],
      ...[0x05, Math.floor(random() * 12)],
      ...[0x07, ...high16(3610)],
      ...[0x15, peak, average],
    ]);
  };
}

/** Parametric TCR, firmware 1.3: four speed classes, from the left and from the right, with their average speeds. */
function trafficCounter(nature: Nature): Payload {
  const share = [0.1, 0.55, 0.3, 0.05];
  const speed = [12, 27, 38, 54];
  return ({ time, random }) => {
    const hour = hourOfDay(time);
    const left = 10 + 160 * bell(hour, 8, 1.5) + 90 * bell(hour, 13, 5);
    const right = 10 + 90 * bell(hour, 13, 5) + 170 * bell(hour, 16.5, 2);
    const cars = (all: number, index: number) =>
      high16(Math.round(all * (share[index] ?? 0) * (0.8 + 0.4 * random())));
    return frame(15, [
      ...[0xbe, 0x02, 0x02],
      ...high16(4120),
      ...high16(Math.round(2400 * bell(hour, 12, 3.5))),
      ...high16(Math.round((9 + 6 * bell(hour, 15, 5) + nature.random()) * 10)),
      ...speed.flatMap((kmh, index) => [
        ...cars(left, index),
        kmh + Math.floor(random() * 3),
        ...cars(right, index),
        kmh - Math.floor(random() * 3),
      ]),
    ]);
  };
}

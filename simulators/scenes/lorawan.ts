import type { EndDeviceSettings } from "../lorawan/end-device.ts";
import {
  parkingSpace,
  peopleCounter,
  roomClimate,
  streetLamp,
  wasteBin,
  waterLevel,
} from "./lorawan-payloads.ts";
import { sensorCity } from "./lorawan-sensors.ts";
import type { Nature } from "./nature.ts";

// LoRaWAN devices of a city, as data.

export interface LoraCityDevice {
  readonly id: string;
  /** `<maker>/<model>`, as a profile would be called. */
  readonly model: string;
  readonly where: string;
  readonly device: EndDeviceSettings;
}

export interface LoraCityOptions {
  /** Divides the makers' intervals, for a demonstration that cannot wait ten minutes. */
  readonly hurry?: number | undefined;
}

const minute = 60_000;

/** A waste bin, parking spaces, a storm drain, a square, two rooms, a street lamp, and what `sensorCity` has. */
export function loraCity(nature: Nature, { hurry = 1 }: LoraCityOptions = {}): readonly LoraCityDevice[] {
  const every = (ms: number) => ms / hurry;
  return [
    {
      id: "square-bin",
      model: "milesight/em400-mud",
      where: "waste bin at Medborgarplatsen",
      device: {
        devEui: "24e124713c140001",
        name: "Square bin",
        model: { profile: "Milesight EM400-MUD", brand: "milesight-iot", model: "em400-mud" },
        everyMs: every(30 * minute),
        payload: wasteBin(nature),
        supply: () => 91,
      },
    },
    {
      id: "quay-parking",
      model: "bosch/tps110",
      where: "parking space 12, Skeppsbron",
      device: {
        devEui: "0c7e45010203001c",
        name: "Quay parking 12",
        model: { profile: "Bosch TPS110", brand: "bosch", model: "tps110" },
        everyMs: every(5 * minute),
        payload: parkingSpace(nature),
        supply: () => 78,
      },
    },
    ...[13, 14].map((space) => ({
      id: `quay-parking-${space}`,
      model: "bosch/tps110",
      where: `parking space ${space}, Skeppsbron`,
      device: {
        devEui: `0c7e4501020300${space + 16}`,
        name: `Quay parking ${space}`,
        model: { profile: "Bosch TPS110", brand: "bosch", model: "tps110" },
        everyMs: every(5 * minute),
        payload: parkingSpace(nature),
        supply: () => 80,
      },
    })),
    {
      id: "drain-water",
      model: "milesight/em500-swl",
      where: "storm drain at Slussen",
      device: {
        devEui: "24e124138d070002",
        name: "Drain water",
        model: { profile: "Milesight EM500-SWL", brand: "milesight-iot", model: "em500-swl" },
        everyMs: every(10 * minute),
        payload: waterLevel(nature),
        supply: () => 96,
      },
    },
    {
      id: "square-people",
      model: "imbuildings/people-counter",
      where: "entrance of the library at Medborgarplatsen",
      device: {
        devEui: "0004a30b00f6b569",
        name: "Library people",
        model: { profile: "IMBUILDINGS people counter", brand: "imbuildings", model: "people-counter" },
        everyMs: every(10 * minute),
        payload: peopleCounter(nature, "0004a30b00f6b569"),
        supply: () => 83,
      },
    },
    {
      id: "classroom-air",
      model: "elsys/ers",
      where: "classroom 4B",
      device: {
        devEui: "a81758fffe051d02",
        name: "Classroom air",
        model: { profile: "ELSYS ERS CO2", brand: "elsys", model: "ers-co2" },
        everyMs: every(10 * minute),
        payload: roomClimate(nature),
        supply: () => 88,
      },
    },
    {
      id: "flat-climate",
      model: "elsys/ers",
      where: "flat with remote care",
      device: {
        devEui: "a81758fffe051d09",
        name: "Flat climate",
        model: { profile: "ELSYS ERS", brand: "elsys", model: "ers" },
        everyMs: every(10 * minute),
        payload: roomClimate(nature),
        supply: () => 90,
      },
    },
    ...sensorCity(nature, hurry),
    {
      id: "park-lamp",
      model: "nas/ul2020",
      where: "lamp 7 of the park",
      device: {
        devEui: "70b3d50830000d07",
        name: "Park lamp 7",
        model: { profile: "NAS UL2020", brand: "nas", model: "ul2020" },
        class: "C",
        everyMs: every(30 * minute),
        supply: "external",
        ...streetLamp(nature),
      },
    },
  ];
}

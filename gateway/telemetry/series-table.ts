import type { Series } from "../codec/senml.ts";
import { audienceOf, type Device, type Point } from "../model/device.ts";
import { ConfigError } from "../model/errors.ts";
import type { Reading } from "../model/reading.ts";
import type { Value } from "../model/value.ts";
import { outgoingNumber, type UnitOf } from "./conversion.ts";

/** A series that still grows. */
export interface OpenSeries extends Series {
  readonly times: number[];
  readonly values: Value[];
}

/** Where the readings of one name go. `batch` says whose the open series is. */
export interface Track {
  readonly audience: string;
  readonly base: string;
  readonly name: string;
  readonly unit: string | undefined;
  readonly convert: (value: Value) => Value | undefined;
  batch: object | undefined;
  series: OpenSeries | undefined;
}

interface Tracks {
  number?: Track;
  plain?: Track;
  quality?: Track;
}

/** bn + n (RFC 8428 section 4.5.1). */
const legalName = /^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/;

/** Compiles, once per device and name, how its readings are named, converted and addressed. */
export class SeriesTable {
  readonly #unitOf: UnitOf;
  readonly #devices = new WeakMap<Device, Map<string, Tracks>>();

  constructor(unitOf: UnitOf) {
    this.#unitOf = unitOf;
  }

  /** Throws ConfigError for a name that SenML cannot carry or a unit that is not in the table. */
  track(reading: Reading): Track {
    const { device, point, name, quality, value } = reading;
    let names = this.#devices.get(device);
    if (!names) {
      names = new Map();
      this.#devices.set(device, names);
    }
    let tracks = names.get(name);
    if (!tracks) {
      tracks = {};
      names.set(name, tracks);
    }
    if (quality !== "good" || value === undefined) {
      tracks.quality ??= makeTrack(device, point, `${name}/quality`, undefined, (word) => word);
      return tracks.quality;
    }
    if (typeof value === "number" || typeof value === "bigint") {
      tracks.number ??= this.#numberTrack(device, point, name);
      return tracks.number;
    }
    tracks.plain ??= makeTrack(device, point, name, undefined, (same) => same);
    return tracks.plain;
  }

  #numberTrack(device: Device, point: Point, name: string): Track {
    try {
      const { unit, convert } = outgoingNumber(point, this.#unitOf);
      return makeTrack(device, point, name, unit, (value) => {
        if (typeof value !== "number" && typeof value !== "bigint") return undefined;
        const converted = convert(value);
        return typeof converted === "bigint" || Number.isFinite(converted) ? converted : undefined;
      });
    } catch (cause) {
      throw new ConfigError(`${device.id}/${point.name} has a unit that cannot be sent: ${point.unit}`, {
        code: "unknown-unit",
        cause,
      });
    }
  }
}

function makeTrack(
  device: Device,
  point: Point,
  name: string,
  unit: string | undefined,
  convert: Track["convert"],
): Track {
  const base = device.urn;
  if (!legalName.test(base + name)) {
    throw new ConfigError(`SenML cannot carry the name "${base}${name}"`, {
      code: "senml-name",
      hint: "letters, digits and - : . / _ only, the first a letter or digit",
    });
  }
  return {
    audience: audienceOf(device, point),
    base,
    name,
    unit,
    convert,
    batch: undefined,
    series: undefined,
  };
}

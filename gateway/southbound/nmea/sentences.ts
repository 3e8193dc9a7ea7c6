// Longer than most: a table, one sentence of the standard after the other.
import { one, type Rational, rational } from "../../model/decimal.ts";
import {
  dayOf,
  measured,
  nothing,
  plainText,
  position,
  rmcDay,
  type Told,
  timeOfDay,
  unreadable,
  wholeNumber,
} from "./measures.ts";
import type { Sentence } from "./sentence.ts";

/** One thing that a sentence can tell. */
export interface NamedField {
  readonly kind: "float" | "integer" | "text";
  /** SenML unit of the raw value; undefined for texts and plain numbers. */
  readonly unit?: string | undefined;
  /** What this sentence says about it; undefined when it says nothing about it at all (MWV of the other reference). */
  read(sentence: Sentence): Told | undefined;
}

export interface SentenceType {
  readonly title: string;
  /** Why nothing in it holds, in the device's own word; undefined when it does. */
  invalid?(fields: readonly string[]): string | undefined;
  readonly fields: Readonly<Record<string, NamedField>>;
}

type Factors = Readonly<Record<string, Rational>>;
const speeds: Factors = {
  N: rational("1852/3600"),
  K: rational("1000/3600"),
  M: one,
  S: rational("1609.344/3600"),
};
const depths: Factors = { f: rational("0.3048"), M: one, F: rational("1.8288") };
const pressures: Factors = { I: rational("3386.389"), B: rational("100000"), P: one, H: rational("100") };
const only = (letter: string): Factors => ({ [letter]: one });

/** A number whose unit letter stands in the field after it, in the unit that `factors` lead to. Indices as in the standard, from 1. */
function quantity(at: number, unit: string, factors: Factors, unitAt = at + 1): NamedField {
  return {
    kind: "float",
    unit,
    read({ fields }) {
      const value = fields[at - 1];
      if (value === undefined || value === "") return nothing("the field is empty");
      const letter = fields[unitAt - 1] ?? "";
      const factor = Object.hasOwn(factors, letter) ? factors[letter] : undefined;
      return factor ? measured(value, factor) : unreadable(letter, `unit of ${unit}`);
    },
  };
}

const number = (at: number, unit?: string, factor = one): NamedField => ({
  kind: "float",
  unit,
  read: ({ fields }) => measured(fields[at - 1], factor),
});
const integer = (at: number): NamedField => ({
  kind: "integer",
  unit: "count",
  read: ({ fields }) => wholeNumber(fields[at - 1]),
});
const text = (at: number): NamedField => ({
  kind: "text",
  read: ({ fields }) => plainText(fields[at - 1]),
});
const latitude = (at: number): NamedField => ({
  kind: "float",
  unit: "lat",
  read: ({ fields }) => position(fields[at - 1], fields[at], "latitude"),
});
const longitude = (at: number): NamedField => ({
  kind: "float",
  unit: "lon",
  read: ({ fields }) => position(fields[at - 1], fields[at], "longitude"),
});
/** A magnetic variation or offset: east is positive. */
const eastward = (at: number): NamedField => ({
  kind: "float",
  unit: "deg",
  read({ fields }) {
    const side = fields[at];
    const told = measured(fields[at - 1], one);
    if (!("raw" in told) || side === "E") return told;
    return side === "W" && typeof told.raw === "number" ? { raw: -told.raw } : unreadable(side ?? "", "side");
  },
});
/** An angle from the bow, L or R of it, as degrees to the right. */
const sided = (at: number): NamedField => ({
  kind: "float",
  unit: "deg",
  read({ fields }) {
    const side = fields[at];
    const told = measured(fields[at - 1], one);
    if (!("raw" in told) || side === "R") return told;
    if (side !== "L" || typeof told.raw !== "number") return unreadable(side ?? "", "side");
    return { raw: told.raw === 0 ? 0 : 360 - told.raw };
  },
});
const time = (at: number): NamedField => ({
  kind: "float",
  unit: "s",
  read({ fields }) {
    const seconds = timeOfDay(fields[at - 1]);
    if (seconds !== undefined) return { raw: seconds };
    return fields[at - 1] ? unreadable(fields[at - 1] ?? "", "time") : nothing("the field is empty");
  },
});

/** A field of a wind sentence that holds for one reference alone: R to the device, T to north or water. */
const referred = (reference: string, field: NamedField): NamedField => ({
  ...field,
  read: (sentence) => (sentence.fields[1] === reference ? field.read(sentence) : undefined),
});

const windSpeed = quantity(3, "m/s", speeds);
const windAngle = number(1, "deg");

/** Fields that hold even where the rest of their sentence does not. */
const unconditional = new WeakSet<NamedField>();

/** The quality of a fix that is none is still known: 0. */
function always(field: NamedField): NamedField {
  const marked = { ...field };
  unconditional.add(marked);
  return marked;
}

/** Status A, and a mode, where the sentence has one, that stands for a fix. */
function statusAndMode(status: number, mode: number, fields: readonly string[]): string | undefined {
  if (fields[status - 1] !== "A") return `status ${fields[status - 1] || "missing"}`;
  return modeProblem(fields[mode - 1]);
}

/** Empty is a mode that the device does not know. */
function modeProblem(mode: string | undefined): string | undefined {
  return mode === undefined || /^[ADEFMPRS]$/.test(mode) ? undefined : `mode ${mode || "missing"}`;
}

/** The sentences of IEC 61162-1 that field devices send, by what a profile can call their fields. */
export const sentenceTypes: Readonly<Record<string, SentenceType>> = {
  RMC: {
    title: "recommended minimum of a GNSS fix",
    invalid(fields) {
      const problem = statusAndMode(2, 12, fields);
      if (problem) return problem;
      // Since edition 4.1: S safe, C caution, U unsafe, V not valid.
      const navigation = fields[12];
      return navigation === undefined || /^[SCU]$/.test(navigation)
        ? undefined
        : `navigation status ${navigation || "missing"}`;
    },
    fields: {
      time: time(1),
      latitude: latitude(3),
      longitude: longitude(5),
      speed: number(7, "m/s", speeds.N),
      course: number(8, "deg"),
      variation: eastward(10),
      unix: {
        kind: "float",
        unit: "s",
        read: ({ fields }) => together(rmcDay(fields[8]), timeOfDay(fields[0])),
      },
    },
  },
  GGA: {
    title: "GNSS fix",
    invalid: (fields) => (/^[1-9]$/.test(fields[5] ?? "") ? undefined : `quality ${fields[5] || "missing"}`),
    fields: {
      time: time(1),
      latitude: latitude(2),
      longitude: longitude(4),
      quality: always(integer(6)),
      satellites: always(integer(7)),
      hdop: number(8, "/"),
      altitude: quantity(9, "m", only("M")),
      geoid_separation: quantity(11, "m", only("M")),
    },
  },
  GNS: {
    title: "GNSS fix of several systems",
    invalid(fields) {
      if (!/[ADEFMPRS]/.test(fields[5] ?? "")) return `mode ${fields[5] || "missing"}`;
      return fields[12] === "V" ? "navigation status V" : undefined;
    },
    fields: {
      time: time(1),
      latitude: latitude(2),
      longitude: longitude(4),
      satellites: always(integer(7)),
      hdop: number(8, "/"),
      altitude: number(9, "m"),
      geoid_separation: number(10, "m"),
    },
  },
  GLL: {
    title: "position",
    invalid: (fields) => {
      if (fields[5] !== "A") return `status ${fields[5] || "missing"}`;
      // Older receivers end with an empty field.
      return fields[6] ? modeProblem(fields[6]) : undefined;
    },
    fields: { latitude: latitude(1), longitude: longitude(3), time: time(5) },
  },
  VTG: {
    title: "course and speed over ground",
    invalid: (fields) => (fields[8] === undefined ? undefined : modeProblem(fields[8])),
    fields: {
      course: quantity(1, "deg", only("T")),
      course_magnetic: quantity(3, "deg", only("M")),
      speed: quantity(5, "m/s", { N: speeds.N! }),
      speed_by_km: quantity(7, "m/s", { K: speeds.K! }),
    },
  },
  ZDA: {
    title: "date and time",
    fields: {
      time: time(1),
      day: integer(2),
      month: integer(3),
      year: integer(4),
      unix: {
        kind: "float",
        unit: "s",
        read: ({ fields }) =>
          together(
            /^\d{2},\d{2},\d{4}$/.test(fields.slice(1, 4).join(","))
              ? dayOf(Number(fields[3]), Number(fields[2]), Number(fields[1]))
              : undefined,
            timeOfDay(fields[0]),
          ),
      },
    },
  },
  GSA: {
    title: "satellites in use and dilution",
    invalid: (fields) => (/^[23]$/.test(fields[1] ?? "") ? undefined : `fix ${fields[1] || "missing"}`),
    fields: {
      fix: always(integer(2)),
      pdop: number(15, "/"),
      hdop: number(16, "/"),
      vdop: number(17, "/"),
    },
  },
  GSV: { title: "satellites in view", fields: { satellites_in_view: integer(3) } },
  MWV: {
    title: "wind speed and angle",
    invalid: (fields) => (fields[4] === "A" ? undefined : `status ${fields[4] || "missing"}`),
    fields: {
      angle_relative: referred("R", windAngle),
      speed_relative: referred("R", windSpeed),
      angle_true: referred("T", windAngle),
      speed_true: referred("T", windSpeed),
    },
  },
  VWR: {
    title: "relative wind",
    fields: {
      angle_relative: sided(1),
      speed_relative: quantity(5, "m/s", { M: one }),
      speed_by_knots: quantity(3, "m/s", { N: speeds.N! }),
      speed_by_km: quantity(7, "m/s", { K: speeds.K! }),
    },
  },
  MWD: {
    title: "wind direction and speed",
    fields: {
      direction: quantity(1, "deg", only("T")),
      direction_magnetic: quantity(3, "deg", only("M")),
      speed: quantity(7, "m/s", only("M")),
      speed_by_knots: quantity(5, "m/s", { N: speeds.N! }),
    },
  },
  MDA: {
    title: "weather in one sentence",
    fields: {
      pressure: quantity(3, "Pa", { B: pressures.B! }),
      pressure_by_inches: quantity(1, "Pa", { I: pressures.I! }),
      air_temperature: quantity(5, "Cel", only("C")),
      water_temperature: quantity(7, "Cel", only("C")),
      humidity: number(9, "%RH"),
      dew_point: quantity(11, "Cel", only("C")),
      wind_direction: quantity(13, "deg", only("T")),
      wind_direction_magnetic: quantity(15, "deg", only("M")),
      wind_speed: quantity(19, "m/s", only("M")),
      wind_speed_by_knots: quantity(17, "m/s", { N: speeds.N! }),
    },
  },
  MTW: { title: "water temperature", fields: { water_temperature: quantity(1, "Cel", only("C")) } },
  DBT: {
    title: "depth below transducer",
    fields: { depth: quantity(3, "m", { M: depths.M! }), depth_by_feet: quantity(1, "m", { f: depths.f! }) },
  },
  DBS: {
    title: "depth below surface",
    fields: { depth: quantity(3, "m", { M: depths.M! }), depth_by_feet: quantity(1, "m", { f: depths.f! }) },
  },
  DBK: {
    title: "depth below keel",
    fields: { depth: quantity(3, "m", { M: depths.M! }), depth_by_feet: quantity(1, "m", { f: depths.f! }) },
  },
  DPT: { title: "depth of water", fields: { depth: number(1, "m"), offset: number(2, "m") } },
  HDT: { title: "true heading", fields: { heading: quantity(1, "deg", only("T")) } },
  HDM: { title: "magnetic heading", fields: { heading_magnetic: quantity(1, "deg", only("M")) } },
  HDG: {
    title: "magnetic heading",
    fields: { heading_magnetic: number(1, "deg"), deviation: eastward(2), variation: eastward(4) },
  },
  ROT: {
    title: "rate of turn",
    invalid: (fields) => (fields[1] === "A" ? undefined : `status ${fields[1] || "missing"}`),
    fields: { rate: number(1, undefined) },
  },
  VHW: {
    title: "speed through water and heading",
    fields: {
      heading: quantity(1, "deg", only("T")),
      heading_magnetic: quantity(3, "deg", only("M")),
      speed: quantity(5, "m/s", { N: speeds.N! }),
      speed_by_km: quantity(7, "m/s", { K: speeds.K! }),
    },
  },
  GST: {
    title: "error statistics of a GNSS fix",
    fields: {
      time: time(1),
      rms: number(2, "m"),
      error_latitude: number(6, "m"),
      error_longitude: number(7, "m"),
      error_altitude: number(8, "m"),
    },
  },
  TXT: { title: "text", fields: { text: text(4) } },
};

/** The sentence of a name with or without its talker: `RMC`, `GPRMC`. */
export function sentenceType(name: string): SentenceType | undefined {
  for (const one of [name, name.length === 5 ? name.slice(2) : ""])
    if (Object.hasOwn(sentenceTypes, one)) return sentenceTypes[one];
  return undefined;
}

function together(day: number | undefined, seconds: number | undefined): Told {
  return day === undefined || seconds === undefined ? nothing("no date or time") : { raw: day + seconds };
}

/** What a sentence says about a named field, its validity looked at first. */
export function tellNamed(sentence: Sentence, field: NamedField): Told | undefined {
  const told = field.read(sentence);
  if (!told || unconditional.has(field)) return told;
  const invalid = sentenceTypes[sentence.type]?.invalid?.(sentence.fields);
  return invalid === undefined ? told : nothing(invalid);
}

/** Transducer types and unit letters of XDR that lead to a base unit; others keep the number as it is. */
export const transducerUnits: Readonly<
  Record<string, { readonly unit: string; readonly factor: Rational } | undefined>
> = {
  "C C": { unit: "Cel", factor: one },
  "A D": { unit: "deg", factor: one },
  "D M": { unit: "m", factor: one },
  "F H": { unit: "Hz", factor: one },
  "N N": { unit: "N", factor: one },
  "P B": { unit: "Pa", factor: pressures.B! },
  "P P": { unit: "Pa", factor: one },
  "P H": { unit: "Pa", factor: pressures.H! },
  "H P": { unit: "%RH", factor: one },
  "I A": { unit: "A", factor: one },
  "U V": { unit: "V", factor: one },
  "S M": { unit: "m/s", factor: one },
  "S N": { unit: "m/s", factor: speeds.N! },
  "S K": { unit: "m/s", factor: speeds.K! },
};

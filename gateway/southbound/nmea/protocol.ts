import { add, multiply, type Rational } from "../../model/decimal.ts";
import type { Point } from "../../model/device.ts";
import { ConfigError } from "../../model/errors.ts";
import { type Unit, unitOf } from "../../model/units.ts";
import type { Protocol, ProtocolFinding } from "../protocol.ts";
import { openNmea, replayNmea } from "./driver.ts";
import { probeNmea } from "./probe.ts";
import { recordNmea } from "./record.ts";
import { addressSchema, connectionSchema, deviceSchema, givenSchema, headSchema } from "./schema.ts";
import { sentenceType, transducerUnits } from "./sentences.ts";
import type { NmeaAddress, NmeaConnection, NmeaDevice, NmeaHead } from "./settings.ts";
import { simulateNmea } from "./simulate.ts";
import { nmeaSkeleton } from "./skeleton.ts";

/** NMEA 0183 (IEC 61162-1): receivers and instruments that speak in sentences, never asked. */
export const nmea: Protocol<NmeaConnection, NmeaDevice, NmeaHead, NmeaAddress> = {
  name: "nmea",
  connection: connectionSchema,
  device: deviceSchema,
  head: headSchema,
  address: addressSchema,
  given: givenSchema,
  skeleton: nmeaSkeleton,
  sample: { connection: { serial: { port: "/dev/ttyS0" } }, device: {} },
  check: ({ points }) =>
    points.flatMap((point): ProtocolFinding[] => {
      const { name, address, unit } = point;
      const base = baseUnit(address);
      const mine = unit === undefined ? undefined : unitOf(unit);
      const theirs = base === undefined ? undefined : unitOf(base);
      if (!mine || !theirs) return [];
      const path = ["points", name, "unit"];
      if (theirs.primary !== mine.primary)
        return [{ path, code: "wrong-unit", message: `"${name}" comes in ${base}, which is no ${unit}` }];
      if (point.curve || point.scaleSource || isIn(theirs, point, mine)) return [];
      const message = `"${name}" comes in ${base}, and with this scale it is not in ${unit}`;
      return [{ path, code: "unit-and-scale", message, hint: `write unit: ${base}, and no scale` }];
    }),
  rawKind: ({ sentence, field, type }) => {
    if (typeof field === "string") return sentenceType(sentence)?.fields[field]?.kind ?? "float";
    return typeof field === "number" && type !== "number" ? type : "float";
  },
  plan: (_connection, _device, points) => ({ requests: [], heard: points }),
  learn: () => undefined,
  silentAfter: (_connection, { profile }) => profile.protocolSettings.silentAfterMs,
  isLocal: ({ endpoint }) => endpoint.kind === "serial",
  givenOf: (word) => ({ rx: Buffer.from(word).toString("latin1") }),
  async replay(given, context) {
    const parsed = givenSchema.safeParse(given);
    if (!parsed.success)
      throw new ConfigError(`what the example gives is not understood: ${parsed.error.issues[0]?.message}`, {
        code: "bad-given",
      });
    return replayNmea(parsed.data, context);
  },
  simulate: simulateNmea,
  probe: probeNmea,
  record: recordNmea,
  open: openNmea,
};

/** Whether a raw value in `theirs`, scaled as the point says, is a value in `mine`. */
function isIn(theirs: Unit, { scale, offset }: Pick<Point, "scale" | "offset">, mine: Unit): boolean {
  return (
    equal(multiply(scale, mine.factor), theirs.factor) &&
    equal(add(multiply(offset, mine.factor), mine.offset), theirs.offset)
  );
}

function equal(a: Rational, b: Rational): boolean {
  return a.numerator * b.denominator === b.numerator * a.denominator;
}

/** The unit of the raw value, where the sentence defines it. */
function baseUnit({ sentence, field, transducer }: NmeaAddress): string | undefined {
  if (transducer) return transducerUnits[`${transducer.type} ${transducer.units}`]?.unit;
  const named = typeof field === "string" ? sentenceType(sentence)?.fields[field] : undefined;
  return named?.unit === "/" || named?.unit === "count" ? undefined : named?.unit;
}

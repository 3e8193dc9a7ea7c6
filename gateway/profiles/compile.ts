import { alternatives } from "../codec/suggest.ts";
import type { Finding } from "../codec/syntax-error.ts";
import type { Path, YamlDocument } from "../codec/yaml.ts";
import { gcd, isZero, one, type Rational, rational, zero } from "../model/decimal.ts";
import type { Point, PointKind } from "../model/device.ts";
import { similarUnits, unitOf } from "../model/units.ts";
import type { RawKind } from "../model/write-rule.ts";
import { AddressProblem, type Protocol } from "../southbound/protocol.ts";
import { checkDerived, derivedOf, maskedSentinel } from "./derived-fields.ts";
import { bitNames, labelsOf, toText } from "./label.ts";
import { article } from "./raw-kind.ts";
import type { WrittenPoint } from "./schema.ts";

export { toText } from "./label.ts";

/** Says something about what stands at a path of the profile. */
export type Report = (path: Path, part: "key" | "value", finding: Finding) => void;

export interface PointContext {
  readonly document: YamlDocument;
  readonly protocol: Protocol;
  /** What the profile says under the protocol's own key. */
  readonly head: unknown;
  readonly report: Report;
}

/** A checked point as the daemon uses it. What makes no sense together is reported; the result is then not to be used. */
export function compilePoint(
  context: PointContext,
  name: string,
  written: WrittenPoint,
  rawKind: RawKind,
): Point {
  const path = ["points", name];
  const address = written.at ?? written.write?.at;
  const numeric = rawKind === "integer" || rawKind === "float";
  const coded = written.values !== undefined || written.bits !== undefined;
  const exact = (key: "scale" | "offset" | "resolution", standard: Rational): Rational => {
    const value = written[key];
    return value === undefined || typeof value === "object"
      ? standard
      : exactly(context, [...path, key], value);
  };
  const scale = exact("scale", one);
  const offset = exact("offset", zero);
  const point: Point = {
    name,
    title: written.title === undefined ? undefined : toText(written.title),
    address,
    unit: written.unit,
    scale,
    offset,
    resolution:
      written.resolution !== undefined
        ? exact("resolution", one)
        : rawKind === "integer" && !coded && hasOwnScale(written)
          ? gcd(scale, offset)
          : undefined,
    kind: written.kind ?? defaultKind(rawKind, coded),
    pollClass:
      typeof written.class === "object" ? { everyMs: written.class.every } : (written.class ?? "normal"),
    range: written.range,
    absent: absentValues(written.absent),
    ...labelsOf(written.values, written.bits),
    report: written.report && { change: written.report.change, withinMs: written.report.within },
    personal: written.personal ?? false,
    doc: written.doc,
    deprecated: written.deprecated,
    rawKind,
    ...derivedOf(written),
  };
  const unit = numeric && !coded && written.kind !== "id";
  if (unit && !written.hidden) checkUnit(context, path, written.unit, true);
  else if (written.unit !== undefined) checkUnit(context, path, written.unit, unit);
  checkMeaning(context, path, written, point, rawKind);
  return point;
}

function hasOwnScale({ scale, curve, kind }: WrittenPoint): boolean {
  return typeof scale !== "object" && curve === undefined && kind !== "id";
}

/** What an address yields; an address that does not exist is reported. */
export function kindOf(context: PointContext, path: Path, address: unknown): RawKind {
  try {
    return context.protocol.rawKind(address, context.head);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const { message } = error;
    if (error instanceof AddressProblem)
      context.report([...path, error.key], "value", { code: "bad-address", message, hint: error.hint });
    else context.report(path, "value", { code: "bad-address", message });
    return "integer";
  }
}

/** A factor from its source text, so that 0.1 is one tenth and not the double next to it. */
function exactly(context: PointContext, path: Path, value: string | number): Rational {
  for (const text of [context.document.source(path) ?? value, value]) {
    try {
      return rational(text);
    } catch (error) {
      // Hexadecimal source text: its number is exact.
      if (!(error instanceof RangeError)) throw error;
    }
  }
  context.report(path, "value", {
    code: "bad-format",
    message: `"${path.at(-1)}": ${value} is beyond what can be computed exactly`,
  });
  return one;
}

function defaultKind(rawKind: RawKind, coded: boolean): PointKind {
  if (rawKind === "text" || rawKind === "bytes") return "text";
  return coded || rawKind === "boolean" ? "state" : "gauge";
}

function absentValues(written: WrittenPoint["absent"]): Point["absent"] {
  if (written === undefined) return [];
  const list = Array.isArray(written) ? written : [written];
  return list.map((value) => {
    if (typeof value === "object") return maskedSentinel(value);
    return typeof value === "number" && Number.isNaN(value) ? "nan" : value;
  });
}

function checkUnit(context: PointContext, path: Path, unit: string | undefined, needed: boolean): void {
  const { report } = context;
  if (unit === undefined) {
    if (!needed) return;
    const hint = 'a plain count has the unit "count", a ratio of 0 to 1 has "/"';
    report(path, "key", {
      code: "missing-unit",
      message: `"${path.at(-1)}" is a number and lacks a unit`,
      hint,
    });
  } else if (!needed) {
    const message = "a unit makes sense only for a number without labels or bits";
    report([...path, "unit"], "key", { code: "useless-unit", message });
  } else if (unitOf(unit) === undefined) {
    const near = similarUnits(unit).map((symbol) => `"${symbol}"`);
    const hint =
      near.length === 0
        ? "units are SenML symbols, such as Cel, V, W, kWh, %RH"
        : `did you mean ${alternatives(near)}?`;
    report([...path, "unit"], "value", { code: "unknown-unit", message: `unknown unit "${unit}"`, hint });
  }
}

/** Keys that need a number, an integer or nothing else beside them. */
function checkMeaning(
  context: PointContext,
  path: Path,
  written: WrittenPoint,
  point: Point,
  rawKind: RawKind,
): void {
  const refuse = (key: keyof WrittenPoint, code: string, message: string, hint?: string): void =>
    context.report([...path, key], "key", { code, message, hint });
  const numeric = rawKind === "integer" || rawKind === "float";
  const coded = written.values !== undefined || written.bits !== undefined;
  for (const key of ["scale", "offset", "resolution", "range"] as const) {
    if (written[key] === undefined) continue;
    if (!numeric)
      refuse(key, "not-a-number", `"${key}" needs a number, and the device gives ${article(rawKind)} here`);
    else if (coded)
      refuse(key, "not-a-number", `"${key}" makes no sense beside "${written.values ? "values" : "bits"}"`);
  }
  if (written.report?.change !== undefined && (!numeric || coded))
    refuse("report", "not-a-number", '"change" needs a number: a state is sent whenever it changes');
  if (written.scale !== undefined && isZero(point.scale))
    refuse("scale", "zero-scale", '"scale" must not be 0');
  if (point.resolution && written.resolution !== undefined && point.resolution.numerator <= 0n)
    refuse("resolution", "zero-scale", '"resolution" must be greater than 0');
  if (written.bits !== undefined && rawKind !== "integer")
    refuse(
      "bits",
      "bits-need-integer",
      `"bits" needs a whole number, and the device gives ${article(rawKind)} here`,
    );
  if (written.values !== undefined && rawKind !== "integer" && rawKind !== "boolean")
    refuse(
      "values",
      "values-need-integer",
      `"values" needs a whole number or a boolean, and the device gives ${article(rawKind)} here`,
    );
  if (written.values !== undefined && written.bits !== undefined)
    refuse(
      "bits",
      "values-and-bits",
      'a point has either "values" or "bits"',
      "make two points that read the same address",
    );
  if (written.bits !== undefined && new Set(bitNames(written.bits)).size < Object.keys(written.bits).length)
    refuse("bits", "duplicate-name", "two bits have the same name");
  if (written.range !== undefined && written.range[0] > written.range[1])
    refuse(
      "range",
      "range-order",
      `the range begins at ${written.range[0]}, above its end ${written.range[1]}`,
    );
  checkKind(refuse, written, rawKind, numeric && !coded);
  checkAbsent(refuse, point, rawKind);
  checkDerived(refuse, written, point, rawKind);
}

export type Refuse = (key: keyof WrittenPoint, code: string, message: string, hint?: string) => void;

function checkKind(refuse: Refuse, { kind }: WrittenPoint, rawKind: RawKind, number: boolean): void {
  const textual = rawKind === "text" || rawKind === "bytes";
  if ((kind === "counter" || kind === "gauge") && !number)
    refuse(
      "kind",
      "kind-mismatch",
      `a ${kind} is a number without labels or bits`,
      'leave "kind" out, or write state',
    );
  else if (kind === "text" && !textual)
    refuse(
      "kind",
      "kind-mismatch",
      `"kind: text" needs a text, and the device gives ${article(rawKind)} here`,
    );
}

function checkAbsent(refuse: Refuse, point: Point, rawKind: RawKind): void {
  const fits: Record<RawKind, (value: Point["absent"][number]) => boolean> = {
    integer: (value) => typeof value === "bigint" || Number.isInteger(value),
    float: (value) => value === "nan" || typeof value === "number",
    boolean: (value) => typeof value === "boolean",
    text: (value) => typeof value === "string",
    bytes: () => false,
  };
  for (const value of point.absent) {
    const integers = typeof value === "object" && "mask" in value;
    if (integers ? rawKind !== "integer" : !fits[rawKind](value))
      refuse(
        "absent",
        "absent-mismatch",
        `the device gives ${article(rawKind)} here, which is never ${integers ? "a part of one" : JSON.stringify(String(value))}`,
      );
  }
}

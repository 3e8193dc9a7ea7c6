import type { MaskedSentinel, Point, ScaleSource } from "../model/device.ts";
import type { RawKind } from "../model/write-rule.ts";
import type { Refuse } from "./compile.ts";
import { article } from "./raw-kind.ts";
import type { WrittenPoint } from "./schema.ts";

// The keys of derived-schema.ts that mean something by themselves; formulas are in derived.ts.

/** What these keys add to a point. */
export function derivedOf(
  written: WrittenPoint,
): Pick<Point, "scaleSource" | "curve" | "rollover" | "format" | "hidden"> {
  const { rollover } = written;
  return {
    scaleSource: scaleSourceOf(written),
    curve: written.curve,
    rollover:
      rollover === undefined
        ? undefined
        : typeof rollover === "object"
          ? 1n << BigInt(rollover.bits)
          : BigInt(rollover),
    format: written.format,
    hidden: written.hidden,
  };
}

/** Where the scale comes from; undefined when it is a number, or none. */
export function scaleSourceOf({ scale }: WrittenPoint): ScaleSource | undefined {
  if (typeof scale !== "object") return undefined;
  return scale.pow10 === undefined
    ? { point: scale.point ?? "", as: "factor" }
    : { point: scale.pow10, as: "exponent" };
}

export function maskedSentinel({
  mask,
  values,
}: {
  mask: number | bigint;
  values: readonly (number | bigint)[];
}): MaskedSentinel {
  return { mask: BigInt(mask), values: values.map(BigInt) };
}

/** Keys that need another key, or that another one excludes. */
export function checkDerived(refuse: Refuse, written: WrittenPoint, point: Point, rawKind: RawKind): void {
  if (written.from !== undefined) checkComputed(refuse, written);
  if (written.curve !== undefined) checkCurve(refuse, written, point, rawKind);
  if (written.kind === "id") checkId(refuse, written, rawKind);
  else if (written.format !== undefined) refuse("format", "needs-id", '"format" needs "kind: id"');
  if (written.valid !== undefined && written.bits !== undefined)
    refuse("valid", "no-guard", '"valid" needs one value, and bits are several', "make one point per bit");
  if (written.rollover !== undefined) {
    if (written.kind !== "counter") refuse("rollover", "needs-counter", '"rollover" needs "kind: counter"');
    else if (rawKind !== "integer")
      refuse(
        "rollover",
        "needs-counter",
        `"rollover" needs a whole number, and the device gives ${article(rawKind)} here`,
      );
  }
  point.absent.forEach((sentinel) => {
    if (typeof sentinel !== "object" || !("mask" in sentinel)) return;
    const outside = sentinel.values.find((value) => (value & sentinel.mask) !== value);
    if (outside === undefined) return;
    const hex = (value: bigint): string => `0x${value.toString(16).toUpperCase()}`;
    refuse("absent", "absent-mismatch", `${hex(outside)} has bits outside of the mask ${hex(sentinel.mask)}`);
  });
}

/** Only what is read has these. */
const readOnly = ["at", "scale", "offset", "curve", "absent", "class", "rollover", "format"] as const;

function checkComputed(refuse: Refuse, written: WrittenPoint): void {
  for (const key of readOnly) {
    if (written[key] === undefined) continue;
    const hint =
      key === "class"
        ? "it is computed whenever one of its inputs is read"
        : key === "at"
          ? "a point is either read or computed"
          : "put it into the expression, or on the points that it is made of";
    refuse(key, "computed", `"${key}" makes no sense beside "from"`, hint);
  }
}

function checkCurve(refuse: Refuse, written: WrittenPoint, { curve }: Point, rawKind: RawKind): void {
  if (rawKind !== "integer" && rawKind !== "float")
    refuse("curve", "not-a-number", `"curve" needs a number, and the device gives ${article(rawKind)} here`);
  for (const key of ["scale", "offset", "values", "bits"] as const)
    if (written[key] !== undefined) refuse(key, "beside-curve", `"${key}" makes no sense beside "curve"`);
  const step = curve?.findIndex(([raw], index) => index > 0 && raw <= curve[index - 1]![0]) ?? -1;
  if (step > 0)
    refuse(
      "curve",
      "curve-order",
      `the raw values of the curve must rise: ${curve![step]![0]} follows ${curve![step - 1]![0]}`,
    );
}

function checkId(refuse: Refuse, written: WrittenPoint, rawKind: RawKind): void {
  if (rawKind !== "integer")
    refuse(
      "kind",
      "kind-mismatch",
      `"kind: id" needs a whole number, and the device gives ${article(rawKind)} here`,
    );
  for (const key of ["scale", "offset", "resolution", "range", "values", "bits", "curve"] as const)
    if (written[key] !== undefined) refuse(key, "not-a-number", `"${key}" makes no sense for a name`);
  const parts = written.format?.match(/\{[^{}]*\}/g) ?? [];
  const wrong = parts.find((part) => !/^\{(n|hex|[0-7])\}$/.test(part));
  if (wrong !== undefined)
    refuse("format", "bad-format", `"format" does not know ${wrong}`, "it knows {n}, {hex}, and {0} to {7}");
  else if (written.format !== undefined && parts.length === 0)
    refuse("format", "bad-format", '"format" has no place for the number', "write, for example, {1}.{0}");
}

import { along, type Curve, inverseCurve } from "./curve.ts";
import { add, isZero, linear, narrow, type Rational, rational, toNumber } from "./decimal.ts";
import type { DeviceProfile, Point } from "./device.ts";
import type { Formula } from "./formula.ts";
import { scaleFrom } from "./reading.ts";
import type { RawValue, Value } from "./value.ts";
import type { RawKind, VerifyRule, WriteRule, WriteStep } from "./write-rule.ts";

/** Why a value is not written. Stable; part of what people and platforms see. */
export const refusals = [
  "read-only",
  "wrong-type",
  "unknown-value",
  "out-of-range",
  "off-step",
  "does-not-fit",
  "interlock",
  "no-value",
] as const;
export type Refusal = (typeof refusals)[number];

export interface Refused {
  readonly refuse: Refusal;
  /** For people: what would be taken. */
  readonly detail: string;
}

/** What goes to the device, in order. */
export type PreparedStep =
  | { readonly address: unknown; readonly raw: RawValue; readonly point?: string | undefined }
  | { readonly waitMs: number };

export interface PreparedWrite {
  /** What the point then is, in its own words: after clamping and rounding. */
  readonly value: Value;
  readonly steps: readonly PreparedStep[];
  readonly verify?: VerifyRule | undefined;
}

/** The present values of points and options that formulas need, by name. */
export type WriteInputs = ReadonlyMap<string, Value>;

type Writable = Pick<DeviceProfile, "points" | "commands">;

/** A point of the profile that may be written, whether it can be read or not. */
export function writtenPoint(profile: Writable, name: string): Point | undefined {
  const named = (one: Point): boolean => one.name === name;
  return profile.points.find(named) ?? profile.commands?.find(named);
}

/**
 * Turns a commanded value into the raw values of its steps. Pure: nothing is sent, and rates, budgets
 * and failsafes are not looked at. In order: type and label, range, allowed values, step, interlock
 * (a value that is not known locks), `value` formula, sequence, inverse of scale and offset. Exact: a
 * value that the device shows comes back as the raw value that shows it.
 */
export function prepareWrite(
  profile: Writable,
  point: Point,
  value: Value,
  inputs: WriteInputs = new Map(),
): PreparedWrite | Refused {
  const rule = point.write;
  if (!rule) return refuse("read-only", `"${point.name}" cannot be written`);
  const wrong = unacceptable(point, value, inputs) ?? locked(rule, value, inputs);
  if (wrong) return wrong;
  const computed = rule.value ? evaluate(rule.value, value, inputs) : { value };
  if ("problem" in computed) return refuse("no-value", computed.problem);
  const chosen = sequenceOf(rule, computed.value);
  const steps: PreparedStep[] = [];
  let shown = computed.value;
  for (const step of chosen) {
    if (step.kind === "wait") steps.push({ waitMs: step.waitMs });
    else if (step.kind === "raw") steps.push({ address: step.address, raw: step.raw });
    else {
      const target = step.point === point.name ? point : writtenPoint(profile, step.point);
      if (!target) return refuse("read-only", `there is no point "${step.point}"`);
      const raw = toRaw(target, step.value ?? computed.value, inputs);
      if (isRefused(raw)) return raw;
      steps.push({ address: target.write?.address, raw: raw.raw, point: target.name });
      if (target === point && step.value === undefined) shown = raw.value;
    }
  }
  return { value: shown, steps, verify: rule.verify };
}

export function isRefused(result: object): result is Refused {
  return "refuse" in result;
}

function refuse(code: Refusal, detail: string): Refused {
  return { refuse: code, detail };
}

/**
 * Whether a point takes a value by its type, label, range, allowed values and step. Without `inputs`
 * (nothing is read yet) a scale that another point gives stays open.
 */
export function unacceptable(point: Point, value: Value, inputs?: WriteInputs): Refused | undefined {
  const rule = point.write;
  const tried = toRaw(point, value, inputs);
  const open = inputs === undefined && isRefused(tried) && tried.refuse === "no-value";
  const raw = open ? { raw: 0, value } : tried;
  if (!rule) return isRefused(raw) ? raw : undefined;
  const labelled = (rule.labels ?? point.labels) !== undefined;
  if (isRefused(raw) && (labelled || raw.refuse === "wrong-type")) return raw;
  if (rule.allowed && !rule.allowed.some((one) => sameValue(one, value)))
    return refuse("unknown-value", `one of ${rule.allowed.map(String).join(", ")}`);
  const range = rule.range ?? (labelled ? undefined : point.range);
  if (range && isNumber(value) && (value < range[0] || value > range[1]))
    return refuse("out-of-range", `${value} is not within ${range[0]}..${range[1]}`);
  if (rule.step && isNumber(value) && !isMultiple(value, rule.step))
    return refuse("off-step", `${value} is not a multiple of ${toNumber(rule.step)}`);
  // With a formula or a sequence of its own, the commanded value need not fit the address.
  return rule.value === undefined && rule.stepsByValue === undefined && isRefused(raw) ? raw : undefined;
}

function locked(rule: WriteRule, value: Value, inputs: WriteInputs): Refused | undefined {
  if (!rule.interlock) return undefined;
  const result = evaluate(rule.interlock, value, inputs);
  if ("problem" in result) return refuse("interlock", result.problem);
  return result.value === true ? undefined : refuse("interlock", `needs ${rule.interlock.text}`);
}

function evaluate(
  formula: Formula,
  value: Value,
  inputs: WriteInputs,
): { value: Value } | { problem: string } {
  const missing = formula.needs.find((name) => !inputs.has(name));
  if (missing !== undefined) return { problem: `"${missing}" has no value now` };
  return formula.evaluate(new Map([...inputs, ["value", value]]));
}

function sequenceOf(rule: WriteRule, value: Value): readonly WriteStep[] {
  for (const [key, steps] of rule.stepsByValue ?? []) if (sameValue(key, value)) return steps;
  return rule.steps;
}

/** The raw value that shows `value`, and the value that it then shows. `inputs`: for a scale that another point gives. */
export function toRaw(
  point: Point,
  value: Value,
  inputs: WriteInputs = new Map(),
): { raw: RawValue; value: Value } | Refused {
  const rule = point.write;
  if (!rule) return refuse("read-only", `"${point.name}" cannot be written`);
  const kind = rule.rawKind;
  const labels = rule.labels ?? point.labels;
  if (labels) return labelled(labels, kind, value);
  switch (kind) {
    case "boolean":
      return typeof value === "boolean"
        ? { raw: value, value }
        : refuse("wrong-type", `"${point.name}" takes true or false`);
    case "text":
      return typeof value === "string"
        ? { raw: value, value }
        : refuse("wrong-type", `"${point.name}" takes a text`);
    case "bytes":
      return value instanceof Uint8Array
        ? { raw: value, value }
        : refuse("wrong-type", `"${point.name}" takes bytes`);
    default:
      if (!isNumber(value)) return refuse("wrong-type", `"${point.name}" takes a number`);
      if (point.curve) return uncurved(point.curve, kind === "integer", Number(value));
      return unscaled(point, kind === "integer", value, inputs);
  }
}

/** Back along a curve; only one that rises or falls all the way leads back. */
function uncurved(curve: Curve, integer: boolean, value: number): { raw: RawValue; value: Value } | Refused {
  const inverse = inverseCurve(curve);
  const exact = inverse && along(inverse, value);
  if (exact === undefined) return refuse("out-of-range", `the curve leads to no raw value from ${value}`);
  const raw = integer ? Math.round(exact) : exact;
  const shown = along(curve, raw);
  return shown === undefined
    ? refuse("out-of-range", `the curve has no whole raw value near ${value}`)
    : { raw, value: shown };
}

function labelled(
  labels: NonNullable<Point["labels"]>,
  kind: RawKind,
  value: Value,
): { raw: RawValue; value: Value } | Refused {
  const found = Array.from(labels).find(([, label]) => label.en === value);
  if (found) return { raw: kind === "boolean" ? found[0] !== 0 : found[0], value };
  const words = Array.from(labels.values(), (label) => `"${label.en}"`).join(", ");
  return refuse(typeof value === "string" ? "unknown-value" : "wrong-type", `one of ${words}`);
}

/** raw = (value - offset) / scale in exact decimals; an integer is the nearest one, ties away from zero. */
function unscaled(
  point: Point,
  integer: boolean,
  value: number | bigint,
  inputs: WriteInputs,
): { raw: RawValue; value: Value } | Refused {
  const { offset, scaleSource } = point;
  const given = scaleSource && inputs.get(scaleSource.point);
  const scale = scaleSource ? given !== undefined && scaleFrom(point, given) : point.scale;
  if (!scale || isZero(scale)) return refuse("no-value", `"${scaleSource?.point}" gives no scale now`);
  let exact: Rational;
  try {
    exact = rational(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return refuse("out-of-range", `${value} is beyond what a device holds`);
  }
  const shifted = add(exact, { numerator: -offset.numerator, denominator: offset.denominator });
  const sign = scale.numerator < 0n ? -1n : 1n;
  const numerator = shifted.numerator * scale.denominator * sign;
  const denominator = shifted.denominator * scale.numerator * sign;
  if (!integer) return { raw: toNumber({ numerator, denominator }), value };
  const magnitude = numerator < 0n ? -numerator : numerator;
  const rounded = (2n * magnitude + denominator) / (2n * denominator);
  const raw = narrow(numerator < 0n ? -rounded : rounded);
  return { raw, value: linear(scale, offset)(raw) };
}

function isMultiple(value: number | bigint, step: Rational): boolean {
  const { numerator, denominator } = rational(value);
  return (numerator * step.denominator) % (denominator * step.numerator) === 0n;
}

function isNumber(value: Value): value is number | bigint {
  return typeof value === "bigint" || (typeof value === "number" && Number.isFinite(value));
}

/** Whether two values are the same for people: 5 and 5n are. */
export function sameValue(a: Value, b: Value): boolean {
  if (isNumber(a) && isNumber(b)) return String(a) === String(b);
  return a === b;
}

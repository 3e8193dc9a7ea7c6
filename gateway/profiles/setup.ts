import { suggest } from "../codec/suggest.ts";
import { one, zero } from "../model/decimal.ts";
import type { Point } from "../model/device.ts";
import type { Value } from "../model/value.ts";
import { isRefused, toRaw } from "../model/write.ts";
import type { IdentifyRule, IdentifyTest, SetupStep } from "../model/write-rule.ts";
import { typeOf } from "./formula.ts";
import { type Chosen, holds } from "./option.ts";
import { checkRaw, pointNamed, refuseValue, type WriteContext } from "./write-context.ts";
import type { WrittenIdentify, WrittenSetup } from "./write-schema.ts";
import { compileVerify } from "./write-verify.ts";

/** `setup:` for the choices made: ordered writes, each with the raw value that goes out. */
export function compileSetup(
  context: WriteContext,
  written: WrittenSetup,
  chosen: Chosen,
  points: readonly Point[],
): SetupStep[] {
  return written.flatMap((step, index): SetupStep[] => {
    if (!holds(step.when, chosen)) return [];
    const path = ["setup", index];
    const { value } = step;
    if (step.set === undefined) {
      const refused = context.protocol.writable?.(step.at);
      if (refused !== undefined)
        context.report([...path, "at"], "value", { code: "not-writable", ...refused });
      else checkRaw(context, step.at, value, [...path, "value"]);
      const place = rawPoint(context, `setup_${index + 1}`, step.at);
      const verify = compileVerify(context, place, step.verify, path, [place]);
      return [{ address: step.at, raw: value, value, verify }];
    }
    const point = pointNamed(context, step.set, points, [...path, "set"]);
    if (!point?.write) return [];
    refuseValue(context, point, value, [...path, "value"], "value");
    const raw = toRaw(point, value);
    if (isRefused(raw)) {
      if (raw.refuse === "no-value")
        context.report([...path, "set"], "value", {
          code: "open-scale",
          message: `the scale of "${point.name}" is the value of another point, which is not known here`,
          hint: "write the raw value, with at: {...} instead of set",
        });
      return [];
    }
    const verify =
      step.verify === undefined
        ? point.write.verify
        : compileVerify(context, point, step.verify, path, context.profile.points);
    return [{ point: point.name, address: point.write.address, raw: raw.raw, value: raw.value, verify }];
  });
}

/** `identify:` for the choices made, and the points that are read for it only. */
export function compileIdentify(
  context: WriteContext,
  written: WrittenIdentify,
  chosen: Chosen,
): { rules: IdentifyRule[]; points: Point[] } {
  const rules: IdentifyRule[] = [];
  const points: Point[] = [];
  written.forEach((entry, index) => {
    if (!holds(entry.when, chosen)) return;
    const path = ["identify", index];
    const point =
      entry.point === undefined
        ? rawPoint(context, `identify_${index + 1}`, entry.at)
        : readPoint(context, entry.point, [...path, "point"]);
    if (!point) return;
    if (entry.point === undefined) points.push(point);
    const test = testOf(entry);
    checkTest(context, point, test, path, entry.point === undefined);
    rules.push({ point: point.name, test });
  });
  return { rules, points };
}

function readPoint(context: WriteContext, name: string, path: (string | number)[]): Point | undefined {
  const { points } = context.profile;
  const found = points.find((point) => point.name === name);
  if (found) return found;
  const near = suggest(
    name,
    points.map((point) => point.name),
  );
  const hint =
    context.elsewhere.get(name) ??
    (near === undefined
      ? "name a point that is read, or give an address: {at: {...}}"
      : `did you mean "${near}"?`);
  context.report(path, "value", {
    code: "unknown-point",
    message: `the profile reads no point "${name}"`,
    hint,
  });
  return undefined;
}

/** A place that is no point, as one: its value is the raw value. */
function rawPoint({ protocol, head }: WriteContext, name: string, address: unknown): Point {
  const rawKind = protocol.rawKind(address, head);
  return {
    name,
    address,
    scale: one,
    offset: zero,
    kind: rawKind === "text" || rawKind === "bytes" ? "text" : rawKind === "boolean" ? "state" : "gauge",
    unit: rawKind === "integer" || rawKind === "float" ? "count" : undefined,
    rawKind,
    pollClass: "once",
    absent: [],
    personal: false,
  };
}

function testOf(entry: WrittenIdentify[number]): IdentifyTest {
  if (entry.prefix !== undefined) return { prefix: entry.prefix };
  if (entry.atLeast !== undefined || entry.below !== undefined)
    return { from: entry.atLeast, below: entry.below };
  return { in: entry.in ?? (entry.equals === undefined ? [] : [entry.equals]) };
}

/** A test that this point could never pass. */
function checkTest(
  context: WriteContext,
  point: Point,
  test: IdentifyTest,
  path: (string | number)[],
  raw: boolean,
): void {
  const { report } = context;
  const type = typeOf(point);
  const textual = type === "text" || Array.isArray(type);
  if ("prefix" in test) {
    if (!textual)
      report([...path, "prefix"], "key", {
        code: "test-mismatch",
        message: `"prefix" needs a text, and "${point.name}" has none`,
        hint: "use equals or in for numbers, atLeast and below for a span",
      });
    return;
  }
  if (!("in" in test)) {
    for (const [key, end] of [["atLeast", test.from] as const, ["below", test.below] as const])
      if (end !== undefined && (typeof end === "number") === textual)
        report([...path, key], "value", {
          code: "test-mismatch",
          message: `"${point.name}" is ${textual ? "a text" : "a number"}, this is ${textual ? "a number" : "a text"}`,
          hint: textual
            ? `write the version in quotes: "${context.document.source([...path, key]) ?? end}"`
            : "write the number without quotes",
        });
    return;
  }
  test.in.forEach((value, index) => {
    if (possible(type, value)) return;
    const at = context.document.keys(path).includes("equals") ? [...path, "equals"] : [...path, "in", index];
    report(at, "value", {
      code: "test-mismatch",
      message: `"${point.name}" is never ${JSON.stringify(String(value))}`,
      hint: Array.isArray(type)
        ? `one of ${type.join(", ")}`
        : textual
          ? `put it in quotes: "${String(value)}"`
          : raw
            ? "compare with the raw value, as it comes from the device"
            : "compare with the scaled value, as the point shows it",
    });
  });
}

function possible(type: ReturnType<typeof typeOf>, value: Value): boolean {
  if (Array.isArray(type)) return typeof value === "string" && type.includes(value);
  if (type === "number") return typeof value === "number" || typeof value === "bigint";
  return typeof value === (type === "text" ? "string" : "boolean");
}

import type { Path } from "../codec/yaml.ts";
import type { Point } from "../model/device.ts";
import type { RawValue, Value } from "../model/value.ts";
import type { WriteStep } from "../model/write-rule.ts";
import { typeOf } from "./formula.ts";
import { checkRaw, pointNamed, refuseValue, type WriteContext } from "./write-context.ts";
import type { WrittenSteps } from "./write-schema.ts";

// `steps:` of a write: sequences, also one per value.

/** A key of `steps` as a value of the point. */
export function keyValue(context: WriteContext, point: Point, key: string, path: Path): Value {
  const type = typeOf(point);
  const value: Value =
    type === "number" && key !== "" && Number.isFinite(Number(key))
      ? Number(key)
      : type === "boolean" && (key === "true" || key === "false")
        ? key === "true"
        : key;
  refuseValue(context, point, value, path, "key");
  return value;
}

export function compileSteps(
  context: WriteContext,
  point: Point,
  written: WrittenSteps,
  path: Path,
  all: readonly Point[],
): WriteStep[] {
  const { report } = context;
  if (written.every((step) => step.wait !== undefined))
    report(path, "value", {
      code: "no-write",
      message: "this sequence writes nothing",
      hint: `add a step such as {set: ${point.name}}`,
    });
  return written.flatMap((step, index): WriteStep[] => {
    const at = [...path, index];
    if (step.wait !== undefined) {
      if (step.value !== undefined)
        report([...at, "value"], "key", {
          code: "useless-value",
          message: "a wait has no value",
          hint: "write the point to set as a step of its own",
        });
      return [{ kind: "wait", waitMs: step.wait }];
    }
    if (step.at !== undefined) {
      if (step.value === undefined) {
        report(at, "value", {
          code: "missing-key",
          message: 'a step with "at" needs a raw "value"',
          hint: "write {at: {...}, value: 1}, or {set: <point>} for a commanded value",
        });
        return [];
      }
      return rawStep(context, step.at, step.value, at);
    }
    const target = pointNamed(context, step.set ?? "", all, [...at, "set"]);
    if (!target) return [];
    if (step.value !== undefined) refuseValue(context, target, step.value, [...at, "value"], "value");
    return [{ kind: "set", point: target.name, value: step.value }];
  });
}

function rawStep(context: WriteContext, address: unknown, raw: RawValue, path: Path): WriteStep[] {
  const refused = context.protocol.writable?.(address);
  if (refused !== undefined) context.report([...path, "at"], "value", { code: "not-writable", ...refused });
  else checkRaw(context, address, raw, [...path, "value"]);
  return [{ kind: "raw", address, raw }];
}

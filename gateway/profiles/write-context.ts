import { suggest } from "../codec/suggest.ts";
import type { Path } from "../codec/yaml.ts";
import type { DeviceProfile, Point } from "../model/device.ts";
import { GatewayError } from "../model/errors.ts";
import type { RawValue, Value } from "../model/value.ts";
import { unacceptable } from "../model/write.ts";
import type { RawKind } from "../model/write-rule.ts";
import { kindOf, type PointContext } from "./compile.ts";
import type { FormulaContext } from "./formula.ts";
import { sampleDevice } from "./sample.ts";

// What the parts of the write side share: who is asked, and how a value that cannot be is refused.

export interface WriteContext extends PointContext, FormulaContext {
  /** The profile so far: its points without their write rules. */
  readonly profile: DeviceProfile;
}

export const kindWords: Readonly<Record<RawKind, string>> = {
  integer: "a whole number",
  float: "a number",
  boolean: "true or false",
  text: "a text",
  bytes: "bytes",
};

/** The point that a sequence or a setup sets; it must be one that can be written. */
export function pointNamed(
  context: WriteContext,
  name: string,
  all: readonly Point[],
  path: Path,
): Point | undefined {
  const found = all.find((one) => one.name === name);
  if (!found) {
    const near = suggest(
      name,
      all.map((one) => one.name),
    );
    const hint =
      context.elsewhere.get(name) ??
      (near === undefined ? "name a point of this profile" : `did you mean "${near}"?`);
    context.report(path, "value", {
      code: "unknown-point",
      message: `the profile has no point "${name}"`,
      hint,
    });
    return undefined;
  }
  if (found.write) return found;
  context.report(path, "value", {
    code: "read-only",
    message: `"${name}" is a point that cannot be written`,
    hint: `add write: {} to "${name}" if the maker's document allows it`,
  });
  return undefined;
}

/** Reports a value that the point would refuse. */
export function refuseValue(
  context: WriteContext,
  point: Point,
  value: Value,
  path: Path,
  part: "key" | "value",
): void {
  const refused = unacceptable(point, value);
  if (refused)
    context.report(path, part, {
      code: refused.refuse,
      message: `"${point.name}" does not take ${JSON.stringify(String(value))}`,
      hint: refused.detail,
    });
}

/** Whether an address holds a raw value: kind, and range of its type. */
export function checkRaw(context: WriteContext, address: unknown, raw: RawValue, path: Path): void {
  const { protocol, profile, report } = context;
  const kind = kindOf(context, path, address);
  if (!fits(kind, raw)) {
    report(path, "value", {
      code: "wrong-type",
      message: `the device takes ${kindWords[kind]} there, not ${JSON.stringify(String(raw))}`,
      hint: kind === "boolean" ? "write true or false" : "with `at` a value is raw, as it goes to the device",
    });
    return;
  }
  try {
    protocol.encodeWrite?.(sampleDevice(protocol, profile), address, raw);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const hint = error.hint ?? "check the value and the type of the address";
    report(path, "value", { code: error.code, message: error.message, hint });
  }
}

function fits(kind: RawKind, raw: RawValue): boolean {
  switch (kind) {
    case "integer":
      return typeof raw === "bigint" || Number.isInteger(raw);
    case "float":
      return typeof raw === "number" || typeof raw === "bigint";
    case "boolean":
      return typeof raw === "boolean";
    default:
      return typeof raw === "string";
  }
}

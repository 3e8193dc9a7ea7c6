import { suggest } from "../codec/suggest.ts";
import type { Path } from "../codec/yaml.ts";
import type { Point } from "../model/device.ts";
import type { RawKind, VerifyRule } from "../model/write-rule.ts";
import { kindOf } from "./compile.ts";
import { typeOf } from "./formula.ts";
import { kindWords, type WriteContext } from "./write-context.ts";
import type { WrittenVerify } from "./write-schema.ts";

// `verify:` of a write, or of a setup step.

/** Two seconds, where a protocol has no reason for more, and two more tries: what field devices need to follow a command. */
const verifyDefaults = { withinMs: 2000, tolerance: 0, retries: 2 };

export function compileVerify(
  context: WriteContext,
  point: Point,
  written: WrittenVerify | undefined,
  path: Path,
  readable: readonly Point[],
): VerifyRule | undefined {
  const { report, protocol } = context;
  const canRead = readable.some((one) => one.name === point.name);
  if (written === false || (written === undefined && !canRead)) return undefined;
  const defaults = {
    ...verifyDefaults,
    withinMs: protocol.shownWithin?.(context.head) ?? verifyDefaults.withinMs,
  };
  if (written === undefined) return defaults;
  const at = [...path, "verify"];
  const { at: address, point: shown } = written;
  const rule: VerifyRule = {
    address,
    point: shown,
    withinMs: written.within ?? defaults.withinMs,
    tolerance: written.tolerance ?? defaults.tolerance,
    retries: written.retries ?? defaults.retries,
  };
  if (address !== undefined && shown !== undefined)
    report([...at, "point"], "key", {
      code: "one-of",
      message: 'the value shows either at a "point" or at an address',
      hint: 'remove "at" or "point"',
    });
  if (address === undefined && shown === undefined && !canRead)
    report(at, "key", {
      code: "nothing-to-read",
      message: `"${point.name}" cannot be read: nothing shows whether the write was carried out`,
      hint: "say where it shows: verify: {point: ...} or {at: ...}, or verify: false",
    });
  const type = typeOf(point);
  if ((written.tolerance ?? 0) > 0 && type !== "number")
    report([...at, "tolerance"], "key", {
      code: "not-a-number",
      message: '"tolerance" needs a number, and this point has none',
      hint: "leave it out: a state is either reached or not",
    });
  if (address !== undefined) {
    const mine = point.write?.rawKind ?? protocol.rawKind(point.address, context.head);
    const theirs = kindOf(context, [...at, "at"], address);
    const numbers = (kind: RawKind): boolean => kind === "integer" || kind === "float";
    if (mine !== theirs && !(numbers(mine) && numbers(theirs)))
      report([...at, "at"], "value", {
        code: "verify-mismatch",
        message: `what is written is ${kindWords[mine]}, what is read back there ${kindWords[theirs]}`,
        hint: "is it the right table? else name the point that shows it: verify: {point: ...}",
      });
  } else if (shown !== undefined) {
    const other = readable.find((one) => one.name === shown);
    if (!other) {
      const near = suggest(
        shown,
        readable.map((one) => one.name),
      );
      report([...at, "point"], "value", {
        code: "unknown-point",
        message: `the profile reads no point "${shown}"`,
        hint: near === undefined ? "name a point that shows the value" : `did you mean "${near}"?`,
      });
    } else if (kindOfType(typeOf(other)) !== kindOfType(type))
      report([...at, "point"], "value", {
        code: "verify-mismatch",
        message: `"${shown}" is ${kindOfType(typeOf(other))}, "${point.name}" is ${kindOfType(type)}: they are never equal`,
        hint: "name a point of the same kind",
      });
  }
  return rule;
}

function kindOfType(type: ReturnType<typeof typeOf>): string {
  if (type === "number") return "a number";
  if (type === "boolean") return "true or false";
  return type === undefined ? "bits" : "a text";
}

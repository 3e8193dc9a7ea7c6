import type { Path } from "../codec/yaml.ts";
import { rational } from "../model/decimal.ts";
import type { Point } from "../model/device.ts";
import { parseDuration } from "../model/duration.ts";
import type { WriteRule, WriteStep } from "../model/write-rule.ts";
import { kindOf } from "./compile.ts";
import { compileFormula, scopeOf, typeOf } from "./formula.ts";
import { rawLabels } from "./label.ts";
import type { WrittenPoint } from "./schema.ts";
import { checkRule, dayMs } from "./write-check.ts";
import type { WriteContext } from "./write-context.ts";
import type { WrittenSteps, WrittenWrite } from "./write-schema.ts";
import { compileSteps, keyValue } from "./write-steps.ts";
import { compileVerify } from "./write-verify.ts";

// `write:` of a point, checked and compiled. What follows from several points together is checked
// in the files beside this one: sequences, read-back, and what a keepalive does to a budget.

/** The points with their write rules, those that cannot be read among them. */
export function compileWrites(
  context: WriteContext,
  written: Readonly<Record<string, WrittenPoint>>,
  points: readonly Point[],
): Point[] {
  const withRules = points.map((point) => {
    const write = written[point.name]?.write;
    const rule = write && compileRule(context, point, write);
    return rule ? { ...point, write: rule } : point;
  });
  const readable = withRules.filter((point) => written[point.name]?.at !== undefined);
  return withRules.map((point) => {
    const write = written[point.name]?.write;
    if (!write || !point.write) return point;
    const finished = { ...point, write: finish(context, point, point.write, write, withRules, readable) };
    checkRule(context, finished, finished.write, write);
    return finished;
  });
}

/** Everything that the point alone decides. */
function compileRule(context: WriteContext, point: Point, written: WrittenWrite): WriteRule | undefined {
  const path = ["points", point.name, "write"];
  const { report, protocol } = context;
  if (point.bits) {
    report(path, "key", {
      code: "write-bits",
      message: "a point with bits cannot be written as a whole",
      hint: "make one more point for the bit that is written, with an address of its own",
    });
    return undefined;
  }
  const address = written.at ?? point.address;
  const refused = protocol.writable?.(address);
  const at = written.at === undefined ? ["points", point.name, "at"] : [...path, "at"];
  if (refused !== undefined) {
    report(at, "value", { code: "not-writable", ...refused });
    return undefined;
  }
  const rawKind = kindOf(context, at, address);
  const mapped = written.values !== undefined && !Array.isArray(written.values);
  const labels = mapped && !Array.isArray(written.values) ? rawLabels(written.values ?? {}) : undefined;
  return {
    address,
    rawKind,
    range: written.range,
    allowed: Array.isArray(written.values) ? written.values : undefined,
    labels,
    step: written.step === undefined ? undefined : exactStep(context, path, written.step),
    steps: [{ kind: "set", point: point.name }],
    verify: undefined,
    rate: written.rate === undefined ? undefined : rateOf(written.rate),
    budget: written.budget,
    keepaliveMs: written.keepalive?.every,
    failsafe: written.failsafe && { afterMs: written.failsafe.after, value: written.failsafe.value },
    restart: written.restart,
    expiryMs: written.expiry?.max,
    confirm: written.confirm ?? "none",
  };
}

/** What needs the other points: formulas, sequences, where the value shows. */
function finish(
  context: WriteContext,
  point: Point,
  rule: WriteRule,
  written: WrittenWrite,
  all: readonly Point[],
  readable: readonly Point[],
): WriteRule {
  const path = ["points", point.name, "write"];
  const scope = scopeOf(context, [...readable, ...(context.profile.computed ?? [])]);
  const own = typeOf(point);
  const wanted = Array.isArray(own) ? "text" : own === "number" || own === "text" ? own : "boolean";
  const formula = (key: "value" | "interlock", type: "number" | "boolean" | "text") => {
    const text = written[key];
    return text === undefined
      ? undefined
      : compileFormula(context, [...path, key], text, scope, { own, wanted: type })?.formula;
  };
  const { steps } = written;
  const compileList = (list: WrittenSteps, at: Path): WriteStep[] =>
    compileSteps(context, point, list, at, all);
  return {
    ...rule,
    value: formula("value", wanted),
    interlock: formula("interlock", "boolean"),
    steps: Array.isArray(steps) ? compileList(steps, [...path, "steps"]) : rule.steps,
    stepsByValue:
      steps && !Array.isArray(steps)
        ? new Map(
            Object.entries(steps).map(([key, list]) => [
              keyValue(context, point, key, [...path, "steps", key]),
              compileList(list, [...path, "steps", key]),
            ]),
          )
        : undefined,
    verify: compileVerify(context, point, written.verify, path, readable),
  };
}

const rateUnits: Readonly<Record<string, number>> = { s: 1000, min: 60_000, h: 3_600_000, day: dayMs };

function rateOf(written: string): NonNullable<WriteRule["rate"]> {
  const [count = "1", unit = "s"] = written.split("/");
  return { count: Number(count), perMs: rateUnits[unit] ?? parseDuration(`1${unit}`) };
}

function exactStep(context: WriteContext, path: Path, written: string | number) {
  const step = rational(context.document.source([...path, "step"]) ?? written);
  if (step.numerator > 0n) return step;
  context.report([...path, "step"], "value", {
    code: "zero-scale",
    message: '"step" must be greater than 0',
    hint: "leave it out to take every value that the device can hold",
  });
  return undefined;
}

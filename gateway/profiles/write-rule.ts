import { alternatives, suggest } from "../codec/suggest.ts";
import type { Path } from "../codec/yaml.ts";
import { rational, toNumber } from "../model/decimal.ts";
import type { DeviceProfile, Point } from "../model/device.ts";
import { formatDuration, parseDuration } from "../model/duration.ts";
import { GatewayError } from "../model/errors.ts";
import type { RawValue, Value } from "../model/value.ts";
import { isRefused, toRaw, unacceptable } from "../model/write.ts";
import type { RawKind, VerifyRule, WriteRule, WriteStep } from "../model/write-rule.ts";
import type { PointContext } from "./compile.ts";
import { compileFormula, type FormulaContext, scopeOf, typeOf } from "./formula.ts";
import { rawLabels } from "./label.ts";
import { sampleDevice } from "./sample.ts";
import type { WrittenPoint } from "./schema.ts";
import type { WrittenSteps, WrittenVerify, WrittenWrite } from "./write-schema.ts";

// `write:` of a point, checked and compiled. What follows from several points together is checked
// here too: sequences, interlocks, and what a keepalive does to a budget.

export interface WriteContext extends PointContext, FormulaContext {
  /** The profile so far: its points without their write rules. */
  readonly profile: DeviceProfile;
}

const dayMs = 86_400_000;

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
  if (refused !== undefined) {
    const at = written.at === undefined ? ["points", point.name, "at"] : [...path, "at"];
    report(at, "value", { code: "not-writable", ...refused });
    return undefined;
  }
  const rawKind = protocol.rawKind(address);
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

/** A key of `steps` as a value of the point. */
function keyValue(context: WriteContext, point: Point, key: string, path: Path): Value {
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

function compileSteps(
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
  const kind = protocol.rawKind(address);
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

const kindWords: Readonly<Record<RawKind, string>> = {
  integer: "a whole number",
  float: "a number",
  boolean: "true or false",
  text: "a text",
  bytes: "bytes",
};

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

/** Two seconds and two more tries, unless said otherwise: what field devices need to follow a command. */
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
  if (written === undefined) return verifyDefaults;
  const at = [...path, "verify"];
  const { at: address, point: shown } = written;
  const rule: VerifyRule = {
    address,
    point: shown,
    withinMs: written.within ?? verifyDefaults.withinMs,
    tolerance: written.tolerance ?? verifyDefaults.tolerance,
    retries: written.retries ?? verifyDefaults.retries,
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
    const mine = point.write?.rawKind ?? protocol.rawKind(point.address);
    const theirs = protocol.rawKind(address);
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

/** What a person gets wrong in a rule that is right key by key. */
function checkRule(context: WriteContext, point: Point, rule: WriteRule, written: WrittenWrite): void {
  const path = ["points", point.name, "write"];
  const refuse = (key: string, code: string, message: string, hint?: string, part: "key" | "value" = "key") =>
    context.report([...path, key], part, { code, message, hint });
  const labels = rule.labels ?? point.labels;
  const number = labels === undefined && (rule.rawKind === "integer" || rule.rawKind === "float");
  for (const key of ["range", "step"] as const)
    if (written[key] !== undefined && !number)
      refuse(
        key,
        "not-a-number",
        `"${key}" needs a number, and this point takes ${labels ? "labels" : kindWords[rule.rawKind]}`,
        "list what it takes: values: [...]",
      );
  if (written.range && written.range[0] > written.range[1])
    refuse(
      "range",
      "range-order",
      `the range begins at ${written.range[0]}, above its end ${written.range[1]}`,
      `write [${written.range[1]}, ${written.range[0]}]`,
      "value",
    );
  else if (number) checkRange(context, point, rule, written, refuse);
  if (rule.labels && rule.rawKind !== "integer" && rule.rawKind !== "boolean")
    refuse(
      "values",
      "values-need-integer",
      `labels stand for whole numbers, and the device takes ${kindWords[rule.rawKind]} there`,
    );
  for (const { en } of rule.labels?.values() ?? []) checkShown(point, rule, en, refuse);
  rule.allowed?.forEach((value, index) => {
    const raw = toRaw(point, value);
    if (!isRefused(raw)) return;
    const words = Array.from(labels?.values() ?? [], ({ en }) => en);
    const near = typeof value === "string" ? suggest(value, words) : undefined;
    context.report([...path, "values", index], "value", {
      code: raw.refuse,
      message: `"${point.name}" has no value ${JSON.stringify(value)}`,
      hint: near === undefined ? raw.detail : `did you mean "${near}"?`,
    });
  });
  const { failsafe } = rule;
  if (failsafe) refuseValue(context, point, failsafe.value, [...path, "failsafe", "value"], "value");
  checkTimes(context, point, rule, refuse);
}

type Refuse = (key: string, code: string, message: string, hint?: string, part?: "key" | "value") => void;

/** A range inside what is read, a step that the device can hold, ends that fit the type. */
function checkRange(
  context: WriteContext,
  point: Point,
  rule: WriteRule,
  written: WrittenWrite,
  refuse: Refuse,
): void {
  const range = written.range;
  const shown = point.range;
  if (range && shown && (range[0] < shown[0] || range[1] > shown[1]))
    refuse(
      "range",
      "range-mismatch",
      `what is written (${range[0]}..${range[1]}) would be read as out of range (${shown[0]}..${shown[1]})`,
      "widen the range of the point, or narrow this one",
      "value",
    );
  const { resolution } = point;
  if (rule.step && resolution && rule.rawKind === "integer") {
    const steps = {
      numerator: rule.step.numerator * resolution.denominator,
      denominator: rule.step.denominator * resolution.numerator,
    };
    if (steps.numerator % steps.denominator !== 0n)
      refuse(
        "step",
        "step-mismatch",
        `the device holds steps of ${toNumber(resolution)}: not every multiple of ${toNumber(rule.step)} is one`,
        `write a multiple of ${toNumber(resolution)}`,
        "value",
      );
  }
  if (!range) return;
  for (const [index, end] of range.entries()) {
    const raw = toRaw(point, end);
    const before = { found: false };
    if (isRefused(raw)) continue;
    checkRaw(
      {
        ...context,
        report: (_path, _part, finding) => {
          before.found = true;
          context.report(["points", point.name, "write", "range", index], "value", {
            ...finding,
            message: `${end} does not fit the address: ${finding.message}`,
            hint: "narrow the range, or check the type and the scale",
          });
        },
      },
      rule.address,
      raw.raw,
      [],
    );
    if (before.found) return;
  }
}

/** A label that the point never shows could never be verified. */
function checkShown(point: Point, rule: WriteRule, label: string, refuse: Refuse): void {
  const shown = Array.from(point.labels?.values() ?? [], ({ en }) => en);
  if (!point.labels || !rule.verify || rule.verify.point !== undefined || shown.includes(label)) return;
  const near = suggest(label, shown);
  refuse(
    "values",
    "unknown-value",
    `"${label}" is written but never read: the point shows ${alternatives(shown)}`,
    near === undefined ? "use the same labels, or say verify: false" : `did you mean "${near}"?`,
  );
}

/** Times, rates and budgets that cannot hold together. */
function checkTimes(context: WriteContext, point: Point, rule: WriteRule, refuse: Refuse): void {
  const lists = [rule.steps, ...(rule.stepsByValue?.values() ?? [])];
  const longest = Math.max(...lists.map((steps) => transactionMs(context, point, steps)));
  const { keepaliveMs: every, failsafe, expiryMs, budget, rate } = rule;
  if (every !== undefined && every <= longest)
    refuse(
      "keepalive",
      "keepalive-too-short",
      `writing takes about ${roughly(longest)}, and it would be repeated every ${formatDuration(every)}`,
      "write a longer time; half of the device's own timeout is usual",
    );
  if (every !== undefined && failsafe && failsafe.afterMs <= every)
    refuse(
      "failsafe",
      "failsafe-too-short",
      `between two keepalives (${formatDuration(every)}) the control link would count as lost (${formatDuration(failsafe.afterMs)})`,
      "make failsafe.after at least three times keepalive.every",
    );
  if (expiryMs !== undefined && expiryMs <= longest)
    refuse(
      "expiry",
      "expiry-too-short",
      `a command would expire (${formatDuration(expiryMs)}) before it is carried out (${roughly(longest)})`,
      "write a longer time, or shorten the sequence",
    );
  if (budget && budget.perDay === undefined && budget.lifetime === undefined)
    refuse(
      "budget",
      "empty-budget",
      "the budget says nothing",
      "write {perDay: ...}, {lifetime: ...} or both",
    );
  if (budget?.perDay !== undefined && budget.lifetime !== undefined && budget.perDay > budget.lifetime)
    refuse(
      "budget",
      "budget-order",
      `a day's budget (${budget.perDay}) is larger than the one for life (${budget.lifetime})`,
      "are they swapped?",
    );
  if (every === undefined) return;
  const perDay = Math.floor(dayMs / every);
  if (budget?.perDay !== undefined && perDay > budget.perDay)
    refuse(
      "keepalive",
      "keepalive-over-budget",
      `a keepalive every ${formatDuration(every)} writes ${perDay} times a day, and the budget is ${budget.perDay}`,
      "a register that wears out cannot be kept alive: check the maker's document",
    );
  if (rate && rate.perMs / rate.count > every)
    refuse(
      "keepalive",
      "keepalive-over-rate",
      `a keepalive every ${formatDuration(every)} is more often than ${rate.count} in ${formatDuration(rate.perMs)}`,
      "raise the rate, or lengthen the keepalive",
    );
}

/** A duration as people say it. */
function roughly(milliseconds: number): string {
  const unit = milliseconds < 1000 ? 1 : 1000;
  return formatDuration(Math.max(1, Math.round(milliseconds / unit)) * unit);
}

/** How long a sequence takes on the protocol's sample line: waits, and about one read's time per write. */
function transactionMs(context: WriteContext, point: Point, steps: readonly WriteStep[]): number {
  const waits = steps.reduce((sum, step) => sum + (step.kind === "wait" ? step.waitMs : 0), 0);
  const { protocol, profile } = context;
  if (!protocol.sample || !profile.points.some((one) => one.name === point.name)) return waits;
  const line = protocol.connection.parse(protocol.sample.connection);
  const { requests } = protocol.plan(line, sampleDevice(protocol, profile), [point], {});
  const cost = requests.reduce((sum, request) => sum + request.costMs, 0);
  return waits + cost * steps.filter((step) => step.kind !== "wait").length;
}

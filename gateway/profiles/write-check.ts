import { alternatives, suggest } from "../codec/suggest.ts";
import { toNumber } from "../model/decimal.ts";
import type { Point } from "../model/device.ts";
import { formatDuration } from "../model/duration.ts";
import { isRefused, toRaw } from "../model/write.ts";
import type { WriteRule, WriteStep } from "../model/write-rule.ts";
import { sampleDevice } from "./sample.ts";
import { checkRaw, kindWords, refuseValue, type WriteContext } from "./write-context.ts";
import type { WrittenWrite } from "./write-schema.ts";

// What a person gets wrong in a write rule that is right key by key.

export const dayMs = 86_400_000;

/** What a person gets wrong in a rule that is right key by key. */
export function checkRule(context: WriteContext, point: Point, rule: WriteRule, written: WrittenWrite): void {
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
  if (rule.restart === "failsafe" && !failsafe)
    refuse(
      "restart",
      "missing-failsafe",
      "after a restart the failsafe value is to be written, and there is none",
      "add failsafe: {after: ..., value: ...}",
      "value",
    );
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

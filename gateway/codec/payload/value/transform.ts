import { badValue } from "../payload-error.ts";
import { describe, numberOf, Section, schemaError } from "../section.ts";
import { type Arithmetic, compileModifiers } from "./modifiers.ts";
import { maxDecimals, roundHalfEven } from "./rounding.ts";

const same = (value: number): number => value;
const oneWay =
  (word: string) =>
  (_: number): number => {
    throw badValue(`the stage ${word} cannot be undone`);
  };

/** The stages of a `transform` list in their order. Throws ConfigError. */
export function compileTransform(section: Section, notes: string[]): Arithmetic | undefined {
  const stages = (section.list("transform") ?? []).flatMap((item, index) => {
    const stage = compileStage(new Section(item, `${section.at("transform")}[${index}]`), notes);
    return stage ? [stage] : [];
  });
  if (stages.length === 0) return undefined;
  const forward = stages.map((stage) => stage.apply);
  const backward = stages.map((stage) => stage.undo).reverse();
  const [first, second, ...rest] = forward;
  const run = (steps: readonly ((value: number) => number)[]) => (value: number) =>
    steps.reduce((present, step) => step(present), value);
  let apply = first!;
  if (second) apply = rest.length === 0 ? (value) => second(first!(value)) : run(forward);
  return {
    apply,
    undo: run(backward),
    whole: stages.map((stage) => stage.whole).reduce((before, after) => (after === "kept" ? before : after)),
  };
}

/** One stage is one operation; with several keys the first in this order counts. Undefined does nothing. */
function compileStage(stage: Section, notes: string[]): Arithmetic | undefined {
  const on = (key: string): boolean => stage.has(key) && stage.get(key) !== false;
  if (on("sqrt")) return stageOf((value) => Math.sqrt(Math.max(0, value)), oneWay("sqrt"));
  if (on("abs")) return stageOf(Math.abs, oneWay("abs"), "kept");
  if (on("pow")) return power(stage.number("pow")!);
  if (on("floor")) return bound(stage.number("floor")!, undefined);
  const ceiling = on("ceiling") ? "ceiling" : on("ceil") ? "ceil" : undefined;
  if (ceiling) return bound(undefined, stage.number(ceiling)!);
  if (on("clamp")) return clamp(stage);
  if (on("log10")) return stageOf((value) => Math.log10(Math.max(1e-10, value)), oneWay("log10"));
  if (on("log")) return stageOf((value) => Math.log(Math.max(1e-10, value)), oneWay("log"));
  const modifiers = compileModifiers(stage);
  if (modifiers) return modifiers;
  if (on("round")) return round(stage, stage.get("round") === true ? 0 : stage.number("round")!);
  const op = stage.text("op");
  if (op === "round") return round(stage, stage.number("decimals") ?? 0);
  if (op === "floor") return stageOf(Math.floor, same, "always");
  if (op === "ceil" || op === "ceiling") return stageOf(Math.ceil, same, "always");
  if (op !== undefined) notes.push(`${stage.path}: the operation "${op}" is not known and does nothing`);
  return undefined;
}

function stageOf(
  apply: (value: number) => number,
  undo: (value: number) => number,
  whole: Arithmetic["whole"] = "lost",
): Arithmetic {
  return { apply, undo, whole };
}

function power(exponent: number): Arithmetic {
  const apply = (value: number): number => {
    const result = value ** exponent;
    if (Number.isFinite(value) && !Number.isFinite(result))
      throw badValue(`${value} to the power of ${exponent} is no number`);
    return result;
  };
  return stageOf(apply, oneWay("pow"));
}

/** `floor` and `ceiling` as stages are bounds, not rounding. */
function bound(low: number | undefined, high: number | undefined): Arithmetic {
  if (high === undefined) return stageOf((value) => Math.max(value, low ?? value), same);
  if (low === undefined) return stageOf((value) => Math.min(value, high), same);
  return stageOf((value) => Math.min(Math.max(value, low), high), same);
}

function clamp(stage: Section): Arithmetic {
  const [low, high, ...more] = (stage.list("clamp") ?? []).map(numberOf);
  if (low === undefined || high === undefined || more.length > 0 || low > high)
    throw schemaError(stage.at("clamp"), `[low, high] is needed here, not ${describe(stage.get("clamp"))}`);
  return bound(low, high);
}

function round(stage: Section, decimals: number): Arithmetic {
  if (!Number.isInteger(decimals) || decimals < 0 || decimals > maxDecimals)
    throw schemaError(stage.path, `rounding needs 0 to ${maxDecimals} decimals, not ${decimals}`);
  return stageOf((value) => roundHalfEven(value, decimals), same, decimals === 0 ? "always" : "lost");
}

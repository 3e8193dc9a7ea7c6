import {
  ExpressionError,
  type ExpressionName,
  type ExpressionType,
  namesIn,
} from "../codec/expression/expression.ts";
import { alternatives, suggest } from "../codec/suggest.ts";
import type { Point } from "../model/device.ts";
import { pointNameOf } from "../model/formula.ts";
import { compilePoint, kindOf, type PointContext } from "./compile.ts";
import { scaleSourceOf } from "./derived-fields.ts";
import { addNames, compileFormula, type FormulaContext, scopeOf, typeOf } from "./formula.ts";
import type { WrittenPoint } from "./schema.ts";

// Points with what they need of each other: formulas, guards, scales.

export interface CompiledPoints {
  /** What is read, in written order. */
  readonly points: readonly Point[];
  /** What is computed, each point after those that it needs. */
  readonly computed: readonly Point[];
}

type Written = Readonly<Record<string, WrittenPoint>>;

/** Compiles all points of a profile. What is wrong is reported; the result is then not to be used. */
export function compilePoints(context: PointContext & FormulaContext, written: Written): CompiledPoints {
  return new Compilation(context, written).run();
}

/** One point needs another one; where that is said. */
interface Need {
  readonly point: string;
  readonly key: "from" | "valid" | "scale";
  readonly within?: readonly [number, number] | undefined;
}

class Compilation {
  readonly #context: PointContext & FormulaContext;
  readonly #written: Written;
  readonly #scope: Map<string, ExpressionType>;
  readonly #done = new Map<string, Point>();
  /** Without a result, or in need of one that has none: reported once, at its root. */
  readonly #broken = new Set<string>();
  readonly #path: string[] = [];

  constructor(context: PointContext & FormulaContext, written: Written) {
    this.#context = context;
    this.#written = written;
    this.#scope = scopeOf(context, []);
  }

  run(): CompiledPoints {
    const names = Object.keys(this.#written);
    for (const name of names) if (this.#written[name]!.from === undefined) this.#read(name);
    for (const name of names) this.#finish(name);
    const all = names.flatMap((name) => this.#done.get(name) ?? []);
    const computed = [...this.#finished].flatMap((name) => {
      const point = this.#done.get(name);
      return point?.formula ? { ...point, address: undefined } : [];
    });
    return { points: all.filter((point) => !point.formula), computed };
  }

  /** In the order in which they can be computed. */
  readonly #finished = new Set<string>();

  /** A point as the device gives it, so that expressions know its type. */
  #read(name: string): void {
    const written = this.#written[name]!;
    const isRead = written.at !== undefined;
    const path = ["points", name, ...(isRead ? ["at"] : ["write", "at"])];
    const kind = kindOf(this.#context, path, written.at ?? written.write?.at);
    const point = compilePoint(this.#context, name, written, kind);
    this.#done.set(name, point);
    // What can only be written has no value.
    if (isRead) addNames(this.#scope, point);
  }

  /** Everything that the point needs first, then its own formula, guard and scale. */
  #finish(name: string): void {
    if (this.#finished.has(name) || this.#broken.has(name)) return;
    const written = this.#written[name]!;
    this.#path.push(name);
    for (const need of this.#needs(written)) {
      const circle = this.#path.indexOf(need.point);
      if (circle >= 0) this.#refuseCircle(name, need, this.#path.slice(circle));
      else if (need.point in this.#written) this.#finish(need.point);
      if (circle >= 0 || this.#broken.has(need.point)) this.#broken.add(name);
    }
    this.#path.pop();
    if (this.#broken.has(name)) return;
    if (written.from !== undefined) this.#compute(name, written);
    if (this.#broken.has(name)) return;
    this.#scale(name);
    if (written.valid !== undefined) this.#guard(name, written.valid);
    this.#finished.add(name);
  }

  #needs(written: WrittenPoint): Need[] {
    const needs = [...namesOrNone("from", written.from), ...namesOrNone("valid", written.valid)];
    const source = scaleSourceOf(written);
    return source ? [...needs, { point: source.point, key: "scale" }] : needs;
  }

  #compute(name: string, written: WrittenPoint): void {
    const path = ["points", name, "from"];
    const compiled = compileFormula(this.#context, path, written.from ?? "", this.#scope);
    if (!compiled) {
      this.#broken.add(name);
      return;
    }
    if (compiled.formula.needs.length === 0) {
      this.#context.report(path, "value", {
        code: "no-inputs",
        message: "this names no other point, so that it would never be computed",
        hint: "name a point that the device is read for",
      });
    }
    const coded = written.values !== undefined || written.bits !== undefined;
    const kind = compiled.type === "number" ? (coded ? "integer" : "float") : compiled.type;
    const { formula } = compiled;
    // What is made of personal data is personal, unless the profile says that it no longer is.
    const personal =
      written.personal ?? formula.needs.some((need) => this.#done.get(pointNameOf(need))?.personal === true);
    const point = { ...compilePoint(this.#context, name, written, kind), formula, personal };
    this.#done.set(name, point);
    addNames(this.#scope, point);
  }

  #scale(name: string): void {
    const source = this.#done.get(name)?.scaleSource;
    if (!source) return;
    const { report } = this.#context;
    const path = ["points", name, "scale", source.as === "exponent" ? "pow10" : "point"];
    const type = this.#scope.get(source.point);
    if (type === "number") return;
    if (source.point in this.#written) {
      const message = `"${source.point}" is no number: it cannot be a scale`;
      report(path, "value", { code: "not-a-number", message });
      return;
    }
    const known = [...this.#scope].flatMap(([one, kind]) => (kind === "number" ? one : []));
    const near = suggest(source.point, known);
    report(path, "value", {
      code: "unknown-name",
      message: `there is no point "${source.point}"`,
      hint: near === undefined ? `numbers here: ${alternatives(known)}` : `did you mean "${near}"?`,
    });
  }

  #guard(name: string, text: string): void {
    const point = this.#done.get(name);
    // Bits have no one value; that is refused where keys are compared.
    const own = point && typeOf(point);
    if (!point || own === undefined) return;
    const path = ["points", name, "valid"];
    const compiled = compileFormula(this.#context, path, text, this.#scope, { own, wanted: "boolean" });
    if (compiled) this.#done.set(name, { ...point, valid: compiled.formula });
  }

  #refuseCircle(name: string, { key, within }: Need, circle: readonly string[]): void {
    const message =
      circle.length === 1
        ? `"${name}" needs itself`
        : `these points need each other: ${[...circle, circle[0]!].join(" -> ")}`;
    const hint =
      circle.length === 1 && key === "valid"
        ? "the point's own value is called value"
        : "one of them must do without the others";
    this.#context.report(["points", name, key], "value", { code: "circle", message, hint, within });
  }
}

/** The points that an expression names; one that cannot be read is reported when it is compiled. */
function namesOrNone(key: "from" | "valid", text: string | undefined): Need[] {
  if (text === undefined) return [];
  let names: readonly ExpressionName[];
  try {
    names = namesIn(text);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return [];
  }
  return names
    .filter(({ name }) => key !== "valid" || name !== "value")
    .map(({ name, start, end }) => ({ point: name.split(".")[0]!, key, within: [start, end] }));
}

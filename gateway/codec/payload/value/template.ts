import type { Compiling } from "../context/compiling.ts";
import { absent } from "../context/decoding.ts";
import { badValue } from "../payload-error.ts";
import { describe } from "../section.ts";

/** An output name that is filled from variables, such as "ch_${n}_temp". */
export interface Template {
  readonly text: string;
  /** Throws PayloadError when a variable has no value. */
  render(vars: readonly unknown[]): string;
}

export function compileTemplate(text: string, context: Compiling): Template {
  const parts = text.split(/\$\{([^}]*)\}/);
  const pieces = parts.map((part, index) =>
    index % 2 === 0 ? part : { name: part, slot: context.slot(part.trim().replace(/^\$/, "")) },
  );
  return {
    text,
    render: (vars) =>
      pieces
        .map((piece) => (typeof piece === "string" ? piece : words(vars[piece.slot], piece.name)))
        .join(""),
  };
}

function words(value: unknown, name: string): string {
  if (value === undefined || value === absent) throw badValue(`the name needs $${name}, which has no value`);
  if (typeof value === "object") throw badValue(`the name needs $${name}, which is ${describe(value)}`);
  return String(value);
}

import type { Compiling } from "../context/compiling.ts";
import type { Node } from "../node.ts";
import { badValue } from "../payload-error.ts";
import { describe, type Section, schemaError } from "../section.ts";
import { compileSentinels } from "../value/absent.ts";
import { compileLabels } from "../value/labels.ts";
import { numberOrWide } from "../value/pipeline.ts";
import { compileReport } from "../value/report.ts";
import { supply } from "../value/supply.ts";
import { bitRangeWire } from "./bits.ts";
import { numberWire } from "./number.ts";
import { never, outputOf } from "./value-field.ts";

const unknownLabel = /^unknown\((-?\d+)\)$/;

/** `type: enum`: a number as its label, `default` or "unknown(N)". Modifiers do not apply. Throws ConfigError. */
export function compileEnum(section: Section, context: Compiling): Node {
  const base = section.text("base") ?? "u8";
  const wire = numberWire(base, section, context) ?? bitRangeWire(base, section);
  if (wire?.kind !== "integer") throw schemaError(section.at("base"), `"${base}" is no integer type`);
  if (!section.has("values")) context.notes.push(`${section.path}: an enum without values knows no label`);
  const labels = compileLabels(section.get("values") ?? [], section.at("values"));
  const otherwise = section.get("default");
  const report = compileReport(section, context);
  // `default` is the label of what is not listed, not a value to write.
  const take = supply(section, report, undefined);
  const sentinels = compileSentinels(section, wire.bits);
  const { label } = report;
  const labelFor = (number: number): unknown => labels.find(number) ?? otherwise ?? `unknown(${number})`;
  const rawFor = (value: unknown): number | bigint => {
    const found = labels.raw(value);
    if (found !== undefined) return found;
    if (typeof value !== "string") return numberOrWide(value);
    const [, number] = unknownLabel.exec(value) ?? [];
    if (number === undefined) throw badValue(`no number has the label ${describe(value)}`);
    return Number(number);
  };
  return {
    decode: (state, out) => {
      const raw = wire.read(state, label);
      if (sentinels?.has(raw)) report.sentinel(state);
      else report.put(state, out, labelFor(Number(raw)));
    },
    encode: (state, input) =>
      state.attempt(label, () => {
        const { value, given } = take(state, input);
        if (value === undefined && report.name !== undefined) state.warnings.push(`Missing field: ${label}`);
        const raw = value === undefined ? (sentinels?.first ?? 0) : rawFor(value);
        if (value !== undefined) for (const slot of report.slots) state.vars[slot] = labelFor(Number(raw));
        wire.write(state, raw, given);
      }),
    outputs: outputOf(section, report, "text", { labels: labels.all, time: false }),
    claims: report.name === undefined ? [] : [{ name: report.name, holds: never }],
    weight: 1,
  };
}

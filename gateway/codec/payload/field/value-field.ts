import type { Compiling } from "../context/compiling.ts";
import type { Decoding } from "../context/decoding.ts";
import type { Encoding } from "../context/encoding.ts";
import { hintsOf } from "../hints.ts";
import type { Node, OutputField, OutputType, Raw } from "../node.ts";
import type { Section } from "../section.ts";
import { compilePipeline, type Pipeline } from "../value/pipeline.ts";
import { compileReport, type Report } from "../value/report.ts";
import { rawOf, supply } from "../value/supply.ts";

/** How one kind of field lies on the wire. */
export interface Wire {
  /** What the raw value is. */
  readonly kind: OutputType;
  readonly bits?: { readonly width: number; readonly signed: boolean };
  /** Reads at the cursor and moves it. Throws PayloadError. */
  read(state: Decoding, label: string): Raw;
  /** Writes at the cursor and moves it. The raw value is not rounded yet. Throws PayloadError or ValueError. */
  write(state: Encoding, raw: Raw, given: boolean): void;
}

/** A field that holds one value. Throws ConfigError. */
export function compileValueField(section: Section, context: Compiling, wire: Wire): Node {
  const report = compileReport(section, context);
  const pipeline = compilePipeline(section, context, report, wire.kind, wire.bits);
  const take = supply(section, report);
  const { label } = report;
  const { finish } = pipeline;
  const { read } = wire;
  return {
    decode: (state, out) => finish(state, out, read(state, label)),
    encode: (state, input) =>
      state.attempt(label, () => {
        const { raw, given } = rawOf(state, input, take, report, pipeline);
        wire.write(state, raw, given);
      }),
    outputs: outputOf(section, report, pipeline.type, pipeline),
    claims:
      report.name === undefined
        ? []
        : [{ name: report.name, holds: wire.kind === "bytes" ? isOctets : never }],
    weight: 1,
  };
}

/** What is carried only; other shapes of it are left out. */
function words(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

/** No list is one value. */
export function never(): boolean {
  return false;
}

function isOctets(list: readonly unknown[]): boolean {
  return list.every((octet) => typeof octet === "number");
}

/** What a value field reports, none when it is hidden. */
export function outputOf(
  section: Section,
  report: Pick<Report, "name" | "template" | "range">,
  type: OutputType,
  pipeline?: Pick<Pipeline, "labels" | "time">,
): readonly OutputField[] {
  if (report.name === undefined) return [];
  const unit = words(section.get("unit"));
  const description = words(section.get("description"));
  const hints = hintsOf(section);
  return [
    {
      name: report.name,
      ...(report.template && { pattern: true as const }),
      type,
      ...(unit !== undefined && { unit }),
      ...(description !== undefined && { description }),
      ...(report.range && { range: report.range }),
      ...(pipeline?.labels && { labels: pipeline.labels }),
      ...(hints && { hints }),
      ...(pipeline?.time && { time: true as const }),
    },
  ];
}

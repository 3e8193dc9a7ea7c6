import * as z from "zod";
import { checkSchema } from "../../codec/check.ts";
import { diagnose, parseYaml } from "../../codec/yaml.ts";
import type { Diagnostic } from "../../model/diagnostic.ts";
import { parseDuration } from "../../model/duration.ts";
import { qualities } from "../../model/quality.ts";

// flow.test.yaml: what devices say while a flow runs, and what the flow is expected to do. See docs/node-red.md.

const name = z.string().min(1).max(200);
const value = z.union([z.number(), z.boolean(), z.string()]);
const anything = z.json();

/** Ms of `12s`, `1h31m` or `1h31m20s`. */
const moment = z.string().transform((text, context): number => {
  try {
    return text
      .split(/(?<=[a-z])(?=\d)/)
      .map(parseDuration)
      .reduce((sum, ms) => sum + ms, 0);
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
});

const reading = z.strictObject({
  device: name,
  point: name,
  value: value.optional(),
  unit: name.optional(),
  /** Good when there is a value. */
  quality: z.enum(qualities).optional(),
});
const commandWanted = z.strictObject({
  device: name,
  point: name,
  value: value.optional(),
  action: z.enum(["write", "release", "confirm"]).optional(),
  priority: name.optional(),
});
const outputWanted = z.strictObject({
  /** Its name in the editor, or its id. */
  node: name,
  /** Of its outputs, counted from 0. */
  port: z.int().min(0).default(0),
  payload: anything.optional(),
  topic: name.optional(),
  /** Parts of the message that are these. */
  msg: z.record(z.string(), anything).optional(),
  /** Properties that the message must not have. */
  lacks: z.array(name).min(1).optional(),
});
const publishedWanted = z.strictObject({ point: name, value: value.optional(), unit: name.optional() });
const expectation = z
  .strictObject({
    command: z.union([commandWanted, z.array(commandWanted).min(1)]).optional(),
    "no-command": z.literal(true).optional(),
    output: z.union([outputWanted, z.array(outputWanted).min(1)]).optional(),
    "no-output": z.strictObject({ node: name, port: z.int().min(0).optional() }).optional(),
    alarm: z.union([z.literal("none"), z.record(z.string(), anything)]).optional(),
    published: z.union([z.literal("none"), publishedWanted, z.array(publishedWanted).min(1)]).optional(),
  })
  .refine((wanted) => Object.keys(wanted).length > 0, { error: "says nothing that is expected" });

const step = z
  .strictObject({
    /** Since the start; that of the step before when absent. */
    at: moment.optional(),
    reading: z.union([reading, z.array(reading).min(1).max(1000)]).optional(),
    /** Presses the button of an inject node. */
    inject: name.optional(),
    /** A device that comes or goes. */
    state: z.strictObject({ device: name, state: name, problem: name.optional() }).optional(),
    /** From now on commands to this point fail with this code; `code: none` ends it. */
    fail: z.strictObject({ device: name, point: name, code: name }).optional(),
    /** What happened since the last expectation. */
    expect: z.union([z.literal("no-command"), expectation]).optional(),
  })
  .refine(({ at: _at, ...rest }) => Object.keys(rest).length > 0, { error: "nothing happens in this step" });

const point = z.strictObject({
  unit: name.optional(),
  kind: name.optional(),
  /** What it is at the start. */
  value: value.optional(),
  write: z
    .strictObject({
      range: z.tuple([z.number(), z.number()]).optional(),
      allowed: z.array(value).optional(),
      /** A write only arms the point: a second command confirms it. */
      confirm: z.enum(["none", "two-step"]).optional(),
    })
    .optional(),
});

const scenarioSchema = z.strictObject({
  /** Of the clock at the start. */
  start: z.iso.datetime({ offset: true }).default("2026-11-02T12:00:00+01:00"),
  timeZone: z.string().default("Europe/Stockholm"),
  position: z.strictObject({ lat: z.number(), lon: z.number() }).default({ lat: 59.33, lon: 18.07 }),
  /** Devices with points that no step reads, or that commands may write. */
  devices: z.record(name, z.strictObject({ points: z.record(name, point) })).default({}),
  steps: z.array(step).min(1).max(10_000),
});

export type Scenario = z.output<typeof scenarioSchema>;
export type Step = Scenario["steps"][number];
export type Expectation = Exclude<NonNullable<Step["expect"]>, string>;
export type OutputWanted = z.output<typeof outputWanted>;
export type PublishedWanted = z.output<typeof publishedWanted>;
export type CommandWanted = z.output<typeof commandWanted>;
export type ReadingGiven = z.output<typeof reading>;
export type PointGiven = z.output<typeof point>;

export interface ReadScenario {
  readonly scenario?: Scenario | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** Line of each step. */
  readonly lines: readonly number[];
}

/** Reads flow.test.yaml; what is wrong comes with line and column. */
export function readScenario(text: string, file: string): ReadScenario {
  const { document, diagnostics } = parseYaml(text, file);
  if (!document) return { diagnostics, lines: [] };
  const checked = checkSchema(document, scenarioSchema);
  const scenario = checked.value;
  if (!scenario) return { diagnostics: checked.diagnostics, lines: [] };
  let now = 0;
  const found: Diagnostic[] = [];
  scenario.steps.forEach(({ at }, index) => {
    if (at !== undefined && at < now) {
      found.push(
        diagnose(document, ["steps", index, "at"], "value", {
          code: "steps-out-of-order",
          message: "a step before this one is later",
          hint: "steps are in the order of time",
        }),
      );
    }
    now = Math.max(now, at ?? now);
  });
  const lines = scenario.steps.map((_, index) => document.span(["steps", index], "value").line);
  return found.length > 0
    ? { diagnostics: found, lines }
    : { scenario, diagnostics: checked.diagnostics, lines };
}

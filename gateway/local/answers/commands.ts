import * as z from "zod";
import { commandStages, commandStates, priorities } from "../../model/command.ts";
import { moment, named, value } from "./shared.ts";

// What became of commands, and what holds a point.

export const result = named(
  "CommandResult",
  z.object({
    id: z.string(),
    device: z.string(),
    point: z.string(),
    issuer: z.string(),
    state: z.enum(commandStates),
    stage: z.enum(commandStages).optional(),
    code: z.string().optional(),
    text: z.string().optional(),
    value: value.optional(),
    before: value.optional(),
    verified: z.boolean().optional(),
    unchanged: z.boolean().optional(),
    time: moment.optional(),
    bootMs: z.number().optional(),
    last: z.boolean(),
  }),
);
export const results = z.array(result);
export const commanded = z.union([
  result,
  named("DryRun", z.object({ accepted: z.boolean(), result: result.optional() })),
]);
export const holds = z.array(
  named(
    "Hold",
    z.object({
      device: z.string(),
      point: z.string(),
      priority: z.enum(priorities),
      issuer: z.string(),
      value,
      until: moment.optional(),
    }),
  ),
);

import * as z from "zod";
import { missings } from "../../model/acceptance.ts";
import { range } from "./devices.ts";
import { moment, named, text, value } from "./shared.ts";

// gateway.yaml, commissioning and its reports.

const diagnostic = named(
  "Diagnostic",
  z.object({
    severity: z.enum(["error", "warning"]),
    code: z.string(),
    message: z.string(),
    hint: z.string().optional(),
    file: z.string(),
    line: z.number(),
    column: z.number(),
    length: z.number(),
  }),
);
/** `hash`: SHA-256 of the file as it is, secrets included; absent where nothing can be applied. */
export const configuration = named(
  "Configuration",
  z.object({ text: z.string(), hash: z.string().optional() }),
);
const checkedFields = {
  diagnostics: z.array(diagnostic),
  changes: z.array(z.string()),
  restartNeeded: z.array(z.string()),
};
export const checked = named("Checked", z.object(checkedFields));
export const applied = named(
  "Applied",
  z.object({ ...checkedFields, applied: z.boolean(), generation: z.number().optional() }),
);
export const generations = z.array(
  named(
    "Generation",
    z.object({
      number: z.number(),
      at: z.string(),
      by: z.string(),
      note: z.string().optional(),
      hash: z.string(),
      current: z.boolean(),
    }),
  ),
);
export const generation = named("GenerationText", z.object({ text: z.string() }));

const seen = z.enum(["confirmed", "rejected"]).optional();
const missing = z.object({
  what: z.enum(missings),
  device: z.string().optional(),
  point: z.string().optional(),
  northbound: z.string().optional(),
});
export const commissioning = named(
  "Commissioning",
  z.object({
    devices: z.array(
      z.object({
        device: z.string(),
        profile: z.string(),
        connection: z.string(),
        settings: z.unknown(),
        title: text.optional(),
        owner: z.string().optional(),
        place: z.string().optional(),
        position: z.object({ lat: z.number(), lon: z.number() }).optional(),
        points: z.array(
          z.object({
            point: z.string(),
            title: text.optional(),
            quality: z.string(),
            value: value.optional(),
            unit: z.string().optional(),
            time: moment.optional(),
            ageS: z.number().optional(),
            range: range.optional(),
            ok: z.boolean(),
            seen,
            note: z.string().optional(),
          }),
        ),
        actuators: z.array(
          z.object({
            point: z.string(),
            title: text.optional(),
            command: z.string().optional(),
            outcome: z.string().optional(),
            seen,
            note: z.string().optional(),
            at: z.string().optional(),
            by: z.string().optional(),
          }),
        ),
        ok: z.boolean(),
        missing: z.array(missing),
        accepted: z.string().optional(),
      }),
    ),
    northbound: z.array(z.object({ name: z.string(), ok: z.boolean(), at: z.string().optional() })),
    missing: z.array(missing),
    reports: z.array(z.object({ id: z.string(), at: z.string(), by: z.string(), ok: z.boolean() })),
  }),
);
export const changes = named("Changes", z.object({ changes: z.array(z.string()) }));
export const reportId = named("ReportId", z.object({ id: z.string() }));
/** A JWS (RFC 7515, section 7.2.2) whose payload is the report. */
export const report = named(
  "AcceptanceReport",
  z.object({ payload: z.string(), protected: z.string(), signature: z.string() }),
);
export const reloaded = named(
  "Reloaded",
  z.object({ applied: z.boolean(), changes: z.array(z.string()), diagnostics: z.array(diagnostic) }),
);
export const logs = named("Logs", z.object({ lines: z.array(z.string()) }));

import * as z from "zod";
import { byteSize, duration, text } from "../codec/settings.ts";
import { openAudience } from "../model/privacy.ts";
import { chosenSchema } from "../profiles/option.ts";
import { catalogueSchema } from "./catalogue.ts";
import { commandsSchema } from "./commands.ts";
import { clockTrusts, logLevels } from "./config.ts";
import { auditLogSchema, historySchema } from "./history.ts";
import { localSchema } from "./local.ts";
import { nodeRedSchema } from "./node-red.ts";
import { deviceRecordFields } from "./privacy.ts";
import { holidaysSchema, timeZone } from "./schedule-schema.ts";
import { updatesSchema } from "./updates.ts";

// gateway.yaml. What stands here refuses the whole file when it is wrong; entries of connections,
// devices and northbound are checked one by one, so that a bad one is left out alone.

/** Names of gateways, devices, connections and northbounds: safe in topics, file names and URNs. */
export const identifier = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, {
  error: "an id is made of a-z, 0-9 and -, at most 63 characters, and does not begin with -",
});

/** The number that RFC 5612 reserves for documentation. */
export const documentationPen = 32473;
/** The audience of data that nobody assigned. */
export const defaultAudience = "restricted";

const pollPeriod = duration.refine((ms) => ms >= 1, { error: "a poll period is at least 1ms" });

export const pollSchema = z.strictObject({
  fast: pollPeriod.optional(),
  normal: pollPeriod.optional(),
  slow: pollPeriod.optional(),
});

const entries = z.record(z.string(), z.unknown());

export const configSchema = z.strictObject({
  gateway: z.strictObject({
    id: identifier,
    pen: z.int().min(1).max(4_294_967_295).default(documentationPen),
    title: text.optional(),
    position: z
      .strictObject({ lat: z.number().min(-90).max(90), lon: z.number().min(-180).max(180) })
      .optional(),
    timeZone: timeZone.default("Europe/Stockholm"),
  }),
  profiles: z.array(z.string().min(1)).min(1).max(16).default(["device-profiles"]),
  connections: entries.default({}),
  devices: entries.default({}),
  derivedPoints: entries.default({}),
  poll: pollSchema.default({}),
  audiences: z
    .record(
      identifier,
      z
        .strictObject({
          title: text.optional(),
          personal: z.boolean().optional(),
          maxAge: duration.optional(),
          maxBytes: byteSize.optional(),
        })
        .nullable(),
    )
    .superRefine((audiences, context) => {
      if (!audiences[openAudience]?.personal) return;
      const message = "everybody may read the open audience: personal data never goes there";
      context.addIssue({ code: "custom", path: [openAudience, "personal"], message });
    })
    .default({}),
  catalogue: catalogueSchema.prefault({}),
  northbound: entries.default({}),
  schedules: entries.default({}),
  holidays: holidaysSchema.prefault({}),
  storage: z
    .strictObject({
      folder: z.string().min(1).default("data"),
      maxBytes: byteSize.prefault("1GB"),
      maxAge: duration.prefault("30d"),
    })
    .prefault({}),
  telemetry: z
    .strictObject({
      maxAge: duration.prefault("5s"),
      maxReadings: z.int().min(1).max(10_000).default(100),
      maxBytes: byteSize.prefault("16kB"),
    })
    .prefault({}),
  commands: commandsSchema.prefault({}),
  updates: updatesSchema.prefault({}),
  local: localSchema,
  nodeRed: nodeRedSchema,
  history: historySchema,
  auditLog: auditLogSchema,
  log: z.strictObject({ level: z.enum(logLevels).default("info") }).prefault({}),
  clock: z.strictObject({ trust: z.enum(clockTrusts).default("auto") }).prefault({}),
});

/** What every device says, whatever its protocol. */
export const deviceSchema = z.strictObject({
  profile: z.string().min(1),
  connection: z.string().min(1),
  title: text.optional(),
  audience: z.string().optional(),
  audiences: z.record(z.string(), z.string()).optional(),
  options: chosenSchema.optional(),
  poll: pollSchema.optional(),
  ...deviceRecordFields,
});

export const connectionHead = z.strictObject({ protocol: z.string() });
export const northboundHead = z.strictObject({ type: z.string() });

export type WrittenConfig = z.output<typeof configSchema>;
export type WrittenDevice = z.output<typeof deviceSchema>;

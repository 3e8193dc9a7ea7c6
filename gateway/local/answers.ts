import * as z from "zod";
import { commandStages, commandStates, priorities } from "../model/command.ts";
import { qualities } from "../model/quality.ts";
import { roles } from "./access.ts";

// What the API answers, for its OpenAPI document. Loaded only for that and by tests, which hold every
// answer against these: the gateway does without their memory.

const text = z.object({ en: z.string(), sv: z.string().optional() });
const value = z.union([z.number(), z.boolean(), z.string()]);
const moment = z.iso.datetime();
const named = <T extends z.ZodType>(id: string, schema: T): T => schema.meta({ id });

export const error = named(
  "Error",
  z.object({ error: z.string(), message: z.string(), hint: z.string().optional() }),
);
export const ok = named("Ok", z.object({ ok: z.literal(true) }));

export const reading = named(
  "Reading",
  z.object({
    device: z.string(),
    point: z.string(),
    value: value.optional(),
    unit: z.string().optional(),
    quality: z.enum(qualities),
    time: moment.optional(),
    bootMs: z.number().optional(),
    detail: z.string().optional(),
  }),
);
export const readings = z.array(reading);
export const decoded = named("Decoded", z.object({ readings: z.array(reading.omit({ device: true })) }));
export const encoded = named(
  "Encoded",
  z.object({
    frames: z.array(z.object({ payload: z.string(), fPort: z.number().optional(), label: z.string() })),
  }),
);
export const history = named(
  "History",
  z.object({
    device: z.string(),
    series: z.array(
      z.object({
        point: z.string(),
        unit: z.string().optional(),
        rows: z.array(
          z.object({
            time: z.number(),
            quality: z.string(),
            value: value.optional(),
            count: z.number().optional(),
          }),
        ),
      }),
    ),
    next: z.string().optional(),
  }),
);
/** Lines are texts: only as they stand in the files can the chain be verified. */
export const auditLog = named(
  "AuditLog",
  z.object({ lines: z.array(z.string()), next: z.number().optional() }),
);

export const status = named(
  "Status",
  z.object({
    gateway: z.string(),
    version: z.string(),
    run: z.string(),
    uptimeS: z.number(),
    clock: z.object({ trusted: z.boolean(), now: moment.optional() }),
    position: z.object({ lat: z.number(), lon: z.number() }).optional(),
    timeZone: z.string().optional(),
    devices: z.array(
      z.object({
        id: z.string(),
        profile: z.string(),
        connection: z.string(),
        state: z.string(),
        problem: z.string().optional(),
        lastSeen: moment.optional(),
        errors: z.record(z.string(), z.number()),
      }),
    ),
    connections: z.array(
      z.object({
        name: z.string(),
        state: z.string(),
        utilisation: z.number(),
        error: z.string().optional(),
        unknown: z.array(z.unknown()).optional(),
      }),
    ),
    northbound: z.array(
      z.object({
        name: z.string(),
        connected: z.boolean(),
        peer: z.string(),
        error: z.string().optional(),
        outbox: z.record(z.string(), z.unknown()),
      }),
    ),
    quarantined: z.array(z.object({ kind: z.string(), id: z.string(), reason: z.string() })),
    memoryMB: z.number(),
    https: z.object({ port: z.number(), fingerprint: z.string() }).optional(),
  }),
);
export const connections = z.array(z.record(z.string(), z.unknown()));
export const accounting = z.record(z.string(), z.unknown());

const deviceFields = {
  id: z.string(),
  title: text.optional(),
  category: z.string(),
  connection: z.string(),
  audience: z.string(),
  state: z.string(),
  problem: z.string().optional(),
  lastSeen: moment.optional(),
};
export const devices = z.array(named("DeviceSummary", z.object({ ...deviceFields, profile: z.string() })));

const range = z.tuple([z.number(), z.number()]);
export const point = named(
  "Point",
  z.object({
    name: z.string(),
    title: text.optional(),
    kind: z.string(),
    unit: z.string().optional(),
    range: range.optional(),
    labels: z.array(text).optional(),
    bits: z.array(z.string()).optional(),
    audience: z.string(),
    personal: z.boolean(),
    readable: z.boolean(),
    periodMs: z.number().optional(),
    write: z
      .object({
        takes: z.enum(["label", "number", "boolean", "text", "bytes"]),
        range: range.optional(),
        allowed: z.array(value).optional(),
        labels: z.array(text).optional(),
        step: z.number().optional(),
        rate: z.object({ count: z.number(), perMs: z.number() }).optional(),
        budget: z.object({ perDay: z.number().optional(), lifetime: z.number().optional() }).optional(),
        verified: z.boolean(),
        keepaliveMs: z.number().optional(),
        failsafe: z.object({ afterMs: z.number(), value }).optional(),
        longestMs: z.number().optional(),
        confirm: z.enum(["none", "two-step"]),
      })
      .optional(),
  }),
);
export const device = named(
  "Device",
  z.object({
    ...deviceFields,
    profile: z.object({
      id: z.string(),
      version: z.string(),
      title: text,
      manufacturer: z.string(),
      models: z.array(z.string()),
      category: z.string(),
      status: z.string(),
      hash: z.string(),
    }),
    points: z.array(point),
  }),
);

export const state = named(
  "State",
  z.object({
    kind: z.enum(["device", "connection", "northbound"]),
    id: z.string(),
    state: z.string(),
    problem: z.string().optional(),
  }),
);
export const states = z.array(state);

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
export const configuration = named("Configuration", z.object({ text: z.string() }));
export const checked = named("Checked", z.object({ diagnostics: z.array(diagnostic) }));
export const reloaded = named(
  "Reloaded",
  z.object({ applied: z.boolean(), changes: z.array(z.string()), diagnostics: z.array(diagnostic) }),
);
export const logs = named("Logs", z.object({ lines: z.array(z.string()) }));

const account = { role: z.enum(roles), mustChange: z.boolean() };
export const login = named("Login", z.object({ token: z.string(), user: z.string(), ...account }));
export const session = named("Session", z.object({ user: z.string(), ...account }));
export const user = named(
  "User",
  z.object({ name: z.string(), ...account, password: z.string().optional() }),
);
export const users = z.array(user);
export const reset = named("Reset", z.object({ name: z.string(), password: z.string().optional() }));
export const token = named(
  "Token",
  z.object({
    name: z.string(),
    role: z.enum(roles),
    priority: z.enum(priorities),
    by: z.string(),
    secret: z.string().optional(),
  }),
);
export const tokens = z.array(token);

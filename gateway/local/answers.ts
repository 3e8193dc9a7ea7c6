import * as z from "zod";
import { missings } from "../model/acceptance.ts";
import { commandStages, commandStates, priorities } from "../model/command.ts";
import { wiringFaults } from "../model/commissioning.ts";
import { jobKinds } from "../model/job.ts";
import { qualities } from "../model/quality.ts";
import { roles } from "./access.ts";
import { alarmSeverities } from "./commissioning.ts";

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

const facts = named(
  "PortFacts",
  z.object({
    name: z.string(),
    names: z.array(z.string()),
    what: z.string(),
    stable: z.boolean(),
    connection: z.string().optional(),
    problem: z.object({ message: text, fix: text }).optional(),
  }),
);
export const ports = z.array(facts);
export const profiles = z.array(
  named(
    "ProfileSummary",
    z.object({
      id: z.string(),
      version: z.string(),
      title: text,
      manufacturer: z.string(),
      models: z.array(z.string()),
      category: z.string(),
      status: z.string(),
      protocol: z.string(),
      points: z.array(
        z.object({
          name: z.string(),
          title: text.optional(),
          unit: z.string().optional(),
          writable: z.boolean(),
        }),
      ),
      options: z.array(
        z.object({ name: z.string(), values: z.array(z.string()), default: z.string().optional() }),
      ),
    }),
  ),
);
export const machine = named(
  "Machine",
  z.object({
    model: z.string().optional(),
    os: z.string(),
    hostname: z.string(),
    addresses: z.array(z.string()),
    uptimeS: z.number(),
    load: z.number(),
    memory: z.object({ totalMB: z.number(), freeMB: z.number() }),
    disk: z.object({ totalMB: z.number(), freeMB: z.number() }),
    temperatureC: z.number().optional(),
    undervoltage: z.enum(["now", "earlier", "never"]).optional(),
    timeKeeper: z.string().optional(),
    node: z.string(),
    image: z.object({ slot: z.string(), version: z.string(), other: z.string().optional() }).optional(),
  }),
);
const updateReason = z.object({ code: z.string(), message: z.string() });
export const update = named(
  "Update",
  z.object({
    phase: z.enum([
      "idle",
      "downloading",
      "verified",
      "installing",
      "installed",
      "rebooting",
      "trying",
      "committing",
      "committed",
      "rolling-back",
      "rolled-back",
      "refused",
    ]),
    progress: z.number().optional(),
    version: z.string(),
    target: z.string().optional(),
    rollout: z.string().optional(),
    by: z.string().optional(),
    why: updateReason.optional(),
    failed: z.array(z.object({ version: z.string(), why: updateReason })),
    desired: z
      .object({
        version: z.string(),
        scope: z.string(),
        serial: z.int(),
        rollout: z.string().optional(),
        notBefore: moment.optional(),
        window: z.string().optional(),
        why: updateReason.optional(),
      })
      .optional(),
    compatible: z.string(),
    slots: z.array(
      z.object({
        name: z.string(),
        booted: z.boolean(),
        state: z.enum(["good", "bad", "unknown"]),
        version: z.string().optional(),
        installedAt: z.string().optional(),
      }),
    ),
  }),
);
export const updateBundles = z.array(z.string());
export const enrolment = named(
  "Enrolment",
  z.object({
    state: z.string(),
    gateway: z.string().optional(),
    why: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }).optional(),
    nextS: z.number().optional(),
    certificate: z
      .object({
        subject: z.string(),
        issuer: z.string(),
        serial: z.string(),
        from: moment,
        to: moment,
        renewal: moment,
        fingerprint: z.string(),
      })
      .optional(),
    tokenLeft: z.literal(true).optional(),
    at: moment.optional(),
  }),
);
export const alarms = z.array(
  named(
    "Alarm",
    z.object({
      id: z.string(),
      severity: z.enum(alarmSeverities),
      since: moment.optional(),
      message: text,
      fix: text.optional(),
      device: z.string().optional(),
      point: z.string().optional(),
      connection: z.string().optional(),
      northbound: z.string().optional(),
    }),
  ),
);
export const frames = z.array(
  named(
    "Frame",
    z.object({
      at: moment,
      direction: z.enum(["sent", "received"]),
      hex: z.string(),
      bytes: z.number(),
    }),
  ),
);

const profileMatch = named(
  "ProfileMatch",
  z.object({
    profile: z.string(),
    title: text,
    by: z.enum(["identified", "plausible", "possible"]),
    fit: z.number(),
    evidence: z.array(z.string()),
  }),
);
const heard = {
  protocol: z.string(),
  connection: z.record(z.string(), z.unknown()),
  settings: z.record(z.string(), z.union([z.string(), z.number()])),
};
const finding = named(
  "Finding",
  z.discriminatedUnion("kind", [
    z.object({
      kind: z.literal("device"),
      ...heard,
      says: z.string().optional(),
      known: z.string().optional(),
      profiles: z.array(profileMatch),
    }),
    z.object({
      kind: z.literal("settings"),
      protocol: z.string(),
      connection: z.record(z.string(), z.unknown()),
      whole: z.number(),
      damaged: z.number(),
    }),
    z.object({
      kind: z.literal("wiring"),
      fault: z.enum(wiringFaults),
      likely: z.number(),
      message: text,
      fixes: z.array(text),
      evidence: z.array(text),
      unit: z.string().optional(),
    }),
    z.object({
      kind: z.literal("traffic"),
      ...heard,
      requests: z.array(z.string()),
      profiles: z.array(profileMatch),
    }),
    z.object({
      kind: z.literal("check"),
      id: z.string(),
      subject: z.string().optional(),
      result: z.enum(["ok", "warning", "failed", "not-applicable"]),
      message: text,
      fix: text.optional(),
    }),
    z.object({ kind: z.literal("file"), name: z.string(), bytes: z.number() }),
  ]),
);
export const job = named(
  "Job",
  z.object({
    id: z.string(),
    kind: z.enum(jobKinds),
    state: z.enum(["running", "done", "failed", "stopped"]),
    subject: z.string(),
    by: z.string(),
    startedAt: moment,
    endedAt: moment.optional(),
    progress: z.object({
      done: z.number(),
      total: z.number().optional(),
      leftS: z.number().optional(),
      doing: text,
    }),
    findings: z.array(finding),
    error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }).optional(),
  }),
);
export const jobs = z.array(job);
export const jobCost = named("JobCost", z.object({ asks: z.number(), worstS: z.number() }));

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

import * as z from "zod";
import { alarmSeverities } from "../commissioning.ts";
import { moment, named, text } from "./shared.ts";

// The machine: ports, profiles, updates, identity, alarms, frames.

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

import * as z from "zod";
import { moment, named, text, value } from "./shared.ts";

// The gateway, its devices and their points.

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

export const range = z.tuple([z.number(), z.number()]);
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

import * as z from "zod";
import {
  type Command,
  type CommandOrigin,
  type CommandResult,
  commandFailures,
  commandRefusals,
  commandStages,
  commandStates,
  priorities,
} from "../model/command.ts";
import type { Value } from "../model/value.ts";
import type { Entry, Standing, WearCount } from "./entry.ts";

// The records of the ledger's journal: JSON, each replacing what an earlier one of the same thing said,
// so that a record that comes twice, or after a snapshot that knows it already, does no harm.

export type LedgerRecord =
  | { readonly type: "entry"; readonly entry: StoredEntry }
  | { readonly type: "told"; readonly key: string; readonly far: string; readonly told: number }
  | { readonly type: "standing"; readonly standing: Standing }
  | { readonly type: "wear"; readonly wear: WearCount };

/** What of an entry outlives a restart. */
export type StoredEntry = Pick<
  Entry,
  "key" | "command" | "origin" | "received" | "lifeMs" | "refused" | "states" | "tellings"
>;

// Integers beyond 2^53, bytes and numbers that JSON has no word for stand in a mapping of one key.
const value: z.ZodType<Value> = z.union([
  z.number(),
  z.boolean(),
  z.string(),
  z.strictObject({ int: z.string() }).transform(({ int }) => BigInt(int)),
  z.strictObject({ hex: z.string() }).transform(({ hex }) => bytesOf(hex)),
  z.strictObject({ float: z.enum(["NaN", "Infinity", "-Infinity"]) }).transform(({ float }) => Number(float)),
]);

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

function written(one: Value | undefined): unknown {
  if (typeof one === "bigint") return { int: String(one) };
  if (one instanceof Uint8Array) return { hex: Buffer.from(one).toString("hex") };
  if (typeof one === "number" && !Number.isFinite(one)) return { float: String(one) };
  return one;
}

const moment = z.strictObject({ unix: z.number(), trusted: z.boolean(), boot: z.string(), mono: z.number() });
const priority = z.enum(priorities);
const reply = z.strictObject({
  topic: z.string().optional(),
  correlation: z.string().transform(bytesOf).optional(),
});

const command: z.ZodType<Command> = z.strictObject({
  id: z.string(),
  device: z.string(),
  point: z.string(),
  action: z.enum(["write", "release", "confirm"]),
  value: value.optional(),
  confirms: z.string().optional(),
  issuer: z.string(),
  issuedAt: z.number().optional(),
  expiry: z.union([z.strictObject({ at: z.number() }), z.strictObject({ inMs: z.number() })]),
  priority,
  reason: z.string().optional(),
});

const origin: z.ZodType<CommandOrigin> = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("northbound"), northbound: z.string(), reply: reply.optional() }),
  z.strictObject({ kind: z.literal("local"), user: z.string() }),
  z.strictObject({ kind: z.literal("schedule"), schedule: z.string() }),
  z.strictObject({ kind: z.literal("failsafe") }),
]);

const result: z.ZodType<CommandResult> = z.strictObject({
  id: z.string(),
  device: z.string(),
  point: z.string(),
  issuer: z.string(),
  state: z.enum(commandStates),
  stage: z.enum(commandStages).optional(),
  code: z.enum([...commandRefusals, ...commandFailures]).optional(),
  text: z.string().optional(),
  value: value.optional(),
  before: value.optional(),
  verified: z.boolean().optional(),
  unchanged: z.boolean().optional(),
  time: z.strictObject({ base: z.enum(["unix", "boot"]), ms: z.number() }),
  last: z.boolean(),
});

const telling = z.strictObject({ told: z.int().min(0), reply: reply.optional() });

const record: z.ZodType<LedgerRecord> = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("entry"),
    entry: z.strictObject({
      key: z.string(),
      command,
      origin,
      received: moment,
      lifeMs: z.number(),
      refused: z.boolean(),
      states: z.array(result).min(1),
      tellings: z.record(z.string(), telling).transform((all) => new Map(Object.entries(all))),
    }),
  }),
  z.strictObject({ type: z.literal("told"), key: z.string(), far: z.string(), told: z.int().min(0) }),
  z.strictObject({
    type: z.literal("standing"),
    standing: z.strictObject({
      device: z.string(),
      point: z.string(),
      value,
      by: z.enum(["northbound", "local", "schedule", "failsafe"]),
      at: moment,
      hold: z
        .strictObject({ priority, issuer: z.string(), time: z.union([z.number(), z.literal("released")]) })
        .optional(),
      released: z.boolean(),
      uncertain: z.boolean().optional(),
    }),
  }),
  z.strictObject({
    type: z.literal("wear"),
    wear: z.strictObject({
      device: z.string(),
      point: z.string(),
      lifetime: z.int().min(0),
      hours: z.array(z.strictObject({ at: moment, count: z.int().min(0) })),
    }),
  }),
]);

export function encodeLedgerRecord(one: LedgerRecord): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(plain(one)));
}

/** Undefined for bytes that are no record of ours. */
export function decodeLedgerRecord(bytes: Uint8Array): LedgerRecord | undefined {
  try {
    return record.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}

function plain(one: LedgerRecord): unknown {
  if (one.type === "standing")
    return { type: one.type, standing: { ...one.standing, value: written(one.standing.value) } };
  if (one.type !== "entry") return one;
  const { key, command, origin, received, lifeMs, refused, states, tellings } = one.entry;
  return {
    type: one.type,
    entry: {
      key,
      command: { ...command, value: written(command.value) },
      origin: origin.kind === "northbound" ? { ...origin, reply: plainReply(origin.reply) } : origin,
      received,
      lifeMs,
      refused,
      states: states.map((state) => ({
        ...state,
        value: written(state.value),
        before: written(state.before),
      })),
      tellings: Object.fromEntries(
        Array.from(tellings, ([far, { told, reply }]) => [far, { told, reply: plainReply(reply) }]),
      ),
    },
  };
}

function plainReply(reply: z.output<typeof telling>["reply"]): unknown {
  if (!reply) return undefined;
  const { topic, correlation } = reply;
  return { topic, correlation: correlation && Buffer.from(correlation).toString("hex") };
}

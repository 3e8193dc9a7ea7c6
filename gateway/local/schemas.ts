import * as z from "zod";
import { hexPattern } from "../codec/hex.ts";
import { duration } from "../codec/settings.ts";
import { commandId, priorities } from "../model/command.ts";
import { roles } from "./access.ts";
import { accountName } from "./users.ts";

// What may be sent to the API: bodies, queries and parts of paths. What it answers is in answers.ts.

const id = z.string().min(1).max(63);
const point = z.string().min(1).max(200);
const count = (most: number) => z.coerce.number().int().min(1).max(most);
/** Bytes of a payload: a DLMS telegram is less. */
const mostPayload = 8192;
const secret = z.string().min(1).max(256);

function within(shortestMs: number, longestMs: number, words: string) {
  return duration.refine((ms) => ms >= shortestMs && ms <= longestMs, { error: words });
}

export const filterQuery = z.strictObject({ device: id.optional(), point: point.optional() });
export const resultsQuery = z.strictObject({ device: id.optional(), point: point.optional() });

const whole = (most: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/)
    .refine((text) => Number(text) <= most);
const time = z.string().min(1).max(40);
/** What each key means: telemetry/history-answer.ts, which reads them. */
export const historyQuery = z.strictObject({
  device: id,
  point: z.union([point, z.array(point).max(1000)]).optional(),
  from: time.optional(),
  to: time.optional(),
  every: z.string().max(20).optional(),
  function: z.string().max(20).optional(),
  order: z.enum(["ascending", "descending"]).optional(),
  limit: whole(5000).optional(),
  after: z.string().max(400).optional(),
});

export const readBody = z.strictObject({ device: id, points: z.array(point).max(1000).default([]) });

const commandFields = {
  /** The same id is never carried out twice; made up where none is given. */
  id: z.string().regex(commandId).optional(),
  device: id,
  point,
  action: z.enum(["write", "release", "confirm"]).default("write"),
  /** In the words of the point; whole numbers beyond 2^53 in decimal, bytes in hexadecimal. */
  value: z.union([z.number(), z.boolean(), z.string().max(1024)]).optional(),
  confirms: z.string().regex(commandId).optional(),
  expiresIn: within(1, 86_400_000, "a command lives between 1ms and 24h").prefault("30s"),
  reason: z.string().max(200).optional(),
};
interface Asked {
  readonly action: string;
  readonly value?: unknown;
  readonly confirms?: unknown;
}
const valueFits = ({ action, value }: Asked) => (action === "write") === (value !== undefined);
const noValue = { path: ["value"], error: "belongs to action write, and to no other" };
const confirmsFits = ({ action, confirms }: Asked) => (action === "confirm") === (confirms !== undefined);
const noConfirms = { path: ["confirms"], error: "belongs to action confirm, and to no other" };
export const commandBody = z
  .strictObject({ ...commandFields, priority: z.enum(priorities).optional() })
  .refine(valueFits, noValue)
  .refine(confirmsFits, noConfirms);
/** A command to see whether the device obeys. */
export const testBody = z
  .strictObject(commandFields)
  .refine(valueFits, noValue)
  .refine(confirmsFits, noConfirms);

const profile = z.string().min(1).max(120);
const chosen = z
  .record(z.string().max(63), z.string().max(63))
  .refine((all) => Object.keys(all).length <= 32);
/** A payload of a device that has this profile. */
export const decodeBody = z.strictObject({
  profile,
  /** Hexadecimal digits, two per byte. */
  payload: z
    .string()
    .min(2)
    .max(32_768)
    .regex(hexPattern)
    .refine((text) => text.replaceAll(/\s/g, "").length <= 2 * mostPayload),
  fPort: z.int().min(0).max(255).optional(),
  /** Choices that the profile offers. */
  options: chosen.optional(),
});
export const encodeBody = z.strictObject({
  profile,
  point,
  value: z.union([z.number(), z.boolean(), z.string().max(1024)]),
  options: chosen.optional(),
  /** What gateway.yaml would say of the device, such as its address on the line. */
  settings: z
    .record(z.string().max(63), z.union([z.string().max(200), z.number()]))
    .refine((all) => Object.keys(all).length <= 32)
    .optional(),
});

/** A value of a derived point. Who may read it is said in gateway.yaml, never here. */
export const pointBody = z.strictObject({
  point,
  value: z.union([z.number(), z.boolean(), z.string().max(200)]),
  /** Checked, never converted. */
  unit: z.string().max(20).optional(),
  /** When it was true; now where none is given. */
  time: z.iso
    .datetime({ offset: true })
    .transform((text) => Date.parse(text))
    .optional(),
});

export const commandQuery = z.strictObject({
  wait: within(0, 60_000, "a wait lasts at most 60s").optional(),
  "dry-run": z.enum(["true", "false"]).optional(),
});

export const commandsQuery = z.strictObject({
  device: id.optional(),
  point: point.optional(),
  open: z.enum(["true", "false"]).optional(),
  limit: count(1000).default(100),
});

export const commandPath = z.strictObject({ id: z.string().regex(commandId) });
export const devicePath = z.strictObject({ device: id });
export const namePath = z.strictObject({ name: accountName });

export const checkBody = z.strictObject({ text: z.string().max(1024 * 1024) });
const configurationText = z.string().max(1024 * 1024);
const note = z.string().min(1).max(500);
export const applyBody = z.strictObject({
  text: configurationText,
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  note: note.optional(),
});
export const generationPath = z.strictObject({
  number: z
    .string()
    .regex(/^[1-9]\d{0,8}$/)
    .transform(Number),
});
export const rollBackBody = z.strictObject({ generation: z.int().min(1).max(999_999_999) });

const newName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, {
  error: "an id is made of a-z, 0-9 and -, at most 63 characters, and does not begin with -",
});
const words = z.string().min(1).max(200);
/** What each key means: NewDevice of commissioning.ts. */
export const newDeviceBody = z.strictObject({
  id: newName,
  profile: words,
  connection: newName,
  connectionSettings: z.record(z.string().max(63), z.unknown()).optional(),
  settings: z
    .record(z.string().regex(/^[A-Za-z][A-Za-z0-9]{0,62}$/), z.union([z.string().max(300), z.number()]))
    .default({}),
  title: words.optional(),
  owner: words.optional(),
  place: words.optional(),
  position: z
    .strictObject({ lat: z.number().min(-90).max(90), lon: z.number().min(-180).max(180) })
    .optional(),
  options: z.record(z.string().max(63), z.string().max(63)).optional(),
});
export const deviceCheckBody = z.strictObject({
  device: id,
  point,
  result: z.enum(["confirmed", "rejected"]),
  note: note.optional(),
});
export const acceptBody = z.strictObject({
  technician: words,
  note: note.optional(),
  despite: note.optional(),
});
export const reportPath = z.strictObject({ file: z.string().regex(/^[a-z0-9-]{1,63}\.(?:json|html)$/) });
export const reportQuery = z.strictObject({ lang: z.enum(["en", "sv"]).default("en") });

export const logsQuery = z.strictObject({ lines: count(1000).default(100) });
/** What each key means: commands/audit-query.ts, which reads them. */
export const auditQuery = z.strictObject({
  from: time.optional(),
  to: time.optional(),
  who: z.string().max(200).optional(),
  what: z.string().max(100).optional(),
  device: id.optional(),
  after: whole(Number.MAX_SAFE_INTEGER).optional(),
  limit: whole(1000).optional(),
});

const seconds = (usual: number) => z.int().min(1).max(3600).default(usual);
const port = z.string().min(1).max(300);
const word = z.string().min(1).max(63);
const exactlyOne = (...keys: readonly string[]) =>
  [
    (body: Readonly<Record<string, unknown>>) => keys.filter((key) => body[key] !== undefined).length === 1,
    { error: `exactly one of ${keys.join(", ")} is needed` },
  ] as const;
/** What each means: model/job.ts and the kind's own file in commissioning/. */
export const jobBody = z.discriminatedUnion("kind", [
  z
    .strictObject({
      kind: z.literal("scan"),
      connection: id.optional(),
      port: port.optional(),
      host: z.string().min(1).max(253).optional(),
      tcpPort: z.int().min(1).max(65_535).optional(),
      protocol: word.optional(),
      effort: z.enum(["quick", "thorough"]).default("quick"),
      addresses: z.string().min(1).max(300).optional(),
    })
    .refine(...exactlyOne("connection", "port", "host")),
  z.strictObject({ kind: z.literal("line-settings"), port, protocol: word.optional() }),
  z
    .strictObject({
      kind: z.literal("wiring"),
      connection: id.optional(),
      port: port.optional(),
      seconds: seconds(20),
    })
    .refine(...exactlyOne("connection", "port")),
  z
    .strictObject({
      kind: z.literal("listen"),
      connection: id.optional(),
      port: port.optional(),
      seconds: seconds(60),
    })
    .refine(...exactlyOne("connection", "port")),
  z.strictObject({ kind: z.literal("doctor") }),
  z.strictObject({ kind: z.literal("northbound-test"), northbound: word }),
  z.strictObject({ kind: z.literal("diagnostics") }),
]);
export const jobPath = z.strictObject({ id: z.string().min(1).max(63) });
export const filePath = z.strictObject({ id: z.string().min(1).max(63), name: z.string().min(1).max(120) });
/** `path`: a file in the folder of bundles. */
export const updateBody = z
  .strictObject({
    path: z.string().min(1).max(300).optional(),
    url: z.string().startsWith("https://").max(2048).optional(),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
  })
  .refine(...exactlyOne("path", "url"));
export const assetPath = z.strictObject({ file: z.string().min(1).max(120) });
export const connectionPath = z.strictObject({ connection: id });

export const loginBody = z.strictObject({ user: z.string().min(1).max(63), password: secret });
export const passwordBody = z.strictObject({ old: secret, new: secret });
export const userBody = z.strictObject({
  name: accountName,
  role: z.enum(roles),
  /** Made up where none is given, and told in the answer. */
  password: secret.optional(),
});
export const resetBody = z.strictObject({ password: secret.optional() });
export const tokenBody = z.strictObject({
  name: accountName,
  role: z.enum(roles).default("operator"),
  /** The strongest that its commands may have. */
  priority: z.enum(["operator", "schedule", "automation"]).default("automation"),
});

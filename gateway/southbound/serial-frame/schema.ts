import * as z from "zod";
import { checksumNames } from "../../codec/checksum.ts";
import { hexPattern } from "../../codec/hex.ts";
import { duration } from "../../codec/settings.ts";
import { endpointFields, endpointOf, endpointProblem, milliseconds } from "../endpoint.ts";
import type {
  Escape,
  FrameAddress,
  FrameCheck,
  FrameConnection,
  FrameDevice,
  FrameHead,
  FrameKind,
  Framing,
} from "./settings.ts";
import { parseSpan, spanPattern } from "./span.ts";

// What people may write. Inputs stay plain, so that JSON Schema can show them (`io: "input"`).

const place = z.int().min(-4096).max(4095);
const hex = z
  .string({ error: 'bytes are hex text in quotes: "aa c0"' })
  .max(256)
  .regex(hexPattern, { error: "hex digits, two per byte" });
const byteHex = z.string().regex(/^[0-9a-fA-F]{2}$/, { error: "one byte: two hex digits" });
const bytesSpan = z
  .string()
  .regex(spanPattern, { error: "write first..last, such as 2..7, 2.. or 1..-3 (-1 is the last byte)" })
  .transform(parseSpan)
  .meta({ description: "First and last byte, both included; negative places count from the end" });
const numberType = z
  .string()
  .regex(/^((u|s)(8|16|24|32)(le|be)?|bcd[1-6](le|be)?|hex[1-8])$/, {
    error: "a type such as u8, u16le, u16be, u32le, bcd4 (bytes) or hex4 (bytes)",
  })
  .meta({ description: "u8 u16le u16be u24le .. u32be, s8 .. s32be, bcd1..6, hex1..8 (bytes)" });
const name = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, {
  error: "a name is made of a-z, 0-9 and _, and begins with a letter",
});
const placedNumber = z.strictObject({ at: place, type: numberType });

const check = z
  .union([
    z.literal("none"),
    z
      .strictObject({
        ...Object.fromEntries(
          checksumNames.filter((one) => one !== "none").map((one) => [one, bytesSpan.optional()]),
        ),
        at: place.optional(),
        order: z.enum(["big", "little"]).optional(),
      })
      .refine(
        (written) => checksumNames.filter((one) => Reflect.get(written, one) !== undefined).length === 1,
        {
          error: "a check names exactly one checksum and the bytes it counts, such as sum8: 2..7",
        },
      ),
  ])
  .transform((written): FrameCheck | "none" => {
    if (written === "none") return "none";
    const found = checksumNames.find((one) => Reflect.get(written, one) !== undefined) ?? "none";
    return { name: found, over: Reflect.get(written, found), at: written.at, order: written.order };
  })
  .meta({ description: "{sum8: 2..7, at: 8}, or none" });

const shapeFields = {
  start: hex.optional().meta({ description: "Bytes that every frame begins with" }),
  end: hex.optional().meta({ description: "Bytes that every frame ends with" }),
  length: z
    .union([z.int().min(1).max(4096), placedNumber.extend({ adds: z.int().min(-4096).max(4096).default(0) })])
    .optional()
    .meta({ description: "Bytes of the whole frame, or the field that says it: length = field + adds" }),
  match: z
    .record(z.string().regex(/^-?\d{1,4}$/, { error: "a place is a whole number" }), hex)
    .optional()
    .meta({ description: 'Constant bytes by their place: {2: "03 00"}' }),
  check: check.optional(),
  address: placedNumber.optional().meta({ description: "Where the sender's address stands" }),
  tag: placedNumber.optional().meta({ description: "Where an answer repeats the {tag} of its request" }),
  body: bytesSpan.optional(),
};

const byteStuffing = z
  .union([
    z.enum(["slip", "shdlc"]),
    z.strictObject({ mark: byteHex, xor: z.int().min(1).max(255), also: hex.optional() }),
    z.strictObject({ mark: byteHex, codes: z.record(byteHex, byteHex) }),
  ])
  .transform((written): Escape => {
    if (written === "slip") return { mark: "db", codes: { dc: "c0", dd: "db" } };
    // SHDLC guards the flow control characters too.
    if (written === "shdlc") return { mark: "7d", xor: 0x20, also: "11 13" };
    return written;
  })
  .meta({ description: "Byte stuffing: slip, shdlc, {mark, xor} or {mark, codes: {code: byte}}" });

const kind = z.strictObject({
  ...shapeFields,
  fields: z
    .array(z.unknown())
    .max(256)
    .optional()
    .meta({ description: "Payload layout of the body: a list of {name, type}" }),
  endian: z.enum(["big", "little"]).optional(),
  reject: z.string().min(1).max(1000).optional().meta({
    description: "Expression over the fields; where true the frame has no values (quality sentinel)",
  }),
});

const request = z
  .strictObject({
    send: z.string().min(1).max(2000).meta({ description: 'Such as "aab4 06 01 {on:u8} {sum8:2..} ab"' }),
    reply: name.optional(),
    refusal: name.optional(),
    values: z.record(name, z.union([z.number(), z.string()])).default({}),
    timeout: milliseconds.default(1000),
    retries: z.int().min(0).max(5).default(0).meta({
      description: "After a damaged answer or a refusal; after silence only where no answer can be late",
    }),
    late: milliseconds.optional().meta({
      description:
        "How long after its timeout an answer may still come; until then nothing is asked that it could answer. Six timeouts unless given; 0 for answers without fields.",
    }),
    pause: milliseconds.default(0),
  })
  .transform(({ timeout, late, pause, ...rest }) => ({
    ...rest,
    timeoutMs: Math.max(1, timeout),
    lateMs: late,
    pauseMs: pause,
  }));

const session = z
  .strictObject({
    open: z.array(name).max(16).default([]),
    keepalive: z.strictObject({ send: name, every: duration }).optional(),
    reopenOn: z
      .strictObject({
        failures: z.int().min(1).max(100).optional(),
        silence: duration.optional(),
        frame: name.optional(),
      })
      .default({}),
  })
  .transform(({ open, keepalive, reopenOn: { failures, silence, frame } }) => ({
    open,
    keepalive: keepalive && { send: keepalive.send, everyMs: keepalive.every },
    reopenOn: { failures, silenceMs: silence, frame },
  }));

const defaultSilenceMs = 60_000;

/** What a profile may say under `serial-frame:`. */
export const headSchema = z
  .strictObject({
    framing: z
      .strictObject({
        ...shapeFields,
        escape: byteStuffing.optional(),
        inverted: z.boolean().default(false).meta({ description: "Every byte is sent inverted" }),
        maxLength: z.int().min(1).max(4096).default(256),
        gap: milliseconds.default(300),
      })
      .prefault({}),
    frames: z.record(name, kind).refine((frames) => Object.keys(frames).length > 0, {
      error: "a profile has at least one kind of frame",
    }),
    requests: z.record(name, request).default({}),
    session: session.optional(),
    warmUp: duration.optional(),
    listen: z
      .strictObject({ every: duration.optional(), silentAfter: duration.optional() })
      .optional()
      .meta({ description: "Of a device that speaks by itself" }),
    timing: z
      .strictObject({ turnaround: milliseconds.default(10), minInterval: milliseconds.default(0) })
      .optional(),
  })
  .transform(({ framing, frames, requests, session: written, warmUp, listen, timing }): FrameHead => {
    const { gap, ...shape } = framing;
    const everyMs = listen?.every;
    return {
      framing: { ...shape, gapMs: Math.max(1, gap) } satisfies Framing,
      frames: frames satisfies Record<string, FrameKind>,
      requests,
      session: written,
      warmUpMs: warmUp ?? 0,
      listen: {
        everyMs,
        silentAfterMs: listen?.silentAfter ?? Math.max(10 * (everyMs ?? 0), defaultSilenceMs),
      },
      timing: { turnaroundMs: timing?.turnaround ?? 10, minIntervalMs: timing?.minInterval ?? 0 },
    };
  });

const field = z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,63}(\.[A-Za-z0-9_]{1,64}){0,4}$/, {
  error: "a field's name, or object.member",
});

/** What a profile may say under a point's `at:`. */
export const addressSchema = z
  .strictObject({
    frame: name.optional().meta({ description: "Kind of frame that the device sends by itself" }),
    request: name
      .optional()
      .meta({ description: "Request whose answer holds the field, or which carries the value" }),
    field: field.optional(),
    value: name.optional().meta({
      description: "Under write: the place of the request that carries what is written, {value:type}",
    }),
  })
  .refine(({ frame, request: asked }) => (frame === undefined) !== (asked === undefined), {
    error: "an address names either the frame that is heard or the request that is sent",
  })
  .refine(({ field: read, value }) => (read === undefined) !== (value === undefined), {
    error: "an address names either the field that is read or the value that is written",
  })
  .refine(({ frame, value }) => frame === undefined || value === undefined, {
    error: "a value goes with the request that carries it",
  })
  .transform(({ frame, request: asked = "", field: read = "", value }): FrameAddress => {
    if (value !== undefined) return { request: asked, value };
    return frame === undefined ? { request: asked, field: read } : { frame, field: read };
  });

/** What gateway.yaml may say about a line. */
export const connectionSchema = z
  .strictObject({
    ...endpointFields(),
    timing: z
      .strictObject({ silence: milliseconds.optional(), connectDelay: milliseconds.optional() })
      .optional(),
  })
  .superRefine((written, context) => {
    const problem = endpointProblem(written);
    if (problem) context.addIssue({ code: "custom", path: [], message: problem });
  })
  .transform(
    (written): FrameConnection => ({
      endpoint: endpointOf(written),
      timing: {
        silenceMs: written.timing?.silence ?? 0,
        connectDelayMs: written.timing?.connectDelay ?? 0,
      },
    }),
  );

/** What gateway.yaml may say about a device. */
export const deviceSchema = z.strictObject({
  address: z
    .union([z.int().min(0).max(999_999_999_999), z.string().regex(/^[0-9a-fA-F]{1,16}$/)])
    .optional()
    .meta({ description: "The device's address on a line with several; hexadecimal digits as text" }),
}) satisfies z.ZodType<FrameDevice>;

const long = hex.max(20_000);

/** What a profile may say under an example's `given:`: bytes that are heard, or a dialogue. */
export const givenSchema = z
  .strictObject({
    rx: long.optional(),
    exchange: z
      .array(z.strictObject({ ">": long, "<": long.optional() }))
      .min(1)
      .max(100)
      .optional(),
  })
  .refine(({ rx, exchange }) => rx !== undefined || exchange !== undefined, {
    error: "an example gives rx (bytes that are heard) or exchange",
  });
export type FrameGiven = z.output<typeof givenSchema>;

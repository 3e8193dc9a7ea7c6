import * as z from "zod";
import { hexPattern } from "../../codec/hex.ts";
import { duration } from "../../codec/settings.ts";
import { endpointFields, endpointOf, endpointProblem, milliseconds } from "../endpoint.ts";
import { message, path, signs, toMessage } from "./message-schema.ts";
import { jsonTypes, type LineAddress, type LineConnection, type LineHead } from "./settings.ts";

// What people may write. Inputs stay plain, so that JSON Schema can show them (`io: "input"`).

/** What gateway.yaml may say about a line. */
export const connectionSchema = z
  .strictObject({ ...endpointFields(), connectDelay: milliseconds.optional() })
  .superRefine((written, context) => {
    const problem = endpointProblem(written);
    if (problem) context.addIssue({ code: "custom", message: problem });
  })
  .transform(
    ({ connectDelay = 0, ...written }): LineConnection => ({
      endpoint: endpointOf(written),
      connectDelayMs: connectDelay,
    }),
  );

const addressText = z
  .union([
    z.int().min(0).max(65_535),
    z.string().regex(/^[\x21-\x7e]{1,16}$/, { error: "up to 16 signs without blanks" }),
  ])
  .transform(String)
  .meta({ description: "What tells the device from others on the same line." });

/** What gateway.yaml may say about a device. */
export const deviceSchema = z.strictObject({ address: addressText.optional() });

const longestSilenceMs = 20 * 86_400_000;

/** What a profile may say under `serial-line:`. */
export const headSchema = z
  .strictObject({
    terminator: z
      .union([signs, z.array(signs).min(1).max(8)])
      .optional()
      .meta({ description: "What ends a line: cr, lf, crlf, etx, or text. Any of cr and lf unless said." }),
    length: z.int().min(1).max(4096).optional().meta({ description: "Bytes of a line that nothing ends." }),
    silence: milliseconds
      .optional()
      .meta({ description: "Silence that ends a line that nothing else ends." }),
    start: signs.optional().meta({ description: 'A sign that only ever begins a line: "$".' }),
    max: z.int().min(1).max(8192).default(512).meta({ description: "Most bytes of a line." }),
    strip: z
      .union([signs, z.array(signs).min(1).max(16)])
      .optional()
      .meta({ description: "Signs to leave out before a line is read: stx, etx, nul." }),
    encoding: z.enum(["ascii", "latin1", "utf8"]).default("ascii"),
    address: addressText.optional().meta({ description: "The address of a device that names none." }),
    silentAfter: duration
      .refine((ms) => ms >= 1000 && ms <= longestSilenceMs, { error: "between 1s and 20d" })
      .optional()
      .meta({ description: "How long a device that speaks first may be silent. 60s unless said." }),
    turnaround: milliseconds.default(50).meta({ description: "What it needs before it answers." }),
    pause: milliseconds.default(0).meta({ description: "From one answer to the next request." }),
    messages: z
      .record(
        z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, {
          error: "a name is made of a-z, 0-9 and _, and begins with a letter",
        }),
        message,
      )
      .refine((messages) => Object.keys(messages).length > 0, { error: "there is at least one message" }),
  })
  .superRefine((written, context) => {
    const refuse = (place: string[], said: string) =>
      context.addIssue({ code: "custom", path: place, message: said });
    if (written.length !== undefined && written.terminator !== undefined)
      refuse(["length"], "a line has either a terminator or a length");
    if (written.silence !== undefined && written.silence < 2) refuse(["silence"], "at least 2 ms");
    if (written.start && written.start.length > 1) refuse(["start"], "one sign begins a line");
  })
  .transform((written): LineHead => {
    const { terminator, length, silence, start, max, strip } = written;
    const ends = listOf(terminator) ?? [Uint8Array.of(0x0d), Uint8Array.of(0x0a)];
    const bySilence = terminator === undefined && silence !== undefined;
    return {
      framing: {
        terminators: length !== undefined || bySilence ? [] : ends,
        length,
        silenceMs: silence,
        starts: start ? [...start] : [],
        max: Math.max(max, length ?? 0),
      },
      strip: new Set((listOf(strip) ?? []).flatMap((bytes) => [...bytes])),
      encoding: written.encoding,
      address: written.address,
      silentAfterMs: written.silentAfter ?? 60_000,
      turnaroundMs: written.turnaround,
      pauseMs: written.pause,
      messages: Object.entries(written.messages).map(([name, one]) => toMessage(name, one)),
    };
  });

function listOf(written: Uint8Array | Uint8Array[] | undefined): readonly Uint8Array[] | undefined {
  if (written === undefined) return undefined;
  return Array.isArray(written) ? written : [written];
}

/** What a profile may say under a point's `at:`. */
export const addressSchema = z
  .strictObject({
    message: z.string().min(1),
    field: z.string().min(1).optional(),
    path: path.optional().meta({ description: "In a JSON object: keys with dots between." }),
    type: z.enum(jsonTypes).optional().meta({ description: "Of a JSON value; number unless said." }),
    value: z.string().min(1).optional().meta({
      description: "Under write: the value that the message's request carries, {value:type}.",
    }),
  })
  .superRefine((written, context) => {
    const refuse = (place: string[], said: string) =>
      context.addIssue({ code: "custom", path: place, message: said });
    const { field, path: place, value } = written;
    if ([field, place, value].filter((one) => one !== undefined).length !== 1)
      refuse([], "an address has either field or, in a JSON message, path; where it is written, value");
    if (value !== undefined && written.type !== undefined)
      refuse(["type"], "the request says the type of its value");
    if (written.field !== undefined && written.type !== undefined)
      refuse(["type"], "the pattern says the type of a field");
  })
  .transform(
    (written): LineAddress => ({
      message: written.message,
      field: written.field,
      path: written.path,
      type: written.type ?? "number",
      ...(written.value === undefined ? {} : { value: written.value }),
    }),
  );

const received = z
  .string()
  .max(20_000)
  .meta({ description: 'What the device sends, with escapes: "R1234\\r".' });
const hexText = z.string().max(20_000).regex(hexPattern, { error: "hex digits, two per byte" });

/** What a profile may say under an example's `given:`. */
export const givenSchema = z
  .strictObject({
    rx: received.optional(),
    hex: hexText.optional(),
    exchange: z
      .array(z.strictObject({ ">": z.string().max(400), "<": received }))
      .max(50)
      .optional(),
  })
  .refine((given) => Object.values(given).filter((one) => one !== undefined).length === 1, {
    error: "an example gives one of rx, hex, exchange",
  });
export type LineGiven = z.infer<typeof givenSchema>;

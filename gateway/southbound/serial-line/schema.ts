import { z } from "zod";
import { checksumNames } from "../../codec/checksum.ts";
import { duration } from "../../codec/settings.ts";
import { endpointFields, endpointOf, endpointProblem, milliseconds } from "../endpoint.ts";
import { bytesOf, unescaped } from "./escapes.ts";
import { capturedFields, PatternError, parsePattern, type Step } from "./pattern.ts";
import {
  jsonTypes,
  type LineAddress,
  type LineChecksum,
  type LineConnection,
  type LineHead,
  type MessageSpec,
} from "./settings.ts";

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

const named: Readonly<Record<string, string>> = {
  cr: "\r",
  lf: "\n",
  crlf: "\r\n",
  lfcr: "\n\r",
  stx: "\x02",
  etx: "\x03",
  eot: "\x04",
  nul: "\0",
};

/** One of the names above, or text with escapes. */
const signs = z
  .string()
  .min(1)
  .max(32)
  .transform((written, context) => parsed(() => bytesOf(named[written] ?? unescaped(written)), context))
  .meta({ description: `One of ${Object.keys(named).join(", ")}, or text with escapes: "\\x03\\r".` });

const mark = z
  .string()
  .min(1)
  .max(32)
  .transform((written, context) =>
    parsed(() => Buffer.from(bytesOf(named[written] ?? unescaped(written))).toString("latin1"), context),
  )
  .meta({ description: 'Text with escapes, e.g. "$" or "\\x02".' });

const pattern = z
  .string()
  .min(1)
  .transform((written, context): readonly Step[] => parsed(() => parsePattern(written), context))
  .meta({ description: 'The form of a line: "R{range:integer}", "MET,{temp:number},{_*}".' });

function parsed<T>(read: () => T, context: z.core.$RefinementCtx): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const where = error instanceof PatternError ? ` (at character ${error.at + 1})` : "";
    context.addIssue({ code: "custom", message: `${error.message}${where}`, input: undefined });
    return z.NEVER;
  }
}

const sent = z
  .string()
  .min(1)
  .max(200)
  .transform((written, context): readonly Step[] => {
    const steps = parsed(() => parsePattern(written), context);
    const wrong = steps?.some(({ kind }) => kind !== "literal" && kind !== "blank" && kind !== "address");
    if (wrong)
      context.addIssue({ code: "custom", message: "a request is text and {address}, nothing to read" });
    return steps;
  });

const checksum = z
  .strictObject({
    kind: z.enum(checksumNames).exclude(["none"]),
    after: mark.optional().meta({ description: "The span begins behind the first such text." }),
    from: mark.optional().meta({ description: "The span begins with the first such text." }),
    before: mark.optional().meta({ description: "It ends before the last such text; the checksum follows." }),
    through: mark.optional().meta({ description: "It ends with the last such text; the checksum follows." }),
    as: z.enum(["hex", "decimal", "binary"]).default("hex"),
    order: z.enum(["big", "little"]).optional(),
    optional: z.boolean().default(false).meta({ description: "Take lines without one, too." }),
  })
  .superRefine((written, context) => {
    const both = (a: "after" | "before", b: "from" | "through") => {
      if (written[a] !== undefined && written[b] !== undefined)
        context.addIssue({ code: "custom", path: [b], message: `write either ${a} or ${b}` });
    };
    both("after", "from");
    both("before", "through");
    if (written.as === "decimal" && written.before === undefined && written.through === undefined)
      context.addIssue({
        code: "custom",
        path: ["as"],
        message: "decimal digits have no fixed number: say what stands before them, with before or through",
      });
  })
  .transform(({ kind, after, from, before, through, as, order, optional }): LineChecksum => {
    const side = (excluded: string | undefined, included: string | undefined) => {
      const text = excluded ?? included;
      return text === undefined ? undefined : { mark: text, included: included !== undefined };
    };
    return { kind, start: side(after, from), end: side(before, through), as, order, optional };
  });

const path = z.string().regex(/^[^.\s]{1,64}(\.[^.\s]{1,64}){0,7}$/, {
  error: "a path is keys with dots between, such as gps.lat",
});
const paths = z.array(path).max(16).default([]);
const word = z.union([z.string(), z.number(), z.boolean()]);

const message = z
  .strictObject({
    match: z
      .union([pattern, z.array(pattern).min(1).max(16)])
      .optional()
      .meta({ description: "The form of its line, or several of which the first that fits is meant." }),
    pairs: z
      .strictObject({
        between: z.string().min(1).max(4).default(","),
        assign: z.string().min(1).max(4).default("="),
        invalid: z.string().min(1).max(8).optional().meta({
          description: 'What ends a value that is not valid, in place of its unit: "#".',
        }),
        values: z.record(z.string().min(1).max(32), pattern),
      })
      .optional()
      .meta({ description: "key=value items in any order; match is the form of what precedes them." }),
    json: z
      .union([z.literal(true), z.strictObject({ has: paths, lacks: paths })])
      .optional()
      .meta({ description: "A JSON object; which one, by keys that it has and keys that it lacks." }),
    checksum: checksum.optional(),
    absent: z.array(z.string().min(1).max(32)).max(16).default([]).meta({
      description: "Words that stand where a value is due and mean that there is none.",
    }),
    valid: z
      .record(z.string(), z.union([word, z.array(word).min(1).max(32)]))
      .optional()
      .meta({
        description: "Values of fields without which nothing else in the message is valid.",
      }),
    request: sent.optional().meta({ description: 'What asks for it: "R\\r". Without, it comes by itself.' }),
    timeout: milliseconds.optional(),
    retries: z.int().min(0).max(5).default(0),
  })
  .superRefine((written, context) => {
    const refuse = (place: string[], said: string) =>
      context.addIssue({ code: "custom", path: place, message: said });
    if ((written.match === undefined) === (written.json === undefined))
      refuse([], "a message has either match or json");
    if (written.pairs && written.json) refuse(["pairs"], "pairs make no sense beside json");
    if (written.request === undefined && written.timeout !== undefined)
      refuse(["timeout"], "timeout makes sense only beside request");
    if (written.json && written.valid) refuse(["valid"], "valid names fields, and json has none");
    const forms = formsOf(written.match);
    const kinds = new Map<string, string>();
    for (const [name, { kind }] of forms.flatMap((form) => [...capturedFields(form)])) {
      if ((kinds.get(name) ?? kind) !== kind)
        refuse(["match"], `"${name}" is of different types in the forms of this message`);
      kinds.set(name, kind);
    }
    for (const [key, steps] of Object.entries(written.pairs?.values ?? {}))
      for (const [name, { kind }] of capturedFields(steps)) {
        if (kinds.has(name)) refuse(["pairs", "values", key], `"${name}" is captured twice`);
        kinds.set(name, kind);
      }
    for (const name of Object.keys(written.valid ?? {}))
      if (!kinds.has(name)) refuse(["valid", name], `the message has no field "${name}"`);
  });

type WrittenMessage = z.output<typeof message>;

function formsOf(match: WrittenMessage["match"]): readonly (readonly Step[])[] {
  if (match === undefined) return [];
  return isForms(match) ? match : [match];
}

function isForms(match: NonNullable<WrittenMessage["match"]>): match is (readonly Step[])[] {
  return match.every((one) => Array.isArray(one));
}

function toMessage(name: string, written: WrittenMessage): MessageSpec {
  const { pairs, json, request } = written;
  return {
    name,
    forms: formsOf(written.match),
    pairs: pairs && {
      between: pairs.between,
      assign: pairs.assign,
      invalid: pairs.invalid,
      items: new Map(Object.entries(pairs.values)),
    },
    json: json === true ? { has: [], lacks: [] } : json,
    checksum: written.checksum,
    absent: written.absent,
    valid: new Map(Object.entries(written.valid ?? {}).map(([field, allowed]) => [field, [allowed].flat()])),
    request: request && { send: request, timeoutMs: written.timeout ?? 1000, retries: written.retries },
  };
}

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
  })
  .superRefine((written, context) => {
    const refuse = (place: string[], said: string) =>
      context.addIssue({ code: "custom", path: place, message: said });
    if ((written.field === undefined) === (written.path === undefined))
      refuse([], "an address has either field or, in a JSON message, path");
    if (written.field !== undefined && written.type !== undefined)
      refuse(["type"], "the pattern says the type of a field");
  })
  .transform(
    (written): LineAddress => ({
      message: written.message,
      field: written.field,
      path: written.path,
      type: written.type ?? "number",
    }),
  );

const received = z
  .string()
  .max(20_000)
  .meta({ description: 'What the device sends, with escapes: "R1234\\r".' });
const hexText = z
  .string()
  .max(20_000)
  .regex(/^(\s*[0-9a-fA-F]{2})*\s*$/, { error: "hex digits, two per byte" });

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

import * as z from "zod";
import { checksumNames } from "../../codec/checksum.ts";
import { milliseconds } from "../endpoint.ts";
import { bytesOf, unescaped } from "./escapes.ts";
import { capturedFields, commandField, PatternError, parsePattern, type Step } from "./pattern.ts";
import type { LineChecksum, MessageSpec } from "./settings.ts";

// What a profile may write about one kind of message.

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

/** Throws RangeError for half an escape, and for a name that is written otherwise: as text it would never come. */
function signText(written: string): string {
  if (Object.hasOwn(named, written)) return named[written] ?? "";
  const meant = written.toLowerCase().replaceAll(/[^a-z]/g, "");
  if (written !== "" && /^[\w+\s-]+$/.test(written) && Object.hasOwn(named, meant))
    throw new RangeError(`"${written}" would be these very letters: write ${meant}`);
  return unescaped(written);
}

/** One of the names above, or text with escapes. */
export const signs = z
  .string()
  .min(1)
  .max(32)
  .transform((written, context) => parsed(() => bytesOf(signText(written)), context))
  .meta({ description: `One of ${Object.keys(named).join(", ")}, or text with escapes: "\\x03\\r".` });

const mark = z
  .string()
  .min(1)
  .max(32)
  .transform((written, context) =>
    parsed(() => Buffer.from(bytesOf(signText(written))).toString("latin1"), context),
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
    const refuse = (said: string) => context.addIssue({ code: "custom", message: said });
    const places = (steps ?? []).filter((step) => step.kind === "field");
    if (steps?.some(({ kind }) => kind === "optional" || kind === "rest"))
      refuse("a request is text, {address} and the value that it carries: nothing that may be missing");
    else if (places.length > 1) refuse("a request carries one value");
    else if (places.some(({ name, type }) => name === undefined || !type.write))
      refuse("what a request carries has a name, and a type other than time and degrees");
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

export const path = z.string().regex(/^[^.\s]{1,64}(\.[^.\s]{1,64}){0,7}$/, {
  error: "a path is keys with dots between, such as gps.lat",
});
const paths = z.array(path).max(16).default([]);
const word = z.union([z.string(), z.number(), z.boolean()]);

export const message = z
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
    request: sent.optional().meta({
      description:
        'What asks for it: "R\\r". Without, it comes by itself. With the place of a value, "L{level:integer}\\r", it is a command; match is then what confirms it.',
    }),
    refusal: z
      .union([pattern, z.array(pattern).min(1).max(16)])
      .optional()
      .meta({ description: "The form of the line that refuses a command." }),
    timeout: milliseconds.optional(),
    retries: z.int().min(0).max(5).default(0),
  })
  .superRefine((written, context) => {
    const refuse = (place: string[], said: string) =>
      context.addIssue({ code: "custom", path: place, message: said });
    const carried = commandField(written.request ?? []);
    if (written.match !== undefined && written.json !== undefined)
      refuse([], "a message has either match or json");
    // What only commands may stay unanswered.
    if (written.match === undefined && written.json === undefined && !carried)
      refuse([], "a message has either match or json");
    if (written.refusal !== undefined && !carried)
      refuse(["refusal"], "a refusal makes sense only for a request that carries a value");
    if (carried && written.retries > 0) refuse(["retries"], "a command is never sent twice");
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

export function toMessage(name: string, written: WrittenMessage): MessageSpec {
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
    refusals: formsOf(written.refusal),
    request: request && { send: request, timeoutMs: written.timeout ?? 1000, retries: written.retries },
  };
}

import * as z from "zod";
import { duration } from "../../codec/settings.ts";
import { suggest } from "../../codec/suggest.ts";
import { endpointFields, endpointOf, endpointProblem } from "../endpoint.ts";
import { sentenceType } from "./sentences.ts";
import { type NmeaAddress, type NmeaConnection, type NmeaHead, plainTypes } from "./settings.ts";

/** What gateway.yaml may say about a line; 4800 baud unless said (IEC 61162-1). */
export const connectionSchema = z
  .strictObject({
    ...endpointFields({ baud: 4800, port: 10_110 }),
    clock: z.boolean().default(true).meta({
      description: "Whether the time of a GNSS receiver on this line may make the gateway's clock trusted.",
    }),
  })
  .superRefine((written, context) => {
    const problem = endpointProblem(written);
    if (problem) context.addIssue({ code: "custom", message: problem });
  })
  .transform(({ clock, ...written }): NmeaConnection => ({ endpoint: endpointOf(written), clock }));

const talker = z
  .string()
  .regex(/^[A-Z][A-Z0-9]$|^P$/, { error: "a talker is two capitals, such as GP or WI" });

/** What gateway.yaml may say about a device. */
export const deviceSchema = z.strictObject({
  talkers: z
    .array(talker)
    .min(1)
    .max(16)
    .optional()
    .meta({ description: "The talkers that are this device; all unless said." }),
});

const longestSilenceMs = 20 * 86_400_000;

/** What a profile may say under `nmea:`. */
export const headSchema = z
  .strictObject({
    checksum: z.enum(["required", "optional"]).default("required"),
    silentAfter: duration
      .refine((ms) => ms >= 1000 && ms <= longestSilenceMs, { error: "between 1s and 20d" })
      .optional()
      .meta({ description: "How long the device may be silent. 60s unless said." }),
  })
  .transform(({ checksum, silentAfter }): NmeaHead => ({ checksum, silentAfterMs: silentAfter ?? 60_000 }));

const fieldNumber = z.int().min(1).max(64);

/** What a profile may say under a point's `at:`. */
export const addressSchema = z
  .strictObject({
    sentence: z
      .string()
      .superRefine((written, context) => {
        if (/^[A-Z0-9]{3,8}$/.test(written)) return;
        const meant = written.toUpperCase().replace(/^[$!]/, "");
        const hint = /^[A-Z0-9]{3,8}$/.test(meant) ? `write ${meant}` : "such as RMC or MWV, in capitals";
        const message = `"${written}" is no name of a sentence`;
        context.addIssue({ code: "custom", message, params: { code: "bad-format", hint } });
      })
      .meta({ description: "RMC, GGA, MWV ...; PGRMZ for a maker's own." }),
    field: z
      .union([z.string().min(1), fieldNumber])
      .optional()
      .meta({ description: "A name (latitude, speed_true), or the number of a field, from 1." }),
    type: z.enum(plainTypes).optional().meta({ description: "Of a numbered field; number unless said." }),
    transducer: z
      .string()
      .regex(/^[A-Z]$/)
      .optional()
      .meta({ description: "XDR: the letter of the transducer's type." }),
    units: z
      .string()
      .regex(/^[A-Za-z]$/)
      .optional()
      .meta({ description: "XDR: the letter of its unit." }),
    id: z.string().min(1).max(32).optional().meta({ description: "XDR: the transducer's name." }),
    talker: talker.optional().meta({ description: "Sentences of this talker alone." }),
    when: z
      .record(z.string().regex(/^[1-9]\d?$/, { error: "the number of a field" }), z.string().max(32))
      .optional()
      .meta({ description: "Only sentences whose fields hold these texts: {2: R}." }),
  })
  .superRefine((written, context) => {
    const refuse = (place: string[], message: string) =>
      context.addIssue({ code: "custom", path: place, message });
    const { sentence, field, transducer, units, id, type } = written;
    if ((field === undefined) === (transducer === undefined))
      refuse([], "an address has either field or, for XDR, transducer");
    if (transducer !== undefined && sentence !== "XDR") refuse(["transducer"], "only XDR has transducers");
    if (transducer !== undefined && units === undefined)
      refuse(["transducer"], "say its unit's letter: units");
    if (transducer === undefined && (units !== undefined || id !== undefined))
      refuse([units === undefined ? "id" : "units"], "makes sense only beside transducer");
    if (type !== undefined && typeof field !== "number")
      refuse(["type"], "only a numbered field needs a type");
    if (typeof field !== "string") return;
    const known = sentenceType(sentence)?.fields;
    if ((known && Object.hasOwn(known, field)) || !/^[A-Z0-9]{3,8}$/.test(sentence)) return;
    const names = Object.keys(known ?? {});
    const near = suggest(field, names);
    context.addIssue({
      code: "custom",
      path: ["field"],
      message: known ? `${sentence} has no field "${field}"` : `the fields of ${sentence} have no names here`,
      params: {
        code: "unknown-field",
        hint: known
          ? `${near === undefined ? "" : `did you mean "${near}"? `}(one of ${names.join(", ")}, or a number)`
          : "write the number of the field, from 1",
      },
    });
  })
  .transform(
    ({ sentence, field, type, transducer, units = "", id, talker: from, when }): NmeaAddress => ({
      sentence,
      field,
      type: type ?? "number",
      transducer: transducer === undefined ? undefined : { type: transducer, units, id },
      talker: from,
      when: new Map(Object.entries(when ?? {}).map(([key, value]) => [Number(key), value])),
    }),
  );

/** What a profile may say under an example's `given:`. */
export const givenSchema = z.strictObject({
  rx: z
    .union([z.string().max(20_000), z.array(z.string().max(500)).max(100)])
    .meta({ description: "Sentences: one text with line ends, or a list." }),
});
export type NmeaGiven = z.infer<typeof givenSchema>;

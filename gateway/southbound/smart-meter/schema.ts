import * as z from "zod";
import { duration } from "../../codec/settings.ts";
import { Secret } from "../../model/secret.ts";
import { endpointFields, endpointOf, endpointProblem } from "../endpoint.ts";
import { layouts } from "./dlms/layout.ts";
import {
  type MeterAddress,
  type MeterConnection,
  type MeterHead,
  type MeterSettings,
  valueTypes,
} from "./settings.ts";

// What people may write. Inputs stay plain, so that JSON Schema can show them (`io: "input"`).

/** What gateway.yaml may say about the port of a meter. P1 and H1 have 115200 8N1 since DSMR 4. */
export const connectionSchema = z
  .strictObject(endpointFields({ baud: 115_200 }))
  .superRefine((written, context) => {
    const message = endpointProblem(written);
    if (message) context.addIssue({ code: "custom", message });
  })
  .transform((written): MeterConnection => ({ endpoint: endpointOf(written) }));

/** 16 bytes as hex digits, only by reference: gateway.yaml can then be shown and copied. */
const key = z
  .custom<Secret>((value) => value instanceof Secret, {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how gateway.yaml writes it
    error: "a key is named by reference: ${file:/path} or ${env:NAME}",
    abort: true,
  })
  .refine((secret) => /^\s*[0-9a-fA-F]{32}\s*$/.test(secret.reveal()), {
    error: "what the reference leads to is not 32 hex digits",
  });

/** What gateway.yaml may say about a meter. */
export const deviceSchema = z
  .strictObject({
    key: key.optional().meta({
      // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how gateway.yaml writes it
      description: "Encryption key of the port, 32 hex digits, as ${file:...} (DLMS: GUEK).",
    }),
    authenticationKey: key.optional().meta({
      // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how gateway.yaml writes it
      description: "Authentication key of the port, 32 hex digits, as ${file:...} (DLMS: GAK).",
    }),
  })
  .superRefine((written, context) => {
    if (written.authenticationKey && !written.key)
      context.addIssue({
        code: "custom",
        path: ["authenticationKey"],
        message: "authenticationKey opens nothing without key",
      });
  })
  .transform(({ key, authenticationKey }): MeterSettings => ({ key, authenticationKey }));

const defaultSilenceMs = 60_000;

/** What a profile may say under `smart-meter:`. */
export const headSchema = z
  .strictObject({
    codec: z.enum(["p1", "dlms"]).meta({
      description: "p1: telegrams from / to ! (P1, H1). dlms: DLMS/COSEM push of HAN ports.",
    }),
    crc: z.enum(["required", "optional", "none"]).optional().meta({
      description: "p1: the checksum behind !. required unless said; DSMR 2 and 3 have none.",
    }),
    layout: z.enum(layouts).optional().meta({
      description: "dlms: obis-scaler (Aidon), obis (Kamstrup) or list (Kaifa).",
    }),
    framing: z.enum(["hdlc", "mbus"]).optional().meta({
      description: "dlms: hdlc unless said; mbus for ports that push M-Bus long frames.",
    }),
    silentAfter: duration.optional().meta({
      description: "After so long without a message the meter counts as silent; 60s unless said.",
    }),
    standardTime: z
      .string()
      .regex(/^[+-]\d\d:\d\d$/, { error: "an offset from UTC, such as +01:00" })
      .optional()
      .meta({ description: "Offset of the meter's standard time (W) from UTC; +01:00 unless said." }),
  })
  .superRefine(({ codec, crc, layout, framing }, context) => {
    const refuse = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    if (codec === "p1" && layout) refuse(["layout"], "layout belongs to codec dlms");
    if (codec === "p1" && framing) refuse(["framing"], "framing belongs to codec dlms");
    if (codec === "dlms" && crc) refuse(["crc"], "crc belongs to codec p1: HDLC always has its checksums");
    if (codec === "dlms" && !layout) refuse([], `codec dlms needs a layout: ${layouts.join(", ")}`);
  })
  .transform(({ codec, crc, layout, framing, silentAfter, standardTime = "+01:00" }): MeterHead => {
    const common = { silentAfter: silentAfter ?? defaultSilenceMs, standardTime: minutesOf(standardTime) };
    return codec === "p1"
      ? { codec, crc: crc ?? "required", ...common }
      : { codec, layout: layout ?? "list", framing: framing ?? "hdlc", ...common };
  });

function minutesOf(offset: string): number {
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4));
  return offset.startsWith("-") ? -minutes : minutes;
}

const position = z.int().min(0).max(255);
const listName = z.union([z.int().min(1).max(255), z.string().min(1).max(64)]);

/** What a profile may say under a point's `at:`: a code, or a position in a list without codes. */
export const addressSchema = z
  .strictObject({
    obis: z
      .string({ error: 'an OBIS code is text in quotes: "1-0:1.8.0"' })
      .regex(/^\d{1,3}-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3}(\*\d{1,3})?$/, {
        error: "an OBIS code is A-B:C.D.E, such as 1-0:1.8.0",
      })
      .optional(),
    ident: z
      .literal(true)
      .optional()
      .meta({ description: "How the meter calls itself (p1: the first line) or its list (dlms)." }),
    list: z
      .union([listName, z.array(listName).min(1).max(16), z.record(z.string(), position)])
      .optional()
      .meta({
        description:
          "Length (or name) of the list, several of them, or the position by length: {1: 0, 13: 1}.",
      }),
    index: position.optional().meta({ description: "Position in that list, from 0." }),
    value: z
      .int()
      .min(0)
      .max(63)
      .optional()
      .meta({ description: "Which of several values beside the code, from 0; 0 unless said." }),
    type: z.enum(valueTypes).optional().meta({
      description:
        "decimal unless said; integer for states and counts; hex-text for texts written as hex digits.",
    }),
    in: z
      .string()
      .min(1)
      .optional()
      .meta({ description: "Unit that the meter's number is in, e.g. kWh; another one is refused." }),
    unitValue: z
      .int()
      .min(0)
      .max(63)
      .optional()
      .meta({ description: "Which value beside the code is the unit (gas meters of DSMR 2 and 3)." }),
    time: z
      .int()
      .min(0)
      .max(63)
      .optional()
      .meta({ description: "Which value beside the code is the time of the reading (sub-meters)." }),
    optional: z.boolean().optional().meta({ description: "Not every meter of this model has it." }),
  })
  .superRefine((written, context) => {
    const refuse = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    const named = [written.obis, written.list, written.ident].filter((one) => one !== undefined);
    if (named.length !== 1) refuse([], "an address has one of obis, list, ident");
    if (written.ident && written.type !== undefined && written.type !== "text")
      refuse(["type"], "ident is a text");
    const isMap = typeof written.list === "object" && !Array.isArray(written.list);
    if (written.list !== undefined && !isMap && written.index === undefined)
      refuse(["list"], "a list needs index, or positions by length: {1: 0, 13: 1}");
    if (written.index !== undefined && (written.list === undefined || isMap))
      refuse(["index"], "index belongs to a list that is named by its length");
    if (written.obis === undefined)
      for (const name of ["value", "unitValue", "time"] as const)
        if (written[name] !== undefined) refuse([name], `${name} is for values beside an OBIS code`);
    if (written.type !== undefined && written.type !== "decimal" && written.type !== "integer")
      for (const name of ["in", "unitValue"] as const)
        if (written[name] !== undefined) refuse([name], `${name} is for numbers, not for ${written.type}`);
    if (written.unitValue !== undefined && written.in === undefined)
      refuse(["unitValue"], "unitValue needs the unit that is expected there: in");
  })
  .transform(
    ({ obis, ident, list, index, value, type, in: unit, unitValue, time, optional }): MeterAddress => ({
      where: ident
        ? { ident }
        : obis === undefined
          ? { positions: positionsOf(list, index ?? 0) }
          : { obis: shortCode(obis) },
      value: value ?? 0,
      type: ident ? "text" : (type ?? "decimal"),
      in: unit,
      unitValue,
      time,
      optional: optional ?? false,
    }),
  );

/** Without `*255`, which says nothing, and leading zeros. */
function shortCode(obis: string): string {
  return obis.replace(/\*255$/, "").replace(/\d+/g, (digits) => String(Number(digits)));
}

type WrittenList =
  | number
  | string
  | readonly (number | string)[]
  | Readonly<Record<string, number>>
  | undefined;

function positionsOf(list: WrittenList, index: number): ReadonlyMap<string, number> {
  if (typeof list === "number" || typeof list === "string") return new Map([[String(list), index]]);
  if (isMany(list)) return new Map(list.map((one) => [String(one), index]));
  return new Map(Object.entries(list ?? {}));
}

function isMany(list: WrittenList): list is readonly (number | string)[] {
  return Array.isArray(list);
}

/** What a profile may say under an example's `given:`. */
export const givenSchema = z
  .strictObject({
    rx: z
      .string()
      .min(1)
      .max(65_536)
      .meta({ description: "What comes in. p1: the telegram as text. dlms: frames as hex digits." }),
  })
  .meta({ description: "What the meter says: text of P1 telegrams, hex of DLMS frames." });
export type MeterGiven = z.infer<typeof givenSchema>;

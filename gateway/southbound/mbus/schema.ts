import * as z from "zod";
import { duration } from "../../codec/settings.ts";
import { alternatives } from "../../codec/suggest.ts";
import { GatewayError } from "../../model/errors.ts";
import { similarUnits } from "../../model/units.ts";
import { endpointFields, endpointOf, endpointProblem, milliseconds } from "../endpoint.ts";
import { keyBytes, meaningOfKey } from "./address.ts";
import { functions } from "./records.ts";
import {
  headerFields,
  type MbusAddress,
  type MbusConnection,
  type MbusDevice,
  type MbusHead,
  mostTelegrams,
  type SecondaryAddress,
  type WakeUp,
} from "./settings.ts";
import { isUnit } from "./units.ts";
import { quantities } from "./vif.ts";
import { modifierWords } from "./vife.ts";

// What people may write. Inputs stay plain, so that JSON Schema can show them (`io: "input"`).

const wakeUp = z
  .strictObject({
    byte: z.int().min(0).max(255).default(0x55),
    for: milliseconds,
  })
  .refine((written) => written.for <= 10_000, { error: "nothing needs more than 10 s to wake up" })
  .transform((written): WakeUp => ({ byte: written.byte, forMs: written.for }))
  .meta({
    description:
      "Bytes sent before a reading, for meters and converters that sleep, e.g. {byte: 0x55, for: 2.2s}.",
  });

const timing = { timeout: milliseconds.optional(), turnaround: milliseconds.optional() };

/** What gateway.yaml may say about an M-Bus line: 2400 baud 8E1 unless it says otherwise. */
export const connectionSchema = z
  .strictObject({
    ...endpointFields({ baud: 2400, parity: "even" }),
    baud: z.int().min(300).max(115_200).optional().meta({
      description: "Behind a TCP converter: the baud rate of the bus, 2400 unless given. Waits depend on it.",
    }),
    timing: z.strictObject({ ...timing, connectDelay: milliseconds.optional() }).optional(),
    retries: z.int().min(0).max(5).default(2),
    wakeUp: wakeUp.optional(),
  })
  .superRefine((written, context) => {
    const problem = endpointProblem(written);
    if (problem) context.addIssue({ code: "custom", path: [], message: problem });
    if (written.serial && written.baud !== undefined)
      context.addIssue({
        code: "custom",
        path: ["baud"],
        message: "a serial line has its baud under serial",
      });
  })
  .transform((written): MbusConnection => {
    const endpoint = endpointOf(written);
    return {
      endpoint,
      baud: endpoint.kind === "serial" ? endpoint.baud : (written.baud ?? 2400),
      timing: written.timing ?? {},
      retries: written.retries,
      wakeUp: written.wakeUp,
    };
  });

const secondary = z.strictObject({
  id: z.string().regex(/^[0-9A-Fa-f]{8}$/, {
    error: 'the meter\'s eight digits as a text, e.g. "12345678"; F stands for any digit',
  }),
  manufacturer: z
    .string()
    .regex(/^[A-Z]{3}$/, { error: "three capital letters, e.g. KAM" })
    .optional(),
  version: z.int().min(0).max(254).optional(),
  medium: z.int().min(0).max(254).optional(),
});

/** `"12345678 KAM 27 4"`: the same in one text, as scans say it; all behind the digits may be left out. */
const secondaryText = z
  .string()
  .regex(/^[0-9A-Fa-f]{8}( [A-Z]{3}( \d{1,3}( \d{1,3})?)?)?$/, {
    error: 'eight digits, then manufacturer, version and medium as far as they matter: "12345678 KAM 27 4"',
  })
  .transform((text) => {
    const [id = "", manufacturer, version, medium] = text.split(" ");
    return {
      id,
      ...(manufacturer === undefined ? {} : { manufacturer }),
      ...(version === undefined ? {} : { version: Number(version) }),
      ...(medium === undefined ? {} : { medium: Number(medium) }),
    };
  });

/** What gateway.yaml may say about a meter: one of its two addresses. */
export const deviceSchema = z
  .strictObject({
    address: z
      .int()
      .min(0)
      .max(250)
      .optional()
      .meta({ description: "Primary address: 1 to 250, 0 when never set." }),
    secondary: z
      .union([secondary, secondaryText])
      .optional()
      .meta({ description: "Secondary address; what is left out matches every meter." }),
  })
  .superRefine((written, context) => {
    if ((written.address === undefined) === (written.secondary === undefined))
      context.addIssue({ code: "custom", path: [], message: "a meter has either address or secondary" });
  })
  .transform((written): MbusDevice => {
    if (!written.secondary) return { address: written.address ?? 0 };
    const named: SecondaryAddress = { ...written.secondary, id: written.secondary.id.toUpperCase() };
    return { secondary: named };
  });

/** What a profile may say under `mbus:`. */
export const headSchema = z
  .strictObject({
    telegrams: z
      .union([z.literal("all"), z.int().min(1).max(mostTelegrams)])
      .default("all")
      .meta({ description: "Most telegrams of one reading; all: until the meter says that no more follow." }),
    minInterval: duration.optional().meta({
      description: "Least time from one reading to the next: meters with a battery have a budget.",
    }),
    reset: z.enum(["link", "application", "none"]).default("link").meta({
      description: "What makes the meter begin with its first telegram: link is SND_NKE.",
    }),
    wakeUp: wakeUp.optional(),
    timing: z.strictObject(timing).optional(),
  })
  .transform(
    (written): MbusHead => ({
      telegrams: written.telegrams === "all" ? mostTelegrams : written.telegrams,
      minInterval: written.minInterval,
      reset: written.reset,
      wakeUp: written.wakeUp,
      timing: written.timing ?? {},
    }),
  );

const largestStorage = 2 ** 41 - 1;

/** What a profile may say under a point's `at:`. */
export const addressSchema = z
  .strictObject({
    quantity: z
      .enum([...quantities.keys()])
      .optional()
      .meta({ description: "What the record measures." }),
    text: z.string().min(1).max(64).optional().meta({ description: "The unit as the meter spells it." }),
    key: z
      .string()
      .regex(/^[0-9A-Fa-f]{2}( ?[0-9A-Fa-f]{2}){1,40}$/, {
        error: 'DIF and VIF with their extensions in hexadecimal, e.g. "04 06"',
      })
      .optional()
      .meta({ description: "DIF, DIFEs, VIF and VIFEs as they stand in the telegram." }),
    header: z.enum(headerFields).optional(),
    storage: z.int().min(0).max(largestStorage).optional(),
    tariff: z.int().min(0).max(0xfffff).optional(),
    subunit: z.int().min(0).max(1023).optional(),
    function: z.enum(functions).optional(),
    with: z
      .array(z.enum([...modifierWords]))
      .max(10)
      .optional()
      .meta({ description: "Extensions that make it another value, e.g. [forward], [phase-l1]." }),
    in: z
      .string()
      .superRefine((written, context) => {
        if (isUnit(written)) return;
        const near = similarUnits(written).map((symbol) => `"${symbol}"`);
        const hint =
          near.length > 0 ? `did you mean ${alternatives(near)}?` : "such as Wh, kWh, m3, m3/h, W, Cel";
        const message = `"${written}" is no unit that M-Bus values come in`;
        context.addIssue({ code: "custom", message, params: { code: "unknown-unit", hint } });
      })
      .optional()
      .meta({ description: "Unit of the raw value; the telegram's is converted exactly." }),
    nth: z.int().min(1).max(100).optional(),
    unsigned: z.boolean().optional(),
  })
  .superRefine((written, context) => {
    const refuse = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    const named = (["quantity", "text", "key", "header"] as const).filter(
      (key) => written[key] !== undefined,
    );
    if (named.length !== 1) return refuse([], "an address names exactly one of quantity, text, key, header");
    const [by] = named;
    const sort = ["storage", "tariff", "subunit", "function", "with"] as const;
    const choice = ["in", "nth", "unsigned"] as const;
    if (by === "key" || by === "header")
      for (const key of sort)
        if (written[key] !== undefined) refuse([key], `${key} has no meaning beside ${by}`);
    if (by === "header")
      for (const key of choice)
        if (written[key] !== undefined) refuse([key], `${key} has no meaning beside header`);
    if (by === "text" && written.in !== undefined) refuse(["in"], "nobody knows the unit of a text");
    if (written.key !== undefined) {
      const problem = keyProblem(keyBytes(spaced(written.key)));
      if (problem) refuse(["key"], problem);
    }
  })
  .transform((written): MbusAddress => {
    if (written.header !== undefined) return { by: "header", field: written.header };
    const choice = { in: written.in, nth: written.nth, unsigned: written.unsigned ?? false };
    if (written.key !== undefined) return { by: "key", key: spaced(written.key), ...choice };
    const sort = {
      storage: written.storage ?? 0,
      tariff: written.tariff ?? 0,
      subunit: written.subunit ?? 0,
      function: written.function ?? "instantaneous",
      with: (written.with ?? []).toSorted(),
    };
    if (written.text !== undefined) return { by: "text", text: written.text, ...sort, ...choice };
    return { by: "quantity", quantity: written.quantity ?? "", ...sort, ...choice };
  });

function spaced(key: string): string {
  return (key.toUpperCase().match(/[0-9A-F]{2}/g) ?? []).join(" ");
}

function keyProblem(bytes: Uint8Array): string | undefined {
  if (((bytes[0] ?? 0) & 0x0f) === 0x0f) return "a DIF that ends in F has no value";
  try {
    const { end } = meaningOfKey(bytes);
    return end === bytes.length ? undefined : "the key goes on after its last VIF";
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return "the key ends before its last VIF: a byte of 80 or more has another one after it";
  }
}

const frame = z.string().regex(/^[0-9A-Fa-f\s]+$/, { error: "hexadecimal digits of whole frames" });
/** What an example gives: the meter's answer, or all of them in order, whole frames. */
export const givenSchema = z.strictObject({ rx: z.union([frame, z.array(frame).min(1).max(mostTelegrams)]) });
export type MbusGiven = z.infer<typeof givenSchema>;

import * as z from "zod";
import { endpointFields, endpointOf, endpointProblem, milliseconds } from "../endpoint.ts";
import {
  identityFields,
  type MeasureHint,
  type Sdi12Address,
  type Sdi12Connection,
  type Sdi12Device,
  type Sdi12Head,
} from "./settings.ts";

// What people may write. Inputs stay plain, so that JSON Schema can show them (`io: "input"`).

const measureName = /^(?:[MC]C?[1-9]?|V|RC?[0-9])$/;
const measureError =
  "a measurement is M, M1 to M9, C, C1 to C9, V, R0 to R9, or with a CRC MC, MC1, CC, CC1, RC0 ...";

/** What gateway.yaml may say about an SDI-12 line. The standard's 1200 baud, 7E1 unless an adapter wants another. */
export const connectionSchema = z
  .strictObject({
    ...endpointFields({ baud: 1200, parity: "even", dataBits: 7 }),
    break: z.enum(["line", "adapter"]).optional().meta({
      description:
        "Who wakes the sensors: line = the UART makes the break (the default on a serial port at 1200 baud), adapter = the adapter makes it for every command (the default otherwise).",
    }),
    timeout: milliseconds.optional().meta({
      description:
        "Longest wait for the first character of a response. Default: by the line; 1 s with an adapter.",
    }),
  })
  .superRefine((written, context) => {
    const refuse = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    const problem = endpointProblem(written);
    if (problem) refuse([], problem);
    if (written.tcp && written.break === "line")
      refuse(["break"], "a TCP connection has no break: the adapter makes it (break: adapter)");
  })
  .transform((written): Sdi12Connection => {
    const endpoint = endpointOf(written);
    const direct = endpoint.kind === "serial" && endpoint.baud === 1200;
    return {
      endpoint,
      break: written.break ?? (direct ? "line" : "adapter"),
      timeout: written.timeout,
    };
  });

/** What gateway.yaml may say about an SDI-12 sensor. */
export const deviceSchema = z
  .strictObject({
    address: z
      .union([z.int().min(0).max(9), z.string().regex(/^[0-9A-Za-z]$/)], {
        error: "an SDI-12 address is one of 0-9, A-Z, a-z",
      })
      .meta({ description: "The sensor's address: one of 0-9, A-Z, a-z." }),
  })
  .transform(({ address }): Sdi12Device => ({ address: String(address) }));

const hint = z
  .strictObject({
    wait: milliseconds.optional().meta({ description: "How long the sensor takes for it." }),
    values: z.int().min(0).max(99).optional(),
  })
  .transform(({ wait, values }): MeasureHint => ({ wait: wait ?? defaultWaitMs, values }));

/** Taken for a measurement of which the profile says nothing, ms. */
export const defaultWaitMs = 1000;

/** What a profile may say under `sdi12:`. */
export const headSchema = z
  .strictObject({
    measure: z
      .record(z.string().regex(measureName, { error: measureError }), hint)
      .optional()
      .meta({
        description:
          "How long each measurement takes and how many values it gives: {M: {wait: 3s, values: 5}}.",
      }),
  })
  .transform(({ measure }): Sdi12Head => ({ measure: new Map(Object.entries(measure ?? {})) }));

/** What a profile may say under a point's `at:`. */
export const addressSchema = z
  .strictObject({
    measure: z.string().regex(measureName, { error: measureError }).optional(),
    value: z.int().min(1).max(99).optional().meta({ description: "Which value of the measurement, from 1." }),
    identity: z
      .enum(identityFields)
      .optional()
      .meta({ description: "What the sensor says of itself (aI!)." }),
  })
  .superRefine(({ measure, value, identity }, context) => {
    const refuse = (message: string) => context.addIssue({ code: "custom", message });
    if ((measure === undefined) === (identity === undefined))
      refuse("an address has either measure and value, or identity");
    else if (measure !== undefined && value === undefined)
      refuse("say which value of the measurement: value: 1");
    else if (identity !== undefined && value !== undefined) refuse("identity has no value number");
  })
  .transform(
    ({ measure, value, identity }): Sdi12Address =>
      identity ? { identity } : { measure: measure ?? "M", value: value ?? 1 },
  );

const line = z.string().max(400);

/** What a profile may say under an example's `given:`: commands and what the sensor at address 0 says, line ends included. */
export const givenSchema = z.strictObject({
  exchange: z
    .array(z.strictObject({ ">": line, "<": line }))
    .min(1)
    .max(100),
});
export type Sdi12Given = z.infer<typeof givenSchema>;

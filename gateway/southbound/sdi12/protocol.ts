import { ConfigError } from "../../model/errors.ts";
import type { Protocol } from "../protocol.ts";
import { openSdi12 } from "./driver.ts";
import { checkSdi12, planSdi12 } from "./plan.ts";
import { probeSdi12 } from "./probe.ts";
import { replaySdi12 } from "./replay.ts";
import { planSdi12Scan, scanSdi12 } from "./scan.ts";
import { addressSchema, connectionSchema, deviceSchema, givenSchema, headSchema } from "./schema.ts";
import type { Sdi12Address, Sdi12Connection, Sdi12Device, Sdi12Head } from "./settings.ts";
import { recordSdi12, sdi12Skeleton, simulateSdi12 } from "./tools.ts";

/**
 * SDI-12 v1.4, the recorder's side: measurements M, C, V and R with and without CRC, identification.
 * One measurement at a time on a line, concurrent ones too: what the standard calls concurrent is
 * read to its end before the next begins.
 */
export const sdi12: Protocol<Sdi12Connection, Sdi12Device, Sdi12Head, Sdi12Address> = {
  name: "sdi12",
  connection: connectionSchema,
  device: deviceSchema,
  head: headSchema,
  address: addressSchema,
  given: givenSchema,
  skeleton: sdi12Skeleton,
  check: checkSdi12,
  rawKind: (address) => ("identity" in address ? "text" : "float"),
  sample: { connection: { serial: { port: "/dev/ttyUSB0" } }, device: { address: "0" } },
  plan: planSdi12,
  // A sensor that lacks a measurement says nothing or gives no values: there is nothing smaller to ask.
  learn: () => undefined,
  isLocal: ({ endpoint }) => endpoint.kind === "serial",
  async replay(given, context) {
    const parsed = givenSchema.safeParse(given);
    if (!parsed.success)
      throw new ConfigError(`what the example gives is not understood: ${parsed.error.issues[0]?.message}`, {
        code: "bad-given",
      });
    return replaySdi12(parsed.data, context);
  },
  simulate: simulateSdi12,
  probe: probeSdi12,
  scan: scanSdi12,
  scanPlan: planSdi12Scan,
  record: recordSdi12,
  open: openSdi12,
};

import { toHex } from "../../codec/hex.ts";
import { ConfigError } from "../../model/errors.ts";
import type { Protocol } from "../protocol.ts";
import { checkLines, rawKindOf } from "./check.ts";
import { openLines } from "./driver.ts";
import { planLines } from "./plan.ts";
import { probeLines } from "./probe.ts";
import { recordLines } from "./record.ts";
import { replayLines } from "./replay.ts";
import { addressSchema, connectionSchema, deviceSchema, givenSchema, headSchema } from "./schema.ts";
import type { LineAddress, LineConnection, LineDevice, LineHead } from "./settings.ts";
import { simulateLines } from "./simulate.ts";
import { lineSkeleton } from "./skeleton.ts";
import { encodeWrite, writable } from "./write.ts";

/** Instruments that speak in lines of text, by themselves or when they are asked. */
export const serialLine: Protocol<LineConnection, LineDevice, LineHead, LineAddress> = {
  name: "serial-line",
  connection: connectionSchema,
  device: deviceSchema,
  head: headSchema,
  address: addressSchema,
  given: givenSchema,
  skeleton: lineSkeleton,
  sample: { connection: { serial: { port: "/dev/ttyS0", baud: 9600 } }, device: {} },
  check: checkLines,
  rawKind: rawKindOf,
  plan: planLines,
  learn: () => undefined,
  silentAfter: (_connection, { profile }) => profile.protocolSettings.silentAfterMs,
  isLocal: ({ endpoint }) => endpoint.kind === "serial",
  givenOf: (word) => ({ hex: toHex(word) }),
  async replay(given, context) {
    const parsed = givenSchema.safeParse(given);
    if (!parsed.success)
      throw new ConfigError(`what the example gives is not understood: ${parsed.error.issues[0]?.message}`, {
        code: "bad-given",
      });
    return replayLines(parsed.data, context);
  },
  simulate: simulateLines,
  probe: probeLines,
  record: recordLines,
  writable,
  encodeWrite,
  open: openLines,
};

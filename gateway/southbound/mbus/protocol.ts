import { toHex } from "../../codec/hex.ts";
import { ConfigError } from "../../model/errors.ts";
import type { Protocol } from "../protocol.ts";
import { wantedKind } from "./address.ts";
import { checkMbus } from "./check.ts";
import { openMbus } from "./driver.ts";
import { planMbus } from "./plan.ts";
import { probeMbus } from "./probe.ts";
import { recordMbus } from "./record.ts";
import { replayMbus } from "./replay.ts";
import { addressSchema, connectionSchema, deviceSchema, givenSchema, headSchema } from "./schema.ts";
import { mbusLineSettings, planMbusScan, searchMbus } from "./search.ts";
import type { MbusAddress, MbusConnection, MbusDevice, MbusHead } from "./settings.ts";
import { simulateMbus } from "./simulate.ts";
import { mbusSkeleton } from "./skeleton.ts";

/** M-Bus: EN 13757-2 and -3 over a serial line or a transparent TCP converter. */
export const mbus: Protocol<MbusConnection, MbusDevice, MbusHead, MbusAddress> = {
  name: "mbus",
  connection: connectionSchema,
  device: deviceSchema,
  head: headSchema,
  address: addressSchema,
  given: givenSchema,
  skeleton: mbusSkeleton,
  check: checkMbus,
  rawKind: wantedKind,
  sample: { connection: { tcp: { host: "127.0.0.1", port: 10_001 } }, device: { address: 1 } },
  plan: planMbus,
  learn: () => undefined,
  isLocal: ({ endpoint }) => endpoint.kind === "serial",
  givenOf: (word) => ({ rx: toHex(word) }),
  async replay(given, context) {
    const parsed = givenSchema.safeParse(given);
    if (!parsed.success)
      throw new ConfigError(`what the example gives is not understood: ${parsed.error.issues[0]?.message}`, {
        code: "bad-given",
      });
    return replayMbus(parsed.data, context);
  },
  simulate: simulateMbus,
  probe: probeMbus,
  scan: searchMbus,
  scanPlan: planMbusScan,
  lineSettings: mbusLineSettings,
  record: recordMbus,
  open: openMbus,
};

import { toHex } from "../../codec/hex.ts";
import { ConfigError } from "../../model/errors.ts";
import type { Protocol } from "../protocol.ts";
import { checkMeter } from "./check.ts";
import { openMeter } from "./driver.ts";
import { listenInMeter } from "./listen-in.ts";
import { probeMeter } from "./probe.ts";
import { recordMeter } from "./record.ts";
import { replayMeter } from "./replay.ts";
import { meterLineSettings, planMeterScan, scanMeter } from "./scan.ts";
import { addressSchema, connectionSchema, deviceSchema, givenSchema, headSchema } from "./schema.ts";
import type { MeterAddress, MeterConnection, MeterHead, MeterSettings, ValueType } from "./settings.ts";
import { simulateMeter } from "./simulate.ts";
import { meterSkeleton } from "./skeleton.ts";

const kinds: Readonly<Record<ValueType, "integer" | "float" | "boolean" | "text">> = {
  decimal: "float",
  integer: "integer",
  boolean: "boolean",
  text: "text",
  "hex-text": "text",
  hex: "text",
  time: "text",
};

/** Electricity meters that speak by themselves: P1 and H1 telegrams, DLMS/COSEM push of HAN ports. */
export const smartMeter: Protocol<MeterConnection, MeterSettings, MeterHead, MeterAddress> = {
  name: "smart-meter",
  connection: connectionSchema,
  device: deviceSchema,
  head: headSchema,
  address: addressSchema,
  skeleton: meterSkeleton,
  given: givenSchema,
  sample: { connection: { serial: { port: "/dev/serial/by-id/p1" } }, device: {} },
  check: checkMeter,
  rawKind: ({ type }) => kinds[type],
  // Nothing can be asked of it.
  plan: (_connection, _device, points) => ({ requests: [], heard: points }),
  learn: () => undefined,
  silentAfter: (_connection, { profile }) => profile.protocolSettings.silentAfter,
  isLocal: ({ endpoint }) => endpoint.kind === "serial",
  simulate: (profile, { given }) => simulateMeter(profile, given),
  probe: probeMeter,
  scan: scanMeter,
  scanPlan: planMeterScan,
  lineSettings: meterLineSettings,
  listenIn: listenInMeter,
  record: recordMeter,
  givenOf: (word, { codec }) => ({
    rx: codec === "p1" ? Buffer.from(word).toString("latin1") : toHex(word),
  }),
  async replay(given, context) {
    const parsed = givenSchema.safeParse(given);
    if (!parsed.success)
      throw new ConfigError(`what the example gives is not understood: ${parsed.error.issues[0]?.message}`, {
        code: "bad-given",
      });
    return replayMeter(parsed.data, context);
  },
  open: openMeter,
};

import { toHex } from "../../codec/hex.ts";
import { ConfigError } from "../../model/errors.ts";
import type { Protocol } from "../protocol.ts";
import { checkLorawan, rawKindOf } from "./check.ts";
import { openLorawan } from "./driver.ts";
import { profileFit } from "./fits.ts";
import { replayLorawan } from "./replay.ts";
import { addressSchema, connectionSchema, deviceSchema, givenSchema, headSchema } from "./schema.ts";
import type { LoraAddress, LoraConnection, LoraDevice, LoraHead } from "./settings.ts";
import { skeleton } from "./skeleton.ts";
import { encodeByScript, encodeWrite, writable } from "./write.ts";

/** LoRaWAN devices, heard through the application of a network server. */
export const lorawan: Protocol<LoraConnection, LoraDevice, LoraHead, LoraAddress> = {
  name: "lorawan",
  connection: connectionSchema,
  device: deviceSchema,
  head: headSchema,
  address: addressSchema,
  given: givenSchema,
  files: ["payloadFile", "codec"],
  skeleton,
  sample: {
    connection: { server: "chirpstack", mqtt: { url: "mqtt://localhost" } },
    device: { devEui: "0000000000000000" },
  },
  check: checkLorawan,
  rawKind: rawKindOf,
  plan: (_connection, _device, points) => ({ requests: [], heard: points }),
  learn: () => undefined,
  silentAfter: (_connection, { profile }) => profile.protocolSettings.uplinkWithinMs,
  // By an uplink of its own: of class A the one after the downlink, whenever that is.
  shownWithin: ({ uplinkWithinMs }) => uplinkWithinMs,
  isLocal: () => false,
  givenOf: (word, _head, fPort = 1) => ({ payload: toHex(word), fPort }),
  encodeByScript,
  async replay(given, context) {
    const parsed = givenSchema.safeParse(given);
    if (!parsed.success)
      throw new ConfigError(`what the example gives is not understood: ${parsed.error.issues[0]?.message}`, {
        code: "bad-given",
      });
    return replayLorawan(parsed.data, context);
  },
  everyWord: true,
  fit: profileFit,
  writable,
  encodeWrite,
  open: openLorawan,
};

import { toHex } from "../../codec/hex.ts";
import { ConfigError } from "../../model/errors.ts";
import type { Protocol } from "../protocol.ts";
import { checkFrameHead, checkSerialFrame, fieldKind } from "./check.ts";
import { openSerialFrame } from "./driver.ts";
import { planFrames } from "./plan.ts";
import { probeFrames } from "./probe.ts";
import { recordFrames } from "./record.ts";
import { replaySerialFrame } from "./replay.ts";
import { addressSchema, connectionSchema, deviceSchema, givenSchema, headSchema } from "./schema.ts";
import type { FrameAddress, FrameConnection, FrameDevice, FrameHead } from "./settings.ts";
import { exampleDevice, simulateFrames } from "./simulate.ts";
import { frameSkeleton } from "./skeleton.ts";
import { encodeWrite, writable } from "./write.ts";

/** Devices that speak binary frames: unasked, on request, or both, one or several on a line. */
export const serialFrame: Protocol<FrameConnection, FrameDevice, FrameHead, FrameAddress> = {
  name: "serial-frame",
  connection: connectionSchema,
  device: deviceSchema,
  head: headSchema,
  address: addressSchema,
  given: givenSchema,
  skeleton: frameSkeleton,
  sample: { connection: { serial: { port: "/dev/ttyS0", baud: 9600 } }, device: exampleDevice },
  checkHead: checkFrameHead,
  check: checkSerialFrame,
  rawKind: fieldKind,
  plan: planFrames,
  // A device that does not answer a request has no smaller one.
  learn: () => undefined,
  silentAfter: (_connection, device) => device.profile.protocolSettings.listen.silentAfterMs,
  isLocal: ({ endpoint }) => endpoint.kind === "serial",
  givenOf: (word) => ({ rx: toHex(word) }),
  async replay(given, context) {
    const parsed = givenSchema.safeParse(given);
    if (!parsed.success)
      throw new ConfigError(`what the example gives is not understood: ${parsed.error.issues[0]?.message}`, {
        code: "bad-given",
      });
    return replaySerialFrame(parsed.data, context);
  },
  simulate: simulateFrames,
  probe: probeFrames,
  record: (dialogue, _connection, profile) => recordFrames(dialogue, profile),
  writable,
  encodeWrite,
  open: openSerialFrame,
};

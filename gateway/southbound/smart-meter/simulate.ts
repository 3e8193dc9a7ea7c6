import type { DeviceProfile } from "../../model/device.ts";
import type { SimulatedDevice } from "../protocol.ts";
import { bytesOfGiven } from "./replay.ts";
import { givenSchema } from "./schema.ts";
import type { MeterAddress, MeterHead } from "./settings.ts";

/** As Swedish meters do. */
const longestPauseMs = 10_000;

/** A meter that says what the profile's examples give, in turn. */
export function simulateMeter(
  profile: DeviceProfile<MeterAddress, MeterHead>,
  given: readonly unknown[],
): SimulatedDevice {
  const head = profile.protocolSettings;
  const words = given.map((one) => {
    const bytes = bytesOfGiven(givenSchema.parse(one).rx, head);
    // A telegram ends its last line, too.
    return head.codec === "p1" ? Buffer.concat([bytes, Buffer.from("\r\n")]) : bytes;
  });
  return { words, everyMs: Math.min(longestPauseMs, head.silentAfter / 3) };
}

import type { DeviceProfile } from "../../model/device.ts";
import { LineDeframer } from "../line-deframer.ts";
import type { SimulatedDevice, SimulationInput } from "../protocol.ts";
import { resultsOf } from "./decode.ts";
import { nmeaFraming } from "./driver.ts";
import { givenSchema, type NmeaGiven } from "./schema.ts";
import { parseSentence } from "./sentence.ts";
import type { NmeaAddress, NmeaConnection, NmeaDevice, NmeaHead } from "./settings.ts";

/** One round of sentences takes about so long, ms. */
const roundMs = 1000;
const at = { base: "boot", ms: 0 } as const;

/**
 * An instrument that says the sentences of the profile's examples over and over: of those that tell the
 * same points, the one in which most of them have a value.
 */
export function simulateNmea(
  profile: DeviceProfile<NmeaAddress, NmeaHead>,
  { given, settings }: SimulationInput<NmeaConnection, NmeaDevice>,
): SimulatedDevice {
  const best = new Map<string, { readonly line: Uint8Array; readonly values: number }>();
  for (const line of given.flatMap((one) => linesOf(givenSchema.parse(one)))) {
    const sentence = parseSentence(line, profile.protocolSettings.checksum === "required");
    if (typeof sentence === "string" || settings.talkers?.includes(sentence.talker) === false) continue;
    const results = resultsOf(sentence, profile.points, at);
    const told = `${sentence.talker}${sentence.type} ${results.map(({ point }) => point.name).join(" ")}`;
    const values = results.filter((result) => "raw" in result).length;
    if (values > (best.get(told)?.values ?? 0)) best.set(told, { line, values });
  }
  const words = Array.from(best.values(), ({ line }) => Buffer.concat([line, Buffer.from("\r\n")]));
  return { words, everyMs: roundMs / Math.max(1, words.length) };
}

function linesOf({ rx }: NmeaGiven): readonly Uint8Array[] {
  const stream =
    typeof rx === "string" ? rx.replaceAll("\\r", "\r").replaceAll("\\n", "\n") : rx.join("\r\n");
  return new LineDeframer(nmeaFraming).push(Buffer.from(`${stream}\r\n`, "latin1"));
}

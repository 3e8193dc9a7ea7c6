import type { Turn } from "../protocol.ts";
import { MbusDeframer } from "./deframer.ts";
import { encodeLong, isResponse } from "./frame.ts";
import type { MbusGiven } from "./schema.ts";
import { mostTelegrams } from "./settings.ts";

/** The telegrams of a tapped reading, in order, as an example has them. A repeated one counts once. */
export function recordMbus(dialogue: readonly Turn[]): MbusGiven {
  const telegrams: string[] = [];
  for (const { received } of dialogue) {
    const deframer = new MbusDeframer();
    for (const frame of [...deframer.push(received, 0), ...deframer.quiet(0)]) {
      if (!isResponse(frame)) continue;
      const hex = spaced(encodeLong(frame));
      if (telegrams.at(-1) !== hex && telegrams.length < mostTelegrams) telegrams.push(hex);
    }
  }
  return { rx: telegrams.length === 1 ? (telegrams[0] ?? "") : telegrams };
}

export function spaced(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join(" ");
}

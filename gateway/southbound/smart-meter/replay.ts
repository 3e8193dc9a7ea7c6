import { hexBytes, hexPattern } from "../../codec/hex.ts";
import { ConfigError } from "../../model/errors.ts";
import type { SouthboundContext } from "../protocol.ts";
import type { MeterDriver } from "./driver.ts";
import { deframerOf } from "./framing.ts";
import { MeterListener } from "./listener.ts";
import type { MeterGiven } from "./schema.ts";
import type { MeterHead } from "./settings.ts";

/** A driver that hears what an example gives, through the same framing and decoding as on a port. */
export function replayMeter({ rx }: MeterGiven, context: SouthboundContext): MeterDriver {
  const lost = new AbortController();
  const statistics: Record<string, number> = {};
  const count = (what: string) => {
    statistics[what] = (statistics[what] ?? 0) + 1;
  };
  return {
    concurrency: 1,
    lost: lost.signal,
    statistics,
    async listen(devices) {
      for (const device of devices) {
        const head = device.profile.protocolSettings;
        const deframer = deframerOf(head);
        const listener = new MeterListener(device, count);
        const at = context.clock.monotonic();
        const frames = [...deframer.push(bytesOfGiven(rx, head), at), ...(deframer.quiet?.(at) ?? [])];
        for (const frame of frames) {
          const results = listener.results(frame, context.clock.stamp());
          if (results) await context.emit(device, results);
        }
        for (const [name, value] of Object.entries(deframer.statistics))
          statistics[name] = (statistics[name] ?? 0) + value;
      }
    },
    async [Symbol.asyncDispose]() {
      lost.abort(new ConfigError("the replay is over", { code: "closed" }));
    },
  };
}

/** YAML writes lines that end with LF; on the wire they end with CR LF, over which the checksum goes. */
export function bytesOfGiven(rx: string, head: MeterHead): Uint8Array {
  if (head.codec === "p1") return Buffer.from(rx.replace(/\r?\n/g, "\r\n"), "latin1");
  if (!hexPattern.test(rx))
    throw new ConfigError("what a DLMS example gives is hex digits, two per byte", { code: "bad-given" });
  return hexBytes(rx);
}

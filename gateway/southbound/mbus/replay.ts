import { hexBytes } from "../../codec/hex.ts";
import type { Device } from "../../model/device.ts";
import { ConfigError, GatewayError } from "../../model/errors.ts";
import type { PointResult, ReadRequest, SouthboundContext } from "../protocol.ts";
import { type Received, resultsOf } from "./address.ts";
import { checkRequest, type MbusDriver } from "./driver.ts";
import { lookAt } from "./frame.ts";
import type { MbusGiven } from "./schema.ts";
import type { MbusAddress, MbusDevice, MbusHead } from "./settings.ts";
import { decodeTelegram, type Telegram } from "./telegram.ts";

/** A driver that answers with the telegrams of an example. Throws ConfigError for what is no whole good frame. */
export function replayMbus({ rx }: MbusGiven, { clock }: SouthboundContext): MbusDriver {
  const telegrams = [rx].flat().map(telegramOf);
  const lost = new AbortController();
  const statistics = { requests: 0, telegrams: 0 };
  return {
    concurrency: 1,
    lost: lost.signal,
    statistics,
    async read(
      device: Device<MbusAddress, MbusDevice, MbusHead>,
      request: ReadRequest<MbusAddress>,
      signal: AbortSignal,
    ): Promise<PointResult<MbusAddress>[]> {
      signal.throwIfAborted();
      lost.signal.throwIfAborted();
      checkRequest(request);
      statistics.requests++;
      const read = untilLast(telegrams).slice(0, device.profile.protocolSettings.telegrams);
      statistics.telegrams += read.length;
      const at = clock.stamp();
      return resultsOf(
        request.points,
        read.map((telegram): Received => ({ telegram, at })),
      );
    },
    async [Symbol.asyncDispose]() {
      lost.abort(new ConfigError("the replay is over", { code: "closed" }));
    },
  };
}

/** As far as a master reads: to the first telegram after which no more follow. */
function untilLast(telegrams: readonly Telegram[]): readonly Telegram[] {
  const last = telegrams.findIndex(({ more }) => !more);
  return last < 0 ? telegrams : telegrams.slice(0, last + 1);
}

function telegramOf(hex: string): Telegram {
  const bytes = hexBytes(hex);
  const found = lookAt(bytes, 0, bytes.length);
  if (typeof found === "string" || found.frame.kind !== "long" || found.end !== bytes.length)
    throw new ConfigError(`not a whole M-Bus frame with a good checksum: ${hex}`, { code: "bad-frame" });
  try {
    return decodeTelegram(found.frame);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw new ConfigError(`the example's telegram has no values: ${error.message}`, {
      code: "bad-frame",
      cause: error,
    });
  }
}

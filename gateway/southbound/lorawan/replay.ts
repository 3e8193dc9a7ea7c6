import { ConfigError } from "../../model/errors.ts";
import type { Driver, SouthboundContext } from "../protocol.ts";
import type { Uplink } from "./bridge.ts";
import { decodeUplink } from "./decode.ts";
import { statusResults, uplinkResults } from "./results.ts";
import type { LoraGiven } from "./schema.ts";
import { Scripts } from "./scripts.ts";
import type { LoraAddress, LoraDevice, LoraHead } from "./settings.ts";

/** A driver that hears what an example gives, once: an uplink, a status answer, or both. */
export function replayLorawan(
  given: LoraGiven,
  context: SouthboundContext,
): Driver<LoraAddress, LoraDevice, LoraHead> {
  const lost = new AbortController();
  const counters = { uplinks: 0, undecoded: 0, warnings: 0, "server-decoded": 0, untimed: 0 };
  return {
    concurrency: 1,
    lost: lost.signal,
    statistics: counters,
    async listen(devices) {
      const [device] = devices;
      if (!device) return;
      const { clock } = context;
      const ms = given.time === undefined ? clock.now() : Date.parse(given.time);
      const at = given.time === undefined ? clock.stamp() : ({ base: "unix", ms } as const);
      const { margin, battery, externalPower = false } = given.status ?? {};
      if (given.status) {
        const { devEui } = device.settings;
        const status = {
          kind: "status",
          sender: { devEui },
          time: ms,
          margin,
          battery,
          externalPower,
        } as const;
        await context.emit(device, statusResults(device, status, at));
      }
      if (given.payload === undefined && given.object === undefined) return;
      const uplink = uplinkOf(given, device.settings.devEui, ms);
      const head = device.profile.protocolSettings;
      await using scripts = new Scripts(context.sandbox);
      const decoded = await decodeUplink(head, uplink, ms, await scripts.of(head));
      const { moments, untimed } = uplinkResults(device, uplink, decoded, at, ms);
      counters.uplinks += 1;
      counters.untimed += untimed;
      if (decoded.kind === "undecoded") counters.undecoded += 1;
      if (decoded.kind === "decoded") counters.warnings += decoded.warnings.length;
      if (decoded.kind === "decoded" && decoded.by === "server") counters["server-decoded"] += 1;
      for (const results of moments) await context.emit(device, results);
    },
    async [Symbol.asyncDispose]() {
      lost.abort(new ConfigError("the replay is over", { code: "closed" }));
    },
  };
}

/** What an example gives as the uplink that it stands for. */
export function uplinkOf(
  { payload, fPort, fCnt, object, link }: LoraGiven,
  devEui: string,
  time: number,
): Uplink {
  return {
    devEui,
    time,
    fPort,
    fCnt,
    data:
      payload === undefined ? undefined : Uint8Array.from(Buffer.from(payload.replace(/\s+/g, ""), "hex")),
    object,
    link: { ...link, gateways: link?.gateways ?? 1 },
    confirmed: false,
    encrypted: false,
  };
}

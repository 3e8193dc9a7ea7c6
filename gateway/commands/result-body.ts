import { encodeCbor } from "../codec/cbor.ts";
import type { CommandResult } from "../model/command.ts";

/** For people; longer ones are cut. */
const longestText = 500;

/**
 * A result as deterministic CBOR: docs/telemetry.cddl. The same result gives the same bytes, so a time
 * that counts from boot stays one (`boot`): who keeps results resolves it, if it can be.
 */
export function encodeResult(gateway: string, result: CommandResult): Uint8Array {
  const { time, value, before } = result;
  return encodeCbor({
    gw: gateway,
    id: result.id,
    device: result.device,
    point: result.point,
    issuer: result.issuer,
    state: result.state,
    stage: result.stage,
    code: result.code,
    // A device's own words may stand in it.
    text: result.text?.slice(0, longestText).toWellFormed(),
    value: typeof value === "string" ? value.toWellFormed() : value,
    before: typeof before === "string" ? before.toWellFormed() : before,
    verified: result.verified,
    unchanged: result.unchanged,
    [time.base === "unix" ? "time" : "boot"]: Math.max(0, Math.round(time.ms)),
    last: result.last,
  });
}

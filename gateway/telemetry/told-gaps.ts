import { FormatError } from "../codec/format-error.ts";
import { decodePack } from "../codec/senml.ts";
import type { Gap } from "../outbox/outbox.ts";

/** CBOR of the key `gap`. */
const key = Buffer.from([0x63, ...Buffer.from("gap")]);
const reasons: readonly Gap["reason"][] = ["disk-full", "expired", "disk-failed", "damaged", "refused"];
const maxBytes = 2 ** 24;

/**
 * The gaps that a stored pack tells of, so that they can be told again when that pack is given up in its
 * turn. Bytes that are no pack of ours tell of none.
 */
export function toldGaps(pack: Uint8Array, audience: string): Gap[] {
  // Most packs tell of none, and are not decoded for it.
  if (!Buffer.from(pack.buffer, pack.byteOffset, pack.length).includes(key)) return [];
  try {
    return decodePack(pack, { bootRelative: true, maxBytes }).gaps.map(
      ({ run, from, to, readings, reason }) => ({
        audience,
        run,
        from,
        to,
        readings,
        reason: reasons.find((one) => one === reason) ?? "damaged",
      }),
    );
  } catch (error) {
    if (error instanceof FormatError) return [];
    throw error;
  }
}

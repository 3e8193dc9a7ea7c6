import { FormatError } from "../../codec/format-error.ts";
import type { Instant } from "../../model/clock.ts";
import { toldPoints } from "../../model/device.ts";
import { ConfigError } from "../../model/errors.ts";
import type { Secret } from "../../model/secret.ts";
import type { PointResult } from "../protocol.ts";
import { Deciphering, isCiphered, type MeterKeys } from "./dlms/ciphering.ts";
import { messageOf } from "./dlms/layout.ts";
import { decodeNotification, withoutLlc } from "./dlms/notification.ts";
import { type MeterMessage, objectsByCode } from "./message.ts";
import { decodeTelegram } from "./p1/telegram.ts";
import type { MeterAddress, MeterDevice, MeterHead, MeterSettings } from "./settings.ts";
import { find } from "./value.ts";

/**
 * What a telegram or the content of a DLMS frame says. Pure but for the counters of `deciphering`.
 * Throws FormatError, and ConfigError `encrypted` or `authenticated` where keys are missing.
 */
export function decodeMessage(
  bytes: Uint8Array,
  head: MeterHead,
  deciphering = new Deciphering(undefined),
): MeterMessage {
  if (head.codec === "p1") return decodeTelegram(bytes, { crc: head.crc });
  const apdu = withoutLlc(bytes);
  const read = (plain: Uint8Array) => messageOf(decodeNotification(plain).body, head.layout);
  return isCiphered(apdu) ? deciphering.open(apdu, read) : read(apdu);
}

/** One meter on a line: makes results of what it says. */
export class MeterListener {
  readonly device: MeterDevice;
  readonly #deciphering: Deciphering;
  readonly #count: (what: string) => void;

  constructor(device: MeterDevice, count: (what: string) => void) {
    this.device = device;
    this.#deciphering = new Deciphering(keysOf(device.settings));
    this.#count = count;
  }

  /**
   * Results for the points that a message speaks of. A message that is refused gives undefined and is
   * counted by its reason; one that cannot be opened gives every point that problem.
   */
  results(bytes: Uint8Array, at: Instant): PointResult<MeterAddress>[] | undefined {
    const { profile } = this.device;
    const head = profile.protocolSettings;
    const points = toldPoints(profile);
    let message: MeterMessage;
    try {
      message = decodeMessage(bytes, head, this.#deciphering);
    } catch (error) {
      if (error instanceof FormatError) {
        this.#count(error.code);
        return undefined;
      }
      if (!(error instanceof ConfigError)) throw error;
      this.#count(error.code);
      const { message: detail } = error;
      return points.map((point) => ({ point, at, problem: "config-error", detail }));
    }
    const objects = objectsByCode(message);
    const results: PointResult<MeterAddress>[] = [];
    for (const point of points) {
      const found = find(message, objects, point.address, head);
      if (!found) continue;
      if ("problem" in found) results.push({ point, at, problem: found.problem, detail: found.detail });
      else results.push({ point, at: instantOf(found.time, at), raw: found.raw });
    }
    return results;
  }
}

function instantOf(unixMs: number | undefined, at: Instant): Instant {
  return unixMs === undefined ? at : { base: "unix", ms: unixMs };
}

/** The keys of a meter, opened; undefined when none are named. */
export function keysOf({ key, authenticationKey }: MeterSettings): MeterKeys | undefined {
  return key && { key: bytesOf(key), authenticationKey: authenticationKey && bytesOf(authenticationKey) };
}

function bytesOf(secret: Secret): Uint8Array {
  return Uint8Array.from(Buffer.from(secret.reveal().trim(), "hex"));
}

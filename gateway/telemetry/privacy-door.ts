import { audienceOf, mayBePersonal } from "../model/device.ts";
import { GatewayError } from "../model/errors.ts";
import { isPlace, sufficient } from "../model/privacy.ts";
import type { Reading } from "../model/reading.ts";

/** A reading came to a place where it must never come: a bug of ours. It was not sent. */
export class PrivacyError extends GatewayError {}

/**
 * The last look before a reading goes into a pack: what may not leave, or may not go to its audience,
 * stays here, whatever the configuration check and the privacy filter have let through. A value of a
 * personal point passes only to audiences that may see such data, or when the reading itself says that
 * it has gone through steps that suffice.
 */
export function splitAtDoor(readings: readonly Reading[]): {
  readonly passed: readonly Reading[];
  readonly stopped: readonly Reading[];
} {
  if (!readings.some(mustStay)) return { passed: readings, stopped: [] };
  return {
    passed: readings.filter((one) => !mustStay(one)),
    stopped: readings.filter(mustStay),
  };
}

function mustStay(reading: Reading): boolean {
  const { device, point } = reading;
  if (point.hidden || device.dropped?.includes(point.name)) return true;
  const { view } = point;
  if (!(view ? view.personal : point.personal)) return false;
  if (mayBePersonal(device, audienceOf(device, point))) return false;
  if (!view) return true;
  // Without a value there is nothing but the quality; the point itself must be one that may go there.
  const done = reading.value === undefined ? view.steps : (reading.through ?? []);
  return !sufficient(done, isPlace(point));
}

/** What to throw once the others are on their way. Names points, never values. */
export function stoppedError(stopped: readonly Reading[]): PrivacyError {
  const names = [...new Set(stopped.map(({ device, name }) => `${device.id}/${name}`))];
  return new PrivacyError(
    `${stopped.length} readings may not leave for their audience and were stopped: ${names.slice(0, 5).join(", ")}`,
    { code: "privacy-door", hint: "this is a bug: please report it with the device's part of gateway.yaml" },
  );
}

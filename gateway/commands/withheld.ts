import type { CommandResult } from "../model/command.ts";
import { type Device, type Point, readablePoints } from "../model/device.ts";
import type { Tellable } from "./answer-sender.ts";
import { targetOf } from "./checks.ts";
import type { Field } from "./command-desk.ts";
import type { Entry } from "./entry.ts";

/**
 * A result as a far side may hear it. Results go past audiences: whoever may command a device hears them.
 * So what was measured of a point that is about people, or never leaves the gateway, is not told; and who
 * did not ask for it hears only that something was changed.
 */
export function withheld(
  result: CommandResult,
  one: Tellable | Entry,
  field: Pick<Field, "device">,
): CommandResult {
  const target = targetOf(result, field);
  if (target && !staysHere(target.device, target.point)) return result;
  const asked = !("origin" in one) || one.origin.kind === "northbound";
  const { before: _, ...rest } = result;
  if (asked) return rest;
  const { value: _value, text: _text, ...bare } = rest;
  return bare;
}

/** The point itself, or the one that shows it. */
function staysHere(device: Device, point: Point): boolean {
  const shown = readablePoints(device.profile).find(({ name }) => name === point.write?.verify?.point);
  return [point, ...(shown ? [shown] : [])].some(
    ({ name, personal }) => personal || device.dropped?.includes(name) === true,
  );
}

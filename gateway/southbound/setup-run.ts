import type { Device, Point } from "../model/device.ts";
import { TransientError } from "../model/errors.ts";
import type { Reading } from "../model/reading.ts";
import type { RawKind, SetupStep } from "../model/write-rule.ts";
import { isShown, shownOf } from "./shown.ts";
import { carryOut, type Turn } from "./write-run.ts";

interface Placed {
  readonly step: SetupStep;
  readonly shown: Point | undefined;
}

/**
 * What became of it: `done`; `waits`: it would write, but may not yet, or what it looks at is sent by
 * the device itself and was not heard yet.
 */
export type SetupResult = "done" | "waits";

/**
 * Sets up a device in one turn: all that shows is read; when everything is as it should be, nothing is
 * written, else what differs and what shows nowhere, in order, each verified as its rule says.
 *
 * Rejects with TransientError (no answer: nothing is known), LinkError, and else with why the device
 * is not set up. `mayWrite` is asked right before the first write, once.
 */
export async function runSetup(
  turn: Turn,
  device: Device,
  rawKind: (address: unknown) => RawKind,
  mayWrite: () => boolean,
): Promise<SetupResult> {
  const steps = (device.profile.setup ?? []).map(
    (step, index): Placed => ({ step, shown: shownOf(device, step, index, rawKind) }),
  );
  const points = steps.flatMap(({ shown }) => shown ?? []);
  const readings = points.length > 0 ? await turn.read([...new Set(points)]) : [];
  if (steps.some(({ shown }) => shown && turn.isHeard(shown) && !readingOf(readings, shown))) return "waits";
  if (steps.some(({ shown }) => readingOf(readings, shown)?.quality === "comm-error"))
    throw new TransientError("it does not say how it is set up", { code: "no-answer" });
  const differs = ({ step, shown }: Placed): boolean => {
    const value = readingOf(readings, shown)?.value;
    return !shown || value === undefined || !isShown(value, step.value, shown, step.verify?.tolerance);
  };
  if (points.length > 0 && !steps.some((one) => one.shown && differs(one))) return "done";
  if (!mayWrite()) return "waits";
  for (const one of steps) {
    if (!differs(one)) continue;
    const { address, raw, value, verify } = one.step;
    const prepared = { value, verify, steps: [{ address, raw }] };
    // What a slow far side took over is its business: it is looked at after the next connect.
    await carryOut(turn, prepared, one.shown, { mayRepeat: () => true });
  }
  return "done";
}

function readingOf(readings: readonly Reading[], shown: Point | undefined): Reading | undefined {
  return shown && readings.find(({ point, name }) => point === shown && name === shown.name);
}

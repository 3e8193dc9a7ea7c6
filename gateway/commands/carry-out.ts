import type { Clock } from "../model/clock.ts";
import { type Device, type Point, pollPeriod } from "../model/device.ts";
import type { Reading } from "../model/reading.ts";
import type { Value } from "../model/value.ts";
import { isRefused, type PreparedWrite, prepareWrite, type Refused, sameValue } from "../model/write.ts";
import type { WriteOrder, WriteOutcome } from "../southbound/write-order.ts";
import type { Said } from "./book.ts";
import { heldBy, targetOf } from "./checks.ts";
import { type Entry, pointKey } from "./entry.ts";
import { atLeast, holdOf } from "./holds.ts";
import type { Ledger } from "./ledger.ts";
import { leastAge } from "./moment.ts";
import { foreseen, inputsOf, pointsNeeded, showsItself } from "./order.ts";
import { type Ending, endingOf } from "./outcome.ts";
import type { WatchedField } from "./watched-field.ts";

export interface Hands {
  readonly field: WatchedField;
  readonly ledger: Ledger;
  readonly clock: Clock;
}

/** Why a command that is under way may end early. */
export interface StopSignals {
  /** Nobody wants it any more: what has not begun, or can be taken back, ends. */
  readonly unwanted: AbortSignal;
  /** The desk closes: nothing is waited for any longer. */
  readonly closing: AbortSignal;
}

/** What became of it, and how many attempts may have reached the device. */
export interface CarriedOut {
  readonly said: Said;
  /** What the point is now; undefined when it did not succeed. */
  readonly value?: Value | undefined;
  readonly attempts: number;
}

/** How long a command may yet be begun, ms. */
export function lifeLeft(entry: Pick<Entry, "received" | "lifeMs">, clock: Clock): number {
  return entry.lifeMs - leastAge(entry.received, clock);
}

export const tooLate: Ending = { state: "expired", text: "its time was over before it could be begun" };

/** Writes what a command asks for. Never rejects: whatever happens is a last word. */
export async function carryOut(
  entry: Entry,
  { field, ledger, clock }: Hands,
  progress: NonNullable<WriteOrder["progress"]>,
  signals: StopSignals,
): Promise<CarriedOut> {
  const { command, origin } = entry;
  const target = targetOf(command, field);
  const { value } = command;
  if (!target || value === undefined)
    return nothing({ state: "failed", code: "unavailable", text: "the point is no longer there" });
  if (lifeLeft(entry, clock) <= 0) return nothing(tooLate);
  const hold = holdOf(ledger.standings.get(pointKey(command)), clock);
  if (hold && origin.kind !== "failsafe" && !atLeast(command.priority, hold.priority))
    return nothing({ state: "failed", code: "overridden", text: heldBy(hold) });
  const { device, point, rule } = target;
  const held = alreadyHeld(device, point, value, field, clock);
  if (held !== undefined)
    return {
      said: { state: "succeeded", value: held, before: held, unchanged: true },
      value: held,
      attempts: 0,
    };

  let stopped: Ending | undefined;
  let prepared = false;
  let attempts = 0;
  const order: WriteOrder = {
    point: point.name,
    needs: pointsNeeded(device, point),
    prepare: (inputs) => {
      const decided = lifeLeft(entry, clock) > 0 ? prepareWrite(device.profile, point, value, inputs) : late;
      if (isRefused(decided)) {
        stopped =
          decided === late ? tooLate : { state: "failed", code: decided.refuse, text: decided.detail };
        return decided;
      }
      prepared = true;
      return bounded(decided, entry);
    },
    onlyIfDifferent: rule.budget !== undefined && showsItself(device, point),
    expiresAt: clock.now() + lifeLeft(entry, clock),
    progress: (stage) => {
      if (stage === "writing") attempts++;
      progress(stage);
    },
  };
  try {
    const outcome = await untilClosed(field.write(device.id, order, signals.unwanted), signals, clock);
    const { before, verified, unchanged, delivery } = outcome;
    return {
      said: {
        state: "succeeded",
        text: verified === true ? undefined : textOf(delivery),
        value: outcome.value,
        before,
        verified,
        unchanged: unchanged || undefined,
      },
      value: outcome.value,
      attempts: unchanged ? 0 : Math.max(1, attempts),
    };
  } catch (error) {
    // Once prepared, bytes may have left: every attempt that was allowed counts as made.
    return { said: stopped ?? endingOf(error), attempts: prepared ? Number.POSITIVE_INFINITY : attempts };
  }
}

/** What is known of a write that nothing shows, for people. */
function textOf(delivery: WriteOutcome["delivery"]): string | undefined {
  if (delivery === "sent") return "sent; whether it arrived is not known";
  return delivery === "acknowledged" ? "the device acknowledged it" : undefined;
}

/** How long a stop waits for a write that has begun, ms: as long as one transaction on a slow line. */
const lastWaitMs = 300;

/** Its outcome; when the desk closes, that of the last moments, or the reason. */
async function untilClosed<T>(work: Promise<T>, { closing }: StopSignals, clock: Clock): Promise<T> {
  const over = Promise.withResolvers<never>();
  let timer: Disposable | undefined;
  const close = () => {
    timer = clock.timer(lastWaitMs, () => over.reject(closing.reason));
  };
  if (closing.aborted) close();
  else closing.addEventListener("abort", close, { once: true });
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    timer?.[Symbol.dispose]();
    closing.removeEventListener("abort", close);
  }
}

const late: Refused = { refuse: "no-value", detail: tooLate.text };

function nothing(said: Ending): CarriedOut {
  return { said, attempts: 0 };
}

/** No more attempts than the budgets were charged for. */
function bounded(prepared: PreparedWrite, { reserved }: Entry): PreparedWrite {
  if (!prepared.verify || reserved.size === 0) return prepared;
  const attempts = Math.min(...Array.from(reserved.values(), ({ each, total }) => Math.floor(total / each)));
  const retries = Math.max(0, Math.min(prepared.verify.retries, attempts - 1));
  return { ...prepared, verify: { ...prepared.verify, retries } };
}

/**
 * The value that the point shows, when that is what the command would make it and the reading is younger
 * than one and a half poll periods and than the last write to the device. Points with a budget are read in the very turn instead.
 */
function alreadyHeld(
  device: Device,
  point: Point,
  value: Value,
  field: WatchedField,
  clock: Clock,
): Value | undefined {
  if (point.write?.budget || !showsItself(device, point)) return undefined;
  const reading = field.latest(device.id, point.name);
  if (reading?.quality !== "good" || reading.value === undefined) return undefined;
  const age = ageOf(reading, clock);
  if (age < 0 || age >= 1.5 * pollPeriod(device, point) || !field.untouchedFor(device.id, age))
    return undefined;
  const inputs = inputsOf(device, point, (one, name) => field.latest(one, name));
  if (!inputs) return undefined;
  const wanted = foreseen(device, point, value, inputs)?.value;
  return wanted !== undefined && sameValue(wanted, reading.value) ? reading.value : undefined;
}

function ageOf({ time }: Reading, clock: Clock): number {
  if (time.base === "boot") return clock.monotonic() - time.ms;
  return clock.trusted ? clock.now() - time.ms : Number.POSITIVE_INFINITY;
}

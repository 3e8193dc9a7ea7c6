import type { Device, Point } from "../model/device.ts";
import { type GatewayError, RefusedError, TransientError } from "../model/errors.ts";
import { pointNameOf } from "../model/formula.ts";
import type { Reading } from "../model/reading.ts";
import type { RawValue, Value } from "../model/value.ts";
import { isRefused, type PreparedStep, type PreparedWrite, writtenPoint } from "../model/write.ts";
import type { VerifyRule } from "../model/write-rule.ts";
import type { PendingWrite } from "./protocol.ts";
import { isShown, shownAt } from "./shown.ts";
import { followAll, stopOf, unlessStopped } from "./slow-write.ts";
import type { WriteOrder, WriteOutcome } from "./write-order.ts";

/** The line, as one write has it: for itself, between its first and its last transaction. */
export interface Turn {
  /** Whether the device is given up and did not answer in this turn either: nothing more is tried. */
  readonly gaveUp: boolean;
  /** Monotonic ms. */
  now(): number;
  /** Unix ms. */
  unix(): number;
  /**
   * What points say now, and what others of them (`recent`) said at most `freshMs` ago; one transaction
   * or none. Points that a device sends by itself: what it said last. Rejects with LinkError.
   */
  read(now: readonly Point[], recent?: readonly Point[]): Promise<readonly Reading[]>;
  /** The last good value of a point, as far as it is known without asking. */
  known(point: Point): Value | undefined;
  /** As Driver.write. */
  write(address: unknown, raw: RawValue): Promise<PendingWrite | undefined>;
  /** Waits with the line held. */
  hold(ms: number): Promise<void>;
  /** Waits; the line is held for a short time only, and else left to others meanwhile. */
  rest(ms: number): Promise<void>;
  /** Whether the device sends this point by itself, so that it cannot be asked. */
  isHeard(point: Point): boolean;
  /** The next word about such a point, the line left to others; nothing when none comes in time, or until the signal. */
  hear(point: Point, withinMs: number, signal?: AbortSignal): Promise<readonly Reading[]>;
  /** Nothing more is done now: the line is free, and so is the device for other writes. */
  end(): void;
}

/** First pause between two looks at what shows a write, ms; doubled up to the longest. */
const firstLookMs = 50;
const longestLookMs = 1000;

/** Carries out one order. The turn has begun; rejects as `ConnectionLoop.write` does. */
export async function runWrite(
  turn: Turn,
  device: Device,
  order: WriteOrder,
  signal?: AbortSignal,
): Promise<Omit<WriteOutcome, "readings">> {
  const point = writtenPoint(device.profile, order.point);
  if (!point) throw new RefusedError(`there is no point "${order.point}"`, { code: "read-only" });
  const own = shownAt(device, point, undefined);
  const shown = shownAt(device, point, point.write?.verify);
  // What wears out is the written point itself, wherever else it may show.
  const compared = order.onlyIfDifferent ? (own ?? shown) : undefined;
  const inputs = await present(turn, device, order.needs, compared);
  checkExpiry(turn, order);
  signal?.throwIfAborted();
  const prepared = order.prepare(inputs.values);
  if (isRefused(prepared)) throw new RefusedError(prepared.detail, { code: prepared.refuse });
  const before = inputs.compared ?? (own && turn.known(own));
  if (compared && inputs.compared !== undefined && isShown(inputs.compared, prepared.value, compared))
    return { value: inputs.compared, before, verified: true, unchanged: true };
  const done = await carryOut(turn, prepared, shown, {
    mayRepeat: () => !signal?.aborted && (order.expiresAt === undefined || turn.unix() <= order.expiresAt),
    begins: () => order.progress?.("writing"),
  });
  if (!("pending" in done)) return { ...done, before, unchanged: false };
  turn.end();
  return await unlessStopped(done.pending, signal, async (delivery) => {
    delivery.now = await followAll(done.pending, order);
    try {
      const seen = await seenLater(turn, prepared, shown, signal);
      return { ...seen, before, unchanged: false, delivery: delivery.now };
    } catch (error) {
      // Others may want the point meanwhile: the look at it was given up.
      throw signal?.aborted ? await stopOf(done.pending, delivery, signal.reason) : error;
    }
  });
}

/** Throws RefusedError `expired`. */
function checkExpiry(turn: Turn, { expiresAt }: WriteOrder): void {
  if (expiresAt !== undefined && turn.unix() > expiresAt) throw expired();
}

export function expired(): RefusedError {
  return new RefusedError("it was too late to begin", { code: "expired" });
}

/** Good values of what is needed, and of the point that is compared, in one transaction at most. */
async function present(
  turn: Turn,
  device: Device,
  needs: readonly string[],
  compared: Point | undefined,
): Promise<{ values: Map<string, Value>; compared: Value | undefined }> {
  const { points, computed = [] } = device.profile;
  const names = new Set(needs.map(pointNameOf));
  const needed = [...points, ...computed].filter(({ name }) => names.has(name));
  const values = new Map<string, Value>();
  if (needed.length === 0 && !compared) return { values, compared: undefined };
  const readings = await turn.read(compared ? [compared] : [], needed);
  if (turn.gaveUp)
    throw new TransientError("the device does not answer", {
      code: "no-answer",
      hint: "check its wiring and power; nothing was written",
    });
  for (const { point, name, value } of readings)
    if (value !== undefined && names.has(point.name) && point !== compared) values.set(name, value);
  const found = compared && readingOf(readings, compared)?.value;
  if (compared && found !== undefined && names.has(compared.name)) values.set(compared.name, found);
  return { values, compared: found };
}

interface Verified {
  readonly value: Value;
  readonly verified?: boolean | undefined;
}

export interface Attempts {
  /** Whether it is not too late for another one. */
  mayRepeat(): boolean;
  /** Called right before each one, the first among them. */
  begins?(): void;
}

/**
 * The steps in order, and the look at what shows them; written again only where the device answers
 * and shows something else.
 */
export async function carryOut(
  turn: Turn,
  prepared: PreparedWrite,
  shown: Point | undefined,
  attempts: Attempts,
): Promise<Verified | { readonly pending: readonly PendingWrite[] }> {
  const { verify, value } = prepared;
  for (let repeats = 0; ; repeats++) {
    let unanswered: GatewayError | undefined;
    attempts.begins?.();
    try {
      const pending = await takeSteps(turn, prepared.steps);
      if (pending.length > 0) return { pending };
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      unanswered = error;
    }
    if (!verify || !shown) {
      if (unanswered) throw noAnswer(unanswered.message, unanswered);
      return { value };
    }
    const look = turn.isHeard(shown)
      ? await listenFor(turn, value, shown, verify)
      : await lookFor(turn, value, shown, verify);
    if (look.matches) return { value: look.matches.value, verified: true };
    // Who does not answer is not written to again, and nobody after the order's time.
    const again = look.answered && repeats < verify.retries && attempts.mayRepeat();
    if (again) continue;
    if (unanswered) throw noAnswer(unanswered.message, unanswered);
    throw notVerified(shown, value, verify, look.last);
  }
}

async function takeSteps(turn: Turn, steps: readonly PreparedStep[]): Promise<PendingWrite[]> {
  const pending: PendingWrite[] = [];
  for (const step of steps) {
    if ("waitMs" in step) {
      await turn.hold(step.waitMs);
      continue;
    }
    const taken = await turn.write(step.address, step.raw);
    if (taken) pending.push(taken);
  }
  return pending;
}

interface Look {
  readonly matches?: { readonly value: Value } | undefined;
  /** Whether the device answered the last look. */
  readonly answered: boolean;
  /** What was seen last, for people. */
  readonly last: Reading | undefined;
}

/** Reads again and again, with growing pauses, until it shows or the time is over; the last look is at the end. */
async function lookFor(
  turn: Turn,
  wanted: Value,
  shown: Point,
  { withinMs, tolerance }: VerifyRule,
): Promise<Look> {
  const until = turn.now() + withinMs;
  for (let pauseMs = firstLookMs; ; pauseMs = Math.min(pauseMs * 2, longestLookMs)) {
    const readings = turn.gaveUp ? [] : await turn.read([shown]);
    const last = readingOf(readings, shown);
    const answered = last !== undefined && last.quality !== "comm-error";
    if (last?.value !== undefined && isShown(last.value, wanted, shown, tolerance))
      return { matches: { value: last.value }, answered, last };
    const left = until - turn.now();
    if (left <= 0 || turn.gaveUp) return { answered, last };
    await turn.rest(Math.min(pauseMs, left));
  }
}

/** Waits for the device to say it by itself. */
async function listenFor(
  turn: Turn,
  wanted: Value,
  shown: Point,
  { withinMs, tolerance }: VerifyRule,
  signal?: AbortSignal,
): Promise<Look> {
  const until = turn.now() + withinMs;
  let last: Reading | undefined;
  for (let left = withinMs; left > 0 && !signal?.aborted; left = until - turn.now()) {
    const readings = await turn.hear(shown, left, signal);
    last = readingOf(readings, shown) ?? last;
    if (last?.value !== undefined && isShown(last.value, wanted, shown, tolerance))
      return { matches: { value: last.value }, answered: true, last };
  }
  return { answered: last !== undefined, last };
}

/** What shows a write that was delivered by a slow far side. It is not sent again. */
async function seenLater(
  turn: Turn,
  prepared: PreparedWrite,
  shown: Point | undefined,
  signal: AbortSignal | undefined,
): Promise<Verified> {
  const { verify, value } = prepared;
  if (!verify || !shown) return { value };
  const look = turn.isHeard(shown)
    ? await listenFor(turn, value, shown, verify, signal)
    : await lookFor(turn, value, shown, verify);
  if (look.matches) return { value: look.matches.value, verified: true };
  throw notVerified(shown, value, verify, look.last, "it was sent, but ");
}

function readingOf(readings: readonly Reading[], point: Point): Reading | undefined {
  return readings.find((reading) => reading.point === point && reading.name === point.name);
}

export function noAnswer(message: string, cause?: unknown): TransientError {
  return new TransientError(message, {
    code: "no-answer",
    hint: "check the wiring and the power of the device; nobody knows whether it took the write",
    cause,
  });
}

function notVerified(
  shown: Point,
  wanted: Value,
  { withinMs }: VerifyRule,
  last: Reading | undefined,
  lead = "",
): TransientError {
  const seen =
    last === undefined
      ? "was not seen again"
      : last.value === undefined
        ? `has no value (${last.quality})`
        : `is ${String(last.value)}, not ${String(wanted)}`;
  return new TransientError(`${lead}"${shown.name}" ${seen}, ${withinMs / 1000} s after the write`, {
    code: "not-verified",
    hint: "the device may be slow (verify: within), rounding (tolerance), or under somebody else's control",
  });
}

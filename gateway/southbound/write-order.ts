import type { Reading } from "../model/reading.ts";
import type { Value } from "../model/value.ts";
import type { PreparedWrite, Refused, WriteInputs } from "../model/write.ts";

/** What is to be written, decided in the very turn in which it is written. */
export interface WriteOrder {
  /** Name of the point, for what is read before and after. */
  readonly point: string;
  /**
   * Points of the same device whose present values `prepare` looks at (interlock, formula, a scale that
   * another point gives). What was not read within `freshMs` is read first, in the same turn; what has
   * no good value is missing from the inputs.
   */
  readonly needs: readonly string[];
  /** The raw values in order, or why nothing is written. Called once, right before the first byte. */
  prepare(inputs: WriteInputs): PreparedWrite | Refused;
  /** What the point is now is read first, and nothing is written when it is that already. */
  readonly onlyIfDifferent: boolean;
  /** Unix ms after which it is not to be begun, nor delivered by a slow far side. */
  readonly expiresAt?: number | undefined;
  /**
   * `writing` right before the first byte of every attempt, so that what wears out is counted; and what a
   * slow far side says. Must not throw.
   */
  progress?(stage: "writing" | "queued" | "sent"): void;
}

/** How far a slow far side came with it: on the air, which is no delivery, or taken by the device, as it says itself. */
export type Delivery = "sent" | "acknowledged";

/** What became of it. */
export interface WriteOutcome {
  /** As written, or as read back where `verified`. */
  readonly value: Value;
  /** The last good value before, where one was known. */
  readonly before?: Value | undefined;
  /** Undefined where nothing shows it. */
  readonly verified?: boolean | undefined;
  readonly unchanged: boolean;
  /** Of a slow far side. */
  readonly delivery?: Delivery | undefined;
  /** What was read on the way; they have gone to the sink as well. */
  readonly readings: readonly Reading[];
}

/** An input that was read so long ago is as good as read now, ms. */
export const freshMs = 1000;

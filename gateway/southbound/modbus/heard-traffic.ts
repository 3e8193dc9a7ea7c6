import type { Clock } from "../../model/clock.ts";
import { type HeardFrame, HeardFrames } from "./heard-frames.ts";
import { answerTo, type HeardRequest, heardRequest } from "./heard-request.ts";
import { HeardUnit } from "./heard-unit.ts";

/**
 * A write comes back as it went out, and looks like its own repetition when nobody answers: devices echo
 * sooner than masters lose patience, ms.
 */
const echoMs = 400;
/** Longer than any master waits, ms. */
const patienceMs = 10_000;
/** Registers of all units that are remembered. */
const mostPlaces = 65_536;
/** Bytes of a line that is given up on stay undecided no longer than this, ms. */
export const quietMs = 500;

/** What a master and its devices say to each other: requests with their answers, by unit. Bounded: 256 units, and so many registers. */
export class HeardTraffic {
  readonly frames = new HeardFrames();
  readonly units = new Map<number, HeardUnit>();
  readonly #clock: Clock;
  #pending: HeardRequest | undefined;
  #pairs = 0;
  #lastAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Requests with their answers. */
  get pairs(): number {
    return this.#pairs;
  }

  push(chunk: Uint8Array, at: number): void {
    this.#lastAt = at;
    for (const frame of this.frames.push(chunk, at)) this.#take(frame);
  }

  /** To be called now and then: decides what is left when nothing more comes. */
  tick(): void {
    if (this.frames.pending === 0 || this.#clock.monotonic() - this.#lastAt < quietMs) return;
    for (const frame of this.frames.quiet()) this.#take(frame);
  }

  readonly #hasRoom = (): boolean => {
    let places = 0;
    for (const { registers } of this.units.values()) places += registers.size;
    return places < mostPlaces;
  };

  #take(frame: HeardFrame): void {
    const asked = this.#pending;
    if (asked && frame.isReply && frame.at - asked.at <= patience(frame)) {
      const answer = answerTo(asked, frame);
      if (answer) {
        this.#pending = undefined;
        this.#pairs++;
        this.#unit(frame.unit).answered(asked, answer);
        return;
      }
    }
    if (!frame.isRequest) {
      this.#pending = undefined;
      this.#unit(frame.unit).stray();
      return;
    }
    const request = heardRequest(frame.unit, frame.pdu, frame.at);
    this.#unit(frame.unit).asked(request);
    // Nobody answers what is said to all.
    this.#pending = frame.unit === 0 ? undefined : request;
  }

  #unit(unit: number): HeardUnit {
    const known = this.units.get(unit) ?? new HeardUnit(unit, this.#clock, this.#hasRoom);
    this.units.set(unit, known);
    return known;
  }
}

function patience({ isRequest }: HeardFrame): number {
  return isRequest ? echoMs : patienceMs;
}

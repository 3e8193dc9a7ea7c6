import { bitAt, type Level, type Waveform } from "./uart.ts";

/** Somebody on the cable. */
export interface Station {
  /** -1: its two wires are swapped. */
  readonly polarity: 1 | -1;
  /** How long it is deaf from the start of its own sending; infinite: to its end. Milliseconds. */
  deafFor(ownStartMs: number): number;
  /** What else its receiver takes up. */
  readonly disturbances: readonly Disturbance[];
}

/** Added to what the cable carries, or put in its place; 1 is the swing of a driver. Pure in time. */
export interface Disturbance {
  /** New voltage at a receiver. */
  at(ms: number, voltage: number): number;
  /** What it makes of a steady voltage stays the same from `ms` until then. */
  steadyUntil(ms: number): number;
}

export interface CableOptions {
  readonly lengthM: number;
  /** 120 ohm at both ends. */
  readonly terminated: boolean;
  /** Lengths of branches off the trunk that end in nothing, m. */
  readonly stubsM: readonly number[];
  /** Voltage with nobody driving, as share of a driver's; negative where the bias is the wrong way round. */
  readonly bias: number;
  /** Standard deviation of what every look at a driven line is off by, as share of a driver's swing. */
  readonly noise: number;
  /** Seed of that noise. */
  readonly seed: number;
}

interface Drive {
  readonly wave: Waveform;
  readonly station: Station;
  /** Against others that drive at the same time. */
  readonly strength: number;
}

/** Signals run 5 ns per metre in common twisted pair. */
const msPerMetre = 5e-6;
/** A driver of about 30 ohm against a line of 120 ohm: part of a returning wave that it throws back. */
const atDriver = (30 - 120) / (30 + 120);
/** Receivers say mark down to here: about -50 mV of 1.5 V (fail-safe receivers; TIA-485 itself: -200 mV). */
const threshold = -0.03;
/** Echoes below this part of the swing are left out. */
const least = 0.01;

/**
 * A pair of wires with drivers and receivers on it. Every driver's wave arrives with what the cable's
 * ends and branches throw back (a sum of delayed parts, one after the other); drivers that are on at
 * the same time share the line by their strength.
 */
export class Cable {
  readonly #options: CableOptions;
  readonly #parts: readonly { readonly delay: number; readonly part: number }[];
  readonly #settleMs: number;
  #drives: Drive[] = [];

  constructor(options: CableOptions) {
    this.#options = options;
    this.#parts = reflections(options);
    this.#settleMs = Math.max(...this.#parts.map(({ delay }) => delay)) + 1e-6;
  }

  drive(station: Station, wave: Waveform, strength = 1): void {
    this.#drives.push({ station, wave, strength });
  }

  /** Forgets what ended before. */
  forget(beforeMs: number): void {
    if (this.#drives.length > 8)
      this.#drives = this.#drives.filter(({ wave }) => wave.endMs + this.#settleMs > beforeMs);
  }

  /** What one station's receiver sees. */
  level(station: Station): Level {
    const { noise } = this.#options;
    return {
      at: (ms) => {
        if (this.#isDeaf(station, ms)) return 1;
        let voltage = this.#voltage(ms) * station.polarity;
        // At rest the hysteresis of receivers keeps what noise there is out.
        if (noise > 0 && this.#isDriven(ms)) voltage += noise * gaussian(ms, this.#options.seed);
        for (const disturbance of station.disturbances) voltage = disturbance.at(ms, voltage);
        return voltage > threshold ? 1 : 0;
      },
      steadyUntil: (ms) => {
        let until = Number.POSITIVE_INFINITY;
        for (const { wave } of this.#drives) {
          if (ms < wave.startMs - 1e-3) until = Math.min(until, wave.startMs - 1e-3);
          else if (ms <= wave.endMs + this.#settleMs && wave.bits.length > 1) return ms;
        }
        for (const disturbance of station.disturbances) until = Math.min(until, disturbance.steadyUntil(ms));
        return until;
      },
    };
  }

  #isDeaf(station: Station, ms: number): boolean {
    return this.#drives.some(
      ({ wave, station: other }) =>
        other === station &&
        ms >= wave.startMs &&
        ms < wave.endMs &&
        ms < wave.startMs + station.deafFor(wave.startMs),
    );
  }

  #isDriven(ms: number): boolean {
    return this.#drives.some(({ wave }) => ms >= wave.startMs && ms < wave.endMs);
  }

  #voltage(ms: number): number {
    let sum = 0;
    for (const { delay, part } of this.#parts) sum += part * this.#driven(ms - delay);
    return sum;
  }

  /** What the drivers together put on the line at a moment: they pull against each other. */
  #driven(ms: number): number {
    let sum = 0;
    let strengths = 0;
    for (const { wave, station, strength } of this.#drives) {
      const bit = bitAt(wave, ms);
      if (bit === undefined) continue;
      sum += strength * station.polarity * (bit === 1 ? 1 : -1);
      strengths += strength;
    }
    return strengths === 0 ? this.#options.bias : sum / strengths;
  }
}

/**
 * Parts of a wave as they arrive at the far end. Trunk without termination: the open end doubles the
 * wave, the driver throws part of what returns back again, inverted (bounce diagram). Open branch of
 * the same impedance: two thirds go on, the rest comes out of it one round trip after the other.
 */
function reflections({ lengthM, terminated, stubsM }: CableOptions): { delay: number; part: number }[] {
  let parts = [{ delay: 0, part: 1 }];
  if (!terminated) {
    const trip = 2 * lengthM * msPerMetre;
    parts = [];
    for (let part = 1 - atDriver, delay = 0; Math.abs(part) > least; part *= atDriver, delay += trip)
      parts.push({ delay, part });
  }
  for (const stub of stubsM) {
    const trip = 2 * stub * msPerMetre;
    const own = [{ delay: 0, part: 2 / 3 }];
    for (let part = 4 / 9, delay = trip; Math.abs(part) > least; part /= -3, delay += trip)
      own.push({ delay, part });
    parts = parts
      .flatMap((one) => own.map((other) => ({ delay: one.delay + other.delay, part: one.part * other.part })))
      .filter(({ part }) => Math.abs(part) > least);
  }
  const sum = parts.reduce((total, { part }) => total + part, 0);
  return parts.map(({ delay, part }) => ({ delay, part: part / sum }));
}

/** The same number for the same moment, about normally distributed (Irwin-Hall of four). */
function gaussian(ms: number, seed: number): number {
  let state = (Math.floor(ms * 1e5) ^ Math.imul(seed, 0x9e3779b1)) >>> 0;
  let sum = 0;
  for (let draw = 0; draw < 4; draw++) {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    sum += ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  return (sum - 2) * 1.732;
}

import type { Disturbance } from "./cable.ts";

/** A source of chance in [0, 1). */
export type Chance = () => number;

/**
 * Interference: pulses at random moments, of random length and sign, strong enough to overrule a
 * driver. Contactors, drives, radio.
 */
export function pulses(options: {
  readonly perSecond: number;
  readonly meanMs: number;
  readonly chance: Chance;
  readonly startMs: number;
}): Disturbance {
  const { perSecond, meanMs, chance } = options;
  const made: { from: number; to: number; volts: number }[] = [];
  let next = options.startMs + exponential(1000 / perSecond, chance);
  const make = (until: number): void => {
    while (next <= until) {
      const size = 1.2 + 2 * chance();
      made.push({
        from: next,
        to: next + exponential(meanMs, chance),
        volts: chance() < 0.5 ? -size : size,
      });
      next += exponential(1000 / perSecond, chance);
    }
    // Receivers look at one stretch of time again and again, but never far back.
    while (made.length > 4000) made.shift();
  };
  return {
    at: (ms, voltage) => {
      make(ms);
      for (let index = made.length - 1; index >= 0; index--) {
        const pulse = made[index]!;
        if (pulse.from < ms - 1000) break;
        if (ms >= pulse.from && ms < pulse.to) return voltage + pulse.volts;
      }
      return voltage;
    },
    steadyUntil: (ms) => {
      make(ms + 100);
      for (let index = made.length - 1; index >= 0; index--) {
        const pulse = made[index]!;
        if (pulse.from < ms - 1000) break;
        if (ms >= pulse.from && ms < pulse.to) return ms + 1e-4;
      }
      return made.find(({ from }) => from > ms)?.from ?? ms + 100;
    },
  };
}

/** A receiver out of its range holds what it says for about so long, ms. */
const holdMs = 0.35;

/**
 * Ground potentials that differ by a voltage of the mains: for part of every period the receiver is
 * driven out of its common-mode range (TIA-485: -7 to +12 V), and what it says then means nothing.
 */
export function mainsGround(options: {
  /** Part of the period, 0 to 1. */
  readonly share: number;
  /** Where in the period it begins, 0 to 1. */
  readonly phase: number;
  /** About 20 ms: one half wave reaches out; about 10 ms: both do. */
  readonly periodMs: number;
  /** Chance that the receiver says space while it is out of range. */
  readonly space: number;
  readonly seed: number;
}): Disturbance {
  const { share, phase, periodMs, space, seed } = options;
  const place = (ms: number): number => (((ms / periodMs - phase) % 1) + 1) % 1;
  return {
    at: (ms, voltage) => {
      if (place(ms) >= share) return voltage;
      // It holds one state for a while, as it drifts in and out of saturation.
      return hash(Math.floor(ms / holdMs), seed) < space ? -1 : 1;
    },
    steadyUntil: (ms) => {
      const here = place(ms);
      if (here >= share) return ms + (1 - here) * periodMs;
      const held = (Math.floor(ms / holdMs) + 1) * holdMs;
      return Math.min(held, ms + (share - here) * periodMs);
    },
  };
}

function exponential(mean: number, chance: Chance): number {
  return -mean * Math.log(1 - chance());
}

function hash(index: number, seed: number): number {
  let mixed = Math.imul(index ^ Math.imul(seed, 0x85ebca6b), 0x9e3779b1) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) >>> 0;
  return ((mixed ^ (mixed >>> 13)) >>> 0) / 2 ** 32;
}

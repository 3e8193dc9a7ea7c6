/** Time and chance of a scene: what its values are made from. */
export interface Nature {
  /** Unix ms. */
  readonly now: () => number;
  /** 0 <= x < 1. */
  readonly random: () => number;
}

/** Mulberry32: small, fast, the same everywhere for one seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Hours of the day 0..24 in Swedish normal time, fractional. */
export function hourOfDay(unixMs: number): number {
  return (((unixMs / 3_600_000 + 1) % 24) + 24) % 24;
}

/** A bell around `peak` o'clock, 0..1, `width` hours to each side, midnight crossed rightly. */
export function bell(hour: number, peak: number, width: number): number {
  const away = Math.abs(((hour - peak + 36) % 24) - 12);
  return Math.exp(-((away / width) ** 2));
}

/** How much a building draws of its peak, 0..1: a base, a morning and an evening peak. */
export function buildingLoad(unixMs: number): number {
  const hour = hourOfDay(unixMs);
  return Math.min(1, 0.25 + 0.45 * bell(hour, 8, 2.5) + 0.3 * bell(hour, 13, 4) + 0.5 * bell(hour, 19, 3));
}

/** Whether it is dark enough for street lamps (a spring or autumn day; ten minutes of dusk and dawn are not modelled). */
export function isDark(unixMs: number): boolean {
  const hour = hourOfDay(unixMs);
  return hour < 6.5 || hour >= 18.5;
}

/** A value that wanders: pulled towards `target`, pushed by chance. */
export function wanderer(
  nature: Nature,
  start: number,
  { pull, push }: { readonly pull: number; readonly push: number },
): (target: number) => number {
  let value = start;
  let last = nature.now();
  return (target) => {
    const now = nature.now();
    const seconds = Math.min(Math.max((now - last) / 1000, 0), 600);
    last = now;
    const kept = Math.exp(-pull * seconds);
    value =
      target + (value - target) * kept + (nature.random() - 0.5) * 2 * push * Math.sqrt(1 - kept * kept);
    return value;
  };
}

/** A counter that grows by a rate: kWh from kW. */
export function counter(nature: Nature, start: number): (perHour: number) => number {
  let total = start;
  let last = nature.now();
  return (perHour) => {
    const now = nature.now();
    total += (Math.max(now - last, 0) / 3_600_000) * perHour;
    last = now;
    return total;
  };
}

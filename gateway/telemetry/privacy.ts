import type { Clock } from "../model/clock.ts";
import { type Device, type Point, readablePoints, staleAfter } from "../model/device.ts";
import { isPlace, type PrivacyStep } from "../model/privacy.ts";
import type { Reading } from "../model/reading.ts";
import { middleOfCell } from "./privacy-place.ts";
import { type RunningStep, roundTime, roundValue, type Sample, threshold } from "./privacy-step.ts";
import { WindowStep } from "./privacy-window.ts";

/** A view at work: takes readings of its sources, gives its own. */
interface RunningView {
  /** `now` is undefined while the clock is not trusted. */
  take(reading: Reading, now: number | undefined): readonly Reading[];
  tick(now: number): readonly Reading[];
}

interface RunningDevice {
  readonly device: Device;
  readonly views: readonly RunningView[];
  readonly bySource: ReadonlyMap<string, readonly RunningView[]>;
}

/**
 * Makes the readings of views from those of their sources, before any is thinned. What a view keeps is
 * in memory only. While the clock is not trusted, views that align to it (windows, rounded times) take
 * nothing: what they would say of those readings cannot be known.
 */
export class PrivacyFilter {
  readonly #clock: Clock;
  readonly #devices = new Map<string, RunningDevice>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Readings of views that follow at once. */
  take(readings: readonly Reading[]): readonly Reading[] {
    let made: Reading[] | undefined;
    for (const reading of readings) {
      if (reading.device.views === undefined) continue;
      const views = this.#running(reading.device).bySource.get(reading.point.name);
      if (!views) continue;
      const now = this.#now();
      made ??= [];
      for (const view of views) made.push(...view.take(reading, now));
    }
    return made ?? [];
  }

  /** Readings of views whose time has come; to be called about once a second. */
  tick(): readonly Reading[] {
    const now = this.#now();
    if (now === undefined || this.#devices.size === 0) return [];
    return Array.from(this.#devices.values()).flatMap(({ views }) => views.flatMap((view) => view.tick(now)));
  }

  /** A device that is gone or was configured anew: its open windows are given up. */
  forget(device: string): void {
    this.#devices.delete(device);
  }

  #now(): number | undefined {
    return this.#clock.toUnix(this.#clock.stamp());
  }

  #running(device: Device): RunningDevice {
    const known = this.#devices.get(device.id);
    if (known?.device === device) return known;
    const views: RunningView[] = [];
    const bySource = new Map<string, RunningView[]>();
    for (const point of device.views ?? []) {
      const view = this.#view(device, point);
      views.push(view);
      for (const source of point.view?.sources ?? []) {
        const others = bySource.get(source);
        if (others) others.push(view);
        else bySource.set(source, [view]);
      }
    }
    const running = { device, views, bySource };
    this.#devices.set(device.id, running);
    return running;
  }

  #view(device: Device, point: Point): RunningView {
    const { steps = [], sources = [] } = point.view ?? {};
    const place = steps.find((step) => step.kind === "round-place");
    const source = readablePoints(device.profile).find(({ name }) => name === sources[0]);
    if (!source) throw new RangeError(`${device.id}/${point.name} has no source`);
    const staleAfterMs = staleAfter(device, source);
    const running = steps.flatMap((step) => runningStep(step, source, staleAfterMs));
    const aligned = steps.some(({ kind }) => kind === "aggregate" || kind === "round-time");
    const toReading = (sample: Sample): Reading => ({ device, point, name: point.name, ...sample });
    const pair = place && new Pair(place, point.unit === "lat" ? "lat" : "lon");
    return {
      take: (reading, now) => {
        const sample = sampleOf(reading, this.#clock, aligned);
        if (!sample || (aligned && now === undefined)) return [];
        const placed = pair ? pair.take(reading, sample) : sample;
        return placed ? run(running, [placed], now ?? 0).map(toReading) : [];
      },
      tick: (now) => tickAll(running, now).map(toReading),
    };
  }
}

function sampleOf(reading: Reading, clock: Clock, aligned: boolean): Sample | undefined {
  const { quality, value, detail, time } = reading;
  if (!aligned) return { quality, value, detail, time, through: [] };
  const ms = clock.toUnix(time);
  return ms === undefined ? undefined : { quality, value, detail, time: { base: "unix", ms }, through: [] };
}

function runningStep(step: PrivacyStep, source: Point, staleAfterMs: number): RunningStep[] {
  switch (step.kind) {
    case "aggregate":
      return [new WindowStep(step, source, staleAfterMs)];
    case "k-threshold":
      return [threshold(step)];
    case "round":
      return [roundValue(step)];
    case "round-time":
      return [roundTime(step)];
    case "round-place":
      return [];
  }
}

function run(steps: readonly RunningStep[], samples: readonly Sample[], now: number): readonly Sample[] {
  return steps.reduce((some, step) => some.flatMap((sample) => step.take(sample, now)), samples);
}

function tickAll(steps: readonly RunningStep[], now: number): readonly Sample[] {
  return steps.reduce<readonly Sample[]>(
    (some, step) => [...some.flatMap((sample) => step.take(sample, now)), ...step.tick(now)],
    [],
  );
}

/** Latitude and longitude make a cell together: one of each, then the next pair. */
class Pair {
  readonly #step: Extract<PrivacyStep, { kind: "round-place" }>;
  readonly #side: "lat" | "lon";
  #lat: number | undefined;
  #lon: number | undefined;

  constructor(step: Extract<PrivacyStep, { kind: "round-place" }>, side: "lat" | "lon") {
    this.#step = step;
    this.#side = side;
  }

  take({ point }: Reading, sample: Sample): Sample | undefined {
    const through = [...sample.through, this.#step];
    if (sample.quality !== "good" || typeof sample.value !== "number") {
      this.#lat = this.#lon = undefined;
      // Half a position is none, and each half says for itself that it is not good.
      return sample.quality !== "good" && isPlace(point)
        ? { ...sample, value: undefined, through }
        : undefined;
    }
    if (point.unit === "lat") this.#lat = sample.value;
    else this.#lon = sample.value;
    if (this.#lat === undefined || this.#lon === undefined) return undefined;
    const middle = middleOfCell(this.#lat, this.#lon, this.#step.metres);
    this.#lat = this.#lon = undefined;
    return { ...sample, value: middle[this.#side], through };
  }
}

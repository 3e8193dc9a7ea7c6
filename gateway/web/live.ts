import { batch, type Signal, signal } from "@preact/signals";
import { nextFrame, now } from "./browser.ts";
import { follow, type Stream } from "./events.ts";
import { Trail } from "./trail.ts";
import type { ReadingJson, StateJson } from "./types.ts";

// What the gateway tells of its own accord: one stream of readings and one of states for the whole page. What
// comes is put together and handed on once per picture that the browser draws, each point to whoever shows it.

/** A reading and when this browser got it. */
export interface Seen extends ReadingJson {
  readonly receivedAt: number;
  /** Of one that is not good: the last good value that this page saw. */
  readonly lastGood?: number | boolean | string;
}

export type LinkState = "connecting" | "live" | "lost";

export const link = signal<LinkState>("connecting");
/** Since when the readings are not live any more, unix ms. */
export const lostAt = signal<number | undefined>(undefined);
/** Readings that were left out because this browser was too slow. */
export const leftOut = signal(0);

const points = new Map<string, Signal<Seen | undefined>>();
const trails = new Map<string, Trail>();
const states = new Map<string, Signal<StateJson | undefined>>();
/** Grows when a device, connection or far side comes or goes. */
export const stateCount = signal(0);
/** Grows whenever any state changes. */
export const stateChanges = signal(0);

const keyOf = (device: string, point: string) => `${device} ${point}`;

function grown<T>(map: Map<string, Signal<T | undefined>>, key: string): Signal<T | undefined> {
  const there = map.get(key);
  if (there) return there;
  const made = signal<T | undefined>(undefined);
  map.set(key, made);
  return made;
}

/** The newest reading of a point, and whatever comes later. */
export const pointSignal = (device: string, point: string): Signal<Seen | undefined> =>
  grown(points, keyOf(device, point));

/** Numbers of the last two minutes; changes with the point's signal. */
export const trailOf = (device: string, point: string): Trail | undefined => trails.get(keyOf(device, point));

export const stateSignal = (kind: StateJson["kind"], id: string): Signal<StateJson | undefined> =>
  grown(states, `${kind} ${id}`);

/** How far the gateway's clock is ahead of this browser's, ms: ages are told by the gateway's. */
export const clockAhead = signal<number | undefined>(undefined);
/** As `clockAhead`, of milliseconds since its boot. */
let aheadOfBoot = Number.NEGATIVE_INFINITY;

export function setGatewayClock(iso: string | undefined): void {
  const ahead = iso === undefined ? undefined : Date.parse(iso) - now();
  const before = clockAhead.peek();
  // What differs by the time that an answer takes is no difference.
  if (ahead === undefined || before === undefined || Math.abs(ahead - before) > 500) clockAhead.value = ahead;
}

/** Ms since a reading was measured; undefined where nobody can know. */
export function ageOf(reading: { time?: string; bootMs?: number }, browserNow: number): number | undefined {
  if (reading.time !== undefined)
    return Math.max(0, browserNow + (clockAhead.value ?? 0) - Date.parse(reading.time));
  if (reading.bootMs !== undefined && Number.isFinite(aheadOfBoot))
    return Math.max(0, browserNow + aheadOfBoot - reading.bootMs);
  return undefined;
}

/** Ms since a moment that the gateway told in ISO 8601. */
export const sinceIso = (iso: string, browserNow: number): number =>
  Math.max(0, browserNow + (clockAhead.value ?? 0) - Date.parse(iso));

let waiting = new Map<string, Seen>();
let waitingStates: StateJson[] = [];
let asked = false;

function soon(): void {
  if (asked) return;
  asked = true;
  nextFrame(() => {
    asked = false;
    handOn();
  });
}

function handOn(): void {
  const readings = waiting;
  const changes = waitingStates;
  waiting = new Map();
  waitingStates = [];
  batch(() => {
    for (const [key, reading] of readings) {
      if (typeof reading.value === "number") {
        let trail = trails.get(key);
        if (!trail) {
          trail = new Trail();
          trails.set(key, trail);
        }
        trail.push(reading.receivedAt, reading.value);
      }
      const point = grown(points, key);
      const before = point.peek();
      const lastGood = before?.value ?? before?.lastGood;
      point.value =
        reading.value === undefined && lastGood !== undefined ? { ...reading, lastGood } : reading;
    }
    for (const change of changes) {
      const key = `${change.kind} ${change.id}`;
      const known = states.get(key)?.peek() !== undefined;
      const gone = change.state === "gone";
      if (known === gone) stateCount.value++;
      grown(states, key).value = gone ? undefined : change;
    }
    if (changes.length > 0) stateChanges.value++;
  });
}

function takeReadings(readings: readonly ReadingJson[]): void {
  const receivedAt = now();
  for (const reading of readings) {
    if (reading.bootMs !== undefined) aheadOfBoot = Math.max(aheadOfBoot, reading.bootMs - receivedAt);
    waiting.set(keyOf(reading.device, reading.point), { ...reading, receivedAt });
  }
  soon();
}

function takeStates(changes: readonly StateJson[]): void {
  waitingStates.push(...changes);
  soon();
}

/** Begins to follow; ends with what it gives back, and forgets what it saw. */
export function followGateway(): Stream {
  const down = () => {
    if (link.value === "lost") return;
    link.value = "lost";
    lostAt.value = now();
  };
  const readings = follow<readonly ReadingJson[]>("/v1/readings", {
    data: takeReadings,
    open: () => {
      link.value = "live";
      lostAt.value = undefined;
    },
    lost: (count) => {
      leftOut.value += count;
    },
    down,
  });
  const changes = follow<readonly StateJson[]>("/v1/states", { data: takeStates });
  return {
    close() {
      readings.close();
      changes.close();
      points.clear();
      trails.clear();
      states.clear();
      link.value = "connecting";
      lostAt.value = undefined;
    },
  };
}

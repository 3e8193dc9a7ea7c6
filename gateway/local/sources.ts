import type { Clock } from "../model/clock.ts";
import { type Cursor, Fan, type FanFilter, type FanItem } from "./fan.ts";
import { resultToJson } from "./json.ts";
import { changesOf, type StateChange, statesOf } from "./states.ts";
import type { LocalCommands, LocalSurface } from "./surface.ts";

type Told = readonly FanItem[] | { readonly lost: number };

/** What is told to many: taken from the gateway once, while somebody listens. */
export class Source {
  readonly fan: Fan;
  readonly #begin: (signal: AbortSignal) => AsyncIterable<Told>;
  readonly #failed: (error: unknown) => void;
  #running: AbortController | undefined;

  constructor(
    capacity: number,
    begin: (signal: AbortSignal) => AsyncIterable<Told>,
    failed: (error: unknown) => void,
  ) {
    this.fan = new Fan(capacity, () => {
      this.#running?.abort();
      this.#running = undefined;
    });
    this.#begin = begin;
    this.#failed = failed;
  }

  /** A new listener, of what comes from now on. Its stream ends when the gateway has no more to tell. */
  join(filter: FanFilter = {}): Cursor {
    const cursor = this.fan.join(filter);
    if (!this.#running) {
      this.#running = new AbortController();
      this.#run(this.#running.signal).catch(this.#failed);
    }
    return cursor;
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      for await (const told of this.#begin(signal)) {
        if (signal.aborted) return;
        if ("lost" in told) this.fan.lose(told.lost);
        else this.fan.publish(told);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      if (!signal.aborted) this.fan.end();
    }
  }
}

export interface Sources {
  readonly readings: Source;
  readonly states: Source;
  readonly results: Source;
}

/** Items that are kept for slow listeners: some hundred bytes each. */
const readingsKept = 2000;
const othersKept = 500;
/** Nobody tells of a change of the status, so somebody looks. */
const lookEveryMs = 1000;

export function openSources(
  surface: () => LocalSurface,
  clock: Clock,
  failed: (error: unknown) => void,
): Sources {
  return {
    readings: new Source(readingsKept, (signal) => readingsOf(surface(), signal), failed),
    states: new Source(othersKept, (signal) => changesTold(surface, clock, signal), failed),
    results: new Source(othersKept, (signal) => resultsOf(surface().commands, clock, signal), failed),
  };
}

async function* readingsOf(surface: LocalSurface, signal: AbortSignal): AsyncIterable<Told> {
  for await (const told of surface.readings({}, signal)) {
    if ("lost" in told) yield told;
    else
      yield told.map((reading) => ({
        text: JSON.stringify(reading),
        device: reading.device,
        point: reading.point,
      }));
  }
}

async function* resultsOf(
  commands: LocalCommands | undefined,
  clock: Clock,
  signal: AbortSignal,
): AsyncIterable<Told> {
  if (!commands) return;
  for await (const told of commands.results(signal)) {
    if ("lost" in told) yield told;
    else yield [{ text: JSON.stringify(resultToJson(told, clock)), device: told.device, point: told.point }];
  }
}

async function* changesTold(
  surface: () => LocalSurface,
  clock: Clock,
  signal: AbortSignal,
): AsyncIterable<Told> {
  let before = statesOf(surface().status());
  while (!signal.aborted) {
    await clock.sleep(lookEveryMs, signal);
    const now = statesOf(surface().status());
    const changes = changesOf(before, now);
    before = now;
    if (changes.length > 0) yield changes.map(itemOf);
  }
}

export function itemOf(change: StateChange): FanItem {
  return {
    text: JSON.stringify(change),
    ...(change.kind === "device" ? { device: change.id } : {}),
  };
}

import { Heap } from "./heap.ts";

/** One request to be repeated. */
export interface Task {
  /** Expected line time of one run, ms. */
  readonly costMs: number;
  /** Milliseconds from one run to the next; Infinity: once. */
  readonly periodMs: number;
}

interface Entry<T> {
  readonly task: T;
  costMs: number;
  releaseAt: number;
  deadline: number;
  /** Part of the period by which this task is shifted, so that tasks of one period do not come in a heap. */
  readonly phase: number;
  readonly order: number;
  /** Milliseconds between its runs: its period, or longer while it is put off. */
  everyMs: number;
  place: "waiting" | "ready" | "running" | "gone";
  /** Not run since it was added: its grid begins with the next run. */
  fresh: boolean;
}

/** A line planned beyond this is stretched: what is left covers commands, probes and repeats. */
export const fullest = 0.95;
/** `once` has no period: this is how long its turn may be put off by more urgent polls, ms. */
const oncePatienceMs = 10_000;
/** How fast a measured cost replaces the planned one. */
const smoothing = 0.2;
const goldenRatio = 0.618_033_988_749_895;

/**
 * Earliest deadline first over the tasks of one connection. Time is an argument; nothing here waits.
 *
 * Everything is read once as soon as possible; from then on every task keeps to a grid of its own
 * period with a phase of its own. A task that was held up leaves out what it missed instead of
 * catching up. When tasks need more than the line has, all periods are stretched by one factor, so
 * that everybody gets proportionally less and nobody nothing.
 */
export class Schedule<T extends Task> {
  readonly #entries = new Map<T, Entry<T>>();
  readonly #waiting = new Heap<Entry<T>>((entry) => entry.releaseAt);
  readonly #ready = new Heap<Entry<T>>((entry) => entry.deadline);
  readonly #capacity: number;
  readonly #spread: boolean;
  #load = 0;
  #count = 0;
  #missed = 0;

  /**
   * @param capacity transactions that may run at the same time
   * @param spread whether tasks of one period are spread over it, which keeps a slow line calm; else
   *   they come together, so that the machine wakes up once for all of them
   */
  constructor(capacity = 1, spread = true) {
    this.#capacity = capacity;
    this.#spread = spread;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Part of the line's time that the active tasks need: above 1 the line cannot carry them. */
  get utilisation(): number {
    return Math.max(0, this.#load) / this.#capacity;
  }

  /** The factor by which all periods are stretched now, at least 1. */
  get stretch(): number {
    return Math.max(1, this.utilisation / fullest);
  }

  /** Runs left out because the line was held up. */
  get missed(): number {
    return this.#missed;
  }

  /** Due at once. `first`: before everything that has been read already (start, reconnect). */
  add(task: T, now: number, first = true): void {
    if (this.#entries.has(task)) return;
    const order = this.#count++;
    const entry: Entry<T> = {
      task,
      costMs: task.costMs,
      releaseAt: now,
      deadline: now + (first ? 0 : patience(task)),
      phase: this.#spread ? (order * goldenRatio) % 1 : 0,
      order,
      everyMs: task.periodMs,
      place: "ready",
      fresh: true,
    };
    this.#entries.set(task, entry);
    this.#load += load(entry);
    this.#ready.push(entry);
  }

  remove(...tasks: readonly T[]): void {
    for (const task of tasks) {
      const entry = this.#entries.get(task);
      if (!entry) continue;
      this.#load -= load(entry);
      entry.place = "gone";
      this.#entries.delete(task);
    }
    this.#waiting.keep((entry) => entry.place === "waiting");
    this.#ready.keep((entry) => entry.place === "ready");
  }

  /** Takes the due task with the earliest deadline; give it back with `done`. */
  next(now: number): T | undefined {
    for (let entry = this.#waiting.peek(); entry && entry.releaseAt <= now; entry = this.#waiting.peek()) {
      this.#waiting.pop();
      entry.place = "ready";
      this.#ready.push(entry);
    }
    const entry = this.#ready.pop();
    if (!entry) return undefined;
    entry.place = "running";
    return entry.task;
  }

  /** When the next task becomes due, or undefined when none will. May lie in the past. */
  dueAt(): number | undefined {
    return this.#ready.peek()?.releaseAt ?? this.#waiting.peek()?.releaseAt;
  }

  /**
   * The task ran from `startedAt` to `now`. A `once` task is dropped when it was `answered`, else it
   * is tried again. Put off by `putOffMs`, its next run is the first of its own grid after that.
   */
  done(task: T, startedAt: number, now: number, answered = true, putOffMs = 0): void {
    const entry = this.#entries.get(task);
    if (entry?.place !== "running") return;
    if (!Number.isFinite(task.periodMs)) {
      if (answered) this.remove(task);
      else this.#wait(entry, now + Math.max(oncePatienceMs, putOffMs));
      return;
    }
    this.#load -= load(entry);
    entry.everyMs = Math.max(task.periodMs, putOffMs);
    // One stall is no new cost: a step up is at most a fifth, a lasting change gets there all the same.
    entry.costMs += smoothing * Math.min(now - startedAt - entry.costMs, entry.costMs);
    this.#load += load(entry);
    this.#next(entry, startedAt, now, putOffMs);
  }

  /** The task's turn passed without anything done: the next one comes, and nothing is learned from this one. */
  passed(task: T, now: number): void {
    const entry = this.#entries.get(task);
    if (entry?.place !== "running") return;
    if (Number.isFinite(task.periodMs)) this.#next(entry, now, now);
    else this.#wait(entry, now + oncePatienceMs);
  }

  #next(entry: Entry<T>, startedAt: number, now: number, putOffMs = 0): void {
    const period = entry.task.periodMs * this.stretch;
    // The first run came as soon as possible; the second is the next one on the task's own grid.
    const due = entry.fresh ? onGrid(startedAt, period, entry.phase * period) : entry.releaseAt + period;
    entry.fresh = false;
    const late = Math.max(0, Math.floor((now - due) / period));
    this.#missed += late;
    const next = due + late * period;
    const more = Math.max(0, Math.ceil((now + putOffMs - next) / period));
    this.#wait(entry, putOffMs > 0 ? next + more * period : next);
  }

  #wait(entry: Entry<T>, at: number): void {
    entry.releaseAt = at;
    entry.deadline = at + patience(entry.task) * this.stretch;
    entry.place = "waiting";
    this.#waiting.push(entry);
  }
}

function patience(task: Task): number {
  return Number.isFinite(task.periodMs) ? task.periodMs : oncePatienceMs;
}

function load(entry: Entry<Task>): number {
  return entry.costMs / entry.everyMs;
}

/** The first moment after `now` that is `phase` past a multiple of `period`. */
function onGrid(now: number, period: number, phase: number): number {
  return (Math.floor((now - phase) / period) + 1) * period + phase;
}

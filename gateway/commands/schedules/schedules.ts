import { createHash } from "node:crypto";
import type { Clock } from "../../model/clock.ts";
import type { Command, CommandCode, CommandOrigin, CommandResult } from "../../model/command.ts";
import { GatewayError } from "../../model/errors.ts";
import type { Log } from "../../model/log.ts";
import type { CommandDesk } from "../command-desk.ts";
import type { Calendar } from "./calendar.ts";
import { momentsOf, type Position } from "./moments.ts";
import {
  type Schedule,
  statesOf,
  type Target,
  type TargetProgress,
  type TargetState,
  type Timed,
  type Wanted,
  wantedOf,
} from "./targets.ts";

/** How one schedule stands, for people. Times are Unix ms. */
export interface ScheduleStatus {
  readonly name: string;
  /** Undefined while the time is not known, or when there is none within 400 days. */
  readonly next?: number | undefined;
  readonly last?: number | undefined;
  /** Per target: what became of it. */
  readonly targets: readonly {
    readonly device: string;
    readonly point: string;
    readonly state: TargetProgress;
    readonly code?: CommandCode | undefined;
  }[];
}

export interface SchedulesOptions {
  readonly schedules: readonly Schedule[];
  readonly calendar: Calendar;
  readonly position: Position | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly desk: Pick<CommandDesk, "submit" | "follow" | "results" | "holds">;
  /** Random id of this start of the daemon: a command of an earlier start is another one. */
  readonly run: string;
}

export interface Schedules extends AsyncDisposable {
  status(): readonly ScheduleStatus[];
}

const defaultExpiryMs = 60_000;
const firstRetryMs = 30_000;
const longestRetryMs = 15 * 60_000;
/** The wall clock may be set meanwhile: nothing sleeps longer. */
const longestSleepMs = 60_000;

/** What may go better the next time. */
const passing: ReadonlySet<CommandCode> = new Set([
  "no-answer",
  "link",
  "unavailable",
  "busy",
  "rate",
  "not-verified",
  "not-delivered",
  "interrupted",
  "interlock",
  "no-value",
  "internal",
]);

/**
 * Keeps points at the value of the schedule entry whose moment came last. It is a state, not an alarm
 * clock: after a power cut, an outage of the line, or the end of an operator's hold the value that holds
 * now is set. Nothing happens while the time is not known. Rejects with RangeError as `momentsOf` does.
 */
export async function openSchedules(options: SchedulesOptions): Promise<Schedules> {
  const timed = await Promise.all(
    options.schedules.map(
      async (one): Promise<Timed> => ({
        ...one,
        moments: await momentsOf(one.timing, options.calendar, options.position),
      }),
    ),
  );
  return new Runner(options, timed);
}

class Runner implements Schedules {
  readonly #options: SchedulesOptions;
  readonly #schedules: readonly Timed[];
  readonly #targets: readonly TargetState[];
  readonly #closing = new AbortController();
  readonly #working = new Set<Promise<void>>();
  readonly #trusted: Disposable;
  #timer: Disposable | undefined;
  /** Tells commands of one moment apart. */
  #next = 0;

  constructor(options: SchedulesOptions, schedules: readonly Timed[]) {
    this.#options = options;
    this.#schedules = schedules;
    this.#targets = statesOf(schedules);
    this.#follow(this.#listen());
    let first = true;
    this.#trusted = options.clock.whenTrusted(() => {
      if (first) this.#skipMissed();
      first = false;
      this.#look();
    });
  }

  status(): readonly ScheduleStatus[] {
    const { clock } = this.#options;
    return this.#schedules.map((schedule) => ({
      name: schedule.name,
      next: clock.trusted ? schedule.moments.next(clock.now()) : undefined,
      last: clock.trusted ? schedule.moments.last(clock.now()) : undefined,
      targets: this.#targets
        .filter(({ schedules }) => schedules.includes(schedule))
        .map(({ target: { device, point }, state, code, settled }) => ({
          device,
          point,
          state: settled && settled.schedule !== schedule ? ("waiting" as const) : state,
          code,
        })),
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#trusted[Symbol.dispose]();
    this.#timer?.[Symbol.dispose]();
    this.#closing.abort();
    await Promise.allSettled(this.#working);
  }

  /** Moments of before the start, of schedules that do not want them made good. */
  #skipMissed(): void {
    const now = this.#options.clock.now();
    for (const one of this.#targets) {
      const wanted = wantedOf(one.schedules, now);
      if (wanted?.schedule.missed === "skip") one.settled = wanted;
    }
  }

  /** Does what is due and sleeps until the next moment. */
  #look(): void {
    const { clock } = this.#options;
    if (this.#closing.signal.aborted || !clock.trusted) return;
    const now = clock.now();
    let next = now + longestSleepMs;
    for (const one of this.#targets) {
      this.#tend(one, now);
      if (one.notBefore > now) next = Math.min(next, one.notBefore);
      for (const { moments } of one.schedules) next = Math.min(next, moments.next(now) ?? next);
    }
    this.#timer?.[Symbol.dispose]();
    this.#timer = clock.timer(Math.max(1, next - now), () => this.#look());
  }

  #tend(one: TargetState, now: number): void {
    const wanted = wantedOf(one.schedules, now);
    if (!wanted || one.busy) return;
    if (one.overridden) {
      const until = this.#heldUntil(one.target);
      if (until !== undefined && until > now) {
        one.notBefore = until;
        return;
      }
      one.overridden = false;
      one.settled = undefined;
      one.notBefore = 0;
    }
    const settled = one.settled;
    if (settled && settled.schedule === wanted.schedule && settled.moment === wanted.moment) return;
    if (one.notBefore > now) return;
    one.busy = true;
    this.#follow(this.#carryOut(one, wanted));
  }

  /** Unix ms until which somebody stronger holds the point; Infinity: until it is released. */
  #heldUntil({ device, point }: Target): number | undefined {
    const hold = this.#options.desk
      .holds()
      .find((one) => one.device === device && one.point === point && one.priority !== "schedule");
    if (!hold || hold.priority === "automation") return undefined;
    return hold.until ?? Number.POSITIVE_INFINITY;
  }

  async #carryOut(one: TargetState, wanted: Wanted): Promise<void> {
    const { clock, log } = this.#options;
    const { device, point } = one.target;
    const { name, value } = wanted.schedule;
    one.state = "trying";
    let result: CommandResult | undefined;
    try {
      result = await this.#command(one, wanted);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      log.warn({ schedule: name, device, point, code: error.code }, `not commanded: ${error.message}`);
    }
    one.busy = false;
    one.code = result?.code;
    if (this.#closing.signal.aborted) return;
    if (result?.state === "succeeded") {
      one.settled = wanted;
      one.state = "applied";
      one.tries = 0;
      one.notBefore = 0;
    } else if (result?.code === "overridden") {
      one.state = "overridden";
      one.overridden = true;
    } else if (result?.state === "expired" || result?.code === undefined || passing.has(result.code)) {
      one.tries++;
      one.notBefore = clock.now() + Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(one.tries - 1, 10));
      if (one.tries === 1)
        log.warn(
          { schedule: name, device, point, code: result?.code ?? result?.state },
          "a schedule could not be carried out: it is tried again",
        );
    } else {
      one.settled = wanted;
      one.state = "given-up";
      log.error(
        { schedule: name, device, point, value: String(value), code: result.code, text: result.text },
        "a schedule cannot be carried out",
      );
    }
    this.#look();
  }

  /** The last word about one command, or undefined when the gateway stops before it. */
  async #command(one: TargetState, { schedule, moment }: Wanted): Promise<CommandResult | undefined> {
    const { desk, run } = this.#options;
    const { device, point, expiryMs } = one.target;
    const hash = createHash("sha256").update(`${schedule.name} ${device} ${point} ${run}`).digest("hex");
    const command: Command = {
      id: `schedule-${hash.slice(0, 16)}-${moment.toString(36)}-${this.#next++}`,
      device,
      point,
      action: "write",
      value: schedule.value,
      issuer: `schedule:${schedule.name}`,
      expiry: { inMs: Math.min(defaultExpiryMs, expiryMs) },
      priority: "schedule",
    };
    const origin: CommandOrigin = { kind: "schedule", schedule: schedule.name };
    let result = await desk.submit(command, origin);
    if (!result.last)
      for await (const next of desk.follow(command.id, this.#closing.signal, command.issuer)) result = next;
    return result.last ? result : undefined;
  }

  /** Hears of what others do with the points that it keeps. */
  async #listen(): Promise<void> {
    const { signal } = this.#closing;
    for await (const result of this.#options.desk.results(signal)) {
      if ("lost" in result) {
        for (const one of this.#targets) one.overridden ||= this.#heldUntil(one.target) !== undefined;
      } else {
        const { device, point, last, state, issuer } = result;
        if (!last || state !== "succeeded" || issuer.startsWith("schedule:")) continue;
        const one = this.#targets.find(({ target }) => target.device === device && target.point === point);
        if (!one) continue;
        // A weaker hand holds nothing: what it set stays until the next moment.
        if (this.#heldUntil(one.target) !== undefined) {
          one.overridden = true;
          one.state = "overridden";
        } else if (one.overridden) one.notBefore = 0;
      }
      this.#look();
    }
  }

  #follow(work: Promise<void>): void {
    const done: Promise<void> = work
      .catch((error: unknown) => {
        if (this.#closing.signal.aborted) return;
        this.#options.log.error({ error: String(error) }, "schedules broke: a bug");
      })
      .finally(() => this.#working.delete(done));
    this.#working.add(done);
  }
}

import type { Clock } from "../../model/clock.ts";
import type { Log } from "../../model/log.ts";
import { illness, type Pulse } from "./health.ts";
import { type Message, type Notify, openNotify } from "./notify.ts";

/** What is looked at while the gateway runs. */
export interface Watched {
  pulse(): Pulse;
  /** One line for people. */
  status(): string;
}

/** The daemon as the service manager (systemd) is told of it. Says nothing where there is none. */
export interface ServiceManager extends Disposable {
  /** The gateway runs. From now on status and watchdog follow by themselves. */
  ready(watched: Watched): void;
  /** While `reload` runs the service manager knows of it. */
  reloading<T>(reload: () => Promise<T>): Promise<T>;
  /** The end has begun: what follows is no failure. */
  stopping(): void;
}

export interface ServiceManagerOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly clock: Pick<Clock, "monotonic" | "timer">;
  readonly log: Log;
  readonly notify?: Notify | undefined;
}

/** Between two looks where no watchdog asks for them: the status line is for people. */
const statusEveryMs = 15_000;
/** A heart that was ill is looked at sooner: the watchdog's time runs. */
const againMs = 1000;

/**
 * sd_notify(3): READY, STATUS, RELOADING, STOPPING, and WATCHDOG while the daemon is healthy (`illness`).
 * A daemon that is not says why, once, and then waits to be ended and started anew.
 */
export function openServiceManager({
  env,
  pid,
  clock,
  log,
  notify = openNotify(env, pid, (error) =>
    log.warn({ error: String(error) }, "the service manager was not reached"),
  ),
}: ServiceManagerOptions): ServiceManager {
  const watchdogMs = watchdogOf(env, pid);
  const everyMs = watchdogMs === undefined ? statusEveryMs : watchdogMs / 2;
  let timer: Disposable | undefined;
  let said: string | undefined;
  let ill: string | undefined;
  let ended = false;

  const look = (watched: Watched, also: Message = {}) => {
    const reason = illness(watched.pulse());
    if (reason !== undefined && ill === undefined)
      log.error({ reason }, "the gateway is not healthy: the service manager is left to start it anew");
    if (reason === undefined && ill !== undefined) log.info({}, "the gateway is healthy again");
    ill = reason;
    const status = reason === undefined ? watched.status() : `not healthy: ${reason}`;
    const message: Message = {
      ...also,
      ...(reason === undefined && watchdogMs !== undefined ? { WATCHDOG: "1" } : {}),
      ...(status === said ? {} : { STATUS: status }),
    };
    said = status;
    if (Object.keys(message).length > 0) notify?.(message);
    const pause = reason === undefined ? everyMs : Math.min(againMs, everyMs);
    timer = clock.timer(Math.round(pause), () => look(watched));
  };

  return {
    ready(watched) {
      if (notify && !ended) look(watched, { READY: "1" });
    },
    async reloading(reload) {
      // Of CLOCK_MONOTONIC, which Type=notify-reload compares with its own.
      const since = String(Math.round(clock.monotonic() * 1000));
      notify?.({ RELOADING: "1", MONOTONIC_USEC: since });
      try {
        return await reload();
      } finally {
        if (!ended) notify?.({ READY: "1" });
      }
    },
    stopping() {
      if (ended) return;
      ended = true;
      timer?.[Symbol.dispose]();
      notify?.({ STOPPING: "1", STATUS: "the gateway stops" });
    },
    [Symbol.dispose]() {
      ended = true;
      timer?.[Symbol.dispose]();
    },
  };
}

/** Ms after which the service manager ends a daemon that says nothing: sd_watchdog_enabled(3). */
function watchdogOf(env: Readonly<Record<string, string | undefined>>, pid: number): number | undefined {
  const us = Number(env.WATCHDOG_USEC);
  if (!Number.isFinite(us) || us <= 0) return undefined;
  if (env.WATCHDOG_PID !== undefined && Number(env.WATCHDOG_PID) !== pid) return undefined;
  return us / 1000;
}

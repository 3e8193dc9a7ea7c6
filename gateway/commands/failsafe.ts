import type { Clock, Random } from "../model/clock.ts";
import type { Command, CommandResult } from "../model/command.ts";
import { GatewayError, StorageError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { Value } from "../model/value.ts";
import { targetOf } from "./checks.ts";
import type { CommandAudit } from "./command-audit.ts";
import { plain } from "./command-audit.ts";
import { pointKey, type Standing } from "./entry.ts";
import { put } from "./holds.ts";
import type { Lanes } from "./lanes.ts";
import { leastAge, momentOf } from "./moment.ts";
import { type OwnWriteOptions, writeOwn } from "./own-write.ts";

/** Whether the far sides are there. */
export interface Links {
  linkUp(northbound: string): boolean;
  /** Called after every change, until disposed. */
  onChange(callback: () => void): Disposable;
}

export interface FailsafeOptions extends OwnWriteOptions {
  readonly links: Links;
  northbounds(): readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly audit: CommandAudit;
  readonly lanes: Lanes;
  /** Submits as the failsafe and waits for the last word. Rejects with StorageError. */
  carry(command: Command): Promise<CommandResult>;
  readonly signal: AbortSignal;
}

const firstPauseMs = 5_000;
const longestPauseMs = 300_000;
const lifeMs = 60_000;

/**
 * Writes `failsafe.value` when the control link is lost: no far side was connected for `failsafe.after`
 * (since the last command, or since the start, if those are later), and the point stands as a far side
 * commanded it. What local users and schedules wrote stays theirs. Written once: a device that does not
 * take it is tried again, and after it took it only a new command makes it due anew.
 */
export class Failsafe implements Disposable {
  readonly #options: FailsafeOptions;
  readonly #timers = new Map<string, Disposable>();
  readonly #busy = new Set<string>();
  #subscription: Disposable | undefined;
  /** Monotonic ms since which no far side is there. */
  #lostSince: number | undefined;

  constructor(options: FailsafeOptions) {
    this.#options = options;
  }

  start(): void {
    this.#subscription = this.#options.links.onChange(() => this.refresh());
    this.refresh();
  }

  /** A link or a point has changed. */
  refresh(): void {
    const { links, northbounds, clock, ledger } = this.#options;
    const names = northbounds();
    const lost = names.length > 0 && !names.some((name) => links.linkUp(name));
    this.#lostSince = lost ? (this.#lostSince ?? clock.monotonic()) : undefined;
    for (const [key, standing] of ledger.standings) this.#plan(key, standing);
  }

  /** Tries until the device has taken the value, or somebody has commanded something else. */
  async write(standing: Standing, reason: string, stillDue: () => boolean): Promise<void> {
    const { clock, signal } = this.#options;
    const key = pointKey(standing);
    if (this.#busy.has(key)) return;
    this.#busy.add(key);
    try {
      for (
        let pause = firstPauseMs;
        !signal.aborted && stillDue();
        pause = Math.min(longestPauseMs, pause * 2)
      ) {
        if (await this.#attempt(standing, reason)) return;
        await clock.sleep(pause, signal).catch(() => {});
      }
    } finally {
      this.#busy.delete(key);
    }
  }

  [Symbol.dispose](): void {
    this.#subscription?.[Symbol.dispose]();
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
    this.#timers.clear();
  }

  #plan(key: string, standing: Standing): void {
    this.#timers.get(key)?.[Symbol.dispose]();
    this.#timers.delete(key);
    const { clock, field } = this.#options;
    const after = targetOf(standing, field)?.rule.failsafe?.afterMs;
    if (this.#lostSince === undefined || after === undefined || !isRemote(standing)) return;
    const commanded = clock.monotonic() - leastAge(standing.at, clock);
    const due =
      Math.max(this.#lostSince, standing.at.boot === clock.bootId ? commanded : this.#lostSince) + after;
    const fire = () => {
      const stillDue = () =>
        this.#lostSince !== undefined && this.#options.ledger.standings.get(key) === standing;
      void this.write(standing, "the control link is lost", stillDue);
    };
    this.#timers.set(key, clock.timer(Math.max(0, due - clock.monotonic()), fire));
  }

  /** Whether the device has the value. */
  async #attempt(standing: Standing, reason: string): Promise<boolean> {
    const { random, field, carry } = this.#options;
    const { device, point } = standing;
    const rule = targetOf(standing, field)?.rule;
    if (!rule?.failsafe) return false;
    const unique = Math.floor(random() * 2 ** 48)
      .toString(16)
      .padStart(12, "0");
    const command: Command = {
      id: `failsafe-${unique}`,
      device,
      point,
      action: "write",
      value: rule.failsafe.value,
      issuer: "gateway",
      expiry: { inMs: Math.min(lifeMs, rule.expiryMs ?? lifeMs) },
      priority: "safety",
      reason,
    };
    try {
      const last = await carry(command);
      return last.state === "succeeded";
    } catch (error) {
      if (error instanceof StorageError) return this.#despiteTheDisk(standing, rule.failsafe.value, reason);
      if (error instanceof GatewayError) return false;
      throw error;
    }
  }

  /** What nobody can write down is written to the device all the same: it is for safety. */
  #despiteTheDisk(standing: Standing, value: Value, reason: string): Promise<boolean> {
    const { lanes, field, ledger, clock, log, audit } = this.#options;
    const { device, point } = standing;
    const target = targetOf(standing, field);
    const done = Promise.withResolvers<boolean>();
    const job = async (signal: AbortSignal): Promise<void> => {
      try {
        if (!target) return;
        await writeOwn(this.#options, target, value, signal, true);
        put(ledger.standings, { ...standing, value, by: "failsafe", at: momentOf(clock), hold: undefined });
        audit.own("failsafe", {
          device,
          point,
          value: plain(value),
          reason,
          text: "the ledger's disk is dead",
        });
        done.resolve(true);
      } catch (error) {
        log.error({ device, point, error: String(error) }, "a failsafe value could not be written");
      } finally {
        done.resolve(false);
      }
    };
    if (!lanes.exclusive(pointKey(standing), job)) done.resolve(false);
    return done.promise;
  }
}

/** Whether the point stands as a far side commanded it. */
function isRemote({ by, released }: Standing): boolean {
  return by === "northbound" && !released;
}

import type { Clock } from "../model/clock.ts";
import type { Command, CommandOrigin, CommandResult } from "../model/command.ts";
import type { Value } from "../model/value.ts";
import type { Audit } from "./command-desk.ts";

/** Refusals that are written down per minute; a flood of them is counted. */
const perMinute = 60;

/** So many in a minute, evenly refilled. */
export class Allowance {
  readonly #clock: Clock;
  readonly #most: number;
  #left: number;
  #at: number;

  constructor(clock: Clock, most: number) {
    this.#clock = clock;
    this.#most = most;
    this.#left = most;
    this.#at = clock.monotonic();
  }

  take(): boolean {
    const now = this.#clock.monotonic();
    this.#left = Math.min(this.#most, this.#left + ((now - this.#at) / 60_000) * this.#most);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}

/** What the audit log hears of commands: acceptance, last word, refusal. Never waits for it. */
export class CommandAudit {
  readonly #audit: Audit;
  readonly #refusals: Allowance;
  #suppressed = 0;

  constructor(audit: Audit, clock: Clock) {
    this.#audit = audit;
    this.#refusals = new Allowance(clock, perMinute);
  }

  /** `refused`: nothing was taken; whoever was refused may be anybody, and come often. */
  command(command: Command, origin: CommandOrigin, result: CommandResult, refused = false): void {
    const { id, device, point, action, priority, reason, confirms } = command;
    const detail = {
      id,
      device,
      point,
      action,
      confirms,
      priority,
      reason,
      asked: plain(command.value),
      by: originWords(origin),
      state: result.state,
      stage: result.stage,
      code: result.code,
      text: result.text,
      value: plain(result.value),
      before: plain(result.before),
      verified: result.verified,
      unchanged: result.unchanged,
    };
    if (refused) this.#limited(command.issuer, detail);
    else this.#record(origin.kind === "failsafe" ? "failsafe" : "command", command.issuer, detail);
  }

  /** What the gateway does by itself. */
  own(what: string, detail: Readonly<Record<string, unknown>>): void {
    this.#record(what, "gateway", detail);
  }

  /** A message that was no command. */
  malformed(northbound: string, detail: Readonly<Record<string, unknown>>): void {
    this.#limited(northbound, { ...detail, by: `northbound ${northbound}` });
  }

  #limited(who: string, detail: Readonly<Record<string, unknown>>): void {
    if (!this.#refusals.take()) {
      this.#suppressed++;
      return;
    }
    const suppressed = this.#suppressed > 0 ? this.#suppressed : undefined;
    this.#suppressed = 0;
    this.#record("command", who, { ...detail, suppressed });
  }

  #record(what: string, who: string, detail: Readonly<Record<string, unknown>>): void {
    const said = Object.fromEntries(Object.entries(detail).filter(([, value]) => value !== undefined));
    void this.#audit.record({ what, who, detail: said });
  }
}

function originWords(origin: CommandOrigin): string {
  if (origin.kind === "northbound") return `northbound ${origin.northbound}`;
  if (origin.kind === "local") return `user ${origin.user}`;
  return origin.kind === "schedule" ? `schedule ${origin.schedule}` : "failsafe";
}

/** A value as plain JSON. */
export function plain(value: Value | undefined): unknown {
  if (typeof value === "bigint") return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}

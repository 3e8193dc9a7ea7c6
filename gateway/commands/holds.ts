import type { Clock } from "../model/clock.ts";
import {
  type Command,
  type CommandCode,
  type CommandOrigin,
  type Priority,
  priorities,
} from "../model/command.ts";
import type { Value } from "../model/value.ts";
import type { Hold } from "./command-desk.ts";
import { pointKey, type Standing } from "./entry.ts";
import type { LedgerRecord } from "./ledger-record.ts";
import { leastAge, momentOf } from "./moment.ts";
import type { CommandRules } from "./rules.ts";

/** Whether `a` may push `b` aside: it is as strong, or stronger. */
export function atLeast(a: Priority, b: Priority): boolean {
  return priorities.indexOf(a) <= priorities.indexOf(b);
}

/** Who holds a point now; undefined when nobody does. */
export function holdOf(standing: Standing | undefined, clock: Clock): Hold | undefined {
  if (!standing?.hold || standing.released) return undefined;
  const { device, point, value, hold, at } = standing;
  const { priority, issuer, time } = hold;
  if (time === "released") return { device, point, priority, issuer, value };
  const left = time - leastAge(at, clock);
  return left > 0 ? { device, point, priority, issuer, value, until: clock.now() + left } : undefined;
}

/**
 * What a point stands at after a write, and who holds it from now on. A failsafe holds nothing: when the
 * city is back, it is to be able to command.
 */
export function standingAfter(
  command: Command,
  origin: CommandOrigin,
  value: Value,
  rules: CommandRules,
  clock: Clock,
): Standing {
  const { device, point, issuer, priority } = command;
  const time = origin.kind === "failsafe" ? undefined : rules.hold[priority];
  return {
    device,
    point,
    value,
    by: origin.kind,
    at: momentOf(clock),
    hold: time === undefined ? undefined : { priority, issuer, time },
    released: false,
  };
}

const uncertain: ReadonlySet<CommandCode | undefined> = new Set<CommandCode>([
  "interrupted",
  "no-answer",
  "not-verified",
  "not-delivered",
  "link",
  "internal",
]);

/**
 * What a point stands at when a far side's write failed after it had begun: nobody knows what the device
 * has, so that a lost link must bring the failsafe value all the same. Undefined where that changes nothing.
 */
export function standingAfterFailure(
  { device, point, value }: Command,
  origin: CommandOrigin,
  code: CommandCode | undefined,
  known: Standing | undefined,
  clock: Clock,
): Standing | undefined {
  if (origin.kind !== "northbound" || value === undefined || !uncertain.has(code)) return undefined;
  const base = known?.released === false ? known : { device, point, value, uncertain: true };
  return { ...base, by: "northbound", at: momentOf(clock), released: false };
}

/** The standings of the ledger, as changed by a write or a release. Returns what must be saved. */
export function put(standings: Map<string, Standing>, standing: Standing): LedgerRecord {
  standings.set(pointKey(standing), standing);
  return { type: "standing", standing };
}

import { largestValue, type PlannedCommand } from "./history-plan.ts";
import type { Field } from "./history-units.ts";

// What must be true of commands, whatever happens: judged by what the units were written and what the
// platform was told.

/** What happened to one id on its way in. */
export interface CommandFate {
  readonly command: PlannedCommand;
  /** True time when it was sent first. */
  readonly sentAt: number;
  /** True times when a gateway was given it. */
  readonly given: number[];
  acknowledged: boolean;
}

/** Codes of a command that may have been begun (docs/telemetry.md); all others say that nothing was written. */
const begun = ["interrupted", "refused-by-device", "no-answer", "not-verified", "link", "internal"];
/** From the last look at the time to the byte on the wire, ms. */
const slackMs = 2500;
/** All tries of one write lie within this, ms. */
const writeMs = 12_000;

export function judgeCommands(
  fates: Iterable<CommandFate>,
  results: ReadonlyMap<string, readonly ReadonlyMap<string, unknown>[]>,
  field: Field,
  violate: (what: string) => void,
): void {
  for (const { command, sentAt, given, acknowledged } of fates) {
    const { id, device, point, value, inMs, untilMs } = command;
    const heard = results.get(id) ?? [];
    const lasts = heard.filter((result) => result.get("last") === true);
    const words = new Set(lasts.map((result) => `${result.get("state")} ${result.get("code") ?? ""}`));
    if (words.size > 1) violate(`${id} has ${words.size} last words: ${[...words].join(", ")}`);
    if (acknowledged && lasts.length === 0) violate(`${id} was acknowledged and never got a last word`);
    if (heard.length > 0 && lasts.length === 0) violate(`${id} was answered and never got a last word`);

    const writes = field.writes.filter(
      (write) => write.device === device && write.point === point && write.value === value,
    );
    const [first] = writes;
    const last = lasts[0];
    if (last?.get("state") === "succeeded" && last.get("unchanged") !== true && !first)
      violate(`${id} is said to have succeeded, and nothing was written`);
    if (!first) continue;
    const tries = point === "level" ? 1 : 3;
    if (writes.length > tries) violate(`${id} was executed again: written ${writes.length} times`);
    if (new Set(writes.map(({ run }) => run)).size > 1) violate(`${id} was executed again by another run`);
    if (writes.at(-1)!.at - first.at > writeMs) violate(`${id} was executed again later`);
    if (value > largestValue) violate(`${id} is out of range, and was written`);
    const mayBeBegun = last?.get("state") === "succeeded" || begun.includes(String(last?.get("code")));
    if (last && !mayBeBegun) violate(`${id} is said not to have been begun (${[...words]}), and was written`);
    for (const { at, wall, trusted } of writes) {
      const receipt = Math.max(...given.filter((moment) => moment <= at));
      if (inMs !== undefined && at > receipt + inMs + slackMs)
        violate(`${id} was written ${at - receipt - inMs} ms after its time`);
      if (untilMs !== undefined && !trusted) violate(`${id} was written by a clock that is not trusted`);
      // A clock that was put back can believe that it is not too late.
      if (untilMs !== undefined && Math.min(wall, at) > sentAt + untilMs + slackMs)
        violate(`${id} was written after its time`);
    }
    if (command.retained && given.length === 1) violate(`${id} was retained, and was written`);
  }
}

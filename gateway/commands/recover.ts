import type { Clock } from "../model/clock.ts";
import { isLast } from "../model/command.ts";
import type { Book } from "./book.ts";
import { type Entry, pointKey, present, type Standing } from "./entry.ts";
import { put, standingAfterFailure } from "./holds.ts";
import type { Ledger } from "./ledger.ts";
import { leastAge } from "./moment.ts";
import type { Rates } from "./wear.ts";

/** The longest time that a rate counts. */
const dayMs = 86_400_000;

/**
 * After a restart: what was accepted and has no last word gets `interrupted`, and is never written again.
 * Budgets, holds and results stand in the ledger; rates are counted from it. Rejects with StorageError.
 */
export async function recover(ledger: Ledger, book: Book, rates: Rates, clock: Clock): Promise<void> {
  const open: Entry[] = [];
  for (const entry of ledger.entries.values()) {
    const { command, origin, refused, received } = entry;
    const counted = command.action === "write" && !refused && origin.kind !== "failsafe";
    if (counted && leastAge(received, clock) < dayMs) rates.note(command, received);
    if (!isLast(present(entry).state)) open.push(entry);
  }
  await Promise.all(
    open.map((entry) => {
      const beside = () => {
        const standing = mayBeBegun(entry, ledger) ? standingOf(entry, ledger, clock) : undefined;
        return standing ? [put(ledger.standings, standing)] : [];
      };
      const said = { state: "failed", code: "interrupted", text: textFor(entry) } as const;
      return book.finish(entry, said, { patient: false, beside });
    }),
  );
}

/** What waits for its confirmation has not begun, unless it was confirmed right before the end. */
function mayBeBegun({ command, states }: Entry, ledger: Ledger): boolean {
  if (states.at(-1)?.stage !== "armed") return true;
  return [...ledger.entries.values()].some(
    (one) =>
      !one.refused && one.command.confirms === command.id && pointKey(one.command) === pointKey(command),
  );
}

function standingOf({ command, origin }: Entry, { standings }: Ledger, clock: Clock): Standing | undefined {
  return standingAfterFailure(command, origin, "interrupted", standings.get(pointKey(command)), clock);
}

function textFor(entry: Entry): string {
  const stages = entry.states.map(({ stage }) => stage);
  if (stages.includes("queued") || stages.includes("sent"))
    return "the gateway stopped while it waited at the network server, which may still deliver it";
  if (stages.includes("armed")) return "the gateway stopped while it waited for its confirmation";
  return "the gateway stopped while it was on its way: nobody knows whether it was carried out";
}

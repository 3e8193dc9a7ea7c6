import type { Clock } from "../model/clock.ts";
import { isLast } from "../model/command.ts";
import type { Book } from "./book.ts";
import { type Entry, present } from "./entry.ts";
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
    open.map((entry) =>
      book.finish(entry, { state: "failed", code: "interrupted", text: textFor(entry) }, { patient: false }),
    ),
  );
}

function textFor(entry: Entry): string {
  const stages = entry.states.map(({ stage }) => stage);
  if (stages.includes("queued") || stages.includes("sent"))
    return "the gateway stopped while it waited at the network server, which may still deliver it";
  if (stages.includes("armed")) return "the gateway stopped while it waited for its confirmation";
  return "the gateway stopped while it was on its way: nobody knows whether it was carried out";
}

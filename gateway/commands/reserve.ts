import type { Command } from "../model/command.ts";
import { writtenPoint } from "../model/write.ts";
import { targetOf } from "./checks.ts";
import type { Field } from "./command-desk.ts";
import type { Reserved } from "./entry.ts";
import type { LedgerRecord } from "./ledger-record.ts";
import { foreseen, inputsOf, writesOf } from "./order.ts";
import type { Wear } from "./wear.ts";

export interface Reservation {
  readonly reserved: ReadonlyMap<string, Reserved>;
  /** To be saved with the command. */
  readonly records: readonly LedgerRecord[];
  /** The command was not taken after all. */
  giveBack(): void;
}

/**
 * Takes a command's physical writes from the budgets before it is begun, all retries that its read-back
 * may need among them as far as the budget bears them: what a power cut leaves open counts as written.
 */
export function reserve(command: Command, field: Field, wear: Wear): Reservation {
  const reserved = new Map<string, Reserved>();
  const records: LedgerRecord[] = [];
  const target = targetOf(command, field);
  if (target && command.value !== undefined) {
    const { device, point, rule } = target;
    const inputs = inputsOf(device, point, (one, name) => field.latest(one, name));
    const attempts = 1 + (rule.verify?.retries ?? 0);
    for (const [name, each] of writesOf(device, point, foreseen(device, point, command.value, inputs))) {
      const budget = writtenPoint(device.profile, name)?.write?.budget;
      const place = { device: device.id, point: name };
      const borne = budget ? Math.floor(wear.left(place, budget) / each) : attempts;
      const total = each * Math.max(1, Math.min(attempts, borne));
      reserved.set(name, { each, total });
      records.push(wear.count(place, total));
    }
  }
  const giveBack = () => {
    for (const [point, { total }] of reserved) wear.count({ device: command.device, point }, -total);
  };
  return { reserved, records, giveBack };
}

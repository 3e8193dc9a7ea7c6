import type { Device, Point } from "../model/device.ts";
import { RefusedError, StorageError } from "../model/errors.ts";
import type { Value } from "../model/value.ts";
import { isRefused, prepareWrite, writtenPoint } from "../model/write.ts";
import type { WriteOutcome } from "../southbound/write-order.ts";
import type { Field } from "./command-desk.ts";
import type { Ledger } from "./ledger.ts";
import { foreseen, inputsOf, pointsNeeded, writesOf } from "./order.ts";
import type { Wear } from "./wear.ts";

export interface OwnWriteOptions {
  readonly field: Field;
  readonly ledger: Ledger;
  readonly wear: Wear;
}

/**
 * A write that nobody commanded: a keepalive, the last value after a restart, a failsafe while the disk
 * is dead (`despite`: budgets and the disk do not stop it; it is counted in memory). One attempt, not
 * read back. Counted in the budgets before it is begun. Rejects with RefusedError (`budget` too),
 * StorageError, and as the field does.
 */
export async function writeOwn(
  { field, ledger, wear }: OwnWriteOptions,
  { device, point }: { readonly device: Device; readonly point: Point },
  value: Value,
  signal: AbortSignal,
  despite = false,
): Promise<WriteOutcome> {
  const inputs = inputsOf(device, point, (one, name) => field.latest(one, name));
  const writes = writesOf(device, point, foreseen(device, point, value, inputs));
  for (const [name, each] of writes) {
    const budget = writtenPoint(device.profile, name)?.write?.budget;
    if (budget && !despite && wear.left({ device: device.id, point: name }, budget) < each)
      throw new RefusedError(`the memory of "${name}" bears no more writes`, { code: "budget" });
  }
  const records = Array.from(writes, ([name, each]) => wear.count({ device: device.id, point: name }, each));
  try {
    if (records.length > 0) await ledger.save(records);
  } catch (error) {
    if (!despite || !(error instanceof StorageError)) throw error;
  }
  return field.write(
    device.id,
    {
      point: point.name,
      needs: pointsNeeded(device, point),
      onlyIfDifferent: false,
      prepare: (fresh) => {
        const prepared = prepareWrite(device.profile, point, value, fresh);
        return isRefused(prepared) ? prepared : { ...prepared, verify: undefined };
      },
    },
    signal,
  );
}

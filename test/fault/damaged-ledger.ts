import { decodeLedgerRecord } from "../../gateway/commands/ledger-record.ts";
import { headerBytes, readHeader, recordOverhead, scanRecords } from "../../gateway/store/journal-format.ts";
import {
  contentsOf,
  type Damage,
  damageFiles,
  isIntact,
  isKept,
  isSomewhere,
  type Outcome,
} from "./damage.ts";
import { Bench } from "./desk-harness.ts";
import { seeded } from "./random.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

const file = "commands.journal";
const commands = 80;

interface Healthy {
  readonly disk: SimulatedDisk;
  /** Where each command's records lie. */
  readonly places: ReadonlyMap<string, readonly { readonly from: number; readonly to: number }[]>;
}

/** A ledger of commands that were carried out, and beside it a file that is none. */
export async function healthyLedger(): Promise<Healthy> {
  const disk = new SimulatedDisk({ random: seeded(1) });
  const bench = await new Bench({ disk }).open();
  for (let number = 0; number < commands; number++)
    await bench.done(
      { id: `id-${number}`, point: ["safe", "last", "home"][number % 3]!, value: number },
      1000,
    );
  await bench.desk[Symbol.asyncDispose]();
  const bytes = Buffer.from(disk.contents(file));
  const salt = readHeader(bytes);
  if (typeof salt !== "number") throw new Error("a journal has a header");
  const places = new Map<string, { from: number; to: number }[]>();
  let from = headerBytes;
  for (const record of scanRecords(bytes, salt).records) {
    const to = from + recordOverhead + record.length;
    const decoded = decodeLedgerRecord(record);
    if (decoded?.type === "entry") {
      const { id } = decoded.entry.command;
      places.set(id, [...(places.get(id) ?? []), { from, to }]);
    }
    from = to;
  }
  disk.put("other", Buffer.alloc(10_000, "no journal"));
  return { disk, places };
}

export async function damagedLedger(healthy: Healthy, damage: Damage, seed: number): Promise<Outcome> {
  const random = seeded(seed);
  const disk = healthy.disk.copy({ random });
  const names = damage === "swapped files" ? [file, "other"] : [file];
  const damaged = damageFiles(disk, names, damage, random);
  const before = contentsOf(disk);
  const bench = await new Bench({ disk }).open();
  const known = new Set(bench.desk.list({ limit: 1e6 }).map(({ id }) => id));
  const up = (await bench.done({ id: "new", point: "level", value: 7 })).state === "succeeded";
  await bench.desk[Symbol.asyncDispose]();
  const swapped = damage === "swapped files";
  const intact = [...healthy.places]
    .filter(([, places]) => !swapped && places.some(({ from, to }) => isIntact(damaged, file, from, to)))
    .map(([id]) => id);
  return {
    up,
    kept: isKept(before, disk) || isTorn(before.get(file), disk),
    intact: intact.length,
    salvaged: intact.filter((id) => known.has(id)).length,
  };
}

/** A damaged end cannot be told from a torn one: what is before it goes on, and what was cut is kept by itself. */
function isTorn(before: Uint8Array | undefined, after: SimulatedDisk): boolean {
  const bytes = Buffer.from(before ?? []);
  const salt = readHeader(bytes);
  if (typeof salt !== "number") return false;
  const { end, rotten } = scanRecords(bytes, salt);
  return !rotten && (end === bytes.length || isSomewhere(bytes.subarray(end), after));
}

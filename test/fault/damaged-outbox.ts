import { silentLog } from "../../gateway/model/log.ts";
import { dumpOutbox } from "../../gateway/outbox/dump-outbox.ts";
import type { Outbox } from "../../gateway/outbox/outbox.ts";
import { openOutbox } from "../../gateway/outbox/segment-outbox.ts";
import { contentsOf, type Damage, damageFiles, isIntact, isKept, type Outcome } from "./damage.ts";
import { seeded } from "./random.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { VirtualClock } from "./virtual-clock.ts";

const groups = 120;

interface Healthy {
  readonly disk: SimulatedDisk;
  /** Where the packs lie that wait, by id. */
  readonly places: ReadonlyMap<number, { readonly name: string; readonly from: number; readonly to: number }>;
}

function open(disk: SimulatedDisk): Promise<Outbox> {
  return openOutbox(disk, {
    clock: new VirtualClock(),
    random: seeded(1),
    log: silentLog,
    limits: { maxBytes: 1e7, maxAge: Number.POSITIVE_INFINITY },
    liveFor: 60_000,
    segmentBytes: 16_384,
    ballastBytes: 64,
    onGap: () => {},
  });
}

async function append(outbox: Outbox, run: string, seq: number): Promise<"disk" | "memory" | "dropped"> {
  const bytes = new Uint8Array(60 + ((seq * 37) % 300)).fill(seq & 0xff);
  const time = { base: "unix", ms: 1_760_000_000_000 + seq } as const;
  return outbox.append(bytes, { lane: "live", audience: "open", run, seq, time, bootId: "b", readings: 3 });
}

async function waiting(outbox: Outbox): Promise<Set<number>> {
  const ids = new Set<number>();
  for (const lane of ["urgent", "live", "backlog"] as const)
    for (const { id } of await outbox.peek(lane, 1e6)) ids.add(id);
  return ids;
}

/** An outbox of several segments, some of it acknowledged. */
export async function healthyOutbox(): Promise<Healthy> {
  const disk = new SimulatedDisk({ random: seeded(1) });
  const outbox = await open(disk);
  let seq = 0;
  for (let group = 0; group < groups; group++) {
    await Promise.all(Array.from({ length: 1 + (group % 4) }, () => append(outbox, "run-1", ++seq)));
    if (group === groups / 3) await outbox.ack(await outbox.peek("live", 20));
  }
  const left = await waiting(outbox);
  await outbox[Symbol.asyncDispose]();
  const places = new Map<number, { name: string; from: number; to: number }>();
  for await (const { type, id = 0, file, offset, length } of dumpOutbox(disk))
    if (type === "pack" && left.has(id)) places.set(id, { name: file, from: offset, to: offset + length });
  return { disk, places };
}

export async function damagedOutbox(healthy: Healthy, damage: Damage, seed: number): Promise<Outcome> {
  const random = seeded(seed);
  const disk = healthy.disk.copy({ random });
  const segments = disk.names.filter((name) => name.startsWith("segment-"));
  const damaged = damageFiles(disk, segments, damage, random);
  const before = contentsOf(disk);
  const outbox = await open(disk);
  const found = await waiting(outbox);
  const up = (await append(outbox, "run-2", 1)) === "disk";
  // Closing lets the salvage end.
  await outbox[Symbol.asyncDispose]();
  const again = await open(disk);
  const later = await waiting(again);
  await again[Symbol.asyncDispose]();
  const intact = [...healthy.places].filter(([, { name, from, to }]) => isIntact(damaged, name, from, to));
  const salvaged = intact.filter(([id]) => found.has(id) && later.has(id));
  return { up, kept: isKept(before, disk), intact: intact.length, salvaged: salvaged.length };
}

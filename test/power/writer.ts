// A process that writes as the daemon does and says on its standard output what it has promised. It is killed, or the power is cut.
import { join } from "node:path";
import { openClock } from "../../gateway/store/clock.ts";
import type { Disk, DiskFile } from "../../gateway/store/disk.ts";
import { openFolderDisk } from "../../gateway/store/folder-disk.ts";
import { seeded } from "../fault/random.ts";
import { promiser, type WriterOrder } from "./promises.ts";
import { audiences, commandNumbered, keyOf, openStores, packOf } from "./work.ts";

const order: WriterOrder = JSON.parse(process.argv[2] ?? "");
const random = seeded(order.seed);
const promise = promiser(order);

/** A disk whose syncs do nothing. */
function careless(disk: Disk): Disk {
  const unsynced = (file: DiskFile): DiskFile => ({
    get size() {
      return file.size;
    },
    read: (position, length) => file.read(position, length),
    write: (position, bytes) => file.write(position, bytes),
    truncate: (length) => file.truncate(length),
    async sync() {},
    close: () => file.close(),
  });
  return {
    ...disk,
    create: async (name, reserve) => unsynced(await disk.create(name, reserve)),
    open: async (name) => unsynced(await disk.open(name)),
    async syncNames() {},
  };
}

using clock = openClock({ floor: 0, trust: "always" });
await using stores = await openStores({
  clock,
  openDisk: async (name) => {
    const disk = await openFolderDisk(join(order.folder, name));
    return order.flaw === "no-sync" ? careless(disk) : disk;
  },
  begins: (id) => promise({ kind: "begun", id }),
  tells: (id, words) => promise({ kind: "told", id, words }),
  audited: (line) => promise({ kind: "audited", line }),
  onGap: (gap) => {
    throw new Error(`nothing is to be given up here: ${JSON.stringify(gap)}`);
  },
});

const { outbox } = stores;
const seqs = new Map<string, number>();
let command = order.from;

async function append(): Promise<void> {
  const audience = audiences[Math.floor(random() * audiences.length)]!;
  const seq = (seqs.get(audience) ?? 0) + 1;
  seqs.set(audience, seq);
  const { head, bytes } = packOf(order.run, audience, seq);
  if ((await outbox.append(bytes, head)) === "disk") promise({ kind: "stored", key: keyOf(head) });
}

async function give(): Promise<void> {
  const one = commandNumbered(command++);
  await stores.give(one);
  promise({ kind: "accepted", id: one.id });
}

async function deliver(): Promise<void> {
  for (const lane of ["urgent", "live", "backlog"] as const) {
    const packs = (await outbox.peek(lane, 10 + Math.floor(random() * 60))).filter(() => random() < 0.9);
    for (const pack of packs) promise({ kind: "delivered", key: keyOf(pack) });
    await outbox.ack(packs);
  }
}

for (let round = 0; round < order.rounds; round++) {
  const work = Array.from({ length: 1 + Math.floor(random() * 3) }, append);
  if (random() < 0.25) work.push(give());
  if (random() < 0.04) work.push(deliver());
  await Promise.all(work);
}

const { refused } = stores.desk.status();
if (Object.keys(refused).length > 0) throw new Error(`commands were refused: ${JSON.stringify(refused)}`);

import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLog } from "../../gateway/model/log.ts";
import { openOutbox } from "../../gateway/outbox/segment-outbox.ts";
import { openClock } from "../../gateway/store/clock.ts";
import { openFolderDisk } from "../../gateway/store/folder-disk.ts";
import { type Bench, failed, type Row } from "./bench.ts";
import { type LoopDevice, openLoopDevice } from "./loop-device.ts";

const packsPerCommit = 100;
const packBytes = 200;

/** Bytes that reach a device per byte of payload, append and drain, and appends per second. */
export const outbox: Bench = {
  name: "outbox",
  title: `packs of ${packBytes} bytes, ${packsPerCommit} to a commit, appended and drained`,
  method:
    "1,000 commits (200 where quick) of 100 packs of 200 random bytes, each commit durable before the next and then acknowledged, in one run. Bytes written are those that the kernel counted on an ext4 file system of its own on a loop device, divided by the bytes of the packs; a plain file written once beside it shows that the counter can be believed. Needs root. Appends a second are on the disk of the repository.",
  goals: { "outbox.bytesWrittenPerPayloadByte": { atMost: 1.6 } },
  run: async ({ quick, folder }) => {
    const commits = quick ? 200 : 1000;
    const rows: Row[] = [];
    try {
      await using device = await openLoopDevice(folder, 256 << 20);
      rows.push(await control(device));
      const before = device.bytesWritten();
      await appendAndDrain(device.folder, commits);
      await device.sync();
      const payload = commits * packsPerCommit * packBytes;
      const value = (device.bytesWritten() - before) / payload;
      rows.push({ name: "outbox.bytesWrittenPerPayloadByte", value, unit: "" });
    } catch (error) {
      rows.push(failed("outbox.bytesWrittenPerPayloadByte", "", error));
    }
    const { packsPerSecond } = await appendAndDrain(folder, commits);
    rows.push({ name: "outbox.appendsPerSecond", value: packsPerSecond, unit: "1/s" });
    return rows;
  },
};

/** One plain file, written once: close to 1, or the counter cannot be believed. */
async function control(device: LoopDevice): Promise<Row> {
  const before = device.bytesWritten();
  const bytes = 8 << 20;
  writeFileSync(join(device.folder, "control"), randomBytes(bytes));
  await device.sync();
  const value = (device.bytesWritten() - before) / bytes;
  const name = "outbox.bytesWrittenPerPayloadByte.plainFile";
  return value < 0.99 || value > 1.1
    ? failed(name, "", `the control is ${value}`)
    : { name, value, unit: "" };
}

/** Commits one after the other, each drained while the next ones come, as with a broker that is there. */
async function appendAndDrain(folder: string, commits: number): Promise<{ readonly packsPerSecond: number }> {
  const clock = openClock({ floor: 0, trust: "always" });
  const directory = join(folder, "outbox");
  mkdirSync(directory);
  await using box = await openOutbox(await openFolderDisk(directory), {
    clock,
    random: Math.random,
    log: silentLog,
    limits: { maxBytes: 128 << 20, maxAge: 86_400_000 },
    liveFor: 60_000,
    onGap: (gap) => {
      throw new Error(`a pack was dropped: ${gap.reason}`);
    },
  });
  const packs = Array.from({ length: packsPerCommit }, () => randomBytes(packBytes));
  const start = performance.now();
  let seq = 0;
  for (let commit = 0; commit < commits; commit++) {
    const results = await Promise.all(
      packs.map((pack) =>
        box.append(pack, {
          lane: "live",
          audience: "street",
          run: "k7w2m9qd",
          seq: ++seq,
          time: clock.stamp(),
          bootId: clock.bootId,
          readings: 10,
        }),
      ),
    );
    const lost = results.find((result) => result !== "disk");
    if (lost) throw new Error(`a pack did not reach the disk: ${lost}`);
    await box.ack(await box.peek("live", packsPerCommit));
  }
  const seconds = (performance.now() - start) / 1000;
  if (box.status().packs !== 0) throw new Error(`${box.status().packs} packs are left`);
  return { packsPerSecond: seq / seconds };
}

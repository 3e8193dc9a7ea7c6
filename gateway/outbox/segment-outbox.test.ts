import { expect, it } from "vitest";
import { seeded } from "../../test/fault/random.ts";
import { SimulatedDisk } from "../../test/fault/simulated-disk.ts";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { silentLog } from "../model/log.ts";
import { encodeGroup, encodeHeader } from "./format.ts";
import { IdRanges } from "./id-ranges.ts";
import type { StoredPack } from "./outbox.ts";
import { openOutbox } from "./segment-outbox.ts";

// What test/fault and test/contract do not reach: files that no outbox of ours writes.

const segmentBytes = 2048;
const salt = 7;

function segment(...groups: readonly (readonly StoredPack[])[]): Uint8Array {
  const bytes = Buffer.alloc(segmentBytes);
  const header = encodeHeader({ number: 1, length: segmentBytes, salt });
  bytes.set(header, 0);
  let at = header.length;
  for (const [index, packs] of groups.entries()) {
    const state = { nextId: 1, segments: [], runs: [], marks: [] };
    const group = { salt, group: index + 1, durable: 0, packs, acks: new IdRanges() };
    const encoded = encodeGroup(index === 0 ? { ...group, state } : group).bytes;
    bytes.set(encoded, at);
    // A hole behind each: a torn write, from where on all is written again.
    at += encoded.length + 24;
  }
  return bytes;
}

it("does not write again and again what has the id of another pack", async () => {
  const pack = (audience: string): StoredPack => ({
    id: 1,
    lane: "live",
    audience,
    run: "run-1",
    seq: 1,
    time: { base: "unix", ms: 1_790_000_000_000 },
    bootId: "boot-1",
    readings: 1,
    bytes: Uint8Array.of(1, 2, 3),
  });
  let writes = 0;
  const disk = new SimulatedDisk({
    random: seeded(1),
    before: (operation) => {
      if (operation === "write" && ++writes > 100) throw new Error("it never ends");
    },
  });
  disk.put("segment-0000000001", segment([pack("open")], [pack("streets")]));
  const outbox = await openOutbox(disk, {
    clock: new VirtualClock(),
    random: seeded(2),
    log: silentLog,
    limits: { maxBytes: 1e6, maxAge: Number.POSITIVE_INFINITY },
    liveFor: 60_000,
    segmentBytes,
    ballastBytes: 0,
    onGap: () => {},
  });
  expect(await outbox.peek("backlog", 10)).toMatchObject([{ id: 1, audience: "open" }]);
  await outbox[Symbol.asyncDispose]();
  expect(writes).toBeLessThan(20);
});

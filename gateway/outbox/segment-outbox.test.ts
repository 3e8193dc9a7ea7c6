import { expect, it } from "vitest";
import { seeded } from "../../test/fault/random.ts";
import { SimulatedDisk } from "../../test/fault/simulated-disk.ts";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { silentLog } from "../model/log.ts";
import { encodeGroup, encodeHeader } from "./format.ts";
import { IdRanges } from "./id-ranges.ts";
import type { Gap, StoredPack } from "./outbox.ts";
import { type OutboxOptions, openOutbox } from "./segment-outbox.ts";

// What test/fault and test/contract do not reach: files that no outbox of ours writes, and gaps that are
// themselves in memory only.

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

/** An outbox with 1 and 2 on a disk that is now ill, and whose gaps travel in packs of its own, as in a gateway. */
async function ill() {
  const tell = Promise.withResolvers<void>();
  const state: { ill: string | undefined; tell: Promise<void> } = { ill: undefined, tell: tell.promise };
  const disk = new SimulatedDisk({
    random: seeded(3),
    // A full disk takes the acks once the ballast is gone.
    fail: (operation) => {
      if (state.ill === "disk-full" && !disk.names.includes("ballast")) return undefined;
      return operation === "write" || operation === "create" ? state.ill : undefined;
    },
  });
  const clock = new VirtualClock();
  const gaps: Gap[] = [];
  const options: OutboxOptions = {
    clock,
    random: seeded(4),
    log: silentLog,
    limits: { maxBytes: 1e6, maxAge: Number.POSITIVE_INFINITY },
    liveFor: 60_000,
    segmentBytes,
    ballastBytes: 64,
    onGap: async (gap) => {
      gaps.push(gap);
      await state.tell;
      await append(90 + gaps.length);
    },
  };
  const outbox = await openOutbox(disk, options);
  const append = (seq: number) => {
    const time = clock.stamp();
    const head = { lane: "live", audience: "open", run: "run-1", seq, time, bootId: "boot-1" } as const;
    return outbox.append(Uint8Array.of(seq), { ...head, readings: 1 });
  };
  for (const seq of [1, 2]) expect(await append(seq)).toBe("disk");
  /** Seqs that are there again when the process is killed now. */
  const left = async () => {
    const after = disk.copy({ random: seeded(5) });
    const opened = await openOutbox(after, { ...options, onGap: () => {} });
    const packs = await opened.peek("backlog", 100);
    await opened[Symbol.asyncDispose]();
    return packs.map(({ seq }) => seq);
  };
  return { state, clock, tell, outbox, append, left };
}

it("counts a pack given up from memory as volatile until its gap is safe", async () => {
  const { state, clock, tell, outbox, append, left } = await ill();
  state.ill = "disk-read-only";
  expect(await append(3)).toBe("memory");
  const dropping = outbox.drop((await outbox.peek("live", 3)).slice(2), "refused");
  expect(outbox.status()).toMatchObject({ packs: 2, volatile: 1 });
  expect(await left()).toEqual([1, 2]);
  tell.resolve();
  await dropping;
  // Now it is the gap's own pack that waits for the disk.
  expect(outbox.status()).toMatchObject({ packs: 3, volatile: 1 });
  state.ill = undefined;
  await clock.advance(5000);
  expect(outbox.status()).toMatchObject({ packs: 3, volatile: 0, disk: "ok" });
  expect(await left()).toEqual([1, 2, 91]);
});

it("does not give a refused pack up on a full disk while its gap is in memory only", async () => {
  const { state, clock, tell, outbox, append, left } = await ill();
  state.ill = "disk-full";
  expect(await append(3)).toBe("memory");
  tell.resolve();
  await outbox.drop(await outbox.peek("live", 1), "refused");
  await clock.advance(1500);
  expect(await left()).toEqual([1, 2]);
  // Then the pack that tells of it is refused too, and what tells of both is not made yet.
  const later = Promise.withResolvers<void>();
  state.tell = later.promise;
  const [second, third, teller] = await outbox.peek("live", 3);
  if (!second || !third || !teller) throw new Error("packs are missing");
  const dropping = outbox.drop([teller], "refused");
  await outbox.ack([second, third]);
  expect(outbox.status()).toMatchObject({ packs: 0, volatile: 1 });
  state.ill = undefined;
  await clock.advance(5000);
  expect(await left()).toEqual([1]);
  later.resolve();
  await dropping;
  await clock.advance(5000);
  expect(outbox.status()).toMatchObject({ packs: 1, volatile: 0, disk: "ok" });
  await outbox[Symbol.asyncDispose]();
  expect(await left()).toEqual([92]);
});

it("does not let a full disk keep what goes to make room", async () => {
  const { state, clock, tell, outbox, append, left } = await ill();
  state.ill = "disk-full";
  expect(await append(3)).toBe("memory");
  tell.resolve();
  await outbox.drop(await outbox.peek("live", 1), "expired");
  await clock.advance(1500);
  expect(await left()).toEqual([2]);
});

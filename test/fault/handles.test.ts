import { describe, expect, it } from "vitest";
import { openAuditLog } from "../../gateway/commands/audit-log.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { openOutbox } from "../../gateway/outbox/segment-outbox.ts";
import { readDocument, readText, replaceDocument } from "../../gateway/store/documents.ts";
import { openJournal } from "../../gateway/store/journal.ts";
import { bytesOf, head } from "../contract/outbox.contract.ts";
import { Bench } from "./desk-harness.ts";
import { seeded } from "./random.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { VirtualClock } from "./virtual-clock.ts";

// What cannot be opened is tried again for as long as the gateway runs: a file left open each time would end it.

const random = seeded(5);

async function outbox(disk: SimulatedDisk): Promise<void> {
  const clock = new VirtualClock();
  await using store = await openOutbox(disk, {
    clock,
    random,
    log: silentLog,
    limits: { maxBytes: 20_000, maxAge: Number.POSITIVE_INFINITY },
    liveFor: 60_000,
    segmentBytes: 4_096,
    ballastBytes: 256,
    cacheBytes: 0,
    onGap: () => {},
  });
  for (let seq = 1; seq <= 12; seq++) {
    const stored = store.append(bytesOf(400, seq), head(seq));
    await clock.advance(2_000);
    await stored;
    if (seq % 3 > 0) continue;
    const packs = await store.peek("live", 1e6).catch(() => []);
    void store.ack(packs.slice(0, 2)).catch(() => {});
  }
}

async function audit(disk: SimulatedDisk): Promise<void> {
  const clock = new VirtualClock();
  await using log = await openAuditLog({ disk, clock, log: silentLog, maxBytes: 16_384 });
  for (let line = 1; line <= 60; line++)
    await log.record({ what: "tested", who: "test", detail: { line, filler: "x".repeat(100) } });
  for await (const _line of log.query());
}

async function journal(disk: SimulatedDisk): Promise<void> {
  const { journal: opened } = await openJournal(disk, "journal", { random, maxBytes: 4_096 });
  await using store = opened;
  for (let record = 0; record < 10; record++) await store.append(bytesOf(50, record));
  await store.compact(() => [bytesOf(50, 1)]);
}

async function commands(disk: SimulatedDisk): Promise<void> {
  const bench = await new Bench({ disk }).open();
  await using _desk = bench.desk;
  await bench.receive({ id: `command-${disk.written}`, value: 1 });
  await bench.clock.advance(10_000);
}

async function documents(disk: SimulatedDisk): Promise<void> {
  await readDocument(disk, "document");
  await readText(disk, "document", 1000);
  await replaceDocument(disk, "document", { n: 1 });
}

/** Lives twice, so that the second one finds what the first one left; operation `at` fails, or all from it on. */
async function operationsUntil(
  store: (disk: SimulatedDisk) => Promise<void>,
  at: number,
  forGood: boolean,
): Promise<{ readonly operations: number; readonly left: readonly string[] }> {
  let operations = 0;
  const disk = new SimulatedDisk({
    random: seeded(at),
    fail: () => {
      operations++;
      return operations === at || (forGood && operations > at) ? "disk-io" : undefined;
    },
  });
  for (const _life of [1, 2]) await store(disk).catch(() => {});
  return { operations, left: [...disk.opened.values()] };
}

describe.each(Object.entries({ outbox, audit, journal, commands, documents }))("%s", (_name, store) => {
  it.each([false, true])("leaves no file open, whatever fails (for good: %s)", async (forGood) => {
    const { operations, left } = await operationsUntil(store, Number.POSITIVE_INFINITY, forGood);
    expect(left).toEqual([]);
    expect(operations).toBeGreaterThan(10);
    const leaks: string[] = [];
    for (let at = 1; at <= operations; at++) {
      const { left: open } = await operationsUntil(store, at, forGood);
      if (open.length > 0) leaks.push(`operation ${at}: ${open.join(", ")}`);
    }
    expect(leaks).toEqual([]);
  });
});

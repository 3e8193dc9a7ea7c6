import { describe, expect, it } from "vitest";
import { defaultRetention } from "../../gateway/commands/ledger.ts";
import { decodeLedgerRecord, encodeLedgerRecord } from "../../gateway/commands/ledger-record.ts";
import { Bench, commandOf } from "./desk-harness.ts";

const journalBytes = (bench: Bench) => bench.disk.contents("commands.journal").length;

describe("floods", () => {
  it.each([
    ["duplicates", () => ({ id: "first", value: 1 }), {}],
    ["other bodies under one id", (index: number) => ({ id: "first", value: (index % 99) + 2 }), {}],
    ["expired", () => ({ expiry: { at: 1_000_000 } }), {}],
    ["future-dated", () => ({ issuedAt: 1_990_000_000_000 }), {}],
    ["retained", () => ({}), { retained: true }],
    ["oversize", () => ({}), { oversize: true }],
    ["no commands", () => ({}), { body: new Uint8Array([0xff, 0x00]) }],
    ["no commands with ids", () => ({}), { body: new TextEncoder().encode("id:x") }],
    ["strangers", () => ({ issuer: "mallory" }), {}],
    ["wrong points", () => ({ point: "nothing" }), {}],
  ])("of %s write nothing, and are bounded on disk and in memory", async (_name, make, message) => {
    const bench = await new Bench().open();
    await bench.receive({ id: "first", value: 1 });
    await bench.run(1000);
    const before = journalBytes(bench);
    bench.link(false);
    for (let index = 0; index < 2000; index++) await bench.receive(make(index), message);
    await bench.run(1000);
    expect(bench.world.writes).toHaveLength(1);
    // A minute's allowance of kept refusals, and no more.
    expect(journalBytes(bench) - before).toBeLessThan(100_000);
    expect(bench.desk.list().length).toBeLessThanOrEqual(70);
    expect(bench.world.audit.length).toBeLessThanOrEqual(70);
    expect(bench.desk.status().unanswered).toBeLessThanOrEqual(2010);
    bench.link(true);
    await bench.run(120_000);
    expect(bench.desk.status().unanswered).toBe(0);
  });

  it("of refused commands push out only their like", async () => {
    const retention = { ...defaultRetention, count: 100, refused: 20 };
    const bench = await new Bench({ desk: { retention } }).open();
    await bench.receive({ id: "good", value: 1 });
    await bench.run(1000);
    for (let minute = 0; minute < 10; minute++) {
      for (let index = 0; index < 100; index++)
        await bench.receive({ id: `bad${minute}-${index}`, point: "nothing" });
      await bench.run(60_000);
    }
    const ids = bench.desk.list().map(({ id }) => id);
    expect(ids).toContain("good");
    expect(ids.length).toBeLessThanOrEqual(22);
    await bench.receive({ id: "good", value: 1 });
    await bench.run(1000);
    expect(bench.world.writes).toHaveLength(1);
  });

  it("of good commands are remembered until they can no longer be begun, and refused when that is too many", async () => {
    const retention = { ...defaultRetention, count: 100 };
    const bench = await new Bench({ desk: { retention } }).open();
    for (let index = 0; index < 150; index++) {
      await bench.receive({ id: `c${index}`, value: index % 100, expiry: { inMs: 86_400_000 } });
      await bench.run(500);
    }
    const writes = bench.world.writes.length;
    expect(bench.heard("c149")).toEqual(["failed: busy"]);
    expect(writes).toBe(110);
    for (let index = 0; index < 110; index++)
      await bench.receive({ id: `c${index}`, value: index % 100, expiry: { inMs: 86_400_000 } });
    await bench.run(500);
    expect(bench.world.writes).toHaveLength(writes);
    await bench.run(86_400_000);
    await bench.receive({ id: "fresh", value: 77 });
    await bench.run(500);
    expect(bench.heard("fresh").at(-1)).toBe("succeeded");
    expect(bench.desk.list().length).toBeLessThanOrEqual(100);
  });

  it("of answers that nobody takes keep last words, and count what is dropped", async () => {
    const retention = { ...defaultRetention, count: 50 };
    const bench = await new Bench({ desk: { retention } }).open();
    bench.link(false);
    for (let index = 0; index < 500; index++) {
      await bench.receive({ id: `y${index}`, value: index % 100, expiry: { inMs: 1000 } });
      await bench.run(2000);
    }
    expect(bench.desk.list().length).toBeLessThanOrEqual(55);
    expect(journalBytes(bench)).toBeLessThan(600_000);
    bench.link(true);
    await bench.run(300_000);
    expect(bench.heard("y499")).toEqual(["accepted", "executing", "succeeded"]);
    expect(bench.desk.status().unanswered).toBe(0);
  });
});

describe("records of the ledger", () => {
  it("come back as they were, values of all kinds included", () => {
    for (const value of [
      0,
      -1.5,
      2n ** 63n,
      true,
      "å",
      "",
      new Uint8Array([1, 2]),
      Number.NaN,
      Number.POSITIVE_INFINITY,
    ]) {
      const command = commandOf({ id: "a", value, issuedAt: 5, reason: "why" });
      const { id, device, point, issuer } = command;
      const entry = {
        key: "k",
        command,
        origin: {
          kind: "northbound" as const,
          northbound: "city",
          reply: { topic: "t", correlation: new Uint8Array([9]) },
        },
        received: { unix: 1, trusted: true, boot: "b", mono: 2 },
        lifeMs: 3,
        refused: false,
        states: [
          {
            id,
            device,
            point,
            issuer,
            state: "succeeded" as const,
            value,
            before: value,
            time: { base: "boot" as const, ms: 1 },
            last: true,
          },
        ],
        tellings: new Map([["city", { told: 1, reply: { correlation: new Uint8Array() } }]]),
      };
      const record = decodeLedgerRecord(encodeLedgerRecord({ type: "entry", entry }));
      expect(record).toEqual({ type: "entry", entry });
    }
  });

  it("are nothing when they are something else", () => {
    for (const text of ["", "{", "null", '{"type":"entry"}', '{"type":"other"}'])
      expect(decodeLedgerRecord(new TextEncoder().encode(text))).toBeUndefined();
  });
});

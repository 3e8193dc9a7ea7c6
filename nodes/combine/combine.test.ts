import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openLogicNode } from "../test/logic-node.ts";
import { Combination, type Term } from "./combination.ts";
import register from "./combine.ts";

const usual = {
  expression: "a + b * 2",
  terms: [
    { name: "a", topic: "roof/temp", type: "number", maxAge: "1m" },
    { name: "b", topic: "hall/temp", type: "number", maxAge: "" },
    { name: "door", topic: "hall/door", type: "boolean", maxAge: "" },
  ],
  unit: "Cel",
  topic: "house/feels",
  onChange: false,
  quality: "all",
};
const open = (fields: object = {}, outputs = 1) =>
  openLogicNode(register, "stadsnod-combine", { ...usual, ...fields }, { outputs });

function reading(clock: { now(): number }, topic: string, value: number | boolean | undefined) {
  const [device, point] = topic.split("/");
  const quality = value === undefined ? "comm-error" : "good";
  return {
    topic,
    payload: value,
    reading: { device, point, quality, time: new Date(clock.now()).toISOString() },
  };
}

describe("stadsnod-combine", () => {
  it("waits until it knows every point that it uses, and no other", async () => {
    await using node = await open();
    await node.give(reading(node.clock, "roof/temp", 1));
    expect(node.taken()).toEqual([]);
    await node.give(reading(node.clock, "hall/temp", 10));
    expect(node.taken()).toMatchObject([
      {
        topic: "house/feels",
        payload: 21,
        reading: { device: "house", point: "feels", value: 21, unit: "Cel", quality: "good" },
      },
    ]);
    expect(node.statuses.at(-1)).toMatchObject({ text: "status.waiting" });
    await node.advance(500);
    expect(node.statuses.at(-1)).toEqual({ fill: "green", shape: "dot", text: "21 Cel" });
  });

  it("is as old as its oldest part", async () => {
    await using node = await open();
    const first = new Date(node.clock.now()).toISOString();
    await node.give(reading(node.clock, "roof/temp", 1));
    await node.advance(30_000);
    await node.give(reading(node.clock, "hall/temp", 1));
    expect(node.taken()[0]?.reading.time).toBe(first);
  });

  it("tells a quality, once, while a point is not good", async () => {
    await using node = await open({ quality: "route" }, 2);
    await node.give(reading(node.clock, "roof/temp", 1), reading(node.clock, "hall/temp", 1));
    await node.give(reading(node.clock, "hall/temp", undefined), reading(node.clock, "roof/temp", 2));
    expect(node.payloads(0)).toEqual([3]);
    const missing = node.taken(1);
    expect(missing).toMatchObject([
      { reading: { quality: "comm-error", detail: "hall/temp is comm-error" } },
    ]);
    expect(missing[0]?.payload).toBeUndefined();
    await node.give(reading(node.clock, "hall/temp", 3));
    expect(node.payloads(0)).toEqual([8]);
  });

  it("goes stale by itself when a point falls silent", async () => {
    await using node = await open();
    await node.give(reading(node.clock, "roof/temp", 1), reading(node.clock, "hall/temp", 1));
    await node.advance(60_000);
    expect(node.payloads()).toEqual([3]);
    await node.advance(1);
    expect(node.taken()).toMatchObject([{ reading: { quality: "stale" } }]);
    await node.advance(3_600_000);
    expect(node.taken()).toEqual([]);
  });

  it("tells changes only when set to", async () => {
    await using node = await open({ onChange: true, expression: "a > 20 && !door" });
    await node.give(reading(node.clock, "hall/door", false));
    for (const value of [10, 15, 21, 22]) await node.give(reading(node.clock, "roof/temp", value));
    expect(node.payloads()).toEqual([false, true]);
  });

  it("has no value for a division by zero", async () => {
    await using node = await open({ expression: "a / b" });
    await node.give(reading(node.clock, "roof/temp", 1), reading(node.clock, "hall/temp", 0));
    expect(node.taken()).toMatchObject([
      { reading: { quality: "out-of-range", detail: "division by zero" } },
    ]);
  });

  it("refuses a value of another type, and keeps what it had", async () => {
    await using node = await open();
    await node.give(reading(node.clock, "roof/temp", 1), reading(node.clock, "hall/temp", 1));
    await node.give(reading(node.clock, "roof/temp", true));
    expect(node.payloads()).toEqual([3]);
    expect(node.errors).toEqual(['"a" is to be a number, and is a boolean']);
  });

  it.each([
    [{ expression: "a + c" }, 'unknown name "c"'],
    [{ expression: "a && b" }, "needs true or false"],
    [{ terms: [{ name: "a b", topic: "x/y", type: "number", maxAge: "" }] }, '"a b" is no name'],
    [{ terms: [usual.terms[0], usual.terms[0]] }, 'two points have the name "a"'],
  ])("says what is wrong: %o", async (fields, message) => {
    await using node = await open(fields);
    expect(node.errors[0]).toContain(message);
  });
});

describe("Combination", () => {
  it("never gives a value that rests on a reading that is bad or too old", () => {
    const terms: Term[] = ["a", "b", "c"].map((name) => ({
      name,
      topic: name,
      type: "number",
      maxAgeMs: 50,
    }));
    const steps = fc.array(
      fc.record({
        topic: fc.constantFrom("a", "b", "c", "d"),
        value: fc.option(fc.integer({ min: -9, max: 9 }), { nil: undefined, freq: 5 }),
        wait: fc.nat(30),
      }),
    );
    fc.assert(
      fc.property(steps, (all) => {
        const combination = new Combination("a + b * c", terms);
        const latest = new Map<string, { value: number | undefined; time: number }>();
        let now = 0;
        for (const { topic, value, wait } of all) {
          now += wait;
          const quality = value === undefined ? "stale" : "good";
          const rest = { unit: undefined, detail: undefined, reading: undefined };
          expect(combination.take({ topic, value, quality, time: now, ...rest })).toBe(topic !== "d");
          latest.set(topic, { value, time: now });
          const known = ["a", "b", "c"].map((name) => {
            const one = latest.get(name);
            return one && now - one.time <= 50 ? one.value : undefined;
          });
          const [a, b, c] = known;
          const wanted = a === undefined || b === undefined || c === undefined ? undefined : a + b * c;
          expect(combination.result(now).value).toBe(wanted === 0 ? 0 : wanted);
        }
      }),
    );
  });
});

import { describe, expect, it } from "vitest";
import { openLogicNode } from "../test/logic-node.ts";
import register from "./aggregate.ts";

const usual = {
  function: "mean",
  percent: "95",
  per: "h",
  window: "tumbling",
  length: "15m",
  aligned: true,
  timeZone: "",
  every: "",
  bridge: "5m",
  rollover: "",
  leastShare: "50",
  quality: "all",
};
const open = (fields: object = {}, outputs = 1) =>
  openLogicNode(register, "stadsnod-aggregate", { ...usual, ...fields }, { outputs });
const minute = 60_000;

function reading(clock: { now(): number }, value: number | undefined, point = "power") {
  const quality = value === undefined ? "comm-error" : "good";
  const time = new Date(clock.now()).toISOString();
  return {
    topic: `meter/${point}`,
    payload: value,
    reading: { device: "meter", point, quality, unit: "W", time, ...(value === undefined ? {} : { value }) },
  };
}

describe("stadsnod-aggregate", () => {
  it("tells a mean of every quarter of the clock, with window, share and count", async () => {
    await using node = await open();
    const start = Math.ceil(node.clock.now() / (15 * minute)) * 15 * minute;
    await node.advance(start - node.clock.now());
    for (let count = 0; count < 15; count++) {
      await node.give(reading(node.clock, count < 5 ? 100 : 400));
      await node.advance(minute);
    }
    expect(node.taken()).toEqual([]);
    await node.advance(1000);
    expect(node.taken()).toMatchObject([
      {
        topic: "meter/power",
        payload: 300,
        reading: { device: "meter", point: "power", value: 300, unit: "W", quality: "good" },
        aggregate: { function: "mean", from: new Date(start).toISOString(), share: 1, count: 15 },
      },
    ]);
    expect(node.statuses.at(-1)).toEqual({ fill: "green", shape: "dot", text: "300 W" });
  });

  it("gives no value when too little is known, and hands it to the second output when set to", async () => {
    await using node = await open({ quality: "route", aligned: false }, 2);
    await node.give(reading(node.clock, 100));
    await node.advance(15 * minute + 1000);
    expect(node.taken(0)).toEqual([]);
    const [told] = node.taken(1);
    expect(told).toMatchObject({
      reading: { quality: "stale", detail: "readings tell of 33 % of the time" },
    });
    expect(told?.payload).toBeUndefined();
    expect(node.statuses.at(-1)?.text).toBe("state.too-little");
  });

  it("makes energy of power, and waits for the reading after the end", async () => {
    await using node = await open({ function: "energy", aligned: false, length: "10m" });
    for (let count = 0; count <= 10; count++) {
      if (count > 0) await node.advance(minute);
      await node.give(reading(node.clock, 600));
    }
    expect(node.taken()).toMatchObject([{ payload: 100, reading: { unit: "Wh" }, aggregate: { share: 1 } }]);
  });

  it("takes the rollover of a counter from the reading", async () => {
    await using node = await open({ function: "increase", aligned: false, length: "1m" });
    const counted = (value: number) => {
      const told = reading(node.clock, value, "count");
      return { ...told, reading: { ...told.reading, unit: undefined, rollover: 1000 } };
    };
    await node.give(counted(990));
    await node.advance(minute);
    await node.give(counted(10));
    expect(node.payloads()).toEqual([20]);
  });

  it("keeps points apart", async () => {
    await using node = await open({ function: "max", window: "sliding", length: "1m", leastShare: "0" });
    await node.give(reading(node.clock, 5, "a"), reading(node.clock, 7, "b"), reading(node.clock, 6, "a"));
    expect(node.payloads()).toEqual([5, 7, 6]);
  });

  it("refuses the 501st point and what is no number", async () => {
    await using node = await open();
    for (let count = 0; count <= 500; count++) await node.give({ topic: `d/${count}`, payload: 1 });
    await node.give({ topic: "d/0", payload: "much" });
    expect(node.errors).toEqual([
      "more than 500 points at one node",
      'msg.payload must be a number, and is "much"',
    ]);
  });

  it.each([
    [{ length: "7m" }, "length: a window on the clock must divide a day"],
    [{ length: "" }, "length: at least 1s"],
    [{ function: "percentile", percent: "101" }, "percent: at most 100"],
    [{ leastShare: "120" }, "leastShare: at most 100 %"],
  ])("says which field is wrong: %o", async (fields, message) => {
    await using node = await open(fields);
    expect(node.errors[0]).toContain(message);
  });
});

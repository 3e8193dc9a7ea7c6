import { describe, expect, it } from "vitest";
import { openLogicNode, type Told } from "../test/logic-node.ts";
import register from "./threshold.ts";

const usual = {
  rule: "above",
  limit: "25",
  high: "",
  hysteresis: "2",
  debounce: "",
  minOn: "",
  minOff: "",
  maxAge: "",
  bad: "freeze",
  onPayload: "true",
  onPayloadType: "bool",
  offPayload: "false",
  offPayloadType: "bool",
};
const open = (fields: object = {}, outputs = 1) =>
  openLogicNode(register, "stadsnod-threshold", { ...usual, ...fields }, { outputs });

function reading(
  value: number | undefined,
  quality = value === undefined ? "comm-error" : "good",
  point = "temp",
): Told {
  const told = { device: "room-1", point, quality, unit: "Cel", ...(value === undefined ? {} : { value }) };
  return { topic: `room-1/${point}`, payload: value, reading: told };
}

describe("stadsnod-threshold", () => {
  it("sends a message at each change, with topic and reading of what made it", async () => {
    await using flow = await open();
    for (const value of [20, 24, 26, 24, 26, 23, 22]) await flow.give(reading(value));
    const told = flow.taken();
    expect(told.map(({ payload }) => payload)).toEqual([false, true, false]);
    expect(told[1]).toMatchObject({ topic: "room-1/temp", reading: { value: 26 } });
    expect(flow.statuses[0]).toEqual({ fill: "grey", shape: "ring", text: "20 Cel" });
  });

  it("takes any number in msg.payload, also as a text, and refuses the rest", async () => {
    await using flow = await open({
      onPayload: "80",
      onPayloadType: "num",
      offPayload: "",
      offPayloadType: "str",
    });
    await flow.give({ payload: "26.5" });
    await flow.give({ payload: { level: 3 } });
    await flow.give({ payload: "warm" });
    expect(flow.payloads()).toEqual([80]);
    expect(flow.errors).toEqual([
      "msg.payload must be a value, and is an object",
      'msg.payload must be a number, and is "warm"',
    ]);
  });

  it("waits for the debounce, and stays on for its least time", async () => {
    await using flow = await open({ debounce: "5s", minOn: "1m" });
    await flow.give(reading(30));
    await flow.advance(4999);
    expect(flow.taken()).toEqual([]);
    await flow.advance(1);
    expect(flow.payloads()).toEqual([true]);
    await flow.give(reading(10));
    await flow.advance(59_999);
    expect(flow.taken()).toEqual([]);
    await flow.advance(1);
    expect(flow.payloads()).toEqual([false]);
  });

  it("freezes on a bad reading: what was wanted before it does not count", async () => {
    await using flow = await open({ debounce: "5s" });
    await flow.give(reading(30));
    await flow.give(reading(undefined));
    await flow.advance(60_000);
    expect(flow.taken()).toEqual([]);
    expect(flow.statuses.at(-1)).toEqual({ fill: "yellow", shape: "ring", text: "quality.comm-error" });
  });

  it("releases on a bad reading when it is set to", async () => {
    await using flow = await open({ bad: "release", debounce: "10s" });
    await flow.give(reading(30));
    await flow.advance(10_000);
    await flow.give(reading(undefined));
    expect(flow.payloads()).toEqual([true, false]);
  });

  it("hands bad readings to the second output when it is set to", async () => {
    await using flow = await open({ bad: "second" }, 2);
    await flow.give(reading(30));
    await flow.give(reading(undefined, "sentinel"));
    expect(flow.payloads(0)).toEqual([true]);
    expect(flow.taken(1)).toMatchObject([{ topic: "room-1/temp", reading: { quality: "sentinel" } }]);
  });

  it("takes silence for a stale reading", async () => {
    await using flow = await open({ bad: "release", maxAge: "1m" });
    await flow.give(reading(30));
    await flow.advance(59_999);
    expect(flow.payloads()).toEqual([true]);
    await flow.advance(1);
    const [told] = flow.taken();
    expect(told).toMatchObject({ payload: false, reading: { quality: "stale" } });
    expect(told?.reading).not.toHaveProperty("value");
    await flow.advance(600_000);
    await flow.give(reading(30));
    expect(flow.payloads()).toEqual([true]);
  });

  it("does not show an old reading as good when the shortest time on ends after it", async () => {
    await using flow = await open({ bad: "release", maxAge: "1m", minOn: "5m" });
    await flow.give(reading(30));
    expect(flow.taken()).toMatchObject([{ payload: true, reading: { quality: "good" } }]);
    await flow.advance(60_000);
    expect(flow.taken()).toEqual([]);
    await flow.advance(240_000);
    const [told] = flow.taken();
    expect(told).toMatchObject({ payload: false, reading: { quality: "stale" } });
    expect(told?.reading).not.toHaveProperty("value");
  });

  it("refuses a second point: two would make one limit chatter", async () => {
    await using flow = await open();
    await flow.give(reading(30));
    await flow.give(reading(5, "good", "outside"));
    expect(flow.payloads()).toEqual([true]);
    expect(flow.errors[0]).toContain("room-1/outside needs one of its own");
  });

  it.each([
    [{ limit: "" }, "limit: not a number"],
    [{ rule: "inside", limit: "5", high: "4" }, "high: must be above"],
    [{ rule: "outside", limit: "0", high: "4", hysteresis: "2" }, "hysteresis: twice as much"],
    [{ debounce: "soon" }, "debounce: not a duration"],
  ])("says which field is wrong: %o", async (fields, message) => {
    await using flow = await open(fields);
    expect(flow.errors[0]).toContain(message);
    await flow.give(reading(30));
    expect(flow.taken()).toEqual([]);
  });

  it("leaves no timer behind", async () => {
    const flow = await open({ debounce: "5s", maxAge: "1m" });
    await flow.give(reading(30));
    await flow[Symbol.asyncDispose]();
    await flow.clock.advance(120_000);
    expect(flow.taken()).toEqual([]);
  });
});

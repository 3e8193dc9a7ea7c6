import { describe, expect, it } from "vitest";
import { bad, good, sampleDevice, samplePoint } from "../../test/telemetry/sample.ts";
import { LatestValues } from "./latest.ts";

const m1 = sampleDevice("m1");
const m2 = sampleDevice("m2");
const p = samplePoint("p");
const q = samplePoint("q");
const time = { base: "unix", ms: 0 } as const;

describe("LatestValues", () => {
  it("keeps the latest reading per device and name, also when it is not good", () => {
    const latest = new LatestValues();
    latest.update(good(m1, p, 1, time));
    latest.update(good(m2, p, 2, time));
    latest.update(bad(m1, p, "comm-error", time));
    expect(latest.get("m1", "p")).toMatchObject({ quality: "comm-error" });
    expect(latest.get("m1", "p")).not.toHaveProperty("value");
    expect(latest.list().map(({ device }) => device.id)).toEqual(["m1", "m2"]);
    expect(latest.list({ devices: ["m2"] })).toMatchObject([{ value: 2 }]);
    latest.forget("m2");
    expect(latest.get("m2", "p")).toBeUndefined();
  });

  it("never shows old bits beside a bit field that is not good, nor the other way round", () => {
    const latest = new LatestValues();
    const flags = samplePoint("flags", { bits: new Map([[0, "door"]]) });
    latest.update(good(m1, flags, true, time, "flags/door"));
    latest.update(bad(m1, flags, "stale", time));
    expect(latest.list().map(({ name, quality }) => [name, quality])).toEqual([["flags", "stale"]]);
    latest.update(good(m1, flags, false, time, "flags/door"));
    expect(latest.list().map(({ name, value }) => [name, value])).toEqual([["flags/door", false]]);
    expect(latest.list({ points: ["flags"] })).toHaveLength(1);
  });

  it("hands a subscriber what matches, in order", async () => {
    const latest = new LatestValues();
    const subscription = latest.subscribe({ devices: ["m1"], points: ["p"] });
    const batches = subscription[Symbol.asyncIterator]();
    const first = batches.next();
    for (const value of [1, 2]) latest.update(good(m1, p, value, time));
    latest.update(good(m1, q, 9, time));
    latest.update(good(m2, p, 9, time));
    const { value } = await first;
    expect(value).toMatchObject({ lost: 0, readings: [{ value: 1 }, { value: 2 }] });
  });

  it("lets a slow subscriber lose its oldest readings and tells it how many", async () => {
    const latest = new LatestValues();
    const batches = latest.subscribe({}, 3)[Symbol.asyncIterator]();
    for (let value = 1; value <= 8; value++) latest.update(good(m1, p, value, time));
    expect((await batches.next()).value).toMatchObject({
      lost: 5,
      readings: [{ value: 6 }, { value: 7 }, { value: 8 }],
    });
    latest.update(good(m1, p, 9, time));
    expect((await batches.next()).value).toMatchObject({ lost: 0, readings: [{ value: 9 }] });
  });

  it("ends a loop when closed, after what waits; leaving the loop unsubscribes", async () => {
    const latest = new LatestValues();
    const subscription = latest.subscribe();
    latest.update(good(m1, p, 1, time));
    subscription.close();
    latest.update(good(m1, p, 2, time));
    const seen: unknown[] = [];
    for await (const { readings } of subscription) seen.push(...readings.map(({ value }) => value));
    expect(seen).toEqual([1]);

    const other = latest.subscribe();
    latest.update(good(m1, p, 3, time));
    for await (const _ of other) break;
    expect(latest.subscribers).toBe(0);
  });

  it("wakes a subscriber that waits when it is closed", async () => {
    const latest = new LatestValues();
    const subscription = latest.subscribe();
    const waiting = subscription[Symbol.asyncIterator]().next();
    subscription.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fan } from "./fan.ts";
import { LogRing } from "./log-ring.ts";
import { changesOf, statesOf } from "./states.ts";
import type { GatewayStatus } from "./surface.ts";

const item = (n: number) => ({ text: String(n), device: `d${n % 3}`, point: `p/${n % 2}` });

describe("a fan", () => {
  it("gives every reader what comes in order, or says how much it missed, whatever the pace", async () => {
    const paces = fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 20 })), {
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 20 }), paces, async (capacity, steps) => {
        const fan = new Fan(capacity);
        const cursor = fan.join({});
        let published = 0;
        let seen = 0;
        const read = async (most: number) => {
          if (seen === published) return;
          const taken = await cursor.take(most);
          seen += taken!.lost;
          for (const { text } of taken!.items) expect(text).toBe(String(seen++));
        };
        for (const [count, most] of steps) {
          fan.publish(Array.from({ length: count }, () => item(published++)));
          expect(fan.size).toBeLessThanOrEqual(capacity);
          await read(most);
        }
        while (seen < published) await read(7);
        expect(seen).toBe(published);
      }),
    );
  });

  it("filters by device and point, a bit belonging to its point", async () => {
    const fan = new Fan(100);
    const one = fan.join({ device: "d0", point: "p" });
    const other = fan.join({ point: "p/1" });
    fan.publish(Array.from({ length: 6 }, (_, n) => item(n)));
    expect((await one.take(10))?.items.map(({ text }) => text)).toEqual(["0", "3"]);
    expect((await other.take(10))?.items.map(({ text }) => text)).toEqual(["1", "3", "5"]);
  });

  it("holds nothing for nobody, and tells when the last has left", async () => {
    let idle = 0;
    const fan = new Fan(10, () => idle++);
    fan.publish([item(1)]);
    expect(fan.size).toBe(0);
    const cursors = [fan.join({}), fan.join({})];
    fan.publish([item(1)]);
    const waiting = fan.join({}).take(1);
    fan.end();
    expect(await waiting).toBeUndefined();
    expect(await cursors[0]!.take(1)).toBeUndefined();
    expect([idle, fan.readers, fan.size]).toEqual([1, 0, 0]);
  });
});

describe("states", () => {
  const status = (devices: object[], connected: boolean): GatewayStatus =>
    ({
      devices,
      connections: [{ name: "roof", state: "open" }],
      northbound: [{ name: "city", connected }],
    }) as never;

  it("tell what changed, what is new and what is gone", () => {
    const before = statesOf(
      status(
        [
          { id: "a", state: "available" },
          { id: "b", state: "available" },
        ],
        true,
      ),
    );
    const now = statesOf(
      status(
        [
          { id: "a", state: "unavailable", problem: "timeout" },
          { id: "c", state: "unknown" },
        ],
        false,
      ),
    );
    expect(changesOf(before, before)).toEqual([]);
    expect(changesOf(before, now)).toEqual([
      { kind: "device", id: "a", state: "unavailable", problem: "timeout" },
      { kind: "device", id: "c", state: "unknown", problem: undefined },
      { kind: "northbound", id: "city", state: "away", problem: undefined },
      { kind: "device", id: "b", state: "gone" },
    ]);
  });
});

describe("the ring of log lines", () => {
  it("keeps the last ones, the oldest first, and no line of any length", () => {
    const ring = new LogRing(3);
    expect(ring.last(5)).toEqual([]);
    for (let n = 0; n < 10; n++) ring.push(`{"n":${n}}\n`);
    expect(ring.last(2)).toEqual(['{"n":8}', '{"n":9}']);
    expect(ring.last(100)).toEqual(['{"n":7}', '{"n":8}', '{"n":9}']);
    ring.push(`{"text":"${'"'.repeat(100_000)}"}`);
    const [cut = ""] = ring.last(1);
    expect(cut.length).toBeLessThan(5000);
    expect(JSON.parse(cut).msg).toContain("text");
  });
});

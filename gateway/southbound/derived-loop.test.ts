import { describe, expect, it } from "vitest";
import * as z from "zod";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { one, zero } from "../model/decimal.ts";
import type { Device, Point } from "../model/device.ts";
import { LinkError, TransientError, UnsupportedPointError } from "../model/errors.ts";
import { silentLog } from "../model/log.ts";
import type { Reading } from "../model/reading.ts";
import { openLoop } from "./loop.ts";
import type { Driver, Protocol, SouthboundContext } from "./protocol.ts";

// Points that follow from others, in the loop, on virtual time. One request per point; points of
// class `every 3 s` are not asked for but heard.

function point(name: string, rest: Partial<Point> = {}): Point {
  return {
    name,
    address: name,
    scale: one,
    offset: zero,
    kind: "gauge",
    unit: "W",
    pollClass: "fast",
    absent: [],
    personal: false,
    ...rest,
  };
}

const a = point("a");
const b = point("b");
const sf = point("sf", { pollClass: "once", hidden: true });
const scaled = point("scaled", { scaleSource: { point: "sf", as: "exponent" } });
const heard = point("heard", { pollClass: { everyMs: 3000 } });
const sum = point("sum", {
  address: undefined,
  formula: {
    text: "a + b",
    needs: ["a", "b"],
    evaluate: (inputs) => ({ value: Number(inputs.get("a")) + Number(inputs.get("b")) }),
  },
});
const twice = point("twice", {
  address: undefined,
  formula: {
    text: "heard * 2",
    needs: ["heard"],
    evaluate: (inputs) => ({ value: Number(inputs.get("heard")) * 2 }),
  },
});

const device: Device = {
  id: "m1",
  connection: "line",
  profile: {
    id: "acme/derived",
    version: "1.0.0",
    title: { en: "Derived" },
    manufacturer: "Acme",
    models: ["D"],
    category: "energy-meter",
    status: "draft",
    protocol: "fake",
    protocolSettings: {},
    points: [a, b, sf, scaled, heard],
    computed: [sum, twice],
    hash: "",
  },
  settings: {},
  urn: "urn:dev:ops:32473-stadsnod-m1:",
  audience: "open",
  audiences: new Map(),
  poll: { fast: 1000, normal: 10_000, slow: 60_000 },
};

class Line {
  readonly clock = new VirtualClock();
  readonly taken: Reading[] = [];
  readonly raw: Record<string, number> = { a: 1, b: 2, sf: -1, scaled: 2301 };
  readonly dead = new Set<string>();
  readonly refused = new Set<string>();
  readonly asked: string[] = [];
  context: SouthboundContext | undefined;

  readonly protocol: Protocol = {
    name: "fake",
    connection: z.unknown(),
    device: z.unknown(),
    head: z.unknown(),
    address: z.unknown(),
    given: z.unknown(),
    check: () => [],
    rawKind: () => "integer",
    plan: (_connection, _device, points) => ({
      requests: points
        .filter((one) => one !== heard)
        .map((one) => ({ points: [one], costMs: 5, label: String(one.address) })),
      heard: points.filter((one) => one === heard),
    }),
    learn: () => undefined,
    replay: () => Promise.reject(new Error("not here")),
    open: async (_connection, context) => {
      this.context = context;
      return {
        concurrency: 1,
        lost: new AbortController().signal,
        statistics: {},
        listen: () => {},
        read: async (_device, { points }) =>
          points.map((one) => {
            this.asked.push(one.name);
            if (this.dead.has(one.name)) throw new TransientError("no answer", { code: "timeout" });
            if (this.refused.has(one.name))
              throw new UnsupportedPointError("no such register", { code: "refused" });
            return { point: one, at: this.clock.stamp(), raw: this.raw[one.name]! };
          }),
        [Symbol.asyncDispose]: async () => {},
      } satisfies Driver;
    },
  };

  open() {
    return openLoop({
      connection: "line",
      protocol: this.protocol,
      settings: {},
      devices: [device],
      context: {
        clock: this.clock,
        random: () => 0.5,
        log: silentLog,
        connect: () => Promise.reject(new LinkError("no wire here", { code: "no-line" })),
        signal: new AbortController().signal,
      },
      sink: (_device, readings) => void this.taken.push(...readings),
      learnedStore: { load: () => ({}), save: () => {} },
    });
  }

  values(name: string): unknown[] {
    return this.taken
      .filter((reading) => reading.name === name)
      .map(({ quality, value }) => (quality === "good" ? value : quality));
  }
}

const shown = (readings: readonly Reading[]) =>
  Object.fromEntries(readings.map(({ name, value, quality }) => [name, value ?? quality]));

describe("points that follow from others", () => {
  it("come with every poll of their inputs; what is hidden never comes", async () => {
    const line = new Line();
    await using _ = await line.open();
    await line.clock.advance(100);
    expect(line.values("sum")).toEqual([3]);
    expect(line.values("scaled")).toEqual([230.1]);
    line.raw.a = 10;
    await line.clock.advance(1000);
    // One for each of the two requests.
    expect(new Set(line.values("sum"))).toEqual(new Set([3, 12]));
    expect(line.values("sum").at(-1)).toBe(12);
    expect(line.values("sf")).toEqual([]);
    expect(line.asked.filter((name) => name === "sf")).toHaveLength(1);
  });

  it("follow what is heard, thinned out as it is", async () => {
    const line = new Line();
    await using _ = await line.open();
    await line.clock.advance(10);
    for (let second = 0; second < 7; second++) {
      await line.context!.emit(device, [{ point: heard, at: line.clock.stamp(), raw: second }]);
      await line.clock.advance(1000);
    }
    expect(line.values("heard")).toEqual([0, 3, 6]);
    expect(line.values("twice")).toEqual([0, 6, 12]);
  });

  it("are what their inputs are when these are refused, not answered, or the device is gone", async () => {
    const line = new Line();
    line.refused.add("sf");
    await using _ = await line.open();
    await line.clock.advance(100);
    expect(line.values("scaled").at(-1)).toBe("config-error");
    line.dead.add("b");
    await line.clock.advance(20_000);
    expect(line.values("b").at(-1)).toBe("comm-error");
    expect(line.values("sum").at(-1)).toBe("comm-error");
    line.dead.delete("b");
    await line.clock.advance(200_000);
    expect(line.values("sum").at(-1)).toBe(3);
    for (const name of ["a", "b", "scaled"]) line.dead.add(name);
    const before = line.values("sum").length;
    await line.clock.advance(60_000);
    expect(line.values("sum").slice(before).at(-1)).toBe("comm-error");
  });

  it("are read on demand with their inputs, which are shown only when they are asked for", async () => {
    const line = new Line();
    await using loop = await line.open();
    await line.clock.advance(100);
    line.raw.a = 5;
    line.asked.length = 0;
    const reading = loop.readNow("m1", ["sum", "scaled"]);
    await line.clock.advance(100);
    expect(shown(await reading)).toEqual({ sum: 7, scaled: 230.1 });
    expect(new Set(line.asked)).toEqual(new Set(["a", "b", "sf", "scaled"]));
    const hidden = loop.readNow("m1", ["sf"]);
    await line.clock.advance(100);
    expect(shown(await hidden)).toEqual({ sf: -1 });
    const all = loop.readNow("m1");
    await line.clock.advance(100);
    await line.context!.emit(device, [{ point: heard, at: line.clock.stamp(), raw: 4 }]);
    await line.clock.advance(100);
    expect(shown(await all)).toEqual({ a: 5, b: 2, scaled: 230.1, heard: 4, sum: 7, twice: 8 });
    line.dead.add("b");
    const broken = loop.readNow("m1", ["sum"]);
    await line.clock.advance(1000);
    expect(shown(await broken)).toEqual({ sum: "comm-error" });
  });
});

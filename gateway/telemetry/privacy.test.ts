import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { bad, good, sampleDevice, samplePoint, sampleUnitOf } from "../../test/telemetry/sample.ts";
import { decodePack } from "../codec/senml.ts";
import type { Device, Point } from "../model/device.ts";
import type { Log } from "../model/log.ts";
import { silentLog } from "../model/log.ts";
import { isPersonal, type PrivacyStep, sufficient, sufficientSteps } from "../model/privacy.ts";
import type { Reading } from "../model/reading.ts";
import { PackBuilder } from "./pack-builder.ts";
import { Pipeline } from "./pipeline.ts";
import { PrivacyFilter } from "./privacy.ts";
import { splitAtDoor } from "./privacy-door.ts";
import { middleOfCell } from "./privacy-place.ts";

const hour = 3_600_000;
const quarter = 900_000;
/** A full hour. */
const start = 1_790_002_800_000;

const window = (made: "mean" | "min" | "max" | "sum" | "count" | "increase", overMs = quarter) =>
  ({ kind: "aggregate", function: made, overMs, gaps: 0.1 }) as const;

/** A device with one view of one point; the point is read each minute. */
function viewed(source: Point, steps: readonly PrivacyStep[], sources: readonly Point[] = [source]): Device {
  const base = sampleDevice("d1", { audience: "care", poll: { fast: 1000, normal: 60_000, slow: 60_000 } });
  const views = sources.map((one) => ({
    ...samplePoint(`${one.name}_v`, { unit: one.unit, pollClass: { everyMs: quarter } }),
    view: { sources: sources.map(({ name }) => name), steps, personal: one.personal },
  }));
  return {
    ...base,
    profile: { ...base.profile, points: sources },
    audiences: new Map(views.map(({ name }) => [name, "open"])),
    personalAudiences: ["care"],
    views,
  };
}

/** Feeds readings at their times and gives what the views say, with minutes after the start. */
async function played(
  device: Device,
  script: readonly (readonly [minute: number, value: number | "bad"])[],
  { until = 60, clock = new VirtualClock({ unix: start }), from = 0 } = {},
) {
  const filter = new PrivacyFilter(clock);
  const made: Reading[] = [];
  const [point] = device.profile.points;
  const waiting = [...script];
  for (let second = from * 60; second <= until * 60; second++) {
    while (waiting[0] && waiting[0][0] * 60 <= second) {
      const [, value] = waiting.shift()!;
      const reading =
        value === "bad"
          ? bad(device, point!, "comm-error", clock.stamp())
          : good(device, point!, value, clock.stamp());
      made.push(...filter.take([reading]));
    }
    made.push(...filter.tick());
    await clock.advance(1000);
  }
  return made.map(({ quality, value, time, detail }) => ({
    minute: (time.ms - start) / 60_000,
    ...(quality === "good" ? { value } : { quality, detail }),
  }));
}

const people = samplePoint("people", { unit: "count", personal: true });
/** A value every minute. */
const every = (value: (minute: number) => number | "bad", from = 0, to = 60) =>
  Array.from({ length: to - from }, (_, index): [number, number | "bad"] => [
    from + index,
    value(from + index),
  ]);

describe("windows", () => {
  it.each([
    ["mean", 7.5],
    ["min", 0],
    ["max", 15],
  ] as const)("%s over 15 minutes, aligned to the clock", async (made, expected) => {
    // 0..15 within each quarter, so that the border is tested: minute 15 belongs to the next one.
    const device = viewed(people, [window(made)]);
    const found = await played(
      device,
      every((minute) => (minute % 15) + (minute % 15 === 14 ? 1 : 0)),
    );
    expect(found.map(({ minute }) => minute)).toEqual([15, 30, 45]);
    const expectedValue = made === "mean" ? (13 * 7 + 15) / 15 : expected;
    for (const one of found) expect(one).toMatchObject({ value: expectedValue });
  });

  it("does not send the window in which it began, nor the one that runs", async () => {
    const device = viewed(people, [window("mean")]);
    const found = await played(
      device,
      every(() => 4, 0, 40),
      {
        clock: new VirtualClock({ unix: start + 60_000 }),
        until: 40,
      },
    );
    // Begun one minute into the hour: 00-15 is partial; at the end 30-45 runs.
    expect(found).toEqual([{ minute: 30, value: 4 }]);
  });

  it("gives a quality when the source was not good for more than a tenth of the window", async () => {
    const device = viewed(people, [window("mean")]);
    const dark = (minute: number) =>
      minute >= 16 && minute < 18 ? "bad" : minute >= 31 && minute < 32 ? "bad" : 4;
    expect(await played(device, every(dark))).toEqual([
      { minute: 15, value: 4 },
      { minute: 30, quality: "comm-error", detail: expect.stringContaining("120 s") },
      { minute: 45, value: 4 },
    ]);
  });

  it("gives stale when the source fell silent", async () => {
    const found = await played(
      viewed(people, [window("mean")]),
      every(() => 4, 0, 16),
    );
    expect(found).toEqual([
      { minute: 15, value: 4 },
      { minute: 30, quality: "stale", detail: expect.stringContaining("not good") },
      { minute: 45, quality: "stale", detail: expect.stringContaining("not good") },
    ]);
  });

  it("counts events and different ids", async () => {
    const event = samplePoint("passing", { kind: "event", personal: true, pollClass: { everyMs: hour } });
    const found = await played(viewed(event, [window("count")]), [
      [0, 1],
      [3, 1],
      [3, 1],
      [16, 1],
    ]);
    expect(found.map((one) => ("value" in one ? one.value : one.quality))).toEqual([3, 1, 0]);
    const badge = samplePoint("badge", { kind: "id", personal: true });
    const ids = await played(
      viewed(badge, [window("count")]),
      every((minute) => minute % 4),
    );
    expect(ids.map((one) => ("value" in one ? one.value : one.quality))).toEqual([4, 4, 4]);
  });

  it("gives what a counter rose by, over its rollover, and nothing when it was reset", async () => {
    const counter = (rollover?: bigint) =>
      samplePoint("total", { unit: "count", kind: "counter", personal: true, rollover });
    const values = (found: Awaited<ReturnType<typeof played>>) =>
      found.map((one) => ("value" in one ? one.value : one.quality));
    const rising = await played(
      viewed(counter(), [window("increase")]),
      every((minute) => 100 + minute * 2),
      {
        clock: new VirtualClock({ unix: start - 120_000 }),
        until: 60,
      },
    );
    // Windows add up to the total: each takes over where the one before ended.
    expect(values(rising)).toEqual([30, 30, 30]);
    const rolled = await played(
      viewed(counter(1000n), [window("increase")]),
      every((minute) => (970 + minute) % 1000),
      {
        clock: new VirtualClock({ unix: start - 120_000 }),
      },
    );
    expect(values(rolled)).toEqual([15, 15, 15]);
    const reset = await played(
      viewed(counter(), [window("increase")]),
      every((minute) => (minute < 30 ? 500 : 0) + minute),
      {
        clock: new VirtualClock({ unix: start - 120_000 }),
      },
    );
    expect(values(reset)).toEqual([15, "out-of-range", 15]);
  });

  it("does not give a window what rose while the device was away", async () => {
    const total = samplePoint("total", { unit: "count", kind: "counter", personal: true });
    const found = await played(
      viewed(total, [window("increase")]),
      every((minute) => (minute >= 20 && minute < 33 ? "bad" : 100 + minute)),
      { clock: new VirtualClock({ unix: start - 120_000 }) },
    );
    expect(found.map((one) => ("value" in one ? one.value : one.quality))).toEqual([
      15,
      "comm-error",
      "stale",
    ]);
  });

  it("sends nothing while the clock is not trusted, and begins with the first whole window after", async () => {
    const clock = new VirtualClock({ unix: start, trusted: false });
    const device = viewed(people, [window("mean")]);
    expect(
      await played(
        device,
        every(() => 4),
        { clock },
      ),
    ).toEqual([]);
    clock.trust(start);
    expect(
      await played(
        device,
        every(() => 4, 0, 40),
        { clock, until: 40 },
      ),
    ).toEqual([
      { minute: 15, value: 4 },
      { minute: 30, value: 4 },
    ]);
  });

  it("begins anew when the clock jumps", async () => {
    const clock = new VirtualClock({ unix: start });
    const filter = new PrivacyFilter(clock);
    const device = viewed(people, [window("mean")]);
    const made: Reading[] = [];
    const live = async (minutes: number) => {
      for (let minute = 0; minute < minutes; minute++) {
        made.push(...filter.take([good(device, people, 4, clock.stamp())]), ...filter.tick());
        await clock.advance(60_000);
      }
    };
    await live(20);
    clock.jump(24 * hour);
    await live(20);
    clock.jump(-48 * hour);
    await live(40);
    // Of the day ahead, and of the day before, only windows that began after the jump.
    const minutes = made.map(({ time, value }) => [(time.ms - start) / 60_000, value]);
    expect(minutes).toEqual([
      [15, 4],
      [-1380, 4],
      [-1365, 4],
    ]);
  });

  it("never gives a number that a full count would not", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ weight: 8, arbitrary: fc.nat(9) }, fc.constant("bad" as const)), {
          minLength: 60,
          maxLength: 60,
        }),
        async (values) => {
          const found = await played(
            viewed(people, [window("max")]),
            every((minute) => values[minute]!),
          );
          for (const one of found) {
            const inside = values.slice(one.minute - 15, one.minute);
            const dark = inside.filter((value) => value === "bad").length;
            if (dark > 2) expect("value" in one).toBe(false);
            if ("value" in one)
              expect(one.value).toBe(Math.max(...inside.filter((value) => value !== "bad")));
          }
          expect(found).toHaveLength(3);
        },
      ),
      { numRuns: 15 },
    );
  });
});

describe("steps", () => {
  it("withholds small counts as sentinel, without a number", async () => {
    const event = samplePoint("passing", { kind: "event", personal: true, pollClass: { everyMs: hour } });
    const steps = [window("count"), { kind: "k-threshold", k: 3 }] as const;
    const script: [number, number][] = [
      [0, 1],
      [1, 1],
      [2, 1],
      [20, 1],
      [21, 1],
    ];
    const found = await played(viewed(event, steps), script);
    expect(found).toEqual([
      { minute: 15, value: 3 },
      { minute: 30, quality: "sentinel", detail: "withheld: fewer than 3" },
      { minute: 45, quality: "sentinel", detail: "withheld: fewer than 3" },
    ]);
  });

  it("rounds values", async () => {
    const steps = [window("mean"), { kind: "round", to: 5 }] as const;
    const found = await played(
      viewed(people, steps),
      every((minute) => minute),
    );
    expect(found.map((one) => ("value" in one ? one.value : one.quality))).toEqual([5, 20, 35]);
  });

  it("keeps a reading of a rounded time until that span has ended", async () => {
    const steps = [{ kind: "round-time", toMs: quarter }] as const;
    const clock = new VirtualClock({ unix: start });
    const filter = new PrivacyFilter(clock);
    const device = viewed(people, steps);
    await clock.advance(61_000);
    expect(filter.take([good(device, people, 1, clock.stamp())])).toEqual([]);
    await clock.advance(quarter - 62_000);
    expect(filter.tick()).toEqual([]);
    await clock.advance(1_000);
    expect(filter.tick()).toMatchObject([{ name: "people_v", value: 1, time: { base: "unix", ms: start } }]);
    expect(filter.tick()).toEqual([]);
  });

  it("marks a reading with each step that it went through", async () => {
    const chains: readonly (readonly PrivacyStep[])[] = [
      [{ kind: "k-threshold", k: 3 }],
      [{ kind: "round", to: 5 }],
      [
        { kind: "k-threshold", k: 3 },
        { kind: "round", to: 5 },
        { kind: "round-time", toMs: quarter },
      ],
      [window("mean"), { kind: "k-threshold", k: 3 }, { kind: "round-time", toMs: hour }],
    ];
    for (const steps of chains) {
      const clock = new VirtualClock({ unix: start });
      const filter = new PrivacyFilter(clock);
      const device = viewed(people, steps);
      const made: Reading[] = [];
      for (let minute = 0; minute < 125; minute++) {
        made.push(...filter.take([good(device, people, 9, clock.stamp())]), ...filter.tick());
        await clock.advance(60_000);
      }
      expect(made.length).toBeGreaterThan(3);
      for (const { through, quality } of made) expect([quality, through]).toEqual(["good", steps]);
      const stopped = splitAtDoor(made).stopped.length;
      expect(stopped).toBe(sufficient(steps, false) ? 0 : made.length);
    }
  });

  it("rounds both halves of a position together", () => {
    const lat = samplePoint("lat", { unit: "lat", personal: true });
    const lon = samplePoint("lon", { unit: "lon", personal: true });
    const clock = new VirtualClock({ unix: start });
    const filter = new PrivacyFilter(clock);
    const device = viewed(lat, [{ kind: "round-place", metres: 500 }], [lat, lon]);
    const at = clock.stamp();
    expect(filter.take([good(device, lat, 59.3151, at)])).toEqual([]);
    const made = filter.take([good(device, lon, 18.0712, at)]);
    const middle = middleOfCell(59.3151, 18.0712, 500);
    expect(made.map(({ name, value }) => [name, value])).toEqual([
      ["lat_v", middle.lat],
      ["lon_v", middle.lon],
    ]);
    expect(splitAtDoor(made).stopped).toEqual([]);
    expect(
      filter.take([bad(device, lat, "sentinel", at)]).map(({ quality, value }) => [quality, value]),
    ).toEqual([
      ["sentinel", undefined],
      ["sentinel", undefined],
    ]);
  });

  it("makes cells that are wide enough, hold the position and are the same for all in them", () => {
    const metres = (a: number, b: number) => Math.abs(a - b) * 111_320;
    fc.assert(
      fc.property(
        fc.double({ min: -90, max: 90, noNaN: true }),
        fc.double({ min: -180, max: 180, noNaN: true }),
        fc.integer({ min: 100, max: 50_000 }),
        (lat, lon, width) => {
          const middle = middleOfCell(lat, lon, width);
          expect(Math.abs(middle.lat)).toBeLessThanOrEqual(90);
          expect(Math.abs(middle.lon)).toBeLessThanOrEqual(180);
          // The middle lies in the same cell, and no further than a cell away.
          expect(middleOfCell(middle.lat, middle.lon, width)).toEqual(middle);
          expect(metres(lat, middle.lat)).toBeLessThanOrEqual(width * 1.02 + 1);
        },
      ),
    );
    // Middles side by side are at least the width apart on the ground, here at the latitude of Stockholm.
    const middles = Array.from(
      { length: 2000 },
      (_, index) => middleOfCell(59.3, 18 + index / 10_000, 500).lon,
    );
    const distinct = [...new Set(middles)];
    expect(distinct.length).toBeGreaterThan(15);
    for (const [index, lon] of distinct.slice(1).entries()) {
      const apart = metres(lon, distinct[index]!) * Math.cos((59.3 * Math.PI) / 180);
      expect(apart).toBeGreaterThanOrEqual(500);
      expect(apart).toBeLessThan(520);
    }
  });
});

describe("the door", () => {
  const steps = [window("count"), { kind: "k-threshold", k: 3 }] as const;
  const device = viewed(people, steps);
  const [view] = device.views!;
  const at = { base: "unix", ms: start } as const;
  const through = (done: readonly PrivacyStep[], value = 7): Reading => ({
    ...good(device, view!, value, at),
    through: done,
  });

  it("lets through what went through a step that suffices, and nothing else", () => {
    const passes = (reading: Reading) => splitAtDoor([reading]).stopped.length === 0;
    expect(passes(through(steps))).toBe(true);
    expect(passes(through([window("count")]))).toBe(true);
    expect(passes(good(device, people, 3, at))).toBe(true);
    expect(passes(bad(device, view!, "sentinel", at))).toBe(true);
    // A raw reading under the view's name, as a bug would make it.
    expect(passes(good(device, view!, 7, at))).toBe(false);
    expect(passes(through([]))).toBe(false);
    expect(passes(through([{ kind: "round", to: 5 }]))).toBe(false);
    expect(passes(through([window("max")]))).toBe(false);
    expect(passes(through([window("mean", 60_000)]))).toBe(false);
    // Audiences as a wrong configuration would have them.
    expect(passes(good({ ...device, audience: "open" }, people, 3, at))).toBe(false);
    expect(passes(bad({ ...device, audience: "open" }, people, "stale", at))).toBe(false);
    expect(passes(good({ ...device, audience: "energy" }, people, 3, at))).toBe(false);
    expect(passes(good({ ...device, dropped: ["people"] }, people, 3, at))).toBe(false);
    expect(passes(good(device, { ...people, hidden: true }, 3, at))).toBe(false);
  });

  it("knows for each kind of step whether it suffices, and why", () => {
    expect(sufficientSteps.map(({ kind }) => kind)).toEqual([
      "aggregate",
      "k-threshold",
      "round",
      "round-time",
      "round-place",
    ]);
    for (const { because } of sufficientSteps) expect(because.length).toBeGreaterThan(20);
    expect(sufficient([{ kind: "round-place", metres: 100 }], true)).toBe(true);
    expect(sufficient([{ kind: "round-place", metres: 99 }], true)).toBe(false);
    expect(sufficient([window("mean")], true)).toBe(false);
    expect(sufficient([{ kind: "k-threshold", k: 2 }], false)).toBe(false);
    expect(isPersonal(view!)).toBe(false);
    expect(isPersonal(people)).toBe(true);
  });

  /** Everything that leaves, by the real pipeline and pack builder. */
  function setUp(log: Log = silentLog) {
    const clock = new VirtualClock({ unix: start });
    const sent: { audience: string; name: string; value: unknown }[] = [];
    const builder = new PackBuilder({
      gateway: "gw1",
      run: "r1",
      clock,
      unitOf: (symbol) => sampleUnitOf(symbol === "count" ? "V" : symbol),
      append: async (bytes, { audience }) => {
        for (const { name, value } of decodePack(bytes).records) sent.push({ audience, name, value });
        return "disk";
      },
    });
    const pipeline = new Pipeline(clock, log, builder);
    return { clock, sent, builder, pipeline };
  }

  it("keeps raw values with their audience and sends the view to the other", async () => {
    const { clock, sent, builder, pipeline } = setUp();
    const own = viewed(people, [window("mean"), { kind: "round", to: 5 }]);
    for (let minute = 0; minute < 16; minute++) {
      void pipeline.take([good(own, people, 11, clock.stamp())]);
      await clock.advance(60_000);
    }
    pipeline[Symbol.dispose]();
    await builder[Symbol.asyncDispose]();
    const open = sent.filter(({ audience }) => audience === "open");
    expect(open).toEqual([{ audience: "open", name: `${own.urn}people_v`, value: 10 }]);
    expect(sent.filter(({ audience }) => audience === "care")).toHaveLength(16);
  });

  it("does not send own readings that are dropped, and feeds views with them", async () => {
    const { clock, sent, builder, pipeline } = setUp();
    const own = { ...viewed(people, [window("mean")]), dropped: ["people"] };
    for (let minute = 0; minute < 16; minute++) {
      await pipeline.take([good(own, people, 11, clock.stamp())]);
      await clock.advance(60_000);
    }
    pipeline[Symbol.dispose]();
    await builder[Symbol.asyncDispose]();
    expect(sent.map(({ audience }) => audience)).toEqual(["open"]);
  });

  it("sends nothing of a step that a bug has left out, says so, and stores the others", async () => {
    const errors: unknown[] = [];
    const log: Log = { ...silentLog, error: (fields: object) => void errors.push(fields) };
    const { clock, sent, builder, pipeline } = setUp(log);
    const power = samplePoint("power", { unit: "V" });
    const leaky = { ...device, audience: "open" };
    // Mutations: the raw point configured open, and a raw value under the view's name.
    const taken = pipeline.take([
      good(leaky, people, 3, clock.stamp()),
      good(leaky, view!, 3, clock.stamp()),
      good(leaky, power, 230, clock.stamp()),
    ]);
    await builder.flush();
    await taken;
    pipeline[Symbol.dispose]();
    await builder[Symbol.asyncDispose]();
    expect(sent).toEqual([{ audience: "open", name: `${leaky.urn}power`, value: 230 }]);
    expect(errors).toMatchObject([{ code: "privacy-door" }]);
  });
});

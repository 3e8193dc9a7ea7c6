import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAt } from "./at.ts";
import { Calendar } from "./calendar.ts";
import { swedishEves, swedishHolidays } from "./holidays.ts";
import { momentsOf, type Timing } from "./moments.ts";

const stockholm = { lat: 59.33, lon: 18.06 };
const kiruna = { lat: 67.86, lon: 20.22 };
const always = [0, 1, 2, 3, 4, 5, 6];
const plain = new Calendar("Europe/Stockholm", { sweden: false, eves: false, extra: new Set() });
const swedish = new Calendar("Europe/Stockholm", {
  sweden: true,
  eves: true,
  extra: new Set(["2026-11-23"]),
});
const iso = (unixMs: number | undefined) => unixMs && new Date(unixMs).toISOString();
const unix = (text: string) => Date.parse(text);

const of = (text: string, more: Partial<Timing> = {}, calendar = plain, position = stockholm) =>
  momentsOf({ at: parseAt(text), days: always, holidays: "same", ...more }, calendar, position);

describe("what people write", () => {
  it.each([
    ["22:30", { kind: "time", minutes: 1350 }],
    ["0:05", { kind: "time", minutes: 5 }],
    ["dusk", { kind: "sun", word: "dusk", offsetMs: 0 }],
    ["dusk + 10m", { kind: "sun", word: "dusk", offsetMs: 600_000 }],
    ["sunrise-1h", { kind: "sun", word: "sunrise", offsetMs: -3_600_000 }],
    ["0 22 * * 1-5", { kind: "cron", pattern: "0 22 * * 1-5" }],
  ])("%s", (text, at) => expect(parseAt(text)).toEqual(at));

  it.each([
    ["24:00", /not a time/],
    ["tea time", /not a time/],
    ["teatime", /no time of day \(one of dawn, sunrise/],
    ["dusk + 7h", /more than 6h/],
    ["dusk + soon", /not a duration/],
    ["0 22 * *", /not a time/],
    ["", /not a time/],
  ])("refuses %j", (text, message) => expect(() => parseAt(text)).toThrow(message));

  it("refuses a cron expression that does not exist", async () => {
    await expect(of("0 25 * * *")).rejects.toThrow(/not a cron expression: "0 25/);
  });
});

describe("Swedish holidays", () => {
  // The calendar of 2026, and Easter of other years by the tables of the church.
  it("of 2026", () => {
    expect([...swedishHolidays(2026)].toSorted()).toEqual([
      ...["2026-01-01", "2026-01-06", "2026-04-03", "2026-04-05", "2026-04-06", "2026-05-01", "2026-05-14"],
      ...["2026-05-24", "2026-06-06", "2026-06-20", "2026-10-31", "2026-12-25", "2026-12-26"],
    ]);
    expect([...swedishEves(2026)].toSorted()).toEqual(["2026-06-19", "2026-12-24", "2026-12-31"]);
  });

  it.each([
    [2024, "2024-03-31"],
    [2025, "2025-04-20"],
    [2027, "2027-03-28"],
    [2038, "2038-04-25"],
    [2285, "2285-03-22"],
  ])("Easter Sunday of %i", (year, day) => expect(swedishHolidays(year)).toContain(day));
});

describe("moments", () => {
  it("follow local time through both changes of the clocks", async () => {
    const at = await of("22:30");
    expect(iso(at.next(unix("2026-03-28T12:00:00Z")))).toBe("2026-03-28T21:30:00.000Z");
    expect(iso(at.next(unix("2026-03-29T12:00:00Z")))).toBe("2026-03-29T20:30:00.000Z");
    expect(iso(at.next(unix("2026-10-25T12:00:00Z")))).toBe("2026-10-25T21:30:00.000Z");
  });

  it("happen once where the clocks skip or repeat their time", async () => {
    const at = await of("02:30");
    // 29 March: 02:00 is 03:00. 25 October: 02:30 comes twice.
    const spring = [at.next(unix("2026-03-28T12:00:00Z")), at.next(unix("2026-03-29T12:00:00Z"))];
    expect(spring.map(iso)).toEqual(["2026-03-29T01:30:00.000Z", "2026-03-30T00:30:00.000Z"]);
    const autumn = [at.next(unix("2026-10-24T12:00:00Z")), at.next(unix("2026-10-25T00:30:00Z"))];
    expect(autumn.map(iso)).toEqual(["2026-10-25T00:30:00.000Z", "2026-10-26T01:30:00.000Z"]);
  });

  // Sunset of Stockholm on these days by the almanac: 15:08 and 22:08 local time, to the minute.
  it.each([
    ["2026-11-22T12:00:00Z", "2026-11-22T14:09"],
    ["2026-06-21T12:00:00Z", "2026-06-21T20:08"],
  ])("follow the sun on %s", async (from, expected) => {
    expect(iso((await of("sunset")).next(unix(from)))).toMatch(expected);
  });

  it("do not come while the sun does not set or rise", async () => {
    const sunset = await of("sunset", {}, plain, kiruna);
    expect(sunset.next(unix("2026-06-10T12:00:00Z"))).toBeGreaterThan(unix("2026-07-14T00:00:00Z"));
    expect(sunset.last(unix("2026-06-10T12:00:00Z"))).toBeLessThan(unix("2026-05-31T00:00:00Z"));
    const sunrise = await of("sunrise", {}, plain, kiruna);
    expect(sunrise.next(unix("2026-12-20T12:00:00Z"))).toBeGreaterThan(unix("2026-12-28T00:00:00Z"));
  });

  it("keep to weekdays and holidays", async () => {
    const workdays = await of("07:00", { days: [1, 2, 3, 4, 5], holidays: "never" }, swedish);
    // 22 November 2026 is a Sunday, the 23rd is said to be free.
    expect(iso(workdays.next(unix("2026-11-22T12:00:00Z")))).toBe("2026-11-24T06:00:00.000Z");
    expect(iso(workdays.last(unix("2026-11-22T12:00:00Z")))).toBe("2026-11-20T06:00:00.000Z");
    const feasts = await of("07:00", { holidays: "only" }, swedish);
    expect(iso(feasts.next(unix("2026-11-24T12:00:00Z")))).toBe("2026-12-24T06:00:00.000Z");
    const cron = await of("0 7 * * *", { days: [6], holidays: "never" }, swedish);
    expect(iso(cron.next(unix("2026-12-20T12:00:00Z")))).toBe("2027-01-02T06:00:00.000Z");
  });

  it("that never come are none", async () => {
    const never = await of("0 0 31 2 *");
    expect(never.next(unix("2026-11-22T12:00:00Z"))).toBeUndefined();
  });

  it.each(["22:30", "dusk - 30m", "*/20 6-9 * * 1-5", "02:30"])(
    "%s: the last one lies at or before, the next one behind, with none between",
    async (text) => {
      const moments = await of(text, { days: [0, 1, 2, 3, 5], holidays: "never" }, swedish);
      fc.assert(
        fc.property(fc.integer({ min: unix("2026-01-01"), max: unix("2029-01-01") }), (now) => {
          const last = moments.last(now)!;
          const next = moments.next(now)!;
          expect(last).toBeLessThanOrEqual(now);
          expect(next).toBeGreaterThan(now);
          expect(moments.next(last)).toBe(next);
          expect(moments.last(next)).toBe(next);
          expect(moments.last(next - 1)).toBe(last);
        }),
        { numRuns: 60 },
      );
    },
  );
});

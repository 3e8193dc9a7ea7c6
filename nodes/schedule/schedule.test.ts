import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { gatewayItem } from "../test/flow.ts";
import { type LocalGateway, openLocalGateway } from "../test/local-gateway.ts";
import { type LogicOptions, openLogicNode } from "../test/logic-node.ts";
import register from "./schedule.ts";
import { openTimetable } from "./timetable.ts";

const all = [0, 1, 2, 3, 4, 5, 6];
const row = (at: string, value: unknown, more: object = {}) => ({
  at,
  value: String(value),
  valueType: "num",
  days: all,
  holidays: "same",
  ...more,
});
const usual = {
  gateway: "",
  rows: [row("dusk + 10m", 80), row("23:00", 30), row("dawn", 0)],
  topic: "",
  atDeploy: true,
  timeZone: "",
  lat: "59.33",
  lon: "18.06",
  sweden: false,
  eves: false,
  extra: "",
};
const clockAt = (text: string) =>
  Object.assign(new VirtualClock({ unix: Date.parse(text) }), { random: () => 0.5 });
const open = (at: string, fields: object = {}, options: LogicOptions = {}) =>
  openLogicNode(register, "stadsnod-schedule", { ...usual, ...fields }, { clock: clockAt(at), ...options });
const hour = 3_600_000;

// The sun and the holidays load when they are first needed; from then on a few turns of the event loop are enough.
beforeAll(async () => {
  const rows = ["dusk", "*/5 * * * *"].map((at) => ({ at, value: 1, days: all, holidays: "never" as const }));
  const holidays = { sweden: true, eves: false, extra: [] };
  const position = { lat: 59, lon: 18 };
  const table = await openTimetable(rows, { timeZone: "Europe/Stockholm", position, holidays }, 0);
  table.next(0);
});

describe("stadsnod-schedule", () => {
  it("sends what holds at deploy, and each value at its moment", async () => {
    await using node = await open("2026-11-20T12:00:00+01:00");
    expect(node.taken()).toMatchObject([{ payload: 0, schedule: { at: "dawn" } }]);
    await node.advance(24 * hour);
    const told = node.taken();
    expect(told.map(({ payload }) => payload)).toEqual([80, 30, 0]);
    // Civil dusk in Stockholm on 20 November is about 16:00.
    expect(told[0]?.schedule.time).toMatch(/^2026-11-20T15:[01]/);
    expect(told[1]?.schedule.time).toBe("2026-11-20T22:00:00.000Z");
  });

  it("shows the next moment and its value", async () => {
    await using node = await open("2026-11-20T20:00:00+01:00");
    expect(node.statuses.at(-1)).toEqual({ fill: "green", shape: "dot", text: "fre 23:00 → 30" });
  });

  it("keeps silent at deploy when set to, and answers what holds when asked", async () => {
    await using node = await open("2026-11-20T12:00:00+01:00", { atDeploy: false, topic: "lamp-1/level" });
    expect(node.taken()).toEqual([]);
    await node.give({ payload: "?" });
    expect(node.taken()).toMatchObject([{ payload: 0, topic: "lamp-1/level" }]);
  });

  it("keeps to weekdays and to Swedish holidays", async () => {
    const workdays = [1, 2, 3, 4, 5];
    const rows = [
      row("08:00", 1, { days: workdays, holidays: "never" }),
      row("10:00", 2, { holidays: "only" }),
    ];
    // Maundy Thursday; then Good Friday, Saturday, Easter Sunday and Monday, Tuesday.
    await using node = await open("2026-04-02T07:00:00+02:00", { rows, sweden: true, atDeploy: false });
    await node.advance(6 * 24 * hour);
    expect(node.taken().map(({ payload, schedule }) => [payload, schedule.time.slice(0, 10)])).toEqual([
      [1, "2026-04-02"],
      [2, "2026-04-03"],
      [2, "2026-04-05"],
      [2, "2026-04-06"],
      [1, "2026-04-07"],
    ]);
  });

  it("sends the last of what passed while the machine slept", async () => {
    const clock = clockAt("2026-11-20T12:00:00+01:00");
    await using node = await open("", { atDeploy: false }, { clock });
    clock.trust(Date.parse("2026-11-21T02:00:00+01:00"));
    await node.advance(hour);
    expect(node.payloads()).toEqual([30]);
  });

  it("goes on when a clock that was far ahead is set right", async () => {
    const clock = clockAt("2027-06-01T12:00:00+02:00");
    await using node = await open("", { atDeploy: false }, { clock });
    clock.trust(Date.parse("2026-11-20T22:30:00+01:00"));
    await node.advance(hour);
    await node.advance(hour);
    expect(node.payloads()).toEqual([30]);
  });

  it.each([
    [{ lat: "", lon: "" }, "needs the gateway's position"],
    [{ rows: [row("25:00", 1)] }, 'not a time: "25:00"'],
    [{ rows: [] }, "between 1 and 50 rows"],
    [{ rows: [row("08:00", 1, { days: [] })] }, "row 1: no day of the week"],
    [{ rows: [row("08:00", "much")] }, "row 1 value: not a number"],
    [{ extra: "2026-13-40" }, 'extra: "2026-13-40" is no day'],
    [{ timeZone: "Europe/Sthlm" }, "Europe/Sthlm"],
  ])("says what is wrong: %o", async (fields, message) => {
    await using node = await open("2026-11-20T12:00:00+01:00", fields);
    expect(node.errors[0]).toContain(message);
    await node.advance(48 * hour);
    expect(node.taken()).toEqual([]);
  });
});

describe("with a gateway", () => {
  let gateway: LocalGateway;
  beforeEach(async () => {
    gateway = await openLocalGateway();
  });
  afterEach(() => gateway[Symbol.asyncDispose]());

  it("waits for the gateway, and starts when it answers", async () => {
    await gateway.stop();
    const clock = clockAt("2026-11-20T12:00:00+01:00");
    const options = { clock, others: [gatewayItem(gateway)] };
    await using node = await open("", { gateway: "gw" }, options);
    await expect.poll(() => node.statuses.at(-1)?.text).toBe("status.away");
    expect(node.taken()).toEqual([]);
    await gateway.start();
    await node.advance(10_000);
    await expect.poll(() => node.taken().length).toBe(1);
  });
});

describe("timetable", () => {
  const place = {
    timeZone: "Europe/Stockholm",
    position: undefined,
    holidays: { sweden: false, eves: false, extra: [] },
  };
  const at = (text: string) => Date.parse(text);

  it("lets the row that stands last win at one moment", async () => {
    const rows = [1, 2].map((value) => ({ at: "08:00", days: all, holidays: "same" as const, value }));
    const table = await openTimetable(rows, place, at("2026-01-01T00:00Z"));
    expect(table.next(at("2026-01-01T00:00Z"))?.row.value).toBe(2);
    expect(table.holding(at("2026-01-01T12:00Z"))?.row.value).toBe(2);
  });

  it("has no moment twice and none left out: next and holding agree over a year", async () => {
    const rows = ["02:30", "0 */7 * * *", "23:15"].map((text, value) => ({
      at: text,
      days: all,
      holidays: "same" as const,
      value,
    }));
    const table = await openTimetable(rows, place, at("2026-01-01T00:00Z"));
    let now = at("2026-03-01T00:00Z");
    for (let count = 0; count < 400; count++) {
      const next = table.next(now);
      expect(next && next.time > now).toBe(true);
      expect(table.holding(next!.time)).toEqual(next);
      if (count > 0) expect(table.holding(next!.time - 1)?.time).toBe(now);
      now = next!.time;
    }
  });
});

import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { AlarmBook, Lately } from "./alarm-book.ts";
import { type AlarmFacts, alarmsOf } from "./alarms.ts";

const well: AlarmFacts = {
  uptimeS: 3600,
  clockTrusted: true,
  devices: [
    { id: "lamp-1", connection: "roof", state: "available" },
    { id: "lamp-2", connection: "roof", state: "unknown" },
  ],
  connections: [{ name: "roof", state: "open", droppedLately: 0 }],
  northbound: [{ name: "city", connected: true, filled: 0.5, disk: "ok", damaged: 0 }],
  quarantined: [],
  machine: { disk: { totalMB: 16_000, freeMB: 8000 }, temperatureC: 80, undervoltage: "never" },
};
const ids = (facts: Partial<AlarmFacts>) =>
  alarmsOf({ ...well, ...facts }).map(({ id, severity }) => `${severity}: ${id}`);

describe("alarms", () => {
  it("are none when all is well, nor while a line is borrowed or opened", () => {
    expect(ids({})).toEqual([]);
    expect(ids({ machine: undefined })).toEqual([]);
    for (const state of ["borrowed", "opening", "idle", "closed"])
      expect(ids({ connections: [{ name: "roof", state, droppedLately: 0 }] })).toEqual([]);
  });

  it("name a device that is away, and only its line where that is down", () => {
    const devices = [
      { id: "lamp-1", connection: "roof", state: "unavailable", problem: "no-answer: silent" },
    ];
    const [alarm] = alarmsOf({ ...well, devices });
    expect(alarm).toMatchObject({ id: "device lamp-1 not-available", severity: "major", device: "lamp-1" });
    expect(alarm?.message.en).toContain("no-answer: silent");
    const down = (state: string) =>
      ids({ devices, connections: [{ name: "roof", state, droppedLately: 0 }] });
    expect(down("waiting")).toEqual(["major: connection roof down"]);
    expect(down("failed")).toEqual(["critical: connection roof failed"]);
    const another = [{ name: "cellar", state: "waiting", droppedLately: 0 }];
    expect(ids({ devices, connections: another })).toEqual([
      "major: connection cellar down",
      "major: device lamp-1 not-available",
    ]);
  });

  it("tell what a line's counters make one suspect of its wiring", () => {
    const suspicion = {
      fault: "late-answers" as const,
      message: { en: "Answers come late", sv: "Svaren kommer sent" },
      fixes: [{ en: "Look at the converter", sv: "Titta på omvandlaren" }],
    };
    const [alarm] = alarmsOf({
      ...well,
      connections: [{ name: "roof", state: "open", droppedLately: 0, suspicion }],
    });
    expect(alarm).toMatchObject({
      id: "connection roof wiring late-answers",
      severity: "minor",
      message: { sv: "Anslutningen roof: Svaren kommer sent" },
      fix: { en: "Look at the converter" },
    });
  });

  it("watch over the way north", () => {
    const city = well.northbound[0]!;
    const north = (what: Partial<typeof city>) => ids({ northbound: [{ ...city, ...what }] });
    expect(north({ connected: false })).toEqual(["major: northbound city away"]);
    expect(north({ filled: 0.51 })).toEqual(["minor: northbound city outbox-fills"]);
    expect(north({ filled: 0.91 })).toEqual(["critical: northbound city outbox-fills"]);
    for (const disk of ["full", "read-only", "failing"] as const)
      expect(north({ disk })).toEqual(["critical: northbound city disk"]);
    expect(north({ damaged: 2 })).toEqual(["warning: northbound city damaged"]);
  });

  it("watch over what does not start, the clock and the commands", () => {
    const quarantined = [
      { kind: "device", id: "lamp-9", reason: "no such profile" },
      { kind: "store", id: "of audit-log", reason: "read only" },
    ];
    expect(ids({ quarantined })).toEqual([
      "critical: store of audit-log quarantined",
      "major: device lamp-9 quarantined",
    ]);
    expect(alarmsOf({ ...well, quarantined })[0]?.message.en).toBe(
      "The store of audit-log cannot be used: read only",
    );
    expect(ids({ clockTrusted: false, uptimeS: 60 })).toEqual([]);
    expect(ids({ clockTrusted: false, uptimeS: 601 })).toEqual(["major: clock untrusted"]);
    expect(ids({ commandsProblem: "disk full" })).toEqual(["critical: commands ledger"]);
  });

  it("watch over the machine", () => {
    const machine = (what: Partial<NonNullable<AlarmFacts["machine"]>>) =>
      ids({ machine: { ...well.machine!, ...what } });
    expect(machine({ disk: { totalMB: 16_000, freeMB: 700 } })).toEqual(["major: machine disk-low"]);
    expect(machine({ disk: { totalMB: 1000, freeMB: 190 } })).toEqual(["major: machine disk-low"]);
    expect(machine({ disk: { totalMB: 16_000, freeMB: 40 } })).toEqual(["critical: machine disk-low"]);
    // Nobody could look.
    expect(machine({ disk: { totalMB: 0, freeMB: 0 } })).toEqual([]);
    expect(machine({ temperatureC: 80.1 })).toEqual(["major: machine hot"]);
    expect(machine({ undervoltage: "now" })).toEqual(["major: machine undervoltage"]);
    expect(machine({ undervoltage: "earlier" })).toEqual(["warning: machine undervoltage"]);
  });

  it("say all in both languages", () => {
    const all = alarmsOf({
      uptimeS: 1e6,
      clockTrusted: false,
      devices: [{ id: "lamp-1", connection: "sea", state: "unavailable" }],
      connections: [
        { name: "roof", state: "waiting", droppedLately: 5 },
        { name: "cellar", state: "failed", droppedLately: 0 },
      ],
      northbound: [{ name: "city", connected: false, filled: 1, disk: "full", damaged: 1 }],
      quarantined: [{ kind: "profile", id: "a/b", reason: "bad" }],
      commandsProblem: "full",
      machine: { disk: { totalMB: 100, freeMB: 1 }, temperatureC: 90, undervoltage: "now" },
    });
    expect(all.length).toBe(14);
    for (const { message, fix, id } of all) {
      for (const text of [message, fix]) {
        expect(text?.en, id).toBeTruthy();
        expect(text?.sv, id).toBeTruthy();
        expect(text?.sv, id).not.toBe(text?.en);
      }
    }
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    const order = all.map(({ severity }) => ["critical", "major", "minor", "warning"].indexOf(severity));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });
});

describe("the book of alarms", () => {
  it("remembers since when, and forgets what has ended", async () => {
    const clock = new VirtualClock();
    const book = new AlarmBook(clock);
    const alarm = { id: "a", severity: "major", message: { en: "a", sv: "a" } } as const;
    const [first] = book.take([alarm]);
    await clock.advance(60_000);
    const [later] = book.take([alarm]);
    expect(later?.since).toBe(first?.since);
    expect(later?.since).toBeDefined();
    book.take([]);
    const [again] = book.take([alarm]);
    expect(again?.since).not.toBe(first?.since);
  });
});

describe("what was counted lately", () => {
  it("is what came within the window, of counters that may begin anew", async () => {
    const clock = new VirtualClock();
    const lately = new Lately(clock, 900_000);
    expect(lately.grown("a", 7)).toBe(0);
    await clock.advance(30_000);
    expect(lately.grown("a", 10)).toBe(3);
    await clock.advance(600_000);
    expect(lately.grown("a", 12)).toBe(5);
    await clock.advance(400_000);
    expect(lately.grown("a", 12)).toBe(2);
    await clock.advance(900_000);
    expect(lately.grown("a", 12)).toBe(0);
    expect(lately.grown("a", 4)).toBe(4);
    lately.keep([]);
    expect(lately.grown("a", 100)).toBe(0);
  });

  it("keeps a bounded number of looks", async () => {
    const clock = new VirtualClock();
    const lately = new Lately(clock, 900_000);
    let count = 0;
    for (let look = 0; look < 2000; look++) {
      await clock.advance(100);
      lately.grown("a", ++count);
    }
    expect(lately.grown("a", count)).toBe(count - 1);
  });
});

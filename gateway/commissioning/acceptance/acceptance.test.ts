import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seeded } from "../../../test/fault/random.ts";
import { SimulatedDisk } from "../../../test/fault/simulated-disk.ts";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { bad, good, sampleDevice, samplePoint } from "../../../test/telemetry/sample.ts";
import type { Device } from "../../model/device.ts";
import { maxReports, openAcceptanceBook } from "./book.ts";
import { qrText, type ReportContents, signReport, verifyReport } from "./report.ts";
import { reportHtml } from "./report-html.ts";
import { type DeviceMarks, fingerprintOf, judgeDevice, missingFor } from "./verdicts.ts";

const level = samplePoint("level", {
  write: { address: 0, rawKind: "integer", steps: [], confirm: "none" },
  range: [0, 100],
});
const flags = samplePoint("flags", {
  bits: new Map([
    [0, "door"],
    [1, "fan"],
  ]),
});
const alarm = samplePoint("alarm", { kind: "event" });
const hidden = samplePoint("raw", { hidden: true });
const plain = sampleDevice("lamp-1");
const device: Device = {
  ...plain,
  place: "Götgatan <7>",
  profile: { ...plain.profile, points: [level, flags, alarm, hidden] },
};
const clock = new VirtualClock();
const now = clock.stamp();
const fine = [
  good(device, level, 50, now),
  good(device, flags, true, now, "flags/door"),
  good(device, flags, false, now, "flags/fan"),
];
const seen = { result: "confirmed", by: "kim", at: "2026-11-22T08:00:00.000Z" } as const;
const tested = { command: "c1", outcome: "succeeded", by: "kim", at: "2026-11-22T08:00:00.000Z" };
const marks: DeviceMarks = { seen: { level: seen }, tested: { level: tested } };
const reasons = (...given: Parameters<typeof judgeDevice>) =>
  judgeDevice(...given).missing.map(({ what, point }) => `${what} ${point ?? ""}`.trim());

describe("judgeDevice", () => {
  it("is content when every point is good and a command was seen to work", () => {
    const verdict = judgeDevice(device, fine, clock, marks);
    expect(verdict).toMatchObject({ device: "lamp-1", ok: true, missing: [], place: "Götgatan <7>" });
    expect(verdict.points.map(({ point }) => point)).toEqual(["level", "flags/door", "flags/fan", "alarm"]);
    expect(verdict.points[0]).toMatchObject({
      value: 50,
      range: [0, 100],
      quality: "good",
      ageS: 0,
      ok: true,
    });
    expect(verdict.actuators).toMatchObject([{ point: "level", outcome: "succeeded", seen: "confirmed" }]);
  });

  it("says what is missing", () => {
    expect(reasons(device, [], clock, marks)).toEqual([
      "point-not-good level",
      "point-not-good flags/door",
      "point-not-good flags/fan",
    ]);
    expect(reasons(device, fine, clock)).toEqual(["actuator-untested level"]);
    const failed = { ...tested, outcome: "failed: no-answer" };
    expect(reasons(device, fine, clock, { seen: {}, tested: { level: failed } })).toEqual([
      "actuator-failed level",
    ]);
    expect(reasons(device, fine, clock, { seen: {}, tested: { level: tested } })).toEqual([
      "actuator-unconfirmed level",
    ]);
    const before = { ...seen, at: "2026-11-22T07:59:59.000Z" };
    // The value was confirmed, and only then something moved.
    expect(reasons(device, fine, clock, { seen: { level: before }, tested: { level: tested } })).toEqual([
      "actuator-unconfirmed level",
    ]);
    const rejected = { ...seen, result: "rejected" } as const;
    expect(
      reasons(device, fine, clock, { ...marks, seen: { ...marks.seen, "flags/fan": rejected } }),
    ).toEqual(["point-rejected flags/fan"]);
  });

  it("lets pass what the device does not have when a person says so, and nothing else", () => {
    for (const quality of ["sentinel", "stale", "comm-error", "out-of-range", "config-error"] as const) {
      const readings = [fine[0]!, bad(device, flags, quality, now)];
      const both = { ...marks.seen, "flags/door": seen, "flags/fan": seen };
      expect(judgeDevice(device, readings, clock, marks).ok).toBe(false);
      expect(judgeDevice(device, readings, clock, { ...marks, seen: both }).ok).toBe(quality === "sentinel");
    }
  });

  it("wants far sides to have been tested, and a device to be there", () => {
    expect(missingFor([], [])).toEqual([{ what: "no-device" }]);
    const verdicts = [judgeDevice(device, fine, clock, marks)];
    const at = "2026-11-22T08:00:00.000Z";
    expect(missingFor(verdicts, [{ name: "city", ok: true, at }])).toEqual([]);
    expect(
      missingFor(verdicts, [
        { name: "a", ok: false },
        { name: "b", ok: false, at },
      ]),
    ).toEqual([
      { what: "northbound-untested", northbound: "a" },
      { what: "northbound-failed", northbound: "b" },
    ]);
  });
});

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const { accepted: _, missing: __, ...judged } = judgeDevice(device, fine, clock, marks);
const contents: ReportContents = {
  id: "2026-11-22-abc",
  time: "2026-11-22T08:12:13.000Z",
  clockTrusted: true,
  gateway: { id: "gw-1", title: { en: "Pole", sv: "Stolpe" }, run: "aa", version: "1.0.0" },
  machine: { model: "Raspberry Pi 4", os: "Debian", hostname: "gw", addresses: ["192.0.2.1"] },
  configuration: { hash: "ab".repeat(32), generation: 3 },
  technician: "Kim & <script>alert(1)</script>",
  by: "kim",
  ok: true,
  missing: [],
  connections: [{ name: "line", protocol: "modbus", settings: { serial: { port: "/dev/ttyS0" } } }],
  devices: [
    {
      ...judged,
      profileVersion: "1.0.0",
      profileHash: "cd".repeat(32),
      connection: "line",
      settings: { unit: 1 },
    },
  ],
  northbound: [{ name: "city", ok: true, at: "2026-11-22T08:00:00.000Z" }],
};
const jws = signReport(contents, privateKey);
const json = JSON.stringify(jws);
const verified = verifyReport(json);

describe("an acceptance report", () => {
  it("says what was signed, as JSON and as a page", () => {
    expect(verified.report).toEqual(
      JSON.parse(JSON.stringify({ format: "stadsnod-acceptance/1", ...contents })),
    );
    for (const language of ["en", "sv"] as const) {
      const page = reportHtml(verified, language);
      expect(page).not.toContain("<script");
      expect(page).toContain("&lt;script&gt;");
      expect(page).toContain("Götgatan &lt;7&gt;");
      expect(page).not.toMatch(/(?:src|href)=/);
      const again = verifyReport(page);
      expect(again).toEqual({ ...verified, language });
      expect(reportHtml(again, language)).toBe(page);
    }
    expect(qrText(verified)).toMatch(/^STADSNOD1 gw-1 2026-11-22T08:12:13.000Z ok [\w-]{43} [\w-]{43}$/);
  });

  it("is refused with any character of it changed", () => {
    const place = fc.nat(json.length - 1);
    fc.assert(
      fc.property(place, fc.integer({ min: 1, max: 127 }), (at, by) => {
        const character = String.fromCharCode(json.charCodeAt(at) ^ by);
        const changed = json.slice(0, at) + character + json.slice(at + 1);
        // White space between members means nothing.
        expect(() => verifyReport(changed)).toThrow();
      }),
      { numRuns: 500 },
    );
  });

  it("is refused when it is another document that the same key signed", () => {
    const other = signReport({ ...contents, time: "yesterday" }, privateKey);
    expect(() => verifyReport(JSON.stringify(other))).toThrow(/no acceptance report/);
    expect(() => verifyReport("<html></html>")).toThrow(/no acceptance report/);
  });
});

describe("AcceptanceBook", () => {
  const disk = () => new SimulatedDisk({ random: () => 0.5 });
  const print = fingerprintOf(device);
  const summary = (id: string) => ({ id, at: seen.at, by: "kim", ok: true });

  it("remembers over a restart, as long as the device is the same", async () => {
    const files = disk();
    const book = await openAcceptanceBook(files);
    await book.test("lamp-1", print, "level", tested);
    await book.see("lamp-1", print, "level", seen);
    await book.northboundTested("city", true, seen.at);
    await book.accept(summary("r1"), jws, new Map([["lamp-1", print]]));
    const again = await openAcceptanceBook(files);
    expect(again.marks("lamp-1", print)).toMatchObject(marks);
    expect(again.marks("lamp-1", "other")).toEqual({ seen: {}, tested: {} });
    expect(again.acceptedBy("lamp-1", print)).toBe("r1");
    expect(again.acceptedBy("lamp-1", "other")).toBeUndefined();
    expect(again.northbound("city")).toEqual({ name: "city", ok: true, at: seen.at });
    expect(again.northbound("else")).toEqual({ name: "else", ok: false });
    expect(await again.report("r1")).toEqual(jws);
    await again.test("lamp-1", print, "level", { ...tested, command: "c2" });
    expect(again.marks("lamp-1", print).seen).toEqual({});
    await again.forget("lamp-1");
    expect(again.acceptedBy("lamp-1", print)).toBeUndefined();
    await expect(again.report("../r1")).rejects.toMatchObject({ code: "unknown-report" });
  });

  it("keeps a bounded number of reports", async () => {
    const files = disk();
    const book = await openAcceptanceBook(files);
    for (let index = 0; index < maxReports + 5; index++)
      await book.accept(summary(`r${index}`), jws, new Map());
    expect(book.reports).toHaveLength(maxReports);
    expect(book.reports[0]?.id).toBe(`r${maxReports + 4}`);
    expect(files.names.filter((name) => name.startsWith("report-"))).toHaveLength(maxReports);
    await expect(book.report("r0")).rejects.toMatchObject({ code: "unknown-report" });
  });

  it("never names a report that is not there, whenever the power goes", async () => {
    for (let at = 0; at < 40; at++) {
      const random = seeded(at);
      let left = at;
      const files = new SimulatedDisk({
        random,
        before: () => {
          if (left-- <= 0) throw new Error("power cut");
        },
      });
      await openAcceptanceBook(files)
        .then(async (book) => {
          await book.see("lamp-1", print, "level", seen);
          await book.accept(summary("r1"), jws, new Map([["lamp-1", print]]));
        })
        .catch(() => {});
      const book = await openAcceptanceBook(files.cutPower({ random }));
      for (const { id } of book.reports) expect(await book.report(id)).toEqual(jws);
      if (book.acceptedBy("lamp-1", print)) expect(book.reports).toHaveLength(1);
    }
  });
});

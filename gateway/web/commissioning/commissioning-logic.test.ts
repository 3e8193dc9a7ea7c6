import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DeviceVerdict, ProfileSummary } from "../../local/commissioning.ts";
import type { DeviceFound } from "../../model/commissioning.ts";
import type { Job } from "../../model/job.ts";
import { firstValue, inWordsOf, typedValue, valuesOf } from "./actuate.ts";
import {
  choicesFor,
  emptyDraft,
  fieldOf,
  newDevice,
  parsePosition,
  positionText,
  problemsOf,
  suggestId,
} from "./draft.ts";
import { placementOf } from "./placement.ts";
import { countsOf, type Facts, latestFound, nextStep, progressOf } from "./steps.ts";

const found = (unit: number, more: Partial<DeviceFound> = {}): DeviceFound => ({
  kind: "device",
  protocol: "modbus",
  connection: { serial: { port: "/dev/ttyUSB0", baud: 9600 } },
  settings: { unit },
  profiles: [],
  ...more,
});
const job = (more: Partial<Job>): Job => ({
  id: "1",
  kind: "scan",
  state: "done",
  subject: "/dev/ttyUSB0",
  by: "kim",
  startedAt: "2026-01-01T00:00:00Z",
  progress: { done: 1, doing: { en: "", sv: "" } },
  findings: [],
  ...more,
});
const profile = (id: string, more: Partial<ProfileSummary> = {}): ProfileSummary => ({
  id,
  version: "1.0.0",
  title: { en: id },
  manufacturer: id.split("/")[0] ?? "",
  models: [],
  category: "energy",
  status: "draft",
  protocol: "modbus",
  points: [],
  options: [],
  ...more,
});
const verdict = (more: Partial<DeviceVerdict>): DeviceVerdict => ({
  device: "a",
  profile: "x/y",
  connection: "roof",
  settings: { unit: 9 },
  points: [],
  actuators: [],
  ok: false,
  missing: [],
  ...more,
});
const nothing: Facts = { status: undefined, ports: undefined, state: undefined, jobs: [] };
const reports = { missing: [], northbound: [], reports: [] };

describe("progress", () => {
  it("begins at the gateway, and goes on where something is missing", () => {
    expect(nextStep(progressOf(nothing))).toBe("gateway");
    const doctor = job({ kind: "doctor" });
    const progress = progressOf({ ...nothing, jobs: [doctor] });
    expect(progress.gateway).toBe("done");
    expect(nextStep(progress)).toBe("ports");
  });

  it("asks for attention where a check failed, a scan found nobody, a point is wrong or something did not move", () => {
    const failed = job({
      kind: "doctor",
      findings: [{ kind: "check", id: "disk", result: "failed", message: { en: "full" } }],
    });
    const point = { point: "p", quality: "stale", ok: false };
    const state = {
      ...reports,
      devices: [
        verdict({
          points: [point],
          actuators: [{ point: "relay", seen: "rejected" }],
          missing: [{ what: "actuator-rejected", point: "relay" }],
        }),
      ],
    };
    expect(progressOf({ ...nothing, jobs: [failed] }).gateway).toBe("attention");
    expect(progressOf({ ...nothing, jobs: [job({})] }).lines).toBe("attention");
    expect(progressOf({ ...nothing, state })).toMatchObject({ check: "attention", actuators: "attention" });
  });

  it("counts a point only when a person has seen it", () => {
    const good = { point: "p", quality: "good", ok: true };
    const of = (seen?: "confirmed") =>
      progressOf({
        ...nothing,
        state: { ...reports, devices: [verdict({ points: [seen ? { ...good, seen } : good] })] },
      }).check;
    expect([of(), of("confirmed")]).toEqual(["todo", "done"]);
    expect(countsOf(verdict({ points: [good] }))).toEqual({ troubles: 0, unseen: 1 });
  });

  it("keeps the latest finding of a device, and leaves out those that gateway.yaml has", () => {
    const jobs = [
      job({ findings: [found(1), found(2)] }),
      job({ id: "2", findings: [found(2, { says: "later" }), found(3, { known: "meter" })] }),
    ];
    const state = { ...reports, devices: [verdict({ device: "meter" })] };
    const all = latestFound({ ...nothing, jobs, state });
    expect(all.map((one) => [one.found.settings.unit, one.found.says])).toEqual([
      [1, undefined],
      [2, "later"],
    ]);
  });
});

describe("what was found", () => {
  it("is no longer waiting when gateway.yaml has its place, whoever added it", () => {
    const port = { name: "/dev/ttyUSB0", names: [], what: "", stable: true, connection: "roof" };
    const jobs = [job({ findings: [found(1), found(9)] })];
    const state = { ...reports, devices: [verdict({})] };
    expect(
      latestFound({ ...nothing, ports: [port], jobs, state }).map((one) => one.found.settings.unit),
    ).toEqual([1]);
  });
});

describe("a device's draft", () => {
  it("suggests ids that the gateway takes and nobody has", () => {
    expect(suggestId("Pumphus Södra, källare", "sdm630", [])).toBe("pumphus-sodra-kallare-sdm630");
    expect(suggestId("", "sdm630", ["sdm630", "sdm630-2"])).toBe("sdm630-3");
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.array(fc.string()), (place, model, taken) => {
        const id = suggestId(place, model, taken);
        expect(id).toMatch(/^[a-z0-9][a-z0-9-]{0,62}$/);
        expect(taken).not.toContain(id);
      }),
    );
  });

  it.each([
    ["59.3150, 18.0710", { lat: 59.315, lon: 18.071 }],
    ["59,315 18,071", { lat: 59.315, lon: 18.071 }],
    ["-33.9; 18.4", { lat: -33.9, lon: 18.4 }],
    ["59.3", "form"],
    ["Götgatan 12", "form"],
    ["95.1, 18", "far"],
    ["  ", undefined],
  ])("takes the position %j", (text, expected) => {
    expect(parsePosition(text)).toEqual(expected);
  });

  it("reads back every position that it writes", () => {
    const degrees = (most: number) => fc.double({ min: -most, max: most, noNaN: true });
    fc.assert(
      fc.property(degrees(90), degrees(180), (lat, lon) => {
        const read = parsePosition(positionText({ lat, lon }));
        if (typeof read !== "object") throw new Error(`${lat} ${lon}: ${String(read)}`);
        expect(Math.abs(read.lat - lat)).toBeLessThan(1e-6);
        expect(Math.abs(read.lon - lon)).toBeLessThan(1e-6);
      }),
    );
  });

  it("says what is missing at its field", () => {
    const profiles = [profile("a/b", { options: [{ name: "phases", values: ["1", "3"] }] })];
    expect(problemsOf(emptyDraft, profiles, [])).toEqual(
      new Map([
        ["profile", "profile-missing"],
        ["id", "id-missing"],
      ]),
    );
    const draft = { ...emptyDraft, profile: "a/b", id: "Pump", position: "x" };
    expect(Array.from(problemsOf(draft, profiles, []).values())).toEqual([
      "id-form",
      "position-form",
      "option-missing",
    ]);
    const taken = { ...draft, id: "pump", position: "", options: { phases: "3" } };
    expect(Array.from(problemsOf(taken, profiles, ["pump"]).values())).toEqual(["id-taken"]);
  });

  it("finds the field that an answer is about", () => {
    expect(fieldOf({ code: "name-taken", message: "there is a device pump" })).toBe("id");
    expect(fieldOf({ code: "unknown-profile", message: "no profile a/c" })).toBe("profile");
    expect(fieldOf({ code: "line-busy", message: "a job has it" })).toBe("connection");
  });

  it("offers what the scan proposes first, and any other by maker, model and category", () => {
    const profiles = [
      profile("eastron/sdm630", { title: { en: "Meter", sv: "Elmätare" } }),
      profile("abb/b23"),
      profile("kamstrup/x", { protocol: "mbus" }),
    ];
    const match = {
      profile: "abb/b23",
      title: { en: "B23" },
      by: "plausible",
      fit: 0.8,
      evidence: [],
    } as const;
    const ids = (query: string) =>
      choicesFor({ protocol: "modbus", profiles: [match] }, profiles, query).map((one) => one.profile.id);
    expect(ids("")).toEqual(["abb/b23"]);
    expect(ids("energy")).toEqual(["abb/b23", "eastron/sdm630"]);
    expect(ids("EASTRON elmätare")).toEqual(["eastron/sdm630"]);
    expect(ids("kamstrup")).toEqual([]);
  });

  it("goes to the connection that has the line, or makes one", () => {
    const port = { name: "/dev/serial/by-id/a", names: ["/dev/ttyUSB0"], what: "", stable: true };
    expect(placementOf(found(1), "/dev/ttyUSB0", [], [{ ...port, connection: "roof" }])).toEqual({
      kind: "there",
      connection: "roof",
    });
    expect(placementOf(found(1), "/dev/ttyUSB0", ["line-1"], [port])).toEqual({
      kind: "new",
      connection: "line-2",
      settings: { protocol: "modbus", serial: { port: "/dev/ttyUSB0", baud: 9600 } },
    });
    const lamp = { protocol: "modbus", connection: { tcp: { host: "192.0.2.17", port: 502 } } };
    expect(placementOf(lamp, "192.0.2.17:502", [], [])).toMatchObject({
      kind: "new",
      connection: "net-192-0-2-17",
    });
    expect(placementOf(lamp, "192.0.2.17:502", ["net-192-0-2-17"], [])).toMatchObject({ kind: "there" });
  });

  it("becomes an entry without what was left empty", () => {
    const draft = { ...emptyDraft, profile: "a/b", id: "pump", place: " Källare ", position: "59.3, 18" };
    expect(newDevice(draft, found(3), { kind: "there", connection: "roof" })).toEqual({
      id: "pump",
      profile: "a/b",
      connection: "roof",
      settings: { unit: 3 },
      place: "Källare",
      position: { lat: 59.3, lon: 18 },
    });
  });
});

describe("actuators", () => {
  it("offers something else than what is", () => {
    expect(firstValue({ takes: "boolean", confirm: "none" }, true)).toBe(false);
    expect(firstValue({ takes: "number", range: [0, 100], confirm: "none" }, 0)).toBe(50);
    expect(firstValue({ takes: "number", range: [0, 100], confirm: "none" }, 50)).toBe(25);
    expect(firstValue({ takes: "number", range: [0, 7], step: 2, confirm: "none" }, 0)).toBe(4);
    const write = { takes: "label", labels: [{ en: "off" }, { en: "on" }], confirm: "none" };
    expect(valuesOf(write)).toEqual(["off", "on"]);
    expect(firstValue(write, "off")).toBe("on");
    expect(firstValue({ takes: "text", confirm: "none" }, undefined)).toBeUndefined();
  });

  it("offer the words that a point is read in, where it takes no others", () => {
    const labels = [{ en: "locked" }, { en: "open" }];
    const write = { takes: "label", confirm: "none" };
    expect(valuesOf(inWordsOf(write, labels))).toEqual(["locked", "open"]);
    expect(valuesOf(inWordsOf({ ...write, labels: [{ en: "open" }] }, labels))).toEqual(["open"]);
    expect(inWordsOf({ takes: "number", confirm: "none" }, labels)).not.toHaveProperty("labels");
  });

  it("takes numbers with comma or point within the range only", () => {
    const write = { takes: "number", range: [0, 100], confirm: "none" } as const;
    expect(["12,5", "101", "abc", ""].map((text) => typedValue(write, text))).toEqual([
      12.5,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

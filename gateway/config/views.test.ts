import { describe, expect, it } from "vitest";
import { cells, peopleProfile, pigeon } from "../../test/fake-protocol.ts";
import { audienceOf, sentPoints } from "../model/device.ts";
import { isPersonal } from "../model/privacy.ts";
import { loadProfiles } from "../profiles/library.ts";
import { diffConfig } from "./diff.ts";
import { loadConfig } from "./load.ts";

const profiles = loadProfiles(
  ["device-profiles"],
  { list: () => ["acme/people.yaml"], read: () => peopleProfile },
  [cells],
  new Set(["acme/people"]),
);
const text = `gateway: {id: gw-1, pen: 61234}
connections: {line-1: {protocol: cells, host: 10.0.0.7}}
audiences: {care: {personal: true}, planning: {}}
devices:
  counter-1:
    profile: acme/people
    connection: line-1
    unit: 1
    audience: care
    owner: Care department
    purpose: Staffing
    legalBasis: public-task
    sharedWith: [planning, Region Stockholm]
    position: {lat: 59.3, lon: 18.1, elevation: 20}
    privacy:
      people:
        raw: drop
        peak: {to: open, title: {en: Most people, sv: Flest personer}, steps: [{aggregate: max, over: 1h}, {kThreshold: 5}, {round: 5}]}
        busy: {to: planning, steps: [{aggregate: mean, over: 15m, gaps: 20%}]}
      total:
        hourly: {to: planning, steps: [{aggregate: increase, over: 1h}, {kThreshold: 3}]}
      passing:
        daily: {to: open, steps: [{aggregate: count, over: 24h}]}
      latitude:
        area: {to: open, steps: [{roundPlace: 2km, lon: longitude}, {roundTime: 1h}]}
      badge: drop
`;
const load = async (written: string) => {
  const { config, diagnostics } = await loadConfig(written, "gateway.yaml", {
    protocols: [cells],
    northbounds: [pigeon],
    profiles,
    env: {},
    readFile: () => "",
  });
  expect(diagnostics).toEqual([]);
  return config!;
};

describe("views of a device", async () => {
  const config = await load(text);
  const [device] = config.devices;

  it("become points of the device, each with its audience", async () => {
    const views = device!.views!.map((view) => [
      view.name,
      audienceOf(device!, view),
      view.unit,
      view.pollClass,
    ]);
    expect(views).toEqual([
      ["people_peak", "open", "count", { everyMs: 3_600_000 }],
      ["people_busy", "planning", "count", { everyMs: 900_000 }],
      ["total_hourly", "planning", "count", { everyMs: 3_600_000 }],
      ["passing_daily", "open", "count", { everyMs: 86_400_000 }],
      ["latitude_area", "open", "lat", { everyMs: 3_600_000 }],
      ["longitude_area", "open", "lon", { everyMs: 3_600_000 }],
    ]);
    expect(device!.views!.some(isPersonal)).toBe(false);
    expect(device!.views![0]).toMatchObject({
      title: { en: "Most people", sv: "Flest personer" },
      view: {
        sources: ["people"],
        personal: true,
        steps: [
          { kind: "aggregate", function: "max", overMs: 3_600_000, gaps: 0.1 },
          { kind: "k-threshold", k: 5 },
          { kind: "round", to: 5 },
        ],
      },
    });
    expect(device!.views![1]!.title).toEqual({
      en: "People (mean over 15m)",
      sv: "Personer (medelvärde över 15m)",
    });
    expect(device!.views![4]!.view).toMatchObject({
      sources: ["latitude", "longitude"],
      steps: [
        { kind: "round-place", metres: 2000 },
        { kind: "round-time", toMs: 3_600_000 },
      ],
    });
  });

  it("leave out what is dropped", async () => {
    expect(device!.dropped).toEqual(["people", "badge"]);
    const sent = sentPoints(device!).map(({ name }) => name);
    expect(sent).not.toContain("people");
    expect(sent).not.toContain("badge");
    expect(sent).toContain("people_peak");
  });

  it("come with whose data it is and where it is from", async () => {
    expect(device).toMatchObject({
      record: {
        owner: "Care department",
        purpose: "Staffing",
        legalBasis: "public-task",
        sharedWith: ["planning", "Region Stockholm"],
      },
      position: { lat: 59.3, lon: 18.1, elevation: 20 },
      personalAudiences: ["restricted", "care"],
    });
  });

  it("are a change of the device when they change", async () => {
    expect(diffConfig(config, await load(text)).changedDevices).toEqual([]);
    for (const [from, to] of [
      ["kThreshold: 5", "kThreshold: 6"],
      ["badge: drop", "badge: {raw: drop, a: {to: planning, steps: [{aggregate: count, over: 1h}]}}"],
      ["purpose: Staffing", "purpose: Opening hours"],
    ] as const)
      expect(diffConfig(config, await load(text.replace(from, to))).changedDevices).toEqual(["counter-1"]);
    const without = text.replace("care: {personal: true}", "care: {personal: true, maxAge: 7d}");
    expect(diffConfig(config, await load(without)).restartNeeded).toEqual(["audiences"]);
  });
});

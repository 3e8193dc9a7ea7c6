import { describe, expect, it } from "vitest";
import { audienceOf, staleAfter } from "../model/device.ts";
import { diffConfig } from "./diff.ts";
import { type LoadedConfig, loadConfig } from "./load.ts";

function read(text: string): Promise<LoadedConfig> {
  return loadConfig(`gateway: {id: gw-1, pen: 32474}\n${text}\n`, "/etc/gw/gateway.yaml", {
    protocols: [],
    northbounds: [],
    profiles: { profiles: new Map(), quarantined: [], diagnostics: [], ids: [] },
    env: {},
    readFile: () => "",
  });
}

describe("derivedPoints in gateway.yaml", () => {
  it("make a device of the gateway's own, with unit, audience and age of each", async () => {
    const { config, diagnostics } = await read(`audiences: {parking: {personal: true}}
derivedPoints:
  occupancy: {unit: "%", range: [0, 100], audience: open, title: {en: Occupancy, sv: Beläggning}}
  flooded: {type: boolean, staleAfter: 10m}
  guests: {audience: parking, personal: true}`);
    expect(diagnostics).toEqual([]);
    const device = config?.derived;
    expect(device).toMatchObject({ id: "gw-1", urn: "urn:dev:ops:32474-stadsnodderived-gw-1:" });
    const points = device!.profile.points;
    expect(points.map((point) => [point.name, audienceOf(device!, point)])).toEqual([
      ["occupancy", "open"],
      ["flooded", "restricted"],
      ["guests", "parking"],
    ]);
    expect(points.map((point) => staleAfter(device!, point))).toEqual([3_600_000, 600_000, 3_600_000]);
    expect(points[0]).toMatchObject({ unit: "%", title: { sv: "Beläggning" } });
  });

  it("make no device when there are none", async () => {
    expect((await read("")).config?.derived).toBeUndefined();
  });

  it.each([
    ["x: {audience: opne}", "unknown-audience", 'did you mean "open"'],
    ["x: {audience: open, personal: true}", "personal-open", "give it another audience"],
    ["x: {personal: true, audience: staff}", "personal-audience", 'say "personal: true" at the audience'],
    ["x: {unit: Celcius}", "unknown-unit", ""],
    ["x: {unit: W, type: boolean}", "unit-without-number", ""],
    ["x: {range: [5, 1]}", "bad-range", ""],
    ["x: {range: [0, 1], type: text}", "bad-range", ""],
    ["x: {staleAfter: 1s}", "bad-value", ""],
    ["x: {audiance: open}", "unknown-key", ""],
    ["X: {}", "bad-name", ""],
  ])("leave out %s, with its line and why", async (text, code, hint) => {
    const { config, diagnostics } = await read(
      `audiences: {staff: {}}\nderivedPoints:\n  good: {}\n  ${text}`,
    );
    expect(diagnostics).toMatchObject([
      { line: 5, code: expect.stringContaining(code === "bad-value" ? "" : code) },
    ]);
    if (hint) expect(diagnostics[0]?.hint).toContain(hint);
    expect(config?.quarantined).toMatchObject([{ kind: "derived-point" }]);
    expect(config?.derived?.profile.points.map(({ name }) => name)).toEqual(["good"]);
  });

  it("count after a restart", async () => {
    const [before, same, other] = await Promise.all(
      ["derivedPoints: {a: {}}", "derivedPoints: {a: {}}", "derivedPoints: {a: {audience: open}}"].map(read),
    );
    expect(diffConfig(before!.config!, same!.config!).restartNeeded).toEqual([]);
    expect(diffConfig(before!.config!, other!.config!).restartNeeded).toEqual(["derived"]);
    const often = await read("derivedPoints: {a: {}}\npoll: {fast: 7s}");
    expect(diffConfig(before!.config!, often!.config!).restartNeeded).toEqual([]);
  });
});

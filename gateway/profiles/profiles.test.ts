import { describe, expect, it } from "vitest";
import { cells, goodProfile } from "../../test/fake-protocol.ts";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { LinkError } from "../model/errors.ts";
import { silentLog } from "../model/log.ts";
import type { SouthboundContext } from "../southbound/protocol.ts";
import { documentProfile } from "./document.ts";
import { runExample } from "./example.ts";
import { loadProfiles } from "./library.ts";
import { type LoadedProfile, loadProfile } from "./load.ts";
import { showProfile } from "./show.ts";
import { showRational } from "./show-rational.ts";

const path = "device-profiles/acme/meter.yaml";
const load = (text: string): LoadedProfile => loadProfile(text, path, [cells]);
const good = load(goodProfile);
const profile = good.profile!;
const point = (name: string) => profile.points.find((one) => one.name === name)!;
const context: SouthboundContext = {
  clock: new VirtualClock(),
  random: () => 0.5,
  log: silentLog,
  connect: async () => {
    throw new LinkError("an example has no line", { code: "no-line" });
  },
  emit: async () => {},
  signal: new AbortController().signal,
};

describe("loadProfile", () => {
  it("compiles what the daemon needs", () => {
    expect(good.diagnostics).toEqual([]);
    expect(profile).toMatchObject({
      id: "acme/meter",
      version: "1.0.0",
      title: { en: "Acme meter", sv: "Acme-mätare" },
      protocol: "cells",
      protocolSettings: { base: 0 },
    });
    expect(profile.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(good.about?.sources).toEqual([{ document: "Acme M1 manual", url: undefined, pages: "9-17" }]);
    expect(point("voltage")).toMatchObject({
      address: { cell: 1, type: "int" },
      scale: { numerator: 1n, denominator: 10n },
      resolution: { numerator: 1n, denominator: 10n },
      pollClass: "fast",
      range: [0, 300],
      absent: [0x7fff],
      report: { change: 0.5, withinMs: 900_000 },
      personal: false,
    });
    expect(point("energy").pollClass).toEqual({ everyMs: 7000 });
    expect(point("temperature")).toMatchObject({ absent: ["nan"], resolution: undefined, kind: "gauge" });
    expect(point("state").labels).toEqual(
      new Map([
        [0, { en: "off" }],
        [1, { en: "on", sv: "på" }],
      ]),
    );
    expect(point("door").labels).toEqual(
      new Map([
        [0, { en: "closed" }],
        [1, { en: "open" }],
      ]),
    );
    expect(point("alarms").bits).toEqual(
      new Map([
        [0, "overvoltage"],
        [3, "phase_missing"],
      ]),
    );
    expect(profile.points.map((one) => one.kind)).toEqual([
      "gauge",
      "counter",
      "gauge",
      "state",
      "state",
      "text",
      "state",
    ]);
  });

  it.each([
    ["0.1", { numerator: 1n, denominator: 10n }],
    // More digits than a double holds.
    ["0.12345678901234567891", { numerator: 12345678901234567891n, denominator: 100000000000000000000n }],
    ["1/3", { numerator: 1n, denominator: 3n }],
    ["0x10", { numerator: 16n, denominator: 1n }],
    ["-2.5e-3", { numerator: -1n, denominator: 400n }],
  ])("takes the scale %s exactly as it is written", (written, scale) => {
    const { profile: found, diagnostics } = load(goodProfile.replace("scale: 0.1\n", `scale: ${written}\n`));
    expect(diagnostics).toEqual([]);
    expect(found?.points[0]?.scale).toEqual(scale);
  });

  it("gives an integer with an offset the step that both fit", () => {
    const { profile: found } = load(goodProfile.replace("scale: 0.1\n", "scale: 0.1\n    offset: -273.15\n"));
    expect(found?.points[0]?.resolution).toEqual({ numerator: 1n, denominator: 20n });
  });

  it("keeps 64-bit sentinels exact", () => {
    const { profile: found } = load(goodProfile.replace("[0x7FFF]", "[0xFFFFFFFFFFFFFFFF, -1]"));
    expect(found?.points[0]?.absent).toEqual([0xffffffffffffffffn, -1]);
  });

  it("warns about a profile that proves nothing, and takes it", () => {
    const { profile: found, diagnostics } = load(goodProfile.slice(0, goodProfile.indexOf("examples:")));
    expect(found).toBeDefined();
    expect(diagnostics).toMatchObject([{ code: "no-examples", severity: "warning" }]);
  });
});

describe("runExample", () => {
  it("passes the profile's own examples", async () => {
    expect(good.examples.map((one) => one.name)).toEqual(["nominal", "example 2"]);
    for (const example of good.examples) {
      const results = await runExample(profile, example, cells, context);
      expect(results.filter((one) => !one.passed)).toEqual([]);
      expect(results).toHaveLength(example.expect.size);
    }
  });

  it.each([
    ["voltage: 230.4", "voltage: 230.5", "voltage", "230.5", "230.4"],
    ["temperature: 21.5", "temperature: 21.5001", "temperature", "21.5001", "21.5"],
    ["state: on", "state: off", "state", '"off"', '"on"'],
    ["alarms/overvoltage: false", "alarms/overvoltage: true", "alarms/overvoltage", "true", "false"],
    ["voltage: {quality: sentinel}", "voltage: {quality: good}", "voltage", "good", "sentinel (raw 32767)"],
    ["energy: 0.001", "energy: {quality: stale}", "energy", "stale", "0.001"],
    ["state: {quality: out-of-range}", "state: on", "state", '"on"', "out-of-range (unknown state 9)"],
  ])("fails when %s becomes %s", async (right, wrong, name, expected, got) => {
    const changed = load(goodProfile.replace(right, wrong));
    const results = [];
    for (const example of changed.examples)
      results.push(...(await runExample(changed.profile!, example, cells, context)));
    expect(results.filter((one) => !one.passed)).toEqual([{ point: name, passed: false, expected, got }]);
  });

  it("asks for less, as on a line, and says what the device does not have", async () => {
    const lacking = load(goodProfile.replace('6: "A-17", ', ""));
    const [first] = lacking.examples;
    expect(await runExample(lacking.profile!, first!, cells, context)).toEqual([
      { point: "", passed: false, expected: "an answer", got: "no-cell: no cell 6" },
    ]);
  });
});

describe("loadProfiles", () => {
  const files: Record<string, string> = {
    "own/acme/meter.yaml": goodProfile.replace("1.0.0", "1.0.1"),
    "shipped/acme/meter.yaml": goodProfile,
    "shipped/acme/pump.yaml": goodProfile.replace("acme/meter", "acme/pump"),
    "shipped/acme/bad.yaml": "profile: [",
  };
  const read: string[] = [];
  const disk = {
    list: (folder: string) => {
      const names = Object.keys(files).filter((name) => name.startsWith(`${folder}/`));
      if (names.length === 0) throw new Error("no such folder");
      return [...names.map((name) => name.slice(folder.length + 1)), "README.md"];
    },
    read: (name: string) => {
      read.push(name);
      return files[name]!;
    },
  };

  it("leaves out a bad one alone; the earlier folder counts; a missing folder is reported", () => {
    const library = loadProfiles(
      ["own", "shipped/", "gone"],
      { ...disk, list: (name) => disk.list(name.replace(/\/$/, "")) },
      [cells],
    );
    expect([...library.profiles.keys()]).toEqual(["acme/meter", "acme/pump"]);
    expect(library.profiles.get("acme/meter")?.profile?.version).toBe("1.0.1");
    expect(library.quarantined).toMatchObject([
      { kind: "profile", id: "acme/bad", diagnostics: [{ code: "syntax" }] },
    ]);
    expect(library.ids).toEqual(["acme/meter", "acme/bad", "acme/pump"]);
    expect(library.diagnostics).toMatchObject([{ code: "unreadable", file: "gone" }]);
  });

  it("reads only what is used", () => {
    read.length = 0;
    const library = loadProfiles(["shipped"], disk, [cells], new Set(["acme/pump"]));
    expect(read).toEqual(["shipped/acme/pump.yaml"]);
    expect(library.ids).toContain("acme/bad");
    expect(library.quarantined).toEqual([]);
  });
});

describe("showProfile and documentProfile", () => {
  it("shows defaults filled in, in YAML and JSON alike", () => {
    const json: unknown = JSON.parse(showProfile(profile, "json"));
    expect(json).toMatchObject({
      points: { voltage: { scale: "0.1", kind: "gauge" }, energy: { class: { every: "7s" } } },
    });
    expect(showProfile(profile)).toContain('    scale: "0.1"\n');
  });

  it("writes decimals as decimals and other fractions as fractions", () => {
    expect(showRational({ numerator: -1n, denominator: 20n })).toBe("-0.05");
    expect(showRational({ numerator: 1000n, denominator: 1n })).toBe("1000");
    expect(showRational({ numerator: 1n, denominator: 3n })).toBe("1/3");
  });

  it("writes the page in both languages, and text stays text", () => {
    const english = documentProfile(profile, good.about!);
    const swedish = documentProfile(profile, { ...good.about!, caveats: ["a | b <script>"] }, "sv");
    expect(english).toContain("# Acme meter\n");
    expect(english).toContain("| voltage | V | 0.1 | gauge | fast |");
    expect(swedish).toContain("# Acme-mätare\n");
    expect(swedish).toContain("## Mätpunkter");
    expect(swedish).toContain("1 = på");
    expect(swedish).toContain("- a \\| b \\<script\\>");
  });
});

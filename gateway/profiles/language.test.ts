import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { cells, goodProfile } from "../../test/fake-protocol.ts";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { LinkError } from "../model/errors.ts";
import { silentLog } from "../model/log.ts";
import { prepareWrite } from "../model/write.ts";
import type { SouthboundContext } from "../southbound/protocol.ts";
import { documentProfile } from "./document.ts";
import { runExample } from "./example.ts";
import type { Bases } from "./expand.ts";
import { basesBeside, loadProfiles, type ProfileFiles } from "./library.ts";
import { type LoadedProfile, loadProfile } from "./load.ts";
import { variants } from "./option.ts";
import { showProfile } from "./show.ts";

// Words of the language that change what a profile is: options, repeat, use, write, and what is around them.

const path = "device-profiles/acme/meter.yaml";
const head = goodProfile.slice(0, goodProfile.indexOf("points:"));
const base: Bases = {
  ids: ["acme/base"],
  find: (id) =>
    id === "acme/base"
      ? { file: "device-profiles/acme/base.yaml", text: goodProfile.replace("acme/meter", "acme/base") }
      : undefined,
};
const load = (body: string, bases?: Bases): LoadedProfile => loadProfile(head + body, path, [cells], bases);
const example = "examples: [{given: {1: 2304}, expect: {voltage: 230.4}}]\n";
const voltage = "  voltage: {at: {cell: 1}, unit: V, scale: 0.1}\n";
const names = ({ profile }: LoadedProfile): string[] => profile?.points.map((point) => point.name) ?? [];

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
async function run({ profile, examples }: LoadedProfile): Promise<string[]> {
  const results = [];
  for (const one of examples) results.push(...(await runExample(profile!, one, cells, context)));
  return results.map(({ point, passed, got }) => `${point}: ${passed ? "passed" : got}`);
}

describe("options and when", () => {
  const loaded = load(`options:
  wiring: {values: [1P2W, 3P4W], default: 3P4W, title: {en: Wiring, sv: Koppling}}
  ct: {values: [50, 100]}
points:
${voltage}  voltage_l2: {at: {cell: 2}, unit: V, when: {wiring: 3P4W}}
  current: {at: {cell: 3}, unit: A, scale: 50, when: {ct: 50}}
  current_large: {at: {cell: 3}, unit: A, scale: 100, when: {ct: [100]}}
examples:
  - {given: {1: 2304, 2: 230}, expect: {voltage: 230.4, voltage_l2: 230}}
  - {given: {3: 2}, expect: {current_large: 200}, options: {ct: 100, wiring: 1P2W}}
`);
  const variant = (wiring: string, ct: string) => loaded.variant!({ wiring, ct });

  it("compiles the points of the choices, one object for one set of choices", () => {
    expect(loaded.diagnostics).toEqual([]);
    expect(names(loaded)).toEqual(["voltage", "voltage_l2", "current"]);
    expect(variant("1P2W", "100").points.map((point) => point.name)).toEqual(["voltage", "current_large"]);
    expect(variant("1P2W", "100")).toBe(loaded.variant!({ ct: "100", wiring: "1P2W" }));
    expect(variant("3P4W", "50")).toBe(loaded.profile);
    expect(variant("1P2W", "50").chosen).toEqual({ wiring: "1P2W", ct: "50" });
  });

  it("has a hash of its own for every set of choices", () => {
    const all = variants(loaded.options!);
    expect(all).toHaveLength(4);
    expect(new Set(all.map((chosen) => loaded.variant!(chosen).hash)).size).toBe(4);
  });

  it("runs examples with their choices", async () => {
    expect(await run(loaded)).toEqual(["voltage: passed", "voltage_l2: passed", "current_large: passed"]);
  });

  it("checks one choice at a time where there are too many together", () => {
    const many = new Map(Array.from({ length: 7 }, (_, index) => [`o${index}`, { values: ["a", "b"] }]));
    expect(variants(many)).toHaveLength(8);
  });
});

describe("repeat", () => {
  it("counts addresses up, puts the entry into texts, and keeps the order", () => {
    const loaded = load(`points:
${voltage}  relay:
    repeat: {over: 1..3, stride: {cell: 2}}
    title: {en: "Relay {n}", sv: "Relä {n}"}
    at: {cell: 10, type: flag}
    write: {verify: {at: {cell: 11, type: flag}}}
  current:
    repeat: {over: [l1, l2], name: "current_{n}", stride: {cell: 1}}
    at: {cell: 30}
    unit: A
  last: {at: {cell: 40}, unit: V}
${example}`);
    expect(loaded.diagnostics).toEqual([]);
    expect(names(loaded)).toEqual([
      ...["voltage", "relay_1", "relay_2", "relay_3", "current_l1", "current_l2", "last"],
    ]);
    const [, , relay] = loaded.profile!.points;
    expect(relay).toMatchObject({
      title: { en: "Relay 2", sv: "Relä 2" },
      address: { cell: 12 },
      write: { address: { cell: 12 }, verify: { address: { cell: 13 } }, steps: [{ point: "relay_2" }] },
    });
  });

  it("is the same profile as the one written out", () => {
    const short = load(
      `points:\n  v: {repeat: {over: 1..2, stride: {cell: 1}}, at: {cell: 1}, unit: V}\nexamples: [{given: {1: 2}, expect: {v_1: 2}}]\n`,
    );
    const long = load(
      `points:\n  v_1: {at: {cell: 1}, unit: V}\n  v_2: {at: {cell: 2}, unit: V}\nexamples: [{given: {1: 2}, expect: {v_1: 2}}]\n`,
    );
    const shown = ({ profile }: LoadedProfile): object => ({ ...parse(showProfile(profile!)), hash: "" });
    expect(short.diagnostics).toEqual([]);
    expect(shown(short)).toEqual(shown(long));
  });
});

describe("use", () => {
  const text = `${head.replace(/manufacturer:.*\n|category:.*\n|protocol:.*\n|cells:\n {2}base: 0\n/g, "")}use: acme/base
points:
  voltage: {scale: 0.01, report: null}
  energy: null
  power: {at: {cell: 9}, unit: W}
examples: [{given: {1: 23040, 9: 5}, expect: {voltage: 230.4, power: 5}}]
`;
  const loaded = loadProfile(text, path, [cells], base);

  it("takes over, changes key by key, removes and adds", () => {
    expect(loaded.diagnostics).toEqual([]);
    expect(names(loaded)).toEqual(["voltage", "temperature", "state", "alarms", "serial", "door", "power"]);
    expect(loaded.profile!.points[0]).toMatchObject({
      scale: { numerator: 1n, denominator: 100n },
      unit: "V",
      report: undefined,
    });
    expect(loaded.profile).toMatchObject({
      manufacturer: "Acme",
      category: "energy-meter",
      protocol: "cells",
    });
  });

  it("runs the used profile's examples for what stands as it was", async () => {
    const results = await run(loaded);
    expect(results.filter((one) => !one.endsWith("passed"))).toEqual([]);
    expect(results).toContain("temperature: passed");
    expect(results.filter((one) => one.startsWith("voltage"))).toHaveLength(1);
  });

  it("has a hash over both files", () => {
    const changed: Bases = {
      ...base,
      find: (id) => ({ ...base.find(id)!, text: `${base.find(id)!.text}# more\n` }),
    };
    const other = loadProfile(text, path, [cells], changed);
    expect(other.profile?.hash).not.toBe(loaded.profile?.hash);
  });

  it("finds the other profile beside the file, and in the library", () => {
    const disk: Record<string, string> = {
      "shipped/acme/meter.yaml": text,
      "shipped/acme/base.yaml": base.find("acme/base")!.text,
    };
    const files: ProfileFiles = {
      list: (folder) =>
        Object.keys(disk)
          .filter((name) => name.startsWith(`${folder}/`))
          .map((name) => name.slice(folder.length + 1)),
      read: (name) => disk[name]!,
    };
    const library = loadProfiles(["shipped"], files, [cells], new Set(["acme/meter"]));
    expect(library.quarantined).toEqual([]);
    expect(names(library.profiles.get("acme/meter")!)).toContain("power");
    const beside = basesBeside("shipped/acme/meter.yaml", files);
    expect(beside.find("acme/base")?.file).toBe("shipped/acme/base.yaml");
    expect(beside.find("acme/none")).toBeUndefined();
    expect(beside.ids).toEqual(["acme/meter", "acme/base"]);
  });
});

describe("write, setup and identify", () => {
  const body = `options:
  mode: {values: [plain, tuned], default: plain}
points:
${voltage}  level:
    at: {cell: 2}
    unit: "%"
    range: [0, 100]
    write:
      at: {cell: 20}
      step: 5
      value: "value == 0 ? 0 : clamp(value, 10, 100)"
      steps: [{set: unlock, value: 1}, {wait: 200ms}, {set: level}]
      verify: {within: 3s, tolerance: 1, retries: 1}
      rate: 10/min
      budget: {perDay: 5000, lifetime: 100000}
      interlock: "voltage < 250 && mode == \\"plain\\""
      keepalive: {every: 30s}
      failsafe: {after: 10m, value: 80}
      expiry: {max: 30s}
      confirm: two-step
  unlock: {unit: count, write: {at: {cell: 21}}}
  lamp:
    at: {cell: 3}
    values: {0: off, 1: {en: on, sv: på}, default: {en: other, sv: annat}}
    deprecated: {since: 1.0.0, use: level, reason: Replaced}
    write: {values: [off, on]}
  alarms: {at: {cell: 4}, bits: {0: {name: hot, en: Too hot, sv: För varm}, 1: cold}}
identify: [{point: lamp, in: [off, on]}, {at: {cell: 50}, equals: 7}]
setup:
  - {set: unlock, value: 2}
  - {at: {cell: 60}, value: 5, verify: {within: 1s}, when: {mode: tuned}}
examples:
  - {given: {1: 2304, 3: 9, 4: 1}, expect: {voltage: 230.4, lamp: other, alarms/hot: true}}
  - {given: {1: 2304}, write: {level: 5}, exchange: [{">": "21=1", "<": ok}, {">": "20=10", "<": ok}]}
  - {given: {1: 2504}, write: {level: 5}, refuse: interlock}
  - {given: {1: 2304}, options: {mode: tuned}, write: {level: 5}, refuse: interlock}
  - {write: {level: 7}, refuse: off-step}
  - {write: {lamp: other}, refuse: unknown-value}
  - {write: {lamp: on}, exchange: [{">": "3=1", "<": ok}]}
  - {write: {unlock: 40000}, refuse: does-not-fit}
`;
  const loaded = load(body);

  it("runs examples that write", async () => {
    expect(loaded.diagnostics.filter((one) => one.severity === "error")).toEqual([]);
    expect((await run(loaded)).filter((one) => !one.endsWith("passed"))).toEqual([]);
  });

  it.each([
    ['{">": "20=10"', '{">": "20=11"', "level: 32 30 3D 31 30 (20=10)"],
    ['{">": "21=1", "<": ok}, ', "", "level: 32 31 3D 31 (21=1)"],
    ['{">": "20=10", "<": ok}', '{">": "20=10", "<": ko}', "level: ko"],
    [
      "write: {level: 5}, refuse: interlock",
      "write: {level: 5}, refuse: off-step",
      "level: interlock: needs",
    ],
    ["refuse: off-step", "refuse: out-of-range", "level: off-step: 7"],
    ['"3=1", "<": ok}', '"3=1", "<": ok}, {">": "x", "<": ok}', "lamp: no more frames"],
  ])("fails when %s becomes %s", async (right, wrong, got) => {
    expect(body).toContain(right);
    const results = await run(load(body.replace(right, wrong)));
    const failed = results.filter((one) => !one.endsWith("passed"));
    expect(failed.length).toBeGreaterThan(0);
    expect(failed[0]).toContain(got);
  });

  it("keeps what cannot be read out of the points that are read", () => {
    expect(names(loaded)).toEqual(["voltage", "level", "lamp", "alarms"]);
    expect(loaded.profile?.commands?.map((point) => point.name)).toEqual(["unlock"]);
    expect(loaded.profile?.identifyPoints).toMatchObject([{ name: "identify_2", address: { cell: 50 } }]);
  });

  it("compiles setup for the choices", () => {
    expect(loaded.profile?.setup).toMatchObject([{ point: "unlock", address: { cell: 21 }, raw: 2 }]);
    expect(loaded.variant!({ mode: "tuned" }).setup).toMatchObject([
      {},
      { address: { cell: 60 }, raw: 5, verify: { withinMs: 1000 } },
    ]);
  });

  it("prepares a command from the compiled rule alone", () => {
    const { profile } = loaded;
    const level = profile!.points.find((point) => point.name === "level")!;
    expect(prepareWrite(profile!, level, 55, new Map([["voltage", 230]]))).toEqual({
      value: 55,
      steps: [
        { address: { cell: 21, type: "int" }, raw: 1, point: "unlock" },
        { waitMs: 200 },
        { address: { cell: 20, type: "int" }, raw: 55, point: "level" },
      ],
      verify: { address: undefined, point: undefined, withinMs: 3000, tolerance: 1, retries: 1 },
    });
  });

  it("shows and documents every part, in both languages", () => {
    const shown = showProfile(loaded.profile!);
    for (const part of [
      ...["rate: 10/1m", "every: 30s", "after: 10m", "confirm: two-step", "wait: 200ms", "tolerance: 1"],
      ...['step: "5"', "interlock: voltage < 250", "perDay: 5000", "chosen:", "identify:", "setup:"],
      ...["default:\n        en: other", "name: hot", "since: 1.0.0", "unlock:"],
    ])
      expect(shown, part).toContain(part);
    const english = documentProfile(loaded.profile!, loaded.about!);
    const swedish = documentProfile(loaded.profile!, loaded.about!, "sv");
    expect(english).toContain("1 = on (på)");
    expect(swedish).toContain("1 = på (on)");
    expect(english).toContain("others = other (annat)");
    expect(swedish).toContain("bit 0: hot = För varm (Too hot)");
    expect(english).toContain("deprecated since 1.0.0; Replaced; use instead: level");
    expect(english).toContain("## Choices");
    expect(swedish).toContain("## Skrivning");
    expect(english).toContain("= 5: only with mode: tuned");
    expect(english).toContain("- cell 50, type int: 7");
    expect(english).toContain("| level |  | 0 ... 100; step 5; value == 0 ? 0 : clamp(value, 10, 100) |");
  });
});

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { readablePoints, type Text } from "../gateway/model/device.ts";
import { LinkError } from "../gateway/model/errors.ts";
import { silentLog } from "../gateway/model/log.ts";
import { unitOf } from "../gateway/model/units.ts";
import { runExample } from "../gateway/profiles/example.ts";
import type { Bases } from "../gateway/profiles/expand.ts";
import { loadProfile } from "../gateway/profiles/load.ts";
import { loadProtocols } from "../gateway/southbound/index.ts";
import type { Protocol, SouthboundContext } from "../gateway/southbound/protocol.ts";
import { VirtualClock } from "./fault/virtual-clock.ts";

// Every profile of the repository, through the real protocols: what a city would install.

const folder = resolve(import.meta.dirname, "../device-profiles");
const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".yaml") && !name.endsWith(".schema.yaml"))
  .map((name) => name.replaceAll("\\", "/"))
  .toSorted();

/** A protocol that names no sample line gets one here: examples have no line of their own. */
const sample = { connection: { tcp: { host: "localhost" } }, device: { unit: 1 } };
const protocols = (await loadProtocols()).map((one): Protocol => ({ ...one, sample: one.sample ?? sample }));

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

const bases: Bases = {
  ids: files.map((name) => name.replace(/\.yaml$/, "")),
  find: (id) =>
    files.includes(`${id}.yaml`)
      ? { file: `device-profiles/${id}.yaml`, text: readFileSync(join(folder, `${id}.yaml`), "utf8") }
      : undefined,
  beside: (profile, name) => {
    const file = join(dirname(profile), name);
    return { file, text: readFileSync(resolve(folder, "..", file), "utf8") };
  },
};

function load(name: string) {
  const file = join("device-profiles", name);
  return loadProfile(readFileSync(join(folder, name), "utf8"), file, protocols, bases);
}
const loaded = files.map((name) => ({ name, ...load(name) }));
const categories = new Set(loaded.map(({ profile }) => profile?.category));

const isBoth = (text: Text | undefined): boolean => Boolean(text?.en && text.sv);
/** A point's name from a reading's, which for one bit is `<point>/<bit>`. */
const pointOf = (reading: string): string => reading.split("/")[0] ?? reading;

describe("device-profiles/", () => {
  it("has at least 17 energy meters and 12 devices of other kinds", () => {
    const meters = loaded.filter(({ profile }) => profile?.category === "energy-meter");
    expect(meters.length).toBeGreaterThanOrEqual(17);
    expect(loaded.length - meters.length).toBeGreaterThanOrEqual(12);
    expect(categories.size).toBeGreaterThanOrEqual(10);
  });

  it("shows every way of the language to say where and what", () => {
    const text = files.map((name) => readFileSync(join(folder, name), "utf8")).join("\n");
    for (const word of [
      ...["addressing: protocol", "addressing: datasheet-1", "addressing: modicon"],
      ...["coil: ", "discrete: ", "input: ", "holding: "],
      ...[
        "type: u8",
        "type: s16",
        "type: u32",
        "type: s32",
        "type: u64",
        "type: s64",
        "type: f32",
        "type: f64",
      ],
      ...["type: bool", "type: ascii", "type: utf8", "type: hex", 'type: "u32[8:14]"', "order: CDAB"],
      ...["byte: high", "byte: low", "bits:", "values:", "absent:", "range:", "report:", "personal: true"],
      ...["maxRegisters:", "gaps: forbid", "atomic:", "minInterval:", "connectDelay:", "scale: -1"],
    ])
      expect(text, word).toContain(word);
  });
});

describe("the language in use", () => {
  const used = (word: RegExp): number =>
    files.filter((name) => word.test(readFileSync(join(folder, name), "utf8"))).length;

  it.each([
    ["write", /^ {4}write:/m, 8],
    ["repeat", /^ {4}repeat:/m, 4],
    ["options", /^options:/m, 2],
    ["when", /\bwhen: /, 2],
    ["use", /^use: /m, 2],
    ["setup", /^setup:/m, 1],
    ["identify", /^identify:/m, 1],
    ["interlock", /interlock: /, 2],
    ["exchange", /^ {4}exchange:/m, 8],
    ["refuse", /^ {4}refuse:/m, 8],
  ])("has %s in profiles that run", (_word, pattern, least) => {
    expect(used(pattern)).toBeGreaterThanOrEqual(least);
  });

  it("has a write example of every point that can be written, unless it stands for its neighbours", () => {
    const bare = loaded.flatMap(({ name, profile, examples }) => {
      const family = (point: string): string => point.replace(/_\d+$/, "");
      const shown = new Set(examples.map(({ command }) => family(command?.point ?? "")));
      return [...(profile?.points ?? []), ...(profile?.commands ?? [])]
        .filter((point) => point.write && !shown.has(family(point.name)))
        .map((point) => `${name} ${point.name}`);
    });
    expect(bare).toEqual([]);
  });
});

describe.each(loaded)("$name", ({ profile, about, examples, diagnostics }) => {
  it("is right", () => {
    expect(diagnostics).toEqual([]);
    expect(profile).toBeDefined();
    expect(about?.sources.length).toBeGreaterThan(0);
  });

  it("speaks English and Swedish", () => {
    expect(isBoth(profile?.title)).toBe(true);
    for (const point of profile?.points ?? []) {
      if (point.title) expect(isBoth(point.title), point.name).toBe(true);
      for (const label of point.labels?.values() ?? []) expect(isBoth(label), point.name).toBe(true);
    }
  });

  it("has units that the table knows, on every number", () => {
    for (const { name, unit } of profile?.points ?? [])
      if (unit !== undefined) expect(unitOf(unit), name).toBeDefined();
  });

  it("has an example of every point, and one of a value that is not good", () => {
    const expected = examples.flatMap((example) => [...example.expect]);
    const covered = new Set(expected.map(([reading]) => pointOf(reading)));
    const names = profile ? readablePoints(profile).map((point) => point.name) : [];
    expect(names.filter((name) => !covered.has(name))).toEqual([]);
    const bad = expected.filter(([, value]) => typeof value === "object" && "quality" in value);
    expect(bad.length).toBeGreaterThan(0);
  });

  it.each(examples)("gives what it says: $name", async (example) => {
    const protocol = protocols.find((one) => one.name === profile?.protocol);
    if (!profile || !protocol) throw new Error("not loaded");
    const results = await runExample(profile, example, protocol, context);
    expect(results.length).toBe(example.command ? 1 : example.expect.size + example.counters.size);
    expect(results.filter((result) => !result.passed)).toEqual([]);
  });
});

import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { categories } from "../gateway/profiles/category.ts";
import { profileSchema, profileSchemaText } from "../gateway/profiles/editor-schema.ts";
import { loadProtocols } from "../gateway/southbound/index.ts";
import { cells } from "./fake-protocol.ts";
import { breaches } from "./json-schema.ts";

const protocols = await loadProtocols();

const folder = join(import.meta.dirname, "../device-profiles");

it("device-profiles/profile.schema.json is what the gateway checks (vitest -u writes it again)", async () => {
  const text = profileSchemaText(protocols);
  await expect(text).toMatchFileSnapshot(join(folder, "profile.schema.json"));
  // An editor loads it at every start.
  expect(text.length).toBeLessThan(220_000);
});

it("describes what people write, not what comes of it", () => {
  const schema = JSON.stringify(profileSchema([cells]));
  expect(schema).toContain('"$schema":"http://json-schema.org/draft-07/schema#"');
  expect(schema).toContain('"additionalProperties":false');
  // A duration is a text when written, though a number afterwards.
  expect(schema).toMatch(/"within":\{"type":"string","pattern"/);
  // What is required of a protocol's part is not required of its default.
  expect(schema).toContain('"cell"');
});

// The validator is one of our own, for tests only: none is among the dependencies. It knows nothing of zod.
describe("the JSON Schema itself", () => {
  const schema = profileSchema(protocols);
  const read = (path: string): unknown => plain(parse(readFileSync(path, "utf8")));
  const profile = (changes: Record<string, unknown>): Record<string, unknown> => ({
    profile: "acme/m1",
    version: "1.0.0",
    title: { en: "M1", sv: "M1" },
    manufacturer: "Acme",
    models: ["M1"],
    category: "energy-meter",
    sources: [{ document: "map" }],
    status: "draft",
    protocol: "modbus",
    modbus: { addressing: "protocol" },
    points: { power: { at: { input: 0, type: "f32" }, unit: "W" } },
    ...changes,
  });

  it("takes every profile of the library", () => {
    const files = globSync(join(folder, "*/*.yaml"));
    expect(files.length).toBeGreaterThan(80);
    for (const file of files) expect(breaches(schema, read(file)), file).toEqual([]);
  });

  it("refuses what is wrong, at its place", () => {
    expect(breaches(schema, profile({}))).toEqual([]);
    const wrong: [Record<string, unknown>, string][] = [
      [{ status: "tested" }, "/status enum"],
      [{ version: "1.0" }, "/version pattern"],
      [{ colour: "red" }, "/colour false"],
      [{ protocol: "modbuss" }, "/protocol enum"],
      [{ modbus: { addressing: "none" } }, "/modbus/addressing enum"],
      [{ manufacturer: undefined }, " required"],
      [{ points: { power: { at: { input: 0 }, unt: "W" } } }, "/points/power anyOf"],
      [{ examples: [{ given: { input: { 0: 17_254 } }, expect: {} }] }, "/examples/0/given/input/0 type"],
    ];
    for (const [changes, place] of wrong)
      expect(breaches(schema, plain(profile(changes))), JSON.stringify(changes)).toContain(place);
  });

  it("goes by the protocol: the words of another one are refused", () => {
    const meter = { protocol: "mbus", modbus: undefined, points: { e: { at: { quantity: "energy" } } } };
    expect(breaches(schema, plain(profile(meter)))).toEqual([]);
    expect(breaches(schema, profile({ protocol: "mbus" }))).toContain("/modbus false");
    const mixed = profile({ points: { e: { at: { quantity: "energy" } } } });
    expect(breaches(schema, mixed)).toContain("/points/e anyOf");
  });

  it("asks for less of a profile that uses another one", () => {
    const using = { use: "acme/m0", manufacturer: undefined, category: undefined, points: { power: null } };
    expect(breaches(schema, plain(profile(using)))).toEqual([]);
    const silent = { ...using, protocol: undefined, modbus: undefined };
    expect(breaches(schema, plain(profile(silent)))).toEqual([]);
    expect(breaches(schema, plain(profile({ ...silent, use: undefined })))).toContain(" required");
  });
});

/** As an editor sees it: without undefined, with `.nan` as a word. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, one: unknown) =>
      typeof one === "number" && !Number.isFinite(one) ? String(one) : one,
    ),
  );
}

it("device-profiles/README.md names every category", () => {
  const readme = readFileSync(join(folder, "README.md"), "utf8");
  const missing = Object.entries(categories).filter(
    ([name, text]) => !readme.includes(`| \`${name}\` | ${text} |`),
  );
  expect(missing).toEqual([]);
});

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commandFailures, commandRefusals } from "../gateway/model/command.ts";
import { qualities } from "../gateway/model/quality.ts";
import { buildNodes, languages, nodeMap, nodeNames } from "./build.ts";

// What node-red-dev asks of a package (its rules P01 to P07, N01, D01), and what we ask of ours.
const folder = import.meta.dirname;
const read = (...path: string[]) => readFileSync(join(folder, ...path), "utf8");
const manifest = JSON.parse(read("package.json"));
const names = await nodeNames();

/** `a.b` of every text in a catalogue. */
function keysOf(catalogue: object, prefix = ""): string[] {
  return Object.entries(catalogue).flatMap(([key, value]) =>
    typeof value === "string" ? [`${prefix}${key}`] : keysOf(value, `${prefix}${key}.`),
  );
}
const catalogueOf = (name: string, language: string) => ({
  ...JSON.parse(read("locales", language, "common.json")),
  ...JSON.parse(read(name, "locales", language, `${name}.json`)),
});

describe("package node-red-contrib-stadsnod", () => {
  it("says what the catalogue of Node-RED wants to know", () => {
    expect(manifest.license).toBe("Apache-2.0");
    // An address that nobody owns yet could be taken by somebody else: P03 has to wait for a public repository.
    expect([manifest.repository, manifest.homepage, manifest.bugs]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(manifest.keywords).toContain("node-red");
    expect(manifest["node-red"].version).toMatch(/^>=\d/);
    expect(manifest.engines.node).toMatch(/^>=\d/);
    expect(Object.keys(manifest.dependencies ?? {}).length).toBeLessThanOrEqual(6);
    expect(manifest.scripts).toBeUndefined();
    expect(existsSync(join(folder, "README.md"))).toBe(true);
  });

  it("lists every node, each type once and under our prefix", () => {
    expect(manifest["node-red"].nodes).toEqual(nodeMap(names));
    const registered = names.flatMap((name) =>
      Array.from(read(name, `${name}.ts`).matchAll(/registerType[^(]*\(\s*"([^"]+)"/g), ([, type]) => type),
    );
    expect(registered.sort()).toEqual(names.map((name) => `stadsnod-${name}`).sort());
  });

  it("names every library that is bundled into it, with its licence", async () => {
    const out = mkdtempSync(join(tmpdir(), "stadsnod-nodes-"));
    await buildNodes(out);
    const text = readFileSync(join(out, "THIRD-PARTY.txt"), "utf8");
    const bundles = readdirSync(out).filter((file) => /\.(js|html)$/.test(file));
    // esbuild writes the path of each source before it.
    const bundled = new Set(
      bundles.flatMap((file) =>
        Array.from(
          readFileSync(join(out, file), "utf8").matchAll(
            /^\s*\/\/ .*node_modules\/((?:@[^/\n]+\/)?[^/\n]+)\//gm,
          ),
          ([, name]) => name!,
        ),
      ),
    );
    rmSync(out, { recursive: true });
    expect([...bundled].sort()).toEqual(expect.arrayContaining(["cborg", "croner", "suncalc"]));
    for (const name of bundled) expect(text).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, "m"));
    expect(
      text.match(/Permission is hereby granted|Apache License|Redistribution and use/g)?.length,
    ).toBeGreaterThanOrEqual(bundled.size);
  });

  it("has an example of every node", () => {
    const examples = existsSync(join(folder, "examples")) ? readdirSync(join(folder, "examples")) : [];
    const used = new Set(
      examples
        .filter((file) => file.endsWith(".json"))
        .flatMap((file) => JSON.parse(read("examples", file)))
        .map(({ type }: { type: string }) => type),
    );
    expect(names.filter((name) => !used.has(`stadsnod-${name}`))).toEqual([]);
  });
});

describe.each(names)("node %s", (name) => {
  const page = read(name, `${name}.html`);
  const editor = read(name, "editor.ts");

  it("speaks both languages, word for word", () => {
    const [english, swedish] = languages.map((language) => keysOf(catalogueOf(name, language)).sort());
    expect(swedish).toEqual(english);
    for (const language of languages)
      expect(read(name, "locales", language, `${name}.html`)).toContain(`data-help-name="stadsnod-${name}"`);
  });

  it("has a word for every key that its page uses", () => {
    const known = keysOf(catalogueOf(name, "en-US"));
    const ofPage = Array.from(page.matchAll(/data-i18n="(?:\[\w+\])?([^"]+)"/g), ([, key]) => key!);
    const ofEditor = Array.from(editor.matchAll(/(?:_|words)\("([^"]+)"/g), ([, key]) => key!);
    expect([...ofPage, ...ofEditor].filter((key) => !known.includes(key))).toEqual([]);
  });

  it("has a field for every property, and a property for every field", () => {
    const prefix = page.includes("node-config-input-") ? "node-config-input-" : "node-input-";
    const fields = Array.from(page.matchAll(new RegExp(`id="${prefix}([^"]+)"`, "g")), ([, id]) => id!);
    for (const field of fields) expect(editor, field).toMatch(new RegExp(`\\b${field}: \\{`));
    expect(new Set(fields).size).toBe(fields.length);
  });

  it("has an icon in our set", () => {
    const icon = /icon: "([^"]+)"/.exec(editor)?.[1];
    if (!editor.includes('category: "config"'))
      expect(existsSync(join(folder, "icons", icon ?? "none"))).toBe(true);
  });
});

describe("shared words", () => {
  it("exist for every code of a command and every quality", () => {
    const known = keysOf(JSON.parse(read("locales", "sv", "common.json")));
    const codes = [...commandRefusals, ...commandFailures].map((code) => `failed.${code}`);
    const bad = qualities.filter((quality) => quality !== "good").map((quality) => `quality.${quality}`);
    expect([...codes, ...bad].filter((key) => !known.includes(key))).toEqual([]);
  });
});

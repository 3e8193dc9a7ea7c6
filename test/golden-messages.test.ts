import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../gateway/config/load.ts";
import { type Diagnostic, formatDiagnostic } from "../gateway/model/diagnostic.ts";
import { loadProfiles } from "../gateway/profiles/library.ts";
import { loadProfile } from "../gateway/profiles/load.ts";
import { cells, goodProfile, pigeon } from "./fake-protocol.ts";

// What a person reads for each kind of mistake. The folder holds the wrong inputs, each beside the
// exact text that it must give; `vitest -u` writes the texts, and the reviewer reads the difference.
const folder = join(import.meta.dirname, "golden-messages");
const inputs = readdirSync(folder).filter((name) => name.endsWith(".yaml"));

const profiles = loadProfiles(
  ["device-profiles"],
  { list: () => ["acme/meter.yaml", "acme/pump.yaml"], read: () => goodProfile },
  [cells],
  new Set(["acme/meter"]),
);

function messages(name: string, text: string): readonly Diagnostic[] {
  if (name.endsWith(".profile.yaml"))
    return loadProfile(text, "device-profiles/acme/meter.yaml", [cells]).diagnostics;
  return loadConfig(text, "gateway.yaml", {
    protocols: [cells],
    northbounds: [pigeon],
    profiles,
    env: { LOFT_KEY: "planted-secret" },
    readFile: (path) => {
      throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
    },
  }).diagnostics;
}

describe("messages about wrong input", () => {
  it("has every kind of mistake", () => {
    expect(inputs.length).toBeGreaterThanOrEqual(30);
  });

  it.each(inputs)("%s", async (name) => {
    const text = readFileSync(join(folder, name), "utf8");
    const found = messages(name, text);
    expect(found.length).toBeGreaterThan(0);
    const shown = found.map((one) => `${formatDiagnostic(one, text)}\n`).join("\n");
    expect(shown).not.toContain("planted-secret");
    await expect(shown).toMatchFileSnapshot(join(folder, name.replace(/\.yaml$/, ".txt")));
  });
});

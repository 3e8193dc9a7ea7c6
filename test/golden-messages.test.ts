import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../gateway/config/load.ts";
import { type Diagnostic, formatDiagnostic } from "../gateway/model/diagnostic.ts";
import type { Bases } from "../gateway/profiles/expand.ts";
import { loadProfiles } from "../gateway/profiles/library.ts";
import { loadProfile } from "../gateway/profiles/load.ts";
import { loadProtocols } from "../gateway/southbound/index.ts";
import { cells, goodProfile, peopleProfile, pigeon } from "./fake-protocol.ts";

// What a person reads for each kind of mistake. The folder holds the wrong inputs, each beside the
// exact text that it must give; `vitest -u` writes the texts, and the reviewer reads the difference.
const folder = join(import.meta.dirname, "golden-messages");
const inputs = readdirSync(folder).filter((name) => name.endsWith(".yaml"));

const profiles = loadProfiles(
  ["device-profiles"],
  {
    list: () => ["acme/meter.yaml", "acme/people.yaml", "acme/pump.yaml", "acme/wired.yaml"],
    read: (path) =>
      path.endsWith("people.yaml")
        ? peopleProfile
        : path.endsWith("wired.yaml")
          ? goodProfile
              .replace("acme/meter", "acme/wired")
              .replace(
                "points:",
                `options:\n  wiring: {values: [1P2W, 3P4W], default: 3P4W}\n  ct: {values: [50, 100]}\npoints:`,
              )
          : goodProfile,
  },
  [cells],
  new Set(["acme/meter", "acme/people", "acme/wired"]),
);

// Profiles that the wrong ones may `use`.
const others: Readonly<Record<string, string>> = {
  "acme/base": goodProfile.replace("acme/meter", "acme/base"),
  "acme/child": "profile: acme/child\nuse: acme/base\n",
  "acme/broken": "profile: acme/broken\npoints: {\n",
  "acme/foreign": "profile: acme/foreign\nprotocol: modbus\npoints: {}\n",
};
const bases: Bases = {
  ids: Object.keys(others),
  find: (id) => {
    const text = others[id];
    return text === undefined ? undefined : { file: `device-profiles/${id}.yaml`, text };
  },
};

async function messages(name: string, text: string): Promise<readonly Diagnostic[]> {
  if (name.endsWith(".profile.yaml"))
    return loadProfile(text, "device-profiles/acme/meter.yaml", [cells], bases).diagnostics;
  const loaded = await loadConfig(text, "gateway.yaml", {
    protocols: [cells],
    northbounds: [pigeon],
    profiles,
    env: { LOFT_KEY: "planted-secret" },
    readFile: (path) => {
      throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
    },
  });
  return loaded.diagnostics;
}

// The mistakes that only the protocols themselves know.
const protocols = await loadProtocols();
const ofProtocols = readdirSync(join(folder, "protocols")).filter((name) => name.endsWith(".yaml"));

describe("messages about profiles of the real protocols", () => {
  it("has mistakes of every protocol", () => {
    const text = ofProtocols.map((name) => readFileSync(join(folder, "protocols", name), "utf8")).join("");
    for (const { name } of protocols) expect(text).toContain(`protocol: ${name}\n`);
  });

  it.each(ofProtocols)("%s", async (name) => {
    const text = readFileSync(join(folder, "protocols", name), "utf8");
    const found = loadProfile(text, "device-profiles/acme/meter.yaml", protocols, bases).diagnostics;
    const errors = found.filter(({ severity }) => severity === "error");
    expect(errors.length).toBeGreaterThan(0);
    for (const { message, hint, code } of errors)
      if (["unknown-value", "unknown-unit", "bad-address", "unknown-field", "unknown-point"].includes(code))
        expect(hint, message).toBeDefined();
    const shown = errors.map((one) => `${formatDiagnostic(one, text)}\n`).join("\n");
    await expect(shown).toMatchFileSnapshot(join(folder, "protocols", name.replace(/\.yaml$/, ".txt")));
  });
});

describe("messages about wrong input", () => {
  it("has every kind of mistake", () => {
    expect(inputs.length).toBeGreaterThanOrEqual(58);
    expect(inputs.filter((name) => name.endsWith(".profile.yaml")).length).toBeGreaterThanOrEqual(45);
  });

  it.each(inputs)("%s", async (name) => {
    const text = readFileSync(join(folder, name), "utf8");
    const found = await messages(name, text);
    expect(found.length).toBeGreaterThan(0);
    const shown = found.map((one) => `${formatDiagnostic(one, text)}\n`).join("\n");
    expect(shown).not.toContain("planted-secret");
    if (name.startsWith("write-") || name.startsWith("option"))
      // A stranger is told what to do, not only what is wrong.
      for (const { message, hint, code } of found)
        if (!["bad-format", "wrong-type", "missing-key"].includes(code)) expect(hint, message).toBeDefined();
    await expect(shown).toMatchFileSnapshot(join(folder, name.replace(/\.yaml$/, ".txt")));
  });
});

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { closure, type LockedPackage, readPackageLock } from "../scripts/image/npm-lock.ts";

// What comes from npm: locked by hash, from nowhere else, with no code that runs at installation, few enough to
// be looked at, and under licences that a city may ship.

interface Entry extends LockedPackage {
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly inBundle?: boolean;
  readonly dev?: boolean;
}

const root = resolve(import.meta.dirname, "..");
const lock = readPackageLock(join(root, "package-lock.json"));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
/** Workspaces are ours. */
const entries = Object.entries<Entry>(lock.packages).filter(
  ([path, { link }]) => path.includes("node_modules/") && !link,
);

const strange = (all: readonly (readonly [string, Entry])[]) => ({
  withoutHash: all
    .filter(([, { integrity, inBundle }]) => !inBundle && !/^sha512-[\w+/]{86}==$/.test(integrity ?? ""))
    .map(([path]) => path),
  // npm leaves `resolved` out where a package came from the registry that was configured.
  fromElsewhere: all
    .filter(
      ([, { resolved }]) => resolved !== undefined && !resolved.startsWith("https://registry.npmjs.org/"),
    )
    .map(([path]) => path),
  withScripts: all.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path),
});

describe("package-lock.json", () => {
  it("holds a SHA-512 of every package; those bundled in another one stand in its hash", () => {
    expect(entries.length).toBeGreaterThan(500);
    expect(strange(entries).withoutHash).toEqual([]);
    const bundled = entries.filter(([, { inBundle }]) => inBundle).map(([path]) => path);
    // Node-RED's way to install further nodes, which the gateway switches off.
    expect(bundled.filter((path) => !path.startsWith("node_modules/npm/node_modules/"))).toEqual([]);
  });

  it("takes no package from an address of its own", () => {
    expect(strange(entries).fromElsewhere).toEqual([]);
  });

  it("lets nothing run at installation: the three that want to are named and refused", () => {
    const wanting = ["@serialport/bindings-cpp", "cbor-extract", "esbuild"];
    expect(strange(entries).withScripts).toEqual(wanting.map((name) => `node_modules/${name}`));
    expect(manifest.allowScripts).toEqual(Object.fromEntries(wanting.map((name) => [name, false])));
  });

  it("would be refused with a missing hash, a foreign address or a new script", () => {
    const integrity = `sha512-${"A".repeat(86)}==`;
    const found = strange([
      ["node_modules/a", { version: "1" }],
      ["node_modules/b", { version: "1", integrity: "sha1-AAAA" }],
      ["node_modules/c", { version: "1", integrity, resolved: "https://example.org/c.tgz" }],
      ["node_modules/d", { version: "1", integrity, resolved: "git+ssh://git@github.com/d/d.git#1" }],
      ["node_modules/e", { version: "1", integrity, hasInstallScript: true }],
    ]);
    expect(found).toEqual({
      withoutHash: ["node_modules/a", "node_modules/b"],
      fromElsewhere: ["node_modules/c", "node_modules/d"],
      withScripts: ["node_modules/e"],
    });
  });
});

describe("what the gateway needs at run time", () => {
  const direct = Object.keys(manifest.dependencies);
  const count = (without: readonly string[]) =>
    closure(
      lock,
      direct.filter((name) => !without.includes(name)),
      { cpu: "arm64" },
    ).size;

  it("is pinned to one version each, and little", () => {
    const versions: unknown[] = Object.values(manifest.dependencies);
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(String(version)))).toEqual([]);
    // As the image holds them: Node-RED is an option of its own, the broker only serves the demonstration.
    const figures = {
      direct: direct.length,
      daemon: count(["node-red", "aedes"]),
      all: count([]),
    };
    console.log(
      `runtime dependencies: ${figures.direct} named; ${figures.daemon} packages behind the daemon, ${figures.all} with Node-RED and the demonstration`,
    );
    expect(figures.direct).toBeLessThanOrEqual(25);
    expect(figures.daemon).toBeLessThanOrEqual(140);
    expect(figures.all).toBeLessThanOrEqual(520);
  });
});

describe("licences", () => {
  const allowed = new Set([
    ..."0BSD Apache-2.0 BlueOak-1.0.0 BSD-2-Clause BSD-3-Clause CC0-1.0 ISC MIT Python-2.0".split(" "),
    ...["MIT OR Apache-2.0", "(MIT OR CC0-1.0)", "(Unlicense OR Apache-2.0)"],
  ]);
  /** Tools of ours that are not shipped: weak copyleft on their own files. */
  const inDevelopment = new Set(["MPL-2.0"]);
  /** Read by a person, as package-lock.json does not say it. */
  const read: Readonly<Record<string, string>> = {
    busboy: "MIT (LICENSE)",
    "cli-table": "MIT (LICENSE)",
    npm: "Artistic-2.0: unchanged, beside the program; switched off",
    "passport-http-bearer": "MIT (LICENSE)",
    "passport-oauth2-client-password": "MIT (LICENSE)",
    "passport-strategy": "MIT (LICENSE)",
    pause: "MIT (Readme.md)",
    "qrcode-terminal": "Apache-2.0 (LICENSE)",
    "spdx-exceptions": "CC-BY-3.0: a list, inside npm",
    streamsearch: "MIT (LICENSE)",
    suncalc: "BSD-2-Clause (LICENSE)",
  };

  it("are such that a city may ship and change what it runs", () => {
    const doubtful = entries.flatMap(([path, { license, dev }]) => {
      const name = path.split("node_modules/").at(-1) ?? "";
      if (license !== undefined && (allowed.has(license) || (dev && inDevelopment.has(license)))) return [];
      return Object.hasOwn(read, name) ? [] : [`${path}: ${license ?? "says nothing"}`];
    });
    expect(doubtful).toEqual([]);
  });

  it("were read of packages that are there", () => {
    const names = new Set(entries.map(([path]) => path.split("node_modules/").at(-1)));
    expect(Object.keys(read).filter((name) => !names.has(name))).toEqual([]);
  });
});

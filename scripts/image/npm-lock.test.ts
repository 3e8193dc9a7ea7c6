import { describe, expect, it } from "vitest";
import { closure, type PackageLock } from "./npm-lock.ts";

const lock: PackageLock = {
  packages: {
    "": { version: "0" },
    "node_modules/a": {
      version: "1",
      dependencies: { b: "^1" },
      optionalDependencies: { "bin-arm": "1", "bin-x": "1", missing: "1" },
    },
    "node_modules/a/node_modules/b": { version: "1", dependencies: { c: "1" } },
    "node_modules/b": { version: "2" },
    "node_modules/c": { version: "1", dependencies: { a: "1" } },
    "node_modules/unused": { version: "1" },
    "node_modules/bin-arm": { version: "1", os: ["linux"], cpu: ["arm64"] },
    "node_modules/bin-x": { version: "1", os: ["linux"], cpu: ["x64"] },
    "node_modules/broken": { version: "1", dependencies: { missing: "1" } },
  },
};

describe("the packages that others need", () => {
  it("are found from the inside out, once each, for one processor", () => {
    expect([...closure(lock, ["a"], { cpu: "arm64" }).keys()]).toEqual([
      "node_modules/a",
      "node_modules/a/node_modules/b",
      "node_modules/bin-arm",
      "node_modules/c",
    ]);
  });

  it("are those of every processor when none is named", () => {
    expect([...closure(lock, ["a"], {}).keys()]).toContain("node_modules/bin-x");
  });

  it("must be there", () => {
    expect(() => closure(lock, ["broken"], {})).toThrow(
      "package-lock.json lacks missing, which node_modules/broken needs",
    );
  });
});

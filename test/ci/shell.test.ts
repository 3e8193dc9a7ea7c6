import { execFileSync } from "node:child_process";
import { globSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const scripts = globSync(["scripts/install/*.sh", "test/{ci,image,power}/*.sh"], { cwd: root }).toSorted();

it("has scripts that shellcheck finds nothing in", () => {
  expect(scripts).toContain("scripts/install/install.sh");
  expect(execFileSync("shellcheck", scripts, { cwd: root, encoding: "utf8" })).toBe("");
});

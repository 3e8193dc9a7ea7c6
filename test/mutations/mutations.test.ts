import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { mutations } from "./mutations.ts";

const root = resolve(import.meta.dirname, "../..");

// Planting them takes minutes and is done by scripts/proof/mutations.ts. Here only: the list has not grown stale.
describe("planted faults", () => {
  it("are at least 15, each with a name of its own", () => {
    expect(mutations.length).toBeGreaterThanOrEqual(15);
    expect(new Set(mutations.map(({ name }) => name)).size).toBe(mutations.length);
  });

  it.each(mutations)("$name fits the source in exactly one place", ({ file, from, to, tests }) => {
    expect(readFileSync(join(root, file), "utf8").split(from).length - 1).toBe(1);
    expect(to).not.toBe(from);
    expect(tests.length).toBeGreaterThan(0);
    expect(tests.filter((test) => !existsSync(join(root, test)))).toEqual([]);
  });
});

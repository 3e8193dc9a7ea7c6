import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it } from "vitest";
import { benches } from "./benches.ts";

const file = resolve(import.meta.dirname, "../../docs/benchmarks.md");
const text = readFileSync(file, "utf8");
const sections = new Map(
  text
    .split(/^## /m)
    .slice(1)
    .map((section): [string, string] => [/^`([^`]+)`/.exec(section)?.[1] ?? "", section]),
);

it("has a section for every bench, and none for others (npm run bench writes it)", () => {
  const names = benches.map(([name]) => name);
  expect(Array.from(sections.keys()).filter((name) => name !== "")).toEqual(names);
});

it.each(benches)(
  "%s says how it measures, and every goal of it is judged",
  async (name, load) => {
    const bench = await load();
    expect(bench.name).toBe(name);
    expect(bench.method).toMatch(/^[A-Z`1-9].*\.$/);
    expect(bench.notComparable ?? "None.").toMatch(/\.$/);
    for (const [row, goal] of Object.entries(bench.goals ?? {})) {
      expect(goal.atMost ?? goal.atLeast, `the goal of ${row}`).toBeTypeOf("number");
      const line = text.split("\n").find((one) => one.includes(`| \`${row}\` |`)) ?? "";
      expect(line, `${row} in docs/benchmarks.md`).toMatch(/\| (met|\*\*not (met|measured)\*\*) \|$/);
    }
  },
  120_000,
);

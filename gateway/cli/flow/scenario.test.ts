import { describe, expect, it } from "vitest";
import { readScenario } from "./scenario.ts";

const at = (text: string) => {
  const { scenario, diagnostics } = readScenario(
    `steps:\n  - {at: ${text}, expect: no-command}\n`,
    "x.test.yaml",
  );
  return scenario?.steps[0]?.at ?? diagnostics.map(({ code, line }) => `${code} ${line}`);
};

describe("moments of a scenario", () => {
  it.each([
    ["90s", 90_000],
    ["1h31m", 5_460_000],
    ["1h31m20s", 5_480_000],
    ["200ms", 200],
  ])("reads %s", (text, ms) => expect(at(text)).toBe(ms));

  it.each(["1h31", "soon", "1h 5m", "5", '""'])("refuses %s", (text) => {
    expect(at(text)).toEqual([expect.stringMatching(/ 2$/)]);
  });
});

import { describe, expect, it } from "vitest";
import { lifeOf, untilNextTry } from "./life.ts";

describe("what is left of a certificate", () => {
  const day = 86_400_000;
  const start = Date.parse("2026-01-01T00:00:00Z");
  const certificate = {
    from: "2026-01-01T00:00:00Z",
    to: new Date(start + 90 * day).toISOString(),
  };
  it.each([
    [0, 90, "good"],
    [68, 22, "good"],
    [75, 15, "warn"],
    [85, 5, "bad"],
    [200, 0, "bad"],
  ] as const)("after %i days: %i, %s", (age, left, tone) => {
    const life = lifeOf(certificate, start + age * day);
    expect([life.leftMs / day, life.tone]).toEqual([left, tone]);
    expect(life.left).toBeCloseTo(left / 90);
  });

  it("is whole before the certificate begins, as a clock that is behind sees it", () => {
    expect(lifeOf(certificate, 0)).toMatchObject({ left: 1, tone: "good" });
  });
});

describe("the time until the next try", () => {
  const at = "2026-11-22T05:00:00.000Z";
  it.each([
    [{}, 0, undefined],
    [{ nextS: 30, at }, 10_000, 20_000],
    [{ nextS: 30, at }, 60_000, 0],
    // The clock was set back, or nobody knows when it was told.
    [{ nextS: 30, at }, -900_000_000, 30_000],
    [{ nextS: 30 }, 10_000, 30_000],
  ])("%j, %i ms later: %s", (told, later, left) => {
    expect(untilNextTry({ state: "enrolling", ...told }, Date.parse(at) + later)).toBe(left);
  });
});

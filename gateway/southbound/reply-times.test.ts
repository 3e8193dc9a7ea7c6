import { expect, it } from "vitest";
import { ReplyTimes } from "./reply-times.ts";

it("counts each answer in the class whose bound it does not exceed", () => {
  const times = new ReplyTimes();
  for (const ms of [0, 2, 2.01, 100, 5000, 5001, 60_000]) times.add(ms);
  const { bounds, counts } = times.status();
  const byBound = Object.fromEntries(counts.map((count, at) => [bounds[at] ?? "longer", count]));
  expect(byBound).toMatchObject({ 2: 2, 5: 1, 10: 0, 100: 1, 5000: 1, longer: 2 });
  expect(counts.reduce((sum, count) => sum + count)).toBe(7);
  expect(bounds).toEqual([...bounds].sort((a, b) => a - b));
});

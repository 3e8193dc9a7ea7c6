import { expect, it } from "vitest";
import { liveThroughAll } from "../fault/histories.ts";

// The second half; histories.test.ts has the other.
const half = Math.ceil(Number(process.env.STADSNOD_HISTORIES ?? 10_000) / 2);

it(`holds in ${half} more histories of a whole gateway`, async () => {
  Error.stackTraceLimit = 0;
  const sums = await liveThroughAll(1 + half, half);
  console.log(`${half} histories, 0 violations:`, sums);
  expect(sums.packs).toBeGreaterThan(half);
}, 3_600_000);

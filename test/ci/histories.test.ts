import { expect, it } from "vitest";
import { liveThroughAll } from "../fault/histories.ts";

// The first half; histories-2.test.ts has the other, for a machine with two cores.
const half = Math.ceil(Number(process.env.STADSNOD_HISTORIES ?? 10_000) / 2);

it(`holds in ${half} histories of a whole gateway`, async () => {
  // Errors are part of every history, and nobody reads their stacks.
  Error.stackTraceLimit = 0;
  const sums = await liveThroughAll(1, half);
  console.log(`${half} histories, 0 violations:`, sums);
  expect(sums.packs).toBeGreaterThan(half);
}, 3_600_000);

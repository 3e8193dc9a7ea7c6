import { expect, it } from "vitest";
import { liveThroughAll } from "../fault/histories.ts";

const histories = Number(process.env.STADSNOD_HISTORIES ?? 10_000);

it(`holds in ${histories} histories of a whole gateway`, async () => {
  // Errors are part of every history, and nobody reads their stacks.
  Error.stackTraceLimit = 0;
  const sums = await liveThroughAll(1, histories);
  console.log(`${histories} histories:`, sums);
  expect(sums.packs).toBeGreaterThan(histories);
}, 3_600_000);

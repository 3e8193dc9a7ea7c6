import { expect } from "vitest";
import { run } from "./run.ts";
import { targets } from "./targets.ts";

/** Feeds so many inputs to every reader of strangers' bytes; throws with a line per finding that does it again. */
export async function surviveAll(inputs: number, seed: number): Promise<void> {
  const outcomes = await run(targets, { inputs, seed });
  const fed = outcomes.reduce((sum, one) => sum + one.inputs, 0);
  const slowest = outcomes.reduce((a, b) => (b.slowestMs > a.slowestMs ? b : a));
  console.log(
    `hostile: ${fed} inputs to ${outcomes.length} readers, slowest ${slowest.slowestMs.toFixed(0)} ms (${slowest.target})`,
  );
  const findings = outcomes.flatMap((one) => one.findings);
  expect(findings.map(({ target, kind, what, replay }) => `${target}: ${kind}: ${what}: ${replay}`)).toEqual(
    [],
  );
  expect(fed).toBeGreaterThanOrEqual(inputs);
}

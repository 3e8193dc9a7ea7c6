import { expect, it } from "vitest";
import { run } from "../hostile/run.ts";
import { targets } from "../hostile/targets.ts";

// Many inputs that nobody means well with, to every reader of strangers' bytes: as many as CI has time for. One of
// them again: the line that is printed. More of them: `node scripts/proof/hostile.ts --inputs 10000000`.

const inputs = Number(process.env.HOSTILE_INPUTS ?? 200_000);

it(`survives ${inputs} hostile inputs`, { timeout: 900_000 }, async () => {
  const outcomes = await run(targets, { inputs, seed: Number(process.env.HOSTILE_SEED ?? 1) });
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
});

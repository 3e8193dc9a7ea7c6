import { it } from "vitest";
import { surviveAll } from "../hostile/survive.ts";

// Inputs that nobody means well with, to every reader of strangers' bytes; hostile-2.test.ts has the other half, as
// there are two cores. More of them: `node scripts/proof/hostile.ts --inputs 10000000`.
const half = Math.ceil(Number(process.env.HOSTILE_INPUTS ?? 1_000_000) / 2);

it(`survives ${half} hostile inputs`, { timeout: 1_200_000 }, () =>
  surviveAll(half, Number(process.env.HOSTILE_SEED ?? 1)),
);

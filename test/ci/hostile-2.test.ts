import { it } from "vitest";
import { surviveAll } from "../hostile/survive.ts";

// The second half; hostile.test.ts has the other.
const half = Math.ceil(Number(process.env.HOSTILE_INPUTS ?? 1_000_000) / 2);

it(`survives ${half} more hostile inputs`, { timeout: 1_200_000 }, () =>
  surviveAll(half, 1 + Number(process.env.HOSTILE_SEED ?? 1)),
);

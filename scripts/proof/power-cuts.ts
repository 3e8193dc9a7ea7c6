// node scripts/proof/power-cuts.ts [--cuts 10000] [--seed 1]
// Cuts the power of a recorded disk under the real outbox, command ledger and audit log (docs/proof.md). As root.
import { parseArgs } from "node:util";
import { cutPowerOften, describeFigures } from "../../test/power/power-cuts.ts";

const { values } = parseArgs({
  options: { cuts: { type: "string", default: "10000" }, seed: { type: "string", default: "1" } },
});
const cuts = Number(values.cuts);
const seed = Number(values.seed);
if (!Number.isSafeInteger(cuts) || cuts < 1 || !Number.isSafeInteger(seed)) {
  throw new RangeError("--cuts and --seed take whole numbers");
}

const began = performance.now();
const figures = await cutPowerOften({
  seed,
  cuts,
  writer: "gateway",
  progress: (done) => {
    if (done % 100 === 0) console.log(`${done} of ${cuts} cuts, ${seconds()} s`);
  },
});
for (const example of figures.examples) console.log(example);
console.log(`${describeFigures(figures)}; ${seconds()} s`);
process.exitCode = figures.bad === 0 ? 0 : 1;

function seconds(): number {
  return Math.round((performance.now() - began) / 1000);
}

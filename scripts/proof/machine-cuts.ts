// node scripts/proof/machine-cuts.ts [--cuts 200] [--seed 1]
// Cuts the power of whole machines on which the real outbox, command ledger and audit log are at work (docs/proof.md).
import { parseArgs } from "node:util";
import { cutMachines, describeMachineCuts } from "../../test/power/machine-cuts.ts";

const { values } = parseArgs({
  options: { cuts: { type: "string", default: "200" }, seed: { type: "string", default: "1" } },
});
const cuts = Number(values.cuts);
const seed = Number(values.seed);
if (!Number.isSafeInteger(cuts) || cuts < 1 || !Number.isSafeInteger(seed)) {
  throw new RangeError("--cuts and --seed take whole numbers");
}

const began = performance.now();
const figures = await cutMachines({
  seed,
  cuts,
  writer: "gateway",
  progress: (done) => {
    if (done % 10 === 0) console.log(`${done} of ${cuts} cuts, ${seconds()} s`);
  },
});
for (const example of figures.examples) console.log(example);
console.log(`${describeMachineCuts(figures)}; ${seconds()} s`);
process.exitCode = figures.bad === 0 && figures.twice === 0 ? 0 : 1;

function seconds(): number {
  return Math.round((performance.now() - began) / 1000);
}

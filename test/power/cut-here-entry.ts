// Cuts the power as its argument says (PowerCutOptions), in this process; prints how far it is, and then the figures.
import { cutPowerHere } from "./cut-here.ts";

const figures = await cutPowerHere({
  ...JSON.parse(process.argv[2] ?? ""),
  progress: (done: number) => console.log(done),
});
console.log(JSON.stringify(figures));

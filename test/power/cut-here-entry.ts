// Cuts the power as its argument says (PowerCutOptions), in this process; prints how far it is, and then the figures.
import { cutPowerHere } from "./cut-here.ts";

// However it is ended, or left alone: mounts and images go first.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));
process.stdout.once("error", () => process.exit(1));

const figures = await cutPowerHere({
  ...JSON.parse(process.argv[2] ?? ""),
  progress: (done: number) => console.log(done),
});
console.log(JSON.stringify(figures));

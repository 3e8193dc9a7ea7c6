export { diagnose } from "./diagnose.ts";
export type { LineEvidence, UnitEvidence } from "./evidence.ts";
export { type WiringInput, wiringJob } from "./job.ts";
export { evidenceOf } from "./reduce.ts";
export { suspicions } from "./suspicions.ts";

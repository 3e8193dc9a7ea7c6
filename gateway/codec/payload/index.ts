// Payload layouts in the Payload Schema language v0.5 (github.com/MultiTechSystems/device-payload-schema),
// compiled once into closures, with three additions of ours: `absent`, `time` and cases by prefix.
export type { Command } from "./commands.ts";
export { readSchemaText } from "./document.ts";
export type { Hints, OutputField, OutputType } from "./node.ts";
export {
  compilePayload,
  type Decoded,
  type Direction,
  type Encoded,
  type Payload,
  type PayloadOptions,
} from "./payload.ts";
export { runVector, type Vector, type VectorResult } from "./vectors.ts";

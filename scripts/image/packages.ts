import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The names in a layer's list: one a line, # begins a comment. */
export function readList(layer: string): string[] {
  return readFileSync(join(import.meta.dirname, "packages", `${layer}.txt`), "utf8")
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter(Boolean);
}

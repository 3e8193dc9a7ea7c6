import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const folder = process.env.STADSNOD_GOLDEN ?? resolve(import.meta.dirname, "../../../shared/golden");

/** Whether the golden data (telegrams and register maps of others, not part of this repository) is here. In CI it must be. */
export const goldenIsHere = existsSync(folder);

if (!goldenIsHere && process.env.CI === "true")
  throw new Error(`golden data is missing at ${folder}: set STADSNOD_GOLDEN`);

/** Path of a golden file or folder. */
export function goldenPath(...parts: string[]): string {
  return join(folder, ...parts);
}

export function readGolden<T>(...parts: string[]): T {
  return JSON.parse(readFileSync(goldenPath(...parts), "utf8"));
}

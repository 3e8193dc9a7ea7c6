import type { Section } from "../section.ts";
import type { Arithmetic } from "./modifiers.ts";

/** Seconds from 1970-01-01 to 2000-01-01, both 00:00 UTC. */
const to2000 = 946_684_800;

/**
 * `time: ...` is an addition of ours to the language: the number is a time, reported as Unix seconds.
 * `epoch` counts seconds and `epoch-ms` milliseconds from 1970, `epoch-2000` seconds from 2000.
 * Throws ConfigError on any other word.
 */
export function compileTime(section: Section): Arithmetic | undefined {
  const word = section.word("time", ["epoch", "epoch-ms", "epoch-2000"]);
  if (word === undefined) return undefined;
  if (word === "epoch") return { apply: (value) => value, undo: (value) => value, whole: "kept" };
  if (word === "epoch-ms")
    return { apply: (value) => value / 1000, undo: (value) => value * 1000, whole: "lost" };
  return { apply: (value) => value + to2000, undo: (value) => value - to2000, whole: "kept" };
}

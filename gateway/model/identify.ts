import type { DeviceProfile } from "./device.ts";
import type { Value } from "./value.ts";
import { sameValue } from "./write.ts";
import type { IdentifyTest } from "./write-rule.ts";

/** Whether a device is what its profile says, and if not, why. */
export type Identified = { readonly ok: true } | { readonly mismatch: string };

/**
 * Compares what was read with the profile's `identify` rules. `readings`: good values by the names of
 * the points that the rules name; a value that is missing is a mismatch. Pure.
 */
export function identified(
  profile: Pick<DeviceProfile, "id" | "identify">,
  readings: ReadonlyMap<string, Value>,
): Identified {
  for (const { point, test } of profile.identify ?? []) {
    const value = readings.get(point);
    if (value === undefined)
      return { mismatch: `"${point}" could not be read, which identifies ${profile.id}` };
    if (!passes(test, value))
      return { mismatch: `"${point}" is ${show(value)}, and ${profile.id} has ${describeTest(test)}` };
  }
  return { ok: true };
}

function passes(test: IdentifyTest, value: Value): boolean {
  if ("in" in test) return test.in.some((one) => sameValue(one, value));
  if ("prefix" in test) return typeof value === "string" && value.startsWith(test.prefix);
  const { from, below } = test;
  return (
    (from === undefined || (compare(value, from) ?? -1) >= 0) &&
    (below === undefined || (compare(value, below) ?? 1) < 0)
  );
}

/** A value that passes, for a simulated device; undefined when the test names none. */
export function provingValue(test: IdentifyTest): Value | undefined {
  if ("in" in test) return test.in[0];
  return "prefix" in test ? test.prefix : test.from;
}

/** Less than 0, 0 or more than 0; undefined when the two cannot be compared. */
function compare(value: Value, bound: number | string): number | undefined {
  if (typeof bound === "number")
    return typeof value === "number" || typeof value === "bigint" ? Number(value) - bound : undefined;
  const mine = typeof value === "string" ? version(value) : undefined;
  const theirs = version(bound);
  if (!mine || !theirs) return undefined;
  for (let index = 0; index < Math.max(mine.length, theirs.length); index++) {
    const difference = (mine[index] ?? 0) - (theirs[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** "4.32.1", "v1.10 beta": the numbers at the beginning; undefined without any. */
function version(text: string): number[] | undefined {
  const found = /^\s*[vV]?(\d{1,9}(?:\.\d{1,9}){0,4})/.exec(text)?.[1];
  return found?.split(".").map(Number);
}

/** A test in words: `1, 2 or 3`, `a text that begins with "SDM"`, `at least 1.10, below 2`. */
export function describeTest(test: IdentifyTest): string {
  if ("in" in test) return test.in.map(show).join(" or ");
  if ("prefix" in test) return `a text that begins with "${test.prefix}"`;
  const { from, below } = test;
  return [from !== undefined && `at least ${from}`, below !== undefined && `below ${below}`]
    .filter(Boolean)
    .join(", ");
}

function show(value: Value): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

import type { Value } from "./value.ts";

/** An expression over readings of the same device, checked and compiled from a profile. */
export interface Formula {
  readonly text: string;
  /** Names of the readings whose values it needs: `<point>` or `<point>/<bit>`; `value`, the point's own, left out. */
  readonly needs: readonly string[];
  /** The result, or the reason why there is none. Pure. */
  readonly evaluate: (inputs: ReadonlyMap<string, Value>) => { value: Value } | { problem: string };
}

/** The point to which a reading's name belongs: one bit is named `<point>/<bit>`. */
export function pointNameOf(reading: string): string {
  const slash = reading.indexOf("/");
  return slash < 0 ? reading : reading.slice(0, slash);
}

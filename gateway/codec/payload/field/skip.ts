import type { Node } from "../node.ts";
import type { Section } from "../section.ts";
import { lengthOf } from "./text.ts";

/** `skip`: nothing is reported; may reach beyond the end. Written as zeros. Throws ConfigError. */
export function compileSkip(section: Section): Node {
  const length = lengthOf(section, 1);
  const zeros = new Uint8Array(length ?? 0);
  return {
    decode: (state) => {
      state.pos = length === undefined ? Math.max(state.pos, state.end) : state.pos + length;
    },
    encode: (state) => state.attempt("skip", () => state.put(zeros, undefined, false)),
    outputs: [],
    claims: [],
    weight: 0,
  };
}

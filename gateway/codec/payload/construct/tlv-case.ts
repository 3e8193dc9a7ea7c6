import type { Decoding } from "../context/decoding.ts";
import type { Encoding } from "../context/encoding.ts";
import type { Node } from "../node.ts";
import type { KeyElement } from "./tag-key.ts";

/** How the tag of a record lies on the wire. */
export interface Tag {
  /** Number of values that make a tag. */
  readonly elements: number;
  /** Undefined when too little is left for a simple tag. Throws PayloadError for a composite one. */
  read(state: Decoding): readonly unknown[] | undefined;
  write(state: Encoding, values: readonly (number | string)[]): void;
}

export interface TagCase {
  readonly key: readonly KeyElement[];
  readonly fields: Node;
  readonly path: string;
}

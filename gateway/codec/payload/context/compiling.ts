import type { Node } from "../node.ts";
import { type Section, schemaError } from "../section.ts";

/** Items that a schema may have after its references are spliced in. */
const maxItems = 20_000;
/** Levels of constructs inside constructs. */
const maxDepth = 24;

export type Endian = "big" | "little";

/** What is known while a schema is compiled. */
export class Compiling {
  readonly endian: Endian;
  readonly definitions: Section | undefined;
  /** What is written but has no effect, for people. */
  readonly notes: string[] = [];
  readonly #slots = new Map<string, number>();
  readonly #compileList: (items: readonly unknown[], path: string, context: Compiling) => Node;
  #items = 0;
  #depth = 0;

  constructor(
    endian: Endian,
    definitions: Section | undefined,
    compileList: (items: readonly unknown[], path: string, context: Compiling) => Node,
  ) {
    this.endian = endian;
    this.definitions = definitions;
    this.#compileList = compileList;
  }

  /** Number of variables so far. */
  get slots(): number {
    return this.#slots.size;
  }

  /** Where the variable of this name lives; a name gets its place when it is first mentioned. */
  slot(name: string): number {
    const found = this.#slots.get(name);
    if (found !== undefined) return found;
    this.#slots.set(name, this.#slots.size);
    return this.#slots.size - 1;
  }

  /** Compiles a list of fields that stands below the present one. Throws ConfigError. */
  fields(items: readonly unknown[], path: string): Node {
    if (this.#depth >= maxDepth) throw schemaError(path, `nested deeper than ${maxDepth} levels`);
    this.#depth += 1;
    try {
      return this.#compileList(items, path, this);
    } finally {
      this.#depth -= 1;
    }
  }

  /** Accounts for one more item. Throws ConfigError. */
  count(path: string): void {
    this.#items += 1;
    if (this.#items > maxItems) throw schemaError(path, `more than ${maxItems} fields in one schema`);
  }
}

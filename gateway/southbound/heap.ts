/** A binary heap: the entry with the least key comes first, of equal ones that which was pushed first. */
export class Heap<T> {
  readonly #key: (entry: T) => number;
  #nodes: { readonly entry: T; readonly key: number; readonly order: number }[] = [];
  #pushed = 0;

  constructor(key: (entry: T) => number) {
    this.#key = key;
  }

  get size(): number {
    return this.#nodes.length;
  }

  peek(): T | undefined {
    return this.#nodes[0]?.entry;
  }

  /** The key is taken now; later changes of the entry do not move it. */
  push(entry: T): void {
    const nodes = this.#nodes;
    nodes.push({ entry, key: this.#key(entry), order: this.#pushed++ });
    let child = nodes.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.#before(child, parent)) break;
      [nodes[child], nodes[parent]] = [nodes[parent]!, nodes[child]!];
      child = parent;
    }
  }

  pop(): T | undefined {
    const nodes = this.#nodes;
    const first = nodes[0];
    const last = nodes.pop();
    if (!first || !last || nodes.length === 0) return first?.entry;
    nodes[0] = last;
    this.#sink(0);
    return first.entry;
  }

  /** Drops every entry that does not pass. */
  keep(test: (entry: T) => boolean): void {
    const nodes = this.#nodes.filter(({ entry }) => test(entry));
    if (nodes.length === this.#nodes.length) return;
    this.#nodes = nodes;
    for (let parent = (nodes.length >> 1) - 1; parent >= 0; parent--) this.#sink(parent);
  }

  #sink(from: number): void {
    const nodes = this.#nodes;
    let parent = from;
    for (;;) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < nodes.length && this.#before(child, least)) least = child;
      }
      if (least === parent) return;
      [nodes[least], nodes[parent]] = [nodes[parent]!, nodes[least]!];
      parent = least;
    }
  }

  #before(a: number, b: number): boolean {
    const left = this.#nodes[a]!;
    const right = this.#nodes[b]!;
    return left.key < right.key || (left.key === right.key && left.order < right.order);
  }
}

/** A set of whole numbers kept as sorted, disjoint ranges: small when they come in runs, as acked ids do. */
export class IdRanges {
  #from: number[] = [];
  #to: number[] = [];
  #count = 0;

  /** How many numbers are inside. */
  get count(): number {
    return this.#count;
  }

  /** How many ranges they form. */
  get ranges(): number {
    return this.#from.length;
  }

  has(id: number): boolean {
    const place = this.#after(id) - 1;
    return place >= 0 && this.#to[place]! >= id;
  }

  /** Adds `from` to `to`, both included. */
  add(from: number, to = from): void {
    const last = this.#to.length - 1;
    if (last < 0 || from > this.#to[last]! + 1) {
      this.#from.push(from);
      this.#to.push(to);
      this.#count += to - from + 1;
      return;
    }
    // The first range that touches [from, to], and the one behind the last that does.
    let first = this.#after(from);
    if (first > 0 && this.#to[first - 1]! >= from - 1) first--;
    let behind = first;
    let low = from;
    let high = to;
    let merged = 0;
    while (behind < this.#from.length && this.#from[behind]! <= to + 1) {
      low = Math.min(low, this.#from[behind]!);
      high = Math.max(high, this.#to[behind]!);
      merged += this.#to[behind]! - this.#from[behind]! + 1;
      behind++;
    }
    this.#from.splice(first, behind - first, low);
    this.#to.splice(first, behind - first, high);
    this.#count += high - low + 1 - merged;
  }

  *[Symbol.iterator](): Generator<readonly [from: number, to: number]> {
    for (let place = 0; place < this.#from.length; place++) yield [this.#from[place]!, this.#to[place]!];
  }

  /** What of `from` to `to` is not inside, in order. */
  *missing(from: number, to: number): Generator<readonly [from: number, to: number]> {
    let next = from;
    for (let place = Math.max(0, this.#after(from) - 1); place < this.#from.length; place++) {
      if (this.#from[place]! > to) break;
      if (this.#from[place]! > next) yield [next, this.#from[place]! - 1];
      next = Math.max(next, this.#to[place]! + 1);
    }
    if (next <= to) yield [next, to];
  }

  /** Index of the first range that starts after `id`. */
  #after(id: number): number {
    let low = 0;
    let high = this.#from.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#from[middle]! <= id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

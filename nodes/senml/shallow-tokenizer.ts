import { type Token, Tokenizer, Type } from "cborg";

/** A list of maps, in which a gap is a map; and some for what we do not know. */
const mostDepth = 8;

/** Tokens of CBOR nested no deeper than that of a pack: the decoder itself goes as deep as it is led. */
export class ShallowTokenizer extends Tokenizer {
  /** Items that must still come, of each list, map and tag that is open. */
  readonly #open: number[] = [];

  /** Throws RangeError. */
  override next(): Token {
    const token = super.next();
    const items = itemsOf(token);
    if (items > 0) {
      if (this.#open.push(items) > mostDepth) throw new RangeError(`nested deeper than ${mostDepth} levels`);
    } else {
      if (token.type === Type.break) this.#open.pop();
      this.#complete();
    }
    return token;
  }

  /** An item has come, and with it what it was the last of. */
  #complete(): void {
    for (let last = this.#open.length - 1; last >= 0; last--) {
      const left = (this.#open[last] ?? 0) - 1;
      if (left > 0) {
        this.#open[last] = left;
        return;
      }
      this.#open.pop();
    }
  }
}

/** Infinity for those that end with a break. */
function itemsOf({ type, value }: Token): number {
  if (type === Type.array) return Number(value);
  if (type === Type.map) return 2 * Number(value);
  return type === Type.tag ? 1 : 0;
}

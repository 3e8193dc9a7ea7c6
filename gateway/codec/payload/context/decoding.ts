import type { Quality } from "../../../model/quality.ts";
import { PayloadError, tooShort } from "../payload-error.ts";

/** Values that one payload may yield: bounds repeats inside repeats. */
const maxValues = 65_536;

/** Marks a variable whose field the device declared absent: what is computed from it is absent too. */
export const absent: unique symbol = Symbol("absent");

/** What is known while one payload is decoded. */
export class Decoding {
  readonly bytes: Uint8Array;
  pos = 0;
  /** Where the payload, or the tagged record that is being read, ends. */
  end: number;
  /** Values by variable slot. */
  readonly vars: unknown[];
  readonly warnings: string[] = [];
  quality: Record<string, Quality> | undefined;
  #left = maxValues;
  #buffer: Buffer | undefined;

  constructor(bytes: Uint8Array, slots: number) {
    this.bytes = bytes;
    this.end = bytes.length;
    this.vars = new Array<unknown>(slots);
  }

  /** Moves the cursor over `size` bytes and returns where they begin. Throws PayloadError. */
  take(size: number, name: string): number {
    const at = this.pos;
    if (at + size > this.end) throw tooShort(name, size, this.end - at);
    this.pos = at + size;
    return at;
  }

  /** Accounts for `values` more. Throws PayloadError when the payload yields too many. */
  spend(values: number): void {
    this.#left -= values;
    if (this.#left < 0)
      throw new PayloadError(`more than ${maxValues} values in one payload`, { code: "too-many-values" });
  }

  mark(name: string, quality: Quality): void {
    this.quality ??= Object.create(null) as Record<string, Quality>;
    if (quality !== "good" || this.quality[name] === undefined) this.quality[name] = quality;
  }

  /** The same bytes with the text functions of Buffer. */
  get buffer(): Buffer {
    const { buffer, byteOffset, byteLength } = this.bytes;
    this.#buffer ??= Buffer.from(buffer, byteOffset, byteLength);
    return this.#buffer;
  }
}

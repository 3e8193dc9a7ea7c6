import { GatewayError } from "../../../model/errors.ts";
import { PayloadError } from "../payload-error.ts";

/** Bytes that one payload may have. */
export const maxPayloadBytes = 65_536;

/**
 * What is known while one payload is encoded. The bytes are laid over each other as the decoder reads
 * them: bit ranges write where the cursor stands without moving it, so several share their bytes.
 */
export class Encoding {
  pos = 0;
  readonly slots: number;
  readonly vars: unknown[];
  /** Values that replace what the caller gives, by slot: presence bits. */
  readonly forced = new Map<number, unknown>();
  /** Values of hidden fields that follow from the rest, by slot. */
  readonly implied = new Map<number, unknown>();
  readonly warnings: string[] = [];
  readonly errors: string[] = [];
  /** A value was rounded to what the wire can hold. */
  inexact = false;
  #bytes = new Uint8Array(64);
  #length = 0;

  constructor(slots: number) {
    this.slots = slots;
    this.vars = new Array<unknown>(slots);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  get bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** A state of its own that begins with what this one knows: to try something out. */
  trial(): Encoding {
    const trial = new Encoding(this.slots);
    for (const [slot, value] of this.vars.entries()) trial.vars[slot] = value;
    for (const [slot, value] of this.forced) trial.forced.set(slot, value);
    for (const [slot, value] of this.implied) trial.implied.set(slot, value);
    return trial;
  }

  /** Writes one record of several: what follows from its values holds for it alone. */
  record(act: () => void): void {
    const forced = [...this.forced];
    const implied = [...this.implied];
    act();
    restore(this.forced, forced);
    restore(this.implied, implied);
  }

  /**
   * Puts bytes at the cursor and moves it behind them. `places` says where each goes. What the caller
   * did not give never covers bytes that are written already.
   */
  put(bytes: Uint8Array, places: readonly number[] | undefined, given: boolean): void {
    const at = this.pos;
    const written = this.#length;
    this.#reach(at + bytes.length);
    for (const [index, byte] of bytes.entries()) {
      const to = at + (places?.[index] ?? index);
      if (given || to >= written) this.#bytes[to] = byte;
    }
    this.pos = at + bytes.length;
  }

  /** Puts `width` bits at bit `low` of a big-endian word of `size` bytes at the cursor, which stays. */
  putBits(size: number, low: number, width: number, value: bigint, given: boolean): void {
    this.#reach(this.pos + size);
    for (let bit = 0; bit < width; bit += 1) {
      const place = low + bit;
      const at = this.pos + size - 1 - (place >> 3);
      const mask = 1 << (place & 7);
      if ((value >> BigInt(bit)) & 1n) this.#bytes[at]! |= mask;
      else if (given) this.#bytes[at]! &= ~mask;
    }
  }

  /** Moves the cursor to an absolute place; what lies between exists as zeros. */
  moveTo(at: number): void {
    this.#reach(at);
    this.pos = at;
  }

  /** Runs what writes one field; its problem becomes an error with the field's name. */
  attempt(name: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.errors.push(error.message.startsWith(`${name}:`) ? error.message : `${name}: ${error.message}`);
    }
  }

  #reach(length: number): void {
    if (length > maxPayloadBytes)
      throw new PayloadError(`more than ${maxPayloadBytes} bytes`, { code: "too-long" });
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#length = Math.max(this.#length, length);
  }
}

function restore(map: Map<number, unknown>, entries: readonly (readonly [number, unknown])[]): void {
  map.clear();
  for (const [slot, value] of entries) map.set(slot, value);
}

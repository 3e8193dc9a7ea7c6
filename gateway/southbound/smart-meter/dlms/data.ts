import { FormatError } from "../../../codec/format-error.ts";

/**
 * One value of DLMS/COSEM in A-XDR (IEC 62056-5-3, data types; the tags are those of the Blue Book,
 * 4.1.5). Whole numbers are bigint only where a double cannot hold them.
 */
export type DlmsData =
  | { readonly type: "null" }
  | { readonly type: "list"; readonly of: "array" | "structure"; readonly items: readonly DlmsData[] }
  | { readonly type: "boolean"; readonly value: boolean }
  | { readonly type: "integer" | "enum"; readonly value: number | bigint }
  | { readonly type: "float"; readonly value: number }
  | { readonly type: "octets"; readonly bytes: Uint8Array }
  | { readonly type: "bits"; readonly text: string }
  | { readonly type: "text"; readonly text: string };

const maxDepth = 8;
const maxItems = 2048;
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads A-XDR from left to right. Every method throws FormatError `truncated` where bytes are missing. */
export class DlmsReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;
  #items = 0;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  peek(): number | undefined {
    return this.#bytes[this.#at];
  }

  byte(): number {
    return this.#bytes[this.#step(1)]!;
  }

  take(count: number): Uint8Array {
    const start = this.#step(count);
    return this.#bytes.subarray(start, start + count);
  }

  /** A length: below 128 one byte, else 0x81 to 0x84 and so many bytes. */
  length(): number {
    const first = this.byte();
    let length = first;
    if (first >= 0x80) {
      if (first === 0x80 || first > 0x84)
        throw new FormatError(`${hex(first)} is no length`, { code: "bad-length" });
      length = 0;
      for (let index = 0x80; index < first; index += 1) length = length * 256 + this.byte();
    }
    return length;
  }

  /** One value with its tag. Throws FormatError `unknown-type`, `too-deep`, `too-long`, `truncated`. */
  data(depth = 0): DlmsData {
    this.#items += 1;
    if (this.#items > maxItems)
      throw new FormatError(`more than ${maxItems} values in one message`, { code: "too-long" });
    const tag = this.byte();
    switch (tag) {
      case 0:
      case 255:
        return { type: "null" };
      case 1:
        return this.#list("array", depth);
      case 2:
        return this.#list("structure", depth);
      case 3:
        return { type: "boolean", value: this.byte() !== 0 };
      case 4:
        return this.#bits();
      case 5:
        return { type: "integer", value: this.#view.getInt32(this.#step(4)) };
      case 6:
        return { type: "integer", value: this.#view.getUint32(this.#step(4)) };
      case 9:
        return { type: "octets", bytes: this.take(this.length()) };
      case 10:
        return { type: "text", text: Buffer.from(this.take(this.length())).toString("latin1") };
      case 12:
        return { type: "text", text: utf8.decode(this.take(this.length())) };
      case 13:
        return this.#bcd();
      case 15:
        return { type: "integer", value: this.#view.getInt8(this.#step(1)) };
      case 16:
        return { type: "integer", value: this.#view.getInt16(this.#step(2)) };
      case 17:
        return { type: "integer", value: this.byte() };
      case 18:
        return { type: "integer", value: this.#view.getUint16(this.#step(2)) };
      case 20:
        return { type: "integer", value: small(this.#view.getBigInt64(this.#step(8))) };
      case 21:
        return { type: "integer", value: small(this.#view.getBigUint64(this.#step(8))) };
      case 22:
        return { type: "enum", value: this.byte() };
      case 23:
        return { type: "float", value: this.#view.getFloat32(this.#step(4)) };
      case 24:
        return { type: "float", value: this.#view.getFloat64(this.#step(8)) };
      case 25:
        return { type: "octets", bytes: this.take(12) };
      case 26:
        return { type: "octets", bytes: this.take(5) };
      case 27:
        return { type: "octets", bytes: this.take(4) };
      default:
        throw new FormatError(`${hex(tag)} is no type of DLMS that is pushed`, { code: "unknown-type" });
    }
  }

  #list(of: "array" | "structure", depth: number): DlmsData {
    if (depth === maxDepth)
      throw new FormatError(`lists in lists, more than ${maxDepth} deep`, { code: "too-deep" });
    const count = this.length();
    if (count > this.left) throw truncated();
    const items: DlmsData[] = [];
    for (let index = 0; index < count; index += 1) items.push(this.data(depth + 1));
    return { type: "list", of, items };
  }

  #bits(): DlmsData {
    const count = this.length();
    const bytes = this.take(Math.ceil(count / 8));
    const text = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
    return { type: "bits", text: text.slice(0, count) };
  }

  /** One byte, two digits. */
  #bcd(): DlmsData {
    const byte = this.byte();
    if (byte >> 4 > 9 || (byte & 0x0f) > 9)
      throw new FormatError(`${hex(byte)} is no BCD`, { code: "bad-digit" });
    return { type: "integer", value: (byte >> 4) * 10 + (byte & 0x0f) };
  }

  #step(count: number): number {
    if (count > this.left) throw truncated();
    const start = this.#at;
    this.#at += count;
    return start;
  }
}

function truncated(): FormatError {
  return new FormatError("the message ends too early", { code: "truncated" });
}

function small(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, "0")}`;
}

/** What the deterministic encoder takes. Integers outside the safe range are bigints of at most 64 bits. */
export type CborValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | Uint8Array
  | readonly CborValue[]
  | ReadonlyMap<number | string, CborValue>
  | { readonly [key: string]: CborValue | undefined };

const MAX_UINT64 = 2n ** 64n - 1n;

// One scratch pair to look at the bits of a float; its content never outlives a call.
const float32 = new Float32Array(1);
const float32Bits = new Uint32Array(float32.buffer);

/**
 * Writes CBOR in the deterministic encoding of RFC 8949 section 4.2.1 into one buffer that grows and
 * is used again. Whoever writes a map item by item gives its keys in bytewise order of their encoding:
 * 0, 1, ... 23, 24 ..., then -1, -2, ..., then text by length and content.
 */
export class CborWriter {
  #bytes: Buffer;
  #view: DataView;
  #length = 0;

  constructor(size = 4096) {
    this.#bytes = Buffer.allocUnsafeSlow(size);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written since the last `take` or `reset`. */
  get length(): number {
    return this.#length;
  }

  reset(): void {
    this.#length = 0;
  }

  /** A copy of what was written; the writer starts afresh. */
  take(): Uint8Array {
    const copy = new Uint8Array(this.#length);
    copy.set(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    return copy;
  }

  /** Head of an array of `count` items; the items follow. */
  array(count: number): void {
    this.#head(0x80, count);
  }

  /** Head of a map of `count` pairs; keys and values follow, keys in bytewise order. */
  map(count: number): void {
    this.#head(0xa0, count);
  }

  boolean(value: boolean): void {
    this.#byte(value ? 0xf5 : 0xf4);
  }

  null(): void {
    this.#byte(0xf6);
  }

  /** An integer of -24..23, which is one byte: the keys of SenML and COSE. */
  label(value: number): void {
    this.#byte(value < 0 ? 0x1f - value : value);
  }

  /** Throws RangeError beyond 64 bits (-2^64 .. 2^64 - 1). */
  bigint(value: bigint): void {
    const magnitude = value < 0n ? -1n - value : value;
    if (magnitude > MAX_UINT64) throw new RangeError(`integer beyond 64 bits: ${value}`);
    const major = value < 0n ? 0x20 : 0x00;
    if (magnitude <= BigInt(Number.MAX_SAFE_INTEGER)) {
      this.#head(major, Number(magnitude));
      return;
    }
    this.#reserve(9);
    this.#bytes[this.#length] = major | 27;
    this.#view.setBigUint64(this.#length + 1, magnitude);
    this.#length += 9;
  }

  /** A safe integer as an integer, everything else (also -0, NaN and the infinities) as the shortest float that keeps it. */
  number(value: number): void {
    if (Number.isSafeInteger(value) && (value !== 0 || 1 / value > 0)) {
      if (value >= 0) this.#head(0x00, value);
      else this.#head(0x20, -1 - value);
    } else this.float(value);
  }

  /** The shortest of f16, f32 and f64 that keeps the value; every NaN is the f16 quiet NaN. */
  float(value: number): void {
    this.#reserve(9);
    float32[0] = value;
    if (float32[0] === value || Number.isNaN(value)) {
      const half = halfBits(float32Bits[0]!);
      if (half >= 0) {
        this.#bytes[this.#length] = 0xf9;
        this.#view.setUint16(this.#length + 1, half);
        this.#length += 3;
      } else {
        this.#bytes[this.#length] = 0xfa;
        this.#view.setUint32(this.#length + 1, float32Bits[0]!);
        this.#length += 5;
      }
      return;
    }
    this.#bytes[this.#length] = 0xfb;
    this.#view.setFloat64(this.#length + 1, value);
    this.#length += 9;
  }

  /** UTF-8. Throws RangeError on a lone surrogate: it has no UTF-8. */
  text(value: string): void {
    const { length } = value;
    if (length < 24) {
      // Short ASCII, which names and units are, without leaving JavaScript.
      this.#reserve(length + 1);
      const bytes = this.#bytes;
      const start = this.#length + 1;
      let index = 0;
      for (; index < length; index++) {
        const code = value.charCodeAt(index);
        if (code > 0x7f) break;
        bytes[start + index] = code;
      }
      if (index === length) {
        bytes[this.#length] = 0x60 | length;
        this.#length = start + length;
        return;
      }
    }
    if (!value.isWellFormed()) throw new RangeError("text with a lone surrogate");
    const size = Buffer.byteLength(value);
    this.#head(0x60, size);
    this.#reserve(size);
    this.#bytes.write(value, this.#length);
    this.#length += size;
  }

  bytes(value: Uint8Array): void {
    this.#head(0x40, value.length);
    this.raw(value);
  }

  /** Bytes that are CBOR already. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** Any value; the keys of maps and objects are put in order. Keys whose value is undefined are left out. */
  value(value: CborValue): void {
    if (typeof value === "number") this.number(value);
    else if (typeof value === "string") this.text(value);
    else if (typeof value === "boolean") this.boolean(value);
    else if (typeof value === "bigint") this.bigint(value);
    else if (value === null) this.null();
    else if (value instanceof Uint8Array) this.bytes(value);
    else if (isList(value)) {
      this.array(value.length);
      for (const item of value) this.value(item);
    } else this.#pairs(isMap(value) ? value.entries() : Object.entries(value));
  }

  #pairs(pairs: Iterable<readonly [number | string, CborValue | undefined]>): void {
    const encoded: { key: Uint8Array; value: CborValue }[] = [];
    const key = new CborWriter(64);
    for (const [name, value] of pairs) {
      if (value === undefined) continue;
      key.value(name);
      encoded.push({ key: key.take(), value });
    }
    encoded.sort((a, b) => Buffer.compare(a.key, b.key));
    this.map(encoded.length);
    for (const pair of encoded) {
      this.raw(pair.key);
      this.value(pair.value);
    }
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  #head(major: number, argument: number): void {
    this.#reserve(9);
    const at = this.#length;
    if (argument < 24) {
      this.#bytes[at] = major | argument;
      this.#length = at + 1;
    } else if (argument < 0x100) {
      this.#bytes[at] = major | 24;
      this.#bytes[at + 1] = argument;
      this.#length = at + 2;
    } else if (argument < 0x10000) {
      this.#bytes[at] = major | 25;
      this.#view.setUint16(at + 1, argument);
      this.#length = at + 3;
    } else if (argument < 0x100000000) {
      this.#bytes[at] = major | 26;
      this.#view.setUint32(at + 1, argument);
      this.#length = at + 5;
    } else {
      this.#bytes[at] = major | 27;
      this.#view.setUint32(at + 1, Math.floor(argument / 0x100000000));
      this.#view.setUint32(at + 5, argument % 0x100000000);
      this.#length = at + 9;
    }
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** One value as deterministic CBOR (RFC 8949 section 4.2.1). Throws RangeError for integers beyond 64 bits and broken text. */
export function encodeCbor(value: CborValue): Uint8Array {
  const writer = new CborWriter(256);
  writer.value(value);
  return writer.take();
}

/** Array.isArray does not narrow readonly arrays away from the other branches. */
function isList(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value);
}

function isMap(value: CborValue): value is ReadonlyMap<number | string, CborValue> {
  return value instanceof Map;
}

/** The f16 with exactly the value of these f32 bits, or -1 when there is none. */
function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const mantissa = bits & 0x7fffff;
  if (exponent === 0xff) return mantissa === 0 ? sign | 0x7c00 : 0x7e00;
  if (exponent === 0) return mantissa === 0 ? sign : -1;
  const power = exponent - 127;
  if (power >= -14 && power <= 15) {
    return (mantissa & 0x1fff) === 0 ? sign | ((power + 15) << 10) | (mantissa >>> 13) : -1;
  }
  if (power < -14 && power >= -24) {
    // Subnormal: the implicit bit becomes explicit and moves right.
    const cut = -1 - power;
    const full = mantissa | 0x800000;
    return (full & ((1 << cut) - 1)) === 0 ? sign | (full >>> cut) : -1;
  }
  return -1;
}

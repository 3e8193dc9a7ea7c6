/** Writes big-endian fields one after the other into a buffer that the caller made large enough. */
export class ByteWriter {
  readonly buffer: Buffer;
  at = 0;

  constructor(size: number) {
    this.buffer = Buffer.alloc(size);
  }

  u16(value: number): void {
    this.at = this.buffer.writeUInt16BE(value, this.at);
  }

  u24(value: number): void {
    this.at = this.buffer.writeUIntBE(value, this.at, 3);
  }

  u32(value: number): void {
    this.at = this.buffer.writeUInt32BE(value, this.at);
  }

  f64(value: number): void {
    this.at = this.buffer.writeDoubleBE(value, this.at);
  }

  /** LEB128: seven bits per byte, lowest first; up to 2^53 - 1. */
  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.buffer[this.at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.buffer[this.at++] = rest;
  }

  /** UTF-8 behind one length byte. RangeError beyond 255 bytes. */
  text(value: string): void {
    const length = Buffer.byteLength(value);
    if (length > 255) throw new RangeError(`text of ${length} bytes, at most 255 fit: ${value.slice(0, 40)}`);
    this.buffer[this.at++] = length;
    this.at += this.buffer.write(value, this.at, "utf8");
  }

  bytes(value: Uint8Array): void {
    this.buffer.set(value, this.at);
    this.at += value.length;
  }
}

/** Reads what ByteWriter wrote. Throws RangeError where the bytes end or make no sense. */
export class ByteReader {
  readonly buffer: Buffer;
  readonly end: number;
  at: number;

  constructor(buffer: Buffer, at: number, end: number) {
    this.buffer = buffer;
    this.at = at;
    this.end = end;
  }

  u32(): number {
    this.#need(4);
    const value = this.buffer.readUInt32BE(this.at);
    this.at += 4;
    return value;
  }

  f64(): number {
    this.#need(8);
    const value = this.buffer.readDoubleBE(this.at);
    this.at += 8;
    return value;
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      this.#need(1);
      const byte = this.buffer[this.at++]!;
      value += (byte & 0x7f) * factor;
      if (!Number.isSafeInteger(value)) throw new RangeError("varint beyond 2^53");
      if (byte < 0x80) return value;
    }
  }

  text(): string {
    this.#need(1);
    const length = this.buffer[this.at++]!;
    this.#need(length);
    const value = this.buffer.toString("utf8", this.at, this.at + length);
    this.at += length;
    return value;
  }

  /** All that is left, as a view. */
  rest(): Buffer {
    return this.buffer.subarray(this.at, this.end);
  }

  #need(count: number): void {
    if (this.at + count > this.end) throw new RangeError("record ends early");
  }
}

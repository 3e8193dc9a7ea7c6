import type { Socket } from "node:net";
import { Transform, type TransformCallback } from "node:stream";

/** A topic of any length and a packet id fit into this: what is cut is payload. */
const leastBytes = 2 + 65_535 + 2;
const publish = 3;

/**
 * MQTT 3.1.1 has no words for the largest packet that we take, and a parser collects a packet before it
 * shows it: up to 256 MB, by anybody who may publish to us. So what is read from this socket with `pipe`
 * is bounded here: of a PUBLISH the payload after `most` bytes is dropped, as if it had been sent so.
 * It still comes to whoever takes messages and is acknowledged: refused, it would come again for ever.
 */
export function cutPublishes(socket: Socket, most: number): void {
  const pipe = socket.pipe.bind(socket);
  socket.pipe = (destination, options) => pipe(new Cutter(most)).pipe(destination, options);
}

class Cutter extends Transform {
  readonly #most: number;
  /** Fixed header of the packet that begins: its type, then its length (section 2.2). */
  readonly #head: number[] = [];
  #pass = 0;
  #drop = 0;

  constructor(most: number) {
    super();
    this.#most = Math.max(most, leastBytes);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#pass > 0) {
        const part = chunk.subarray(at, at + this.#pass);
        this.#pass -= part.length;
        at += part.length;
        this.push(part);
      } else if (this.#drop > 0) {
        const skipped = Math.min(this.#drop, chunk.length - at);
        this.#drop -= skipped;
        at += skipped;
      } else this.#begin(chunk[at++]!);
    }
    done();
  }

  #begin(byte: number): void {
    const head = this.#head;
    head.push(byte);
    // A fifth byte of length is an error, which the parser finds.
    if (head.length === 1 || (byte >= 0x80 && head.length < 5)) return;
    const length = head.slice(1).reduce((sum, part, index) => sum + (part & 0x7f) * 128 ** index, 0);
    const [type = 0] = head.splice(0);
    const kept = type >> 4 === publish ? Math.min(length, this.#most) : length;
    this.#pass = kept;
    this.#drop = length - kept;
    this.push(Uint8Array.of(type, ...variableLength(kept)));
  }
}

function variableLength(length: number): number[] {
  const bytes: number[] = [];
  let rest = length;
  do {
    const part = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? part | 0x80 : part);
  } while (rest > 0);
  return bytes;
}

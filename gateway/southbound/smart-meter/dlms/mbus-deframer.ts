import type { Deframer } from "../../exchange.ts";
import { HeldBytes } from "../held-bytes.ts";
import { Segments } from "./segments.ts";

const start = 0x68;
const stop = 0x16;
/** 68 L L 68, at most 255 bytes, checksum, 16. */
const maxHeld = 261;
/** C, A, CI, and the two access points behind them. */
const headerBytes = 5;
const lastSegment = 0x10;

/**
 * Cuts DLMS content out of M-Bus long frames, as HAN ports with an M-Bus link push it (EN 13757-1,
 * transport layer: CI 00 to 1F, the low four bits count the segments, bit 4 marks the last).
 */
export class MbusDeframer implements Deframer<Uint8Array> {
  readonly quietMs = 1000;
  readonly #counts = { frames: 0, "bad-checksum": 0, "skipped-bytes": 0, "other-frames": 0 };
  readonly #held = new HeldBytes(maxHeld);
  readonly #segments = new Segments(15);

  get statistics(): Readonly<Record<string, number>> {
    return { ...this.#counts, "lost-segments": this.#segments.lost };
  }

  push(chunk: Uint8Array): Uint8Array[] {
    const found: Uint8Array[] = [];
    for (let at = 0; at < chunk.length; ) {
      at += this.#held.append(chunk, at);
      this.#cut(found);
    }
    return found;
  }

  quiet(): Uint8Array[] {
    const found: Uint8Array[] = [];
    while (this.#held.length > 0) {
      this.#skip(1);
      this.#cut(found);
    }
    return found;
  }

  reset(): void {
    this.#held.clear();
    this.#segments.clear();
  }

  #cut(found: Uint8Array[]): void {
    for (;;) {
      const bytes = this.#held.view;
      const at = bytes.indexOf(start);
      if (at !== 0) {
        this.#skip(at < 0 ? bytes.length : at);
        if (at < 0) return;
        continue;
      }
      const length = bytes[1];
      if (!mayBegin(bytes)) {
        this.#skip(1);
        continue;
      }
      if (length === undefined || bytes.length < length + 6) return;
      if (sum(bytes, 4, 4 + length) !== bytes[4 + length] || bytes[5 + length] !== stop) {
        this.#counts["bad-checksum"] += 1;
        this.#segments.clear();
        this.#skip(1);
        continue;
      }
      this.#counts.frames += 1;
      const content = bytes.slice(4, 4 + length);
      this.#held.drop(length + 6);
      this.#take(content, found);
    }
  }

  #take(content: Uint8Array, found: Uint8Array[]): void {
    const control = content[2] ?? 0xff;
    if (content.length <= headerBytes || control > 0x1f) {
      this.#counts["other-frames"] += 1;
      return;
    }
    const sequence = control & 0x0f;
    const whole = this.#segments.add({
      part: content.subarray(headerBytes),
      sequence,
      last: (control & lastSegment) !== 0,
      begins: sequence === 0,
    });
    if (whole) found.push(whole);
  }

  #skip(count: number): void {
    this.#counts["skipped-bytes"] += count;
    this.#held.drop(count);
  }
}

/** As far as it is there: 68 L L 68. */
function mayBegin(bytes: Uint8Array): boolean {
  const length = bytes[1];
  if (length === undefined) return true;
  if (length < 3) return false;
  return (bytes.length < 3 || bytes[2] === length) && (bytes.length < 4 || bytes[3] === start);
}

function sum(bytes: Uint8Array, from: number, to: number): number {
  let total = 0;
  for (let at = from; at < to; at += 1) total += bytes[at]!;
  return total & 0xff;
}

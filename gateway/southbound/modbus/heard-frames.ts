import { crc16Modbus } from "../../codec/crc.ts";
import { heardReplyLength, heardRequestLength } from "./heard-shapes.ts";

/** A whole frame of somebody else's line. */
export interface HeardFrame {
  readonly unit: number;
  readonly pdu: Uint8Array;
  /** Monotonic ms at which its last byte came. */
  readonly at: number;
  /** What it is by its form: some are both, a request and its echo. */
  readonly isRequest: boolean;
  readonly isReply: boolean;
}

/** Address, function, CRC; the serial line's 256 bytes. */
const shortest = 4;
const longest = 256;

/**
 * Finds the RTU frames of other people in what a line says, requests and answers alike, by their lengths and
 * CRCs alone: neither ptys nor USB adapters pass on the 3.5 characters of silence that part them (Modbus over
 * Serial Line V1.02, 2.5.1.1). What it finds does not depend on how the bytes were cut. Each place is
 * decided once and for good, after at most 256 bytes; so many are kept, and the time is linear.
 */
export class HeardFrames {
  #rest: Uint8Array = new Uint8Array();
  /** Where chunks end, counted from the very first byte, and when they came; those that `#rest` begins behind are gone. */
  readonly #marks: { readonly end: number; readonly at: number }[] = [];
  #skipping = false;
  #bytes = 0;
  #whole = 0;
  #damaged = 0;
  #skipped = 0;

  /** All that came. */
  get bytes(): number {
    return this.#bytes;
  }

  get whole(): number {
    return this.#whole;
  }

  /** Stretches that are no frame. */
  get damaged(): number {
    return this.#damaged;
  }

  /** Bytes in them. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Bytes that may still become a frame. */
  get pending(): number {
    return this.#rest.length;
  }

  push(chunk: Uint8Array, at: number): HeardFrame[] {
    this.#bytes += chunk.length;
    const bytes = new Uint8Array(this.#rest.length + chunk.length);
    bytes.set(this.#rest);
    bytes.set(chunk, this.#rest.length);
    this.#marks.push({ end: this.#bytes, at });
    return this.#cut(bytes, false);
  }

  /** Nothing more comes of what has begun. */
  quiet(): HeardFrame[] {
    return this.#rest.length === 0 ? [] : this.#cut(this.#rest, true);
  }

  #cut(bytes: Uint8Array, isAll: boolean): HeardFrame[] {
    const frames: HeardFrame[] = [];
    const origin = this.#bytes - bytes.length;
    let start = 0;
    while (start < bytes.length) {
      const found = look(bytes, start, isAll);
      if (found === "more") break;
      if (found === "none") {
        this.#skip();
        start++;
        continue;
      }
      this.#skipping = false;
      this.#whole++;
      const { end, isRequest, isReply } = found;
      frames.push({
        unit: bytes[start] ?? 0,
        pdu: bytes.slice(start + 1, end - 2),
        at: this.#marks.find((mark) => mark.end >= origin + end)?.at ?? 0,
        isRequest,
        isReply,
      });
      start = end;
    }
    this.#rest = start === 0 ? bytes : bytes.slice(start);
    while (this.#marks[0] && this.#marks[0].end <= origin + start) this.#marks.shift();
    return frames;
  }

  #skip(): void {
    if (!this.#skipping) this.#damaged++;
    this.#skipping = true;
    this.#skipped++;
  }
}

interface Look {
  readonly end: number;
  readonly isRequest: boolean;
  readonly isReply: boolean;
}

/** The shorter of the two frames that may begin here, when its CRC is good. */
function look(bytes: Uint8Array, start: number, isAll: boolean): Look | "none" | "more" {
  const { length } = bytes;
  if (start + 2 > length) return isAll ? "none" : "more";
  const asked = heardRequestLength(bytes, start + 1, length);
  const answered = heardReplyLength(bytes, start + 1, length);
  let open = asked === 0 || answered === 0;
  const lengths = asked === answered ? [asked] : asked < answered ? [asked, answered] : [answered, asked];
  for (const pdu of lengths) {
    if (pdu <= 0 || pdu + 3 > longest || pdu + 3 < shortest) continue;
    const end = start + pdu + 3;
    if (end > length) open = true;
    else if (crc16Modbus(bytes, start, end) === 0)
      return { end, isRequest: asked === pdu, isReply: answered === pdu };
  }
  return open && !isAll ? "more" : "none";
}

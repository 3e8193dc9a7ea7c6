import { FormatError } from "../../../codec/format-error.ts";
import type { Deframer } from "../../exchange.ts";
import { HeldBytes } from "../held-bytes.ts";
import { canBegin, decodeHdlc, flag, frameLength, type HdlcFrame, maxFrameBytes, unstuff } from "./hdlc.ts";
import { hasLlc } from "./notification.ts";
import { Segments } from "./segments.ts";

/** A stuffed frame of the greatest length, all escaped, and its flags. */
const maxHeld = 2 * maxFrameBytes + 2;

/**
 * Cuts the content of HDLC frames out of a stream, segments put together. Meters differ in whether
 * they stuff bytes: a frame counts when its length, both checksums and the flag behind it fit, read
 * as it stands or, else, with the stuffing taken out. The flag behind a frame may begin the next.
 */
export class HdlcDeframer implements Deframer<Uint8Array> {
  readonly quietMs = 1000;
  readonly #counts = { frames: 0, "bad-checksum": 0, "skipped-bytes": 0 };
  readonly #held = new HeldBytes(maxHeld);
  readonly #segments = new Segments(7);

  get statistics(): Readonly<Record<string, number>> {
    return { ...this.#counts, "lost-segments": this.#segments.lost };
  }

  push(chunk: Uint8Array): Uint8Array[] {
    const found: Uint8Array[] = [];
    for (let at = 0; at < chunk.length; ) {
      at += this.#held.append(chunk, at);
      this.#cut(found);
      if (this.#held.full) this.#giveUp();
    }
    return found;
  }

  /** A false start must not wait for bytes of the next message. */
  quiet(): Uint8Array[] {
    const found: Uint8Array[] = [];
    while (this.#held.length > 1) {
      this.#giveUp();
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
      const start = bytes.indexOf(flag);
      if (start !== 0) {
        this.#skip(start < 0 ? bytes.length : start);
        if (start < 0) return;
        continue;
      }
      if (bytes[1] === flag) {
        this.#held.drop(1);
        continue;
      }
      const frame = frameAt(bytes.subarray(1));
      if (frame === "more") return;
      if (frame === undefined) {
        this.#giveUp();
        continue;
      }
      this.#held.drop(1 + frame.bytes);
      this.#counts.frames += 1;
      this.#take(frame.frame, found);
    }
  }

  #take({ segmented, control, information }: HdlcFrame, found: Uint8Array[]): void {
    // Information frames count up to seven; unnumbered ones do not count.
    const sequence = (control & 1) === 0 ? (control >> 1) & 7 : undefined;
    const content = this.#segments.add({
      part: information,
      sequence,
      last: !segmented,
      // Only what has the LLC header is known to be a beginning.
      begins: hasLlc(information) || undefined,
    });
    if (content && content.length > 0) found.push(content);
  }

  /** What looked like a beginning was none: on to the next flag. */
  #giveUp(): void {
    // What does not even begin like a frame is noise between flags.
    if ((this.#held.view[1] ?? 0) >> 4 === 0xa) this.#counts["bad-checksum"] += 1;
    this.#segments.clear();
    const next = this.#held.view.indexOf(flag, 1);
    this.#skip(next < 0 ? this.#held.length : next);
  }

  #skip(count: number): void {
    this.#counts["skipped-bytes"] += count;
    this.#held.drop(count);
  }
}

type Found = { readonly frame: HdlcFrame; readonly bytes: number };

/** The frame at the start of `bytes`, which a flag precedes; "more" while it may still become one. */
function frameAt(bytes: Uint8Array): Found | "more" | undefined {
  const plain = plainAt(bytes);
  return plain ?? stuffedAt(bytes);
}

function plainAt(bytes: Uint8Array): Found | "more" | undefined {
  if (!canBegin(bytes)) return undefined;
  const length = bytes.length < 2 ? undefined : frameLength(bytes);
  if (length === undefined || bytes.length <= length) return "more";
  if (bytes[length] !== flag) return undefined;
  const frame = decoded(bytes.subarray(0, length));
  return frame && { frame, bytes: length };
}

function stuffedAt(bytes: Uint8Array): Found | "more" | undefined {
  const end = bytes.indexOf(flag);
  const plain = unstuff(end < 0 ? bytes : bytes.subarray(0, end));
  if (end < 0) {
    if (!canBegin(plain)) return undefined;
    const length = plain.length < 2 ? maxFrameBytes : frameLength(plain);
    return plain.length <= (length ?? 0) ? "more" : undefined;
  }
  const frame = decoded(plain);
  return frame && { frame, bytes: end };
}

function decoded(bytes: Uint8Array): HdlcFrame | undefined {
  try {
    return decodeHdlc(bytes);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

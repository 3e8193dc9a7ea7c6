import type { Deframer } from "../exchange.ts";
import { type Frame, longestFrame, lookAt } from "./frame.ts";

/**
 * Cuts what a line says into frames of EN 13757-2. Bytes that belong to no frame are skipped one by
 * one, so that the next good frame is found wherever it begins; never more than one longest frame is
 * held back. After `quietMs` of silence what looked like the beginning of a frame is none.
 */
export class MbusDeframer implements Deframer<Frame> {
  readonly quietMs: number | undefined;
  readonly #counts = { frames: 0, "bad-frames": 0, "skipped-bytes": 0 };
  readonly #buffer = new Uint8Array(2 * longestFrame);
  #length = 0;

  constructor(quietMs?: number) {
    this.quietMs = quietMs;
  }

  get statistics(): Readonly<Record<string, number>> {
    return this.#counts;
  }

  push(chunk: Uint8Array, _at: number): readonly Frame[] {
    const frames: Frame[] = [];
    for (let start = 0; start < chunk.length; ) {
      const end = Math.min(chunk.length, start + this.#buffer.length - this.#length);
      this.#buffer.set(chunk.subarray(start, end), this.#length);
      this.#length += end - start;
      start = end;
      this.#cut(frames, false);
    }
    return frames;
  }

  quiet(_at: number): readonly Frame[] {
    const frames: Frame[] = [];
    this.#cut(frames, true);
    return frames;
  }

  reset(): void {
    this.#counts["skipped-bytes"] += this.#length;
    this.#length = 0;
  }

  /** Takes every frame; `over`: no more bytes come, so that what is cut short is no frame. */
  #cut(frames: Frame[], over: boolean): void {
    let from = 0;
    while (from < this.#length) {
      const found = lookAt(this.#buffer, from, this.#length);
      if (found === "short" && !over) break;
      if (typeof found === "string") {
        const first = this.#buffer[from];
        if (first === 0x68 || first === 0x10) this.#counts["bad-frames"]++;
        this.#counts["skipped-bytes"]++;
        from++;
        continue;
      }
      this.#counts.frames++;
      frames.push(found.frame);
      from = found.end;
    }
    this.#buffer.copyWithin(0, from, this.#length);
    this.#length -= from;
  }
}

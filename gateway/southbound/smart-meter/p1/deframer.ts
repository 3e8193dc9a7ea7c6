import type { Deframer } from "../../exchange.ts";
import { HeldBytes } from "../held-bytes.ts";
import { type CrcRule, crcDigits, endOf, hasGoodCrc, isBare, maxTelegramBytes } from "./telegram.ts";

const slash = 0x2f;
/** Starts that are tried against one checksum: garbage before a telegram may hold a `/`, too. */
const maxStarts = 8;
/** So much goes at once where no end comes: byte by byte a stream of `/` would cost a copy of it all per byte. */
const mostSkipped = maxTelegramBytes / 4;

/**
 * Cuts telegrams out of a stream, from `/` to the checksum. Only what keeps the rule of the checksum
 * leaves; after anything else the search goes on right behind the `!`, so that a telegram that
 * begins inside garbage is found.
 */
export class TelegramDeframer implements Deframer<Uint8Array> {
  readonly quietMs = 250;
  readonly statistics = { frames: 0, "bad-checksum": 0, "skipped-bytes": 0, "too-long": 0 };
  readonly #rule: CrcRule;
  readonly #held = new HeldBytes(maxTelegramBytes);
  /** Up to here there is no end. */
  #searched = 0;

  constructor(rule: CrcRule) {
    this.#rule = rule;
  }

  push(chunk: Uint8Array): Uint8Array[] {
    const found: Uint8Array[] = [];
    for (let at = 0; at < chunk.length; ) {
      at += this.#held.append(chunk, at);
      this.#cut(found, false);
      if (!this.#held.full) continue;
      this.statistics["too-long"] += 1;
      this.#skip(mostSkipped);
    }
    return found;
  }

  /** A bare `!` may be the last byte that comes. */
  quiet(): Uint8Array[] {
    const found: Uint8Array[] = [];
    this.#cut(found, true);
    return found;
  }

  reset(): void {
    this.#held.clear();
    this.#searched = 0;
  }

  #cut(found: Uint8Array[], over: boolean): void {
    for (;;) {
      if (this.#held.view[0] !== slash) this.#skip(0);
      const bytes = this.#held.view;
      const end = endOf(bytes, this.#searched);
      if (end < 0) {
        this.#searched = bytes.length;
        return;
      }
      this.#searched = end;
      const digits = crcDigits(bytes, end);
      const last = end + 1 + digits;
      // Behind fewer than four digits only the next byte tells that no other follows.
      if (digits < 4 && last === bytes.length && !over) return;
      const start = this.#startOf(bytes, end);
      if (start === undefined) {
        this.statistics["bad-checksum"] += 1;
        this.#skip(end + 1);
        continue;
      }
      found.push(bytes.slice(start, last));
      this.statistics.frames += 1;
      this.statistics["skipped-bytes"] += start;
      this.#held.drop(last);
      this.#searched = 0;
    }
  }

  /** Where the telegram begins that ends at `end`, or undefined when there is none to be taken. */
  #startOf(bytes: Uint8Array, end: number): number | undefined {
    const starts: number[] = [];
    for (let at = lastSlash(bytes, end); at >= 0; at = lastSlash(bytes, at)) starts.push(at);
    if (this.#rule === "none" || (this.#rule === "optional" && isBare(bytes, end)))
      return starts.find((at) => at > 0 && isLineEnd(bytes[at - 1])) ?? starts.at(-1);
    if (isBare(bytes, end)) return undefined;
    return starts.slice(0, maxStarts).find((at) => hasGoodCrc(bytes, at, end));
  }

  /** Drops `least` bytes and everything before the next `/`. */
  #skip(least: number): void {
    const next = this.#held.view.indexOf(slash, least);
    const count = next < 0 ? this.#held.length : next;
    this.statistics["skipped-bytes"] += count;
    this.#held.drop(count);
    this.#searched = 0;
  }
}

/** The last `/` before `end` that three letters or digits of a maker follow, or -1. */
function lastSlash(bytes: Uint8Array, end: number): number {
  if (end === 0) return -1;
  let at = bytes.lastIndexOf(slash, end - 1);
  while (at > 0 && !isMaker(bytes, at + 1)) at = bytes.lastIndexOf(slash, at - 1);
  return at >= 0 && isMaker(bytes, at + 1) ? at : -1;
}

function isMaker(bytes: Uint8Array, at: number): boolean {
  for (let index = at; index < at + 3; index += 1) {
    const byte = bytes[index] ?? 0;
    const isAlphanumeric =
      (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
    if (!isAlphanumeric) return false;
  }
  return true;
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === 0x0a || byte === 0x0d;
}

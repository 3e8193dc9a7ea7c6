import { hexBytes } from "../../codec/hex.ts";
import type { Escape } from "./settings.ts";

/** Byte stuffing: how a frame is written that may not hold certain bytes. */
export interface Stuffing {
  readonly mark: number;
  /** What `mark code` stands for, or undefined for a code that nobody sends. */
  original(code: number): number | undefined;
  /** The code of a byte that must be escaped, or undefined. */
  code(byte: number): number | undefined;
}

/**
 * From what a profile says. With `xor`, the mark, the start and end bytes and every byte listed in
 * `also` are escaped; with `codes`, those that have one.
 */
export function stuffingOf(how: Escape, delimiters: readonly number[]): Stuffing {
  const mark = hexBytes(how.mark)[0]!;
  const codes = new Map<number, number>();
  if ("codes" in how)
    for (const [code, byte] of Object.entries(how.codes)) codes.set(hexBytes(byte)[0]!, hexBytes(code)[0]!);
  else for (const byte of [mark, ...delimiters, ...hexBytes(how.also ?? "")]) codes.set(byte, byte ^ how.xor);
  const originals = new Map(Array.from(codes, ([byte, code]) => [code, byte]));
  // With xor a sender may escape more than it must: any code is understood.
  const original = "xor" in how ? (code: number) => code ^ how.xor : (code: number) => originals.get(code);
  return { mark, original, code: (byte) => codes.get(byte) };
}

/** The bytes as they go over the line. */
export function stuff(bytes: Uint8Array, stuffing: Stuffing): Uint8Array {
  const result: number[] = [];
  for (const byte of bytes) {
    const code = stuffing.code(byte);
    if (code === undefined) result.push(byte);
    else result.push(stuffing.mark, code);
  }
  return Uint8Array.from(result);
}

/** The inverse of `stuff`; undefined when a mark stands at the end or before a code that nobody sends. */
export function unstuff(bytes: Uint8Array, stuffing: Stuffing): Uint8Array | undefined {
  const result = new Uint8Array(bytes.length);
  let length = 0;
  for (let index = 0; index < bytes.length; index++) {
    let byte = bytes[index]!;
    if (byte === stuffing.mark) {
      index++;
      const original = index < bytes.length ? stuffing.original(bytes[index]!) : undefined;
      if (original === undefined) return undefined;
      byte = original;
    }
    result[length++] = byte;
  }
  return result.subarray(0, length);
}

import { type ByteOrder, checksums, verifyChecksum } from "../../codec/checksum.ts";
import type { LineChecksum, LineHead } from "./settings.ts";

/** One line as it came, without its end. */
export class Line {
  readonly bytes: Uint8Array;
  /** One character per byte. */
  readonly #latin1: string;
  readonly #checked = new Map<LineChecksum, CheckedLine>();

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#latin1 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  }

  /** Looks at its checksum; each kind is computed once. */
  checked(checksum: LineChecksum): CheckedLine {
    let found = this.#checked.get(checksum);
    if (!found) {
      found = check(this.bytes, this.#latin1, checksum);
      this.#checked.set(checksum, found);
    }
    return found;
  }
}

export interface CheckedLine {
  readonly outcome: "good" | "bad" | "missing";
  /** The line without its checksum, and without the mark that it ends `before`. */
  readonly body: Uint8Array;
}

function check(bytes: Uint8Array, latin1: string, checksum: LineChecksum): CheckedLine {
  const { start, end, as } = checksum;
  const kind = checksums[checksum.kind];
  const missing: CheckedLine = { outcome: "missing", body: bytes };
  const begin = start === undefined ? 0 : latin1.indexOf(start.mark);
  if (begin < 0) return missing;
  const from = start && !start.included ? begin + start.mark.length : begin;
  let to: number;
  let place: number;
  let cut: number;
  if (end) {
    const mark = latin1.lastIndexOf(end.mark);
    if (mark < from) return missing;
    place = mark + end.mark.length;
    to = end.included ? place : mark;
    cut = to;
  } else {
    place = (as === "binary" ? latin1 : latin1.trimEnd()).length - (as === "hex" ? 2 : 1) * kind.size;
    if (place < from || as === "decimal") return missing;
    to = place;
    cut = place;
  }
  const body = bytes.subarray(0, cut);
  if (as === "binary") {
    if (place + kind.size !== bytes.length) return missing;
    const good = verifyChecksum(kind, bytes, { start: from, end: to, at: place, order: checksum.order });
    return { outcome: good ? "good" : "bad", body };
  }
  const value = written(latin1.slice(place).trim(), as, kind.size, checksum.order ?? "big");
  if (value === undefined) return missing;
  return { outcome: value === kind.compute(bytes, from, to) ? "good" : "bad", body };
}

function written(text: string, as: "hex" | "decimal", size: number, order: ByteOrder) {
  if (as === "decimal") return /^\d{1,5}$/.test(text) ? Number(text) : undefined;
  if (text.length !== 2 * size || !/^[0-9A-Fa-f]+$/.test(text)) return undefined;
  const digits = order === "little" && size === 2 ? text.slice(2) + text.slice(0, 2) : text;
  return Number.parseInt(digits, 16);
}

/** The text of a line, or undefined when it holds bytes that its encoding does not have. */
export function textOf(body: Uint8Array, { strip, encoding }: LineHead): string | undefined {
  const kept = strip.size === 0 ? body : body.filter((byte) => !strip.has(byte));
  if (encoding === "utf8") {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(kept);
    } catch (error) {
      if (error instanceof TypeError) return undefined;
      throw error;
    }
  }
  if (encoding === "ascii" && kept.some((byte) => byte > 0x7f)) return undefined;
  return Buffer.from(kept.buffer, kept.byteOffset, kept.length).toString("latin1");
}

import { exceptionNames } from "./pdu.ts";
import type { Span, Table } from "./settings.ts";

/** One request of another master, as far as we look into it. */
export interface HeardRequest {
  readonly unit: number;
  readonly pdu: Uint8Array;
  readonly at: number;
  /** Equal for requests that are repeated: a write has the same key whatever it writes. */
  readonly key: string;
  /** For people: `FC4 0x0034..0x0057`. */
  readonly label: string;
  /** What an answer tells. */
  readonly read?: Span | undefined;
  /** What is written, for people. */
  readonly written?: string | undefined;
}

/** How a frame answers a request, if it does. */
export type HeardAnswer =
  | { readonly kind: "answer"; readonly data: Uint8Array }
  | { readonly kind: "exception"; readonly code: number; readonly label: string };

const tableOf: Readonly<Record<number, Table>> = {
  1: "coil",
  2: "discrete",
  3: "holding",
  4: "input",
  23: "holding",
};
const writes = new Set([5, 6, 15, 16, 22, 23]);
const noData = new Uint8Array();

/** @param pdu that has the form of a request */
export function heardRequest(unit: number, pdu: Uint8Array, at: number): HeardRequest {
  const code = pdu[0] ?? 0;
  const word = (index: number) => ((pdu[index] ?? 0) << 8) | (pdu[index + 1] ?? 0);
  const table = tableOf[code];
  const read = table && { table, start: word(1), count: word(3) };
  const base = { unit, pdu, at };
  if (code === 23) {
    const places = `${placesText(word(1), word(3))}, writes ${placesText(word(5), word(7))}`;
    return { ...base, key: `23 ${places}`, label: `FC23 ${places}`, read, written: hex(pdu.subarray(10)) };
  }
  if (read) {
    const label = `FC${code} ${placesText(read.start, read.count)}`;
    return { ...base, key: label, label, read };
  }
  if (!writes.has(code)) {
    const label = code === 17 ? "FC17 server id" : code === 43 ? "FC43 identification" : `FC${code}`;
    return { ...base, key: `${label} ${code === 43 ? hex(pdu.subarray(2)) : ""}`, label };
  }
  const count = code === 15 || code === 16 ? word(3) : 1;
  const label = `writes FC${code} ${placesText(word(1), count)}`;
  return { ...base, key: label, label, written: writtenBy(code, pdu) };
}

function writtenBy(code: number, pdu: Uint8Array): string {
  const word = ((pdu[3] ?? 0) << 8) | (pdu[4] ?? 0);
  if (code === 5) return word === 0 ? "off" : "on";
  if (code === 6) return String(word);
  if (code === 22) return `and ${hex(pdu.subarray(3, 5))} or ${hex(pdu.subarray(5, 7))}`;
  return hex(pdu.subarray(6));
}

/** What the frame is to the request; undefined when it is no answer to it. Pure. */
export function answerTo(
  { unit, pdu, read }: HeardRequest,
  reply: { readonly unit: number; readonly pdu: Uint8Array },
): HeardAnswer | undefined {
  const code = pdu[0] ?? 0;
  if (reply.unit !== unit || ((reply.pdu[0] ?? 0) & 0x7f) !== code) return undefined;
  if (reply.pdu[0] !== code) {
    const exception = reply.pdu[1] ?? 0;
    return {
      kind: "exception",
      code: exception,
      label: exceptionNames[exception] ?? `exception ${exception}`,
    };
  }
  if (read) {
    const bytes = code <= 2 ? Math.ceil(read.count / 8) : 2 * read.count;
    return reply.pdu.length === 2 + bytes ? { kind: "answer", data: reply.pdu.subarray(2) } : undefined;
  }
  if (!writes.has(code)) return { kind: "answer", data: reply.pdu };
  // Writes come back: whole (5, 6, 22) or their head (15, 16).
  const echoed = code === 22 ? 7 : 5;
  for (let index = 1; index < echoed; index++) if (reply.pdu[index] !== pdu[index]) return undefined;
  return { kind: "answer", data: noData };
}

function placesText(start: number, count: number): string {
  const at = (address: number) => `0x${address.toString(16).padStart(4, "0")}`;
  return count === 1 ? at(start) : `${at(start)}..${at(start + count - 1)}`;
}

const shownBytes = 16;
function hex(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, shownBytes)).toString("hex");
  return bytes.length > shownBytes ? `${shown}...` : shown;
}

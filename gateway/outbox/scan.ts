import { decodeRecord, type GroupHead, headerBytes, type LogRecord, markerOf } from "./format.ts";

export type Finding =
  | { readonly kind: "record"; readonly offset: number; readonly length: number; readonly record: LogRecord }
  /** Bytes that no CRC vouches for, with a good record behind them. */
  | { readonly kind: "damage"; readonly offset: number; readonly length: number };

/**
 * Everything believable between the header and `end`, in order. Where a record is bad, the search
 * goes on for the next good one: of this group, or the head of a later one. Pure.
 */
export function* scanSegment(buffer: Buffer, salt: number, end = buffer.length): Generator<Finding> {
  const limit = Math.min(end, buffer.length);
  const marker = Buffer.alloc(2);
  marker.writeUInt16BE(markerOf(salt));
  let group: GroupHead | undefined;
  let at = headerBytes;
  for (;;) {
    let found = decodeRecord(buffer, at, limit, salt, group);
    const start = at;
    while (!found) {
      at = buffer.indexOf(marker, at + 1);
      if (at < 0 || at >= limit) return;
      found = decodeRecord(buffer, at, limit, salt, group);
    }
    if (at > start) yield { kind: "damage", offset: start, length: at - start };
    if (found.record.type === "group") group = found.record.head;
    yield { kind: "record", offset: at, length: found.length, record: found.record };
    at += found.length;
  }
}

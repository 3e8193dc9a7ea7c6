import type { Disk } from "../store/disk.ts";
import { decodeHeader, type GroupHead, headerBytes, type LogRecord, type LogState } from "./format.ts";
import type { PackHead } from "./outbox.ts";
import { scanSegment } from "./scan.ts";

/** One thing found in a segment file, in order of offset. `crcOk` is false for bytes that no CRC vouches for. */
export interface DumpEntry {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
  readonly crcOk: boolean;
  readonly type: "header" | "group" | "pack" | "ack" | "state" | "damage" | "newer-format";
  /** Of a header. */
  readonly segment?: { readonly number: number; readonly length: number };
  /** Of a group. */
  readonly group?: GroupHead;
  /** Of a pack. */
  readonly id?: number;
  readonly head?: PackHead;
  readonly packBytes?: number;
  /** Of an ack: first and last id of each range. */
  readonly acks?: readonly (readonly [from: number, to: number])[];
  /** Of a state. */
  readonly state?: LogState;
}

/**
 * Everything in the segment files of an outbox, spares and damaged ones included. Only reads, so it
 * may look at the folder of a running gateway. Whether a pack still waits, later acks decide.
 */
export async function* dumpOutbox(disk: Disk): AsyncGenerator<DumpEntry> {
  for (const name of await disk.list()) {
    if (!/^(segment|spare)-\d{10}(\.damaged-\d+)?$/.test(name)) continue;
    const file = await disk.open(name);
    let buffer: Buffer;
    try {
      const bytes = await file.read(0, file.size);
      buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    } finally {
      await file.close();
    }
    const first = decodeHeader(buffer.subarray(0, headerBytes));
    const header = first ?? decodeHeader(buffer.subarray(Math.max(0, buffer.length - headerBytes)));
    const entry = {
      file: name,
      offset: 0,
      length: Math.min(headerBytes, buffer.length),
      crcOk: first !== undefined,
    };
    if (header === "newer") {
      yield { ...entry, type: "newer-format" };
      continue;
    }
    yield { ...entry, type: "header", ...(header && { segment: header }) };
    if (!header) continue;
    for (const finding of scanSegment(buffer, header.salt)) {
      const { offset, length } = finding;
      if (finding.kind === "damage") yield { file: name, offset, length, crcOk: false, type: "damage" };
      else yield { file: name, offset, length, crcOk: true, ...described(finding.record) };
    }
  }
}

function described(record: LogRecord): Pick<DumpEntry, "type"> & Partial<DumpEntry> {
  switch (record.type) {
    case "group":
      return { type: "group", group: record.head };
    case "pack":
      return { type: "pack", id: record.id, head: record.head, packBytes: record.payload.length };
    case "ack":
      return { type: "ack", acks: [...record.ids] };
    case "state":
      return { type: "state", state: record.state };
  }
}

/** One line for a person: file, offset, length, CRC, what. */
export function formatDumpEntry(entry: DumpEntry): string {
  const place = `${entry.file} ${String(entry.offset).padStart(8)} ${String(entry.length).padStart(7)}`;
  return `${place} ${entry.crcOk ? "ok " : "BAD"} ${entry.type}${details(entry)}`;
}

function details({ segment, group, id, head, packBytes, acks, state }: DumpEntry): string {
  if (segment) return ` segment ${segment.number}, ${segment.length} bytes`;
  if (group) {
    return ` ${group.group}, ${group.length} bytes, synced before to ${group.durable}, ${group.streams.length} streams`;
  }
  if (head) {
    const { lane, audience, run, seq, time, readings, marks } = head;
    return ` id ${id} ${lane} ${audience} run ${run} seq ${seq} ${time.base} ${time.ms} ms, ${readings} readings, ${packBytes} bytes${marks ? `, marks ${marks.join(", ")}` : ""}`;
  }
  if (acks) return ` ids ${acks.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(" ")}`;
  if (state) {
    const segments = state.segments.map(
      ({ number, end, dead }) => `${number} to ${end}${dead.count > 0 ? ` (${dead.count} settled)` : ""}`,
    );
    const runs = state.runs.map(({ run, audience, lastSeq }) => `${run}/${audience} ${lastSeq}`);
    return ` next id ${state.nextId}; segments ${segments.join(", ") || "none"}; runs ${runs.join(", ") || "none"}; ${state.marks.length} marks`;
  }
  return "";
}

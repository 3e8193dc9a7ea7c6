import { decodeIdentification, decodeServerId } from "./pdu.ts";
import type { UnitReader } from "./scan-reader.ts";
import { standardBases } from "./sunspec-table.ts";

/** What a device says of itself. */
export interface Said {
  /** Makers, models, versions, each once. */
  readonly texts: readonly string[];
  /** Whether it has a SunSpec map at one of the standard's places. */
  readonly sunspec: boolean;
}

const marker = "SunS";
/** Of a text that goes on for ever. */
const longestText = 64;
/** Ids of 43/14 that name the device: maker, product code, version, product, model (V1.1b3, 6.21). */
const naming = [0, 1, 2, 4, 5];
/** Model 1 of SunSpec after its ID and length: maker, model, options, version, serial number, in characters. */
const commonFields = [
  { at: 0, length: 32 },
  { at: 32, length: 32 },
  { at: 80, length: 16 },
  { at: 96, length: 32 },
];
const commonRegisters = 66;

/** Device identification (43/14), report server id (17) and the head of a SunSpec map. */
export async function whatItSays(reader: UnitReader, askSunspec: boolean): Promise<Said> {
  const texts: string[] = [];
  const add = (text: string | undefined) => {
    if (text !== undefined && !texts.includes(text)) texts.push(text);
  };
  const basic = await objects(reader, 1);
  // Bits 0 to 6 of the third byte: the level that the device conforms to.
  const found = basic && basic.level >= 2 ? ((await objects(reader, 2)) ?? basic) : basic;
  for (const id of naming) add(textOf(found?.objects.get(id)));
  const server = await reader.ask({ function: 17 });
  if (typeof server !== "string") add(textOf(decodeServerId(server)));
  if (!askSunspec) return { texts, sunspec: false };
  for (const base of standardBases) {
    const head = await reader.read({ table: "holding", start: base, count: 2 });
    if (typeof head === "string" || Buffer.from(head).toString("latin1") !== marker) continue;
    const common = await reader.read({ table: "holding", start: base + 2, count: commonRegisters });
    if (typeof common !== "string")
      for (const { at, length } of commonFields) add(textOf(common.subarray(4 + at, 4 + at + length)));
    return { texts, sunspec: true };
  }
  return { texts, sunspec: false };
}

async function objects(
  reader: UnitReader,
  level: 1 | 2,
): Promise<{ readonly level: number; readonly objects: ReadonlyMap<number, Uint8Array> } | undefined> {
  const pdu = await reader.ask({ function: 43, level, object: 0 });
  if (typeof pdu === "string") return undefined;
  const found = decodeIdentification(pdu);
  return found && { level: (pdu[3] ?? 0) & 0x7f, objects: found };
}

/** What the answer to a request for an identity (17 or 43/14) says; nothing for any other PDU. Pure. */
export function saidIn(pdu: Uint8Array): string[] {
  const found = decodeIdentification(pdu);
  const server = decodeServerId(pdu);
  const parts = [...naming.map((id) => found?.get(id)), server];
  return parts.map(textOf).filter((text) => text !== undefined);
}

/** The longest printable part, when it is long enough to be meant; undefined otherwise. */
function textOf(bytes: Uint8Array | undefined): string | undefined {
  if (!bytes) return undefined;
  const parts =
    Buffer.from(bytes)
      .toString("latin1")
      .match(/[\x20-\x7e]{2,}/g) ?? [];
  const longest = parts.map((part) => part.trim()).reduce((a, b) => (b.length > a.length ? b : a), "");
  return /[A-Za-z0-9].*[A-Za-z0-9]/.test(longest) ? longest.slice(0, longestText) : undefined;
}

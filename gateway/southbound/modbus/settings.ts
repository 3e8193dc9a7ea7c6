import { type Layout, wireSize } from "../../codec/numbers.ts";
import type { Endpoint } from "../../transport/transport.ts";
import type { ReadRequest } from "../protocol.ts";
import type { SunspecPlace } from "./sunspec-table.ts";

/** The four tables of the Modbus data model (Application Protocol V1.1b3, section 4.3). */
export const tables = ["coil", "discrete", "input", "holding"] as const;
export type Table = (typeof tables)[number];

/** How a profile writes addresses: as on the wire from 0, as in a datasheet from 1, or as 30001 and 40001. */
export type Addressing = "protocol" | "datasheet-1" | "modicon";

export type Framing = "rtu" | "tcp" | "ascii";

/** Milliseconds; undefined = the default or what is learned. */
export interface LineTiming {
  /** Longest wait for the first byte of an answer. */
  readonly timeout?: number | undefined;
  /** What a unit needs between request and answer; a first guess for the plan. */
  readonly turnaround?: number | undefined;
  /** Silence before a request. Never below 3.5 characters on a serial line. */
  readonly silence?: number | undefined;
  /** Pause after opening, before the first request (units that reset, converters that wake up). */
  readonly connectDelay?: number | undefined;
}

/** One line, normalised. */
export interface ModbusConnection {
  readonly endpoint: Endpoint;
  readonly framing: Framing;
  /** Requests on their way at the same time. Above 1 only with framing `tcp`. */
  readonly concurrency: number;
  readonly timing: LineTiming;
}

/** What gateway.yaml says about one device. */
export interface ModbusDevice {
  /** 1 to 247 on a serial line; 0 and 255 also on TCP, where they mean the unit that listens. */
  readonly unit: number;
}

/** Milliseconds; undefined = the default or what is learned. */
export interface UnitTiming {
  readonly turnaround?: number | undefined;
  readonly timeout?: number | undefined;
  /** From the end of one answer of this unit to the next request to it. */
  readonly minInterval?: number | undefined;
  /** Pause after opening, before the first request to this unit. */
  readonly connectDelay?: number | undefined;
}

/** First and last address, both included, in the addressing of the profile. */
export type AddressRange = readonly [number, number];
/** Ranges for every table that has such addresses, or by table. */
export type RangeSet = readonly AddressRange[] | Readonly<Partial<Record<Table, readonly AddressRange[]>>>;

export interface ReadLimits {
  /** Most registers in one request. */
  readonly maxRegisters: number;
  /** Most coils or discrete inputs in one request. */
  readonly maxBits: number;
  /** Whether a request may span addresses that no point names. */
  readonly gaps: "allow" | "forbid";
  /** When given, a request must lie inside one of them. */
  readonly windows: RangeSet;
  /** Addresses that no request may touch. */
  readonly forbidden: RangeSet;
}

/** What a profile says under `modbus:`. */
export interface ModbusHead {
  readonly addressing: Addressing;
  /** Byte order of a 32-bit value; other sizes follow its two rules (bytes in a word, words in a value). */
  readonly order: WordOrder;
  readonly read: ReadLimits;
  /** Registers that must be read in one request. */
  readonly atomic: RangeSet;
  readonly timing: UnitTiming;
  /** Functions that writes use where the device asks for them; see `write.ts` for the others. */
  readonly write?: { readonly functions: readonly WriteFunction[] } | undefined;
  /** Wire addresses where a SunSpec map may begin; undefined = those of the standard. */
  readonly sunspecBases?: readonly number[] | undefined;
}

/** Write single coil, single register, coils, registers, mask register. */
export const writeFunctions = [5, 6, 15, 16, 22] as const;
export type WriteFunction = (typeof writeFunctions)[number];

export const wordOrders = ["ABCD", "CDAB", "BADC", "DCBA"] as const;
export type WordOrder = (typeof wordOrders)[number];

/** What a profile says under a point's `at:`, normalised. `wireSpan` gives the place on the wire. */
export interface ModbusAddress {
  readonly table: Table;
  /** As written, in the addressing of the profile. */
  readonly number: number;
  /** A word of codec/numbers (`u16`, `f32`, `u16[4:11]`, `ascii`); `bool` for coils and discrete inputs. */
  readonly type: string;
  /** Letters in the order of the wire, `A` the most significant byte; undefined = the profile's. */
  readonly order?: string | undefined;
  /** One bit of the register, 0 the least significant: the raw value is a boolean. */
  readonly bit?: number | undefined;
  /** Bytes of text, hex, BCD or bytes. */
  readonly length?: number | undefined;
  /** How the bits of an integer are meant (`sign_magnitude`, `bcd`, ...). */
  readonly encoding?: string | undefined;
  /** Half of the register that holds an 8-bit value, or of each register the one character of a text. */
  readonly byte?: "high" | "low" | undefined;
  /** A point of a SunSpec model: the driver finds out where it is, and nothing above says so. */
  readonly sunspec?: SunspecPlace | undefined;
}

/** A place on the wire: address from 0, count in registers or bits. */
export interface Span {
  readonly table: Table;
  readonly start: number;
  readonly count: number;
}

/** One read transaction. `start` and `count` as on the wire; `points` all lie inside. */
export interface ModbusRequest extends ReadRequest<ModbusAddress>, Span {
  /**
   * Permitted reads that hold this one and are a little longer, best first: after a lost answer they
   * can be told from it by their length. Absent: none.
   */
  readonly wider?: readonly Span[] | undefined;
}

export const readFunction: Readonly<Record<Table, 1 | 2 | 3 | 4>> = {
  coil: 1,
  discrete: 2,
  holding: 3,
  input: 4,
};

/** Whether a table holds single bits. */
export function isBitTable(table: Table): boolean {
  return table === "coil" || table === "discrete";
}

const firstModicon: Readonly<Record<Table, number>> = { coil: 0, discrete: 1, input: 3, holding: 4 };

/**
 * The address on the wire (0..65535) for a number as written, or undefined when the table has no such
 * number. Modicon numbers have five or six digits: 40001 and 400001 are both holding register 0.
 */
export function toWire(table: Table, number: number, addressing: Addressing): number | undefined {
  if (!Number.isInteger(number)) return undefined;
  if (addressing === "modicon" && table !== "coil") {
    const short = number - firstModicon[table] * 10_000;
    if (short >= 1 && short <= 9999) return short - 1;
    return within(number - firstModicon[table] * 100_000 - 1);
  }
  return within(addressing === "protocol" ? number : number - 1);
}

/** The number as the profile would write a wire address. Inverse of `toWire` (five digits where they suffice). */
export function fromWire(table: Table, address: number, addressing: Addressing): number {
  if (addressing === "protocol") return address;
  if (addressing === "datasheet-1" || table === "coil") return address + 1;
  return firstModicon[table] * (address < 9999 ? 10_000 : 100_000) + address + 1;
}

function within(address: number): number | undefined {
  return address >= 0 && address <= 0xffff ? address : undefined;
}

/** How the codec sees a value in registers; `order` of the profile where the point has none. */
export function layoutOf(address: ModbusAddress, order?: WordOrder): Layout {
  const { type, length, encoding, byte, bit } = address;
  return { type, cells: "registers", order: address.order ?? order, length, encoding, byte, bit };
}

/** Registers that a value fills; bit tables: 1. Throws ConfigError for a type that the codec refuses. */
export function sizeOf(address: ModbusAddress): number {
  return isBitTable(address.table) ? 1 : wireSize(layoutOf(address)) / 2;
}

/** Where the value lies on the wire. Throws RangeError when the number does not exist in its table. */
export function wireSpan(address: ModbusAddress, addressing: Addressing): Span {
  const { table } = address;
  const count = sizeOf(address);
  const start = toWire(table, address.number, addressing);
  if (start === undefined || start + count > 0x10000)
    throw new RangeError(`${table} ${address.number} is not an address (${addressing})`);
  return { table, start, count };
}

/** The ranges of one table, on the wire, sorted; those that the table does not have are left out. */
export function wireRanges(set: RangeSet, table: Table, addressing: Addressing): AddressRange[] {
  const listed = isList(set) ? set : (set[table] ?? []);
  const found: AddressRange[] = [];
  for (const [first, last] of listed) {
    const from = toWire(table, first, addressing);
    const to = toWire(table, last, addressing);
    if (from !== undefined && to !== undefined && from <= to) found.push([from, to]);
  }
  return found.sort((a, b) => a[0] - b[0]);
}

function isList(set: RangeSet): set is readonly AddressRange[] {
  return Array.isArray(set);
}

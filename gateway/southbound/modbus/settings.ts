import { z } from "zod";
import type { Endpoint } from "../../transport/transport.ts";
import type { ReadRequest } from "../protocol.ts";

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
}

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
  /** Half of the register that an 8-bit type sits in. */
  readonly byte?: "high" | "low" | undefined;
}

/** A place on the wire: address from 0, count in registers or bits. */
export interface Span {
  readonly table: Table;
  readonly start: number;
  readonly count: number;
}

/** One read transaction. `start` and `count` as on the wire; `points` all lie inside. */
export interface ModbusRequest extends ReadRequest<ModbusAddress>, Span {}

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

/** Registers that a value of this type fills. Bit tables: 1. Throws RangeError for a type without a size. */
export function sizeOf(address: ModbusAddress): number {
  if (isBitTable(address.table)) return 1;
  if (address.length !== undefined) return Math.ceil(address.length / 2);
  const bits = /^[a-z]+(\d+)/.exec(address.type)?.[1];
  if (address.type === "bool") return 1;
  if (bits === undefined) throw new RangeError(`type ${address.type} needs a length`);
  return Math.ceil(Number(bits) / 16);
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

// ---- Schemas: what people may write. Inputs stay plain, so that JSON Schema can show them. ----

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000 };

/** `20`, `"20ms"` or `"1.5s"` as milliseconds. */
const milliseconds = z
  .union([z.number().min(0).max(600_000), z.string().regex(/^\d{1,6}(\.\d{1,3})?(ms|s)$/)], {
    error: "write milliseconds as a number, or a text such as 20ms or 1.5s",
  })
  .transform((written) => {
    if (typeof written === "number") return written;
    const [, amount = "0", unit = "ms"] = /^([\d.]+)(ms|s)$/.exec(written) ?? [];
    return Number(amount) * (units[unit] ?? 1);
  })
  .meta({ description: "Milliseconds, or a text with a unit: 20ms, 1.5s." });

const addressNumber = z.int().min(0).max(465_536);
const range = z.tuple([addressNumber, addressNumber]).refine(([first, last]) => first <= last, {
  error: "a range is [first, last], and first must not be above last",
});
const ranges = z.array(range).max(200);
const rangeSet = z
  .union([
    ranges,
    z.strictObject({
      coil: ranges.optional(),
      discrete: ranges.optional(),
      input: ranges.optional(),
      holding: ranges.optional(),
    }),
  ])
  .transform((written): RangeSet => (Array.isArray(written) ? written : withoutUndefined(written)))
  .meta({ description: "Ranges [first, last] in the profile's addressing, for all tables or by table." });

function withoutUndefined(
  written: Partial<Record<Table, [number, number][] | undefined>>,
): Partial<Record<Table, readonly AddressRange[]>> {
  const kept: Partial<Record<Table, readonly AddressRange[]>> = {};
  for (const table of tables) {
    const found = written[table];
    if (found) kept[table] = found;
  }
  return kept;
}

const serialLine = z.strictObject({
  port: z.string().min(1).meta({ description: "A stable name, e.g. /dev/serial/by-id/usb-..." }),
  baud: z.int().min(300).max(4_000_000),
  parity: z.enum(["none", "even", "odd"]).default("none"),
  dataBits: z.union([z.literal(7), z.literal(8)]).default(8),
  stopBits: z.union([z.literal(1), z.literal(2)]).default(1),
});

const tcpLine = z.strictObject({
  host: z.string().min(1).max(253),
  port: z.int().min(1).max(65_535).default(502),
});

/** What gateway.yaml may say about a Modbus line. */
export const connectionSchema = z
  .strictObject({
    serial: serialLine.optional(),
    tcp: tcpLine.optional(),
    framing: z.enum(["rtu", "tcp", "ascii"]).optional().meta({
      description: "rtu on a serial line, tcp on TCP; rtu and ascii also over TCP (transparent converters).",
    }),
    concurrency: z.int().min(1).max(16).optional().meta({
      description:
        "Requests on their way at the same time, only with framing tcp. 1 unless set: many devices, and every serial gateway, answer one at a time and drop or mix up the rest.",
    }),
    timing: z
      .strictObject({
        timeout: milliseconds.optional(),
        turnaround: milliseconds.optional(),
        silence: milliseconds.optional(),
        connectDelay: milliseconds.optional(),
      })
      .optional(),
  })
  .superRefine((written, context) => {
    const refuse = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    if ((written.serial === undefined) === (written.tcp === undefined))
      refuse([], "a Modbus connection has either serial or tcp");
    if (written.serial && written.framing === "tcp")
      refuse(["framing"], "framing tcp needs a TCP connection");
    const framing = written.framing ?? (written.serial ? "rtu" : "tcp");
    if (written.serial?.dataBits === 7 && framing !== "ascii")
      refuse(["serial", "dataBits"], "RTU needs 8 data bits; 7 are for framing ascii");
    if ((written.concurrency ?? 1) > 1 && framing !== "tcp")
      refuse(["concurrency"], "only framing tcp can tell several answers apart");
  })
  .transform(({ serial, tcp, framing, concurrency, timing }): ModbusConnection => {
    const endpoint: Endpoint = serial
      ? { kind: "serial", ...serial }
      : { kind: "tcp", host: tcp?.host ?? "", port: tcp?.port ?? 502 };
    return {
      endpoint,
      framing: framing ?? (serial ? "rtu" : "tcp"),
      concurrency: concurrency ?? 1,
      timing: timing ?? {},
    };
  });

/** What gateway.yaml may say about a Modbus device. */
export const deviceSchema = z.strictObject({
  unit: z
    .int()
    .min(0)
    .max(255)
    .meta({ description: "Unit id: 1 to 247 on a serial line, also 0 and 255 on TCP." }),
});

/** What a profile may say under `modbus:`. */
export const headSchema = z
  .strictObject({
    addressing: z.enum(["protocol", "datasheet-1", "modicon"]).meta({
      description:
        "How this profile writes addresses: protocol (0 is the first, as on the wire), datasheet-1 (1 is the first), modicon (30001, 40001).",
    }),
    order: z.enum(wordOrders).default("ABCD"),
    read: z
      .strictObject({
        maxRegisters: z.int().min(1).max(125).default(125),
        maxBits: z.int().min(1).max(2000).default(2000),
        gaps: z.enum(["allow", "forbid"]).default("allow"),
        windows: rangeSet.optional(),
        forbidden: rangeSet.optional(),
      })
      .optional(),
    atomic: rangeSet.optional(),
    timing: z
      .strictObject({
        turnaround: milliseconds.optional(),
        timeout: milliseconds.optional(),
        minInterval: milliseconds.optional(),
        connectDelay: milliseconds.optional(),
      })
      .optional(),
  })
  .transform(
    ({ addressing, order, read, atomic, timing }): ModbusHead => ({
      addressing,
      order,
      read: {
        maxRegisters: read?.maxRegisters ?? 125,
        maxBits: read?.maxBits ?? 2000,
        gaps: read?.gaps ?? "allow",
        windows: read?.windows ?? [],
        forbidden: read?.forbidden ?? [],
      },
      atomic: atomic ?? [],
      timing: timing ?? {},
    }),
  );

/** What a profile may say under a point's `at:`: exactly one of the four tables. */
export const addressSchema = z
  .strictObject({
    coil: addressNumber.optional(),
    discrete: addressNumber.optional(),
    input: addressNumber.optional(),
    holding: addressNumber.optional(),
    type: z
      .string()
      .regex(/^[a-z][a-z0-9_]*(\[\d{1,2}:\d{1,2}\])?$/)
      .optional()
      .meta({ description: "u16 unless given; bool for coils and discrete inputs." }),
    order: z
      .string()
      .regex(/^[A-H]{1,8}$/)
      .optional()
      .meta({
        description: "Letters as they come on the wire, A the most significant byte: ABCD, CDAB, BADC, DCBA.",
      }),
    bit: z.int().min(0).max(15).optional(),
    length: z
      .int()
      .min(1)
      .max(250)
      .optional()
      .meta({ description: "Bytes of a text, hex, BCD or bytes value." }),
    byte: z.enum(["high", "low"]).optional(),
  })
  .superRefine((written, context) => {
    const refuse = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    const named = tables.filter((table) => written[table] !== undefined);
    if (named.length !== 1) refuse([], "an address names exactly one of coil, discrete, input, holding");
    if (named.some(isBitTable)) {
      for (const key of ["order", "bit", "length", "byte"] as const)
        if (written[key] !== undefined) refuse([key], `${key} has no meaning for a coil or discrete input`);
      if (written.type !== undefined && written.type !== "bool")
        refuse(["type"], "a coil or discrete input is a bool");
    } else if (written.type === "bool" && written.bit === undefined) {
      refuse(["type"], "a bool in a register needs the bit that it is");
    }
    if (written.bit !== undefined && written.type !== undefined && !["bool", "u16"].includes(written.type))
      refuse(
        ["bit"],
        "bit takes one bit of a register; for wider types write a bit range such as u32[16:16]",
      );
    if (written.byte !== undefined && !/^[us]8$/.test(written.type ?? ""))
      refuse(["byte"], "byte chooses the half of a register for u8 and s8");
  })
  .transform((written): ModbusAddress => {
    const table = tables.find((name) => written[name] !== undefined) ?? "holding";
    const { order, bit, length, byte } = written;
    const type = bit !== undefined || isBitTable(table) ? "bool" : (written.type ?? "u16");
    return { table, number: written[table] ?? 0, type, order, bit, length, byte };
  });

const hexText = z.string().regex(/^[0-9a-fA-F\s]*$/);
const wordsText = hexText
  .max(700)
  .meta({ description: 'Registers from this address on, as hex: "4366 3333".' });
const bitValue = z.union([z.boolean(), z.literal(0), z.literal(1)]);
const givenAddress = z.string().regex(/^(\d{1,6}|0[xX][0-9a-fA-F]{1,4})$/);

/** What a profile may say under an example's `given:`: register images, or a recorded RTU dialogue with its CRCs. */
export const givenSchema = z.strictObject({
  input: z.record(givenAddress, wordsText).optional(),
  holding: z.record(givenAddress, wordsText).optional(),
  coil: z.record(givenAddress, z.union([bitValue, z.array(bitValue).max(2000)])).optional(),
  discrete: z.record(givenAddress, z.union([bitValue, z.array(bitValue).max(2000)])).optional(),
  exchange: z
    .array(z.strictObject({ ">": hexText.max(1000), "<": hexText.max(1000) }))
    .max(100)
    .optional(),
});
export type ModbusGiven = z.infer<typeof givenSchema>;

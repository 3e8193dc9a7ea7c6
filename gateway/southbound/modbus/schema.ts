import { z } from "zod";
import { hexPattern } from "../../codec/hex.ts";
import { encodingNames, orderNames } from "../../codec/numbers.ts";
import { ConfigError } from "../../model/errors.ts";
import { endpointFields, endpointOf, endpointProblem, milliseconds } from "../endpoint.ts";
import {
  type AddressRange,
  isBitTable,
  type ModbusAddress,
  type ModbusConnection,
  type ModbusHead,
  type RangeSet,
  sizeOf,
  type Table,
  tables,
  wordOrders,
  writeFunctions,
} from "./settings.ts";
import { sunspecFields, sunspecPlace } from "./sunspec-address.ts";
import { typeRow } from "./sunspec-table.ts";

// What people may write. Inputs stay plain, so that JSON Schema can show them (`io: "input"`).

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

/** What gateway.yaml may say about a Modbus line. */
export const connectionSchema = z
  .strictObject({
    ...endpointFields({ port: 502 }),
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
    const problem = endpointProblem(written);
    if (problem) refuse([], problem);
    if (written.serial && written.framing === "tcp")
      refuse(["framing"], "framing tcp needs a TCP connection");
    const framing = written.framing ?? (written.serial ? "rtu" : "tcp");
    if (written.serial?.dataBits === 7 && framing !== "ascii")
      refuse(["serial", "dataBits"], "RTU needs 8 data bits; 7 are for framing ascii");
    if ((written.concurrency ?? 1) > 1 && framing !== "tcp")
      refuse(["concurrency"], "only framing tcp can tell several answers apart");
  })
  .transform(({ serial, tcp, framing, concurrency, timing }): ModbusConnection => {
    return {
      endpoint: endpointOf({ serial, tcp }),
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
    write: z
      .strictObject({
        function: z.union([z.literal(writeFunctions), z.array(z.literal(writeFunctions)).min(1).max(5)]),
      })
      .optional()
      .meta({
        description:
          "Functions that the device asks for: 15 or 16 also for a single coil or register, 22 for part of a register. Otherwise 5 and 6 write one, 15 and 16 several, and part of a register is read, changed and written.",
      }),
    timing: z
      .strictObject({
        turnaround: milliseconds.optional(),
        timeout: milliseconds.optional(),
        minInterval: milliseconds.optional(),
        connectDelay: milliseconds.optional(),
      })
      .optional(),
    sunspec: z
      .strictObject({
        bases: z.array(z.int().min(0).max(65_000)).min(1).max(8).meta({
          description:
            "Wire addresses where the SunSpec map may begin, in this order; 40000, 50000, 0 unless given.",
        }),
      })
      .optional(),
  })
  .transform(
    ({ addressing, order, read, atomic, write, timing, sunspec }): ModbusHead => ({
      sunspecBases: sunspec?.bases,
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
      ...(write ? { write: { functions: [write.function].flat() } } : {}),
    }),
  );

/** What a profile may say under a point's `at:`: exactly one of the four tables, or a point of a SunSpec model. */
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
    order: z.enum(orderNames).optional().meta({
      description: "Letters as they come on the wire, A the most significant byte: ABCD, CDAB, BADC, DCBA.",
    }),
    encoding: z.enum(encodingNames).optional(),
    bit: z.int().min(0).max(15).optional(),
    length: z
      .int()
      .min(1)
      .max(250)
      .optional()
      .meta({ description: "Bytes of a text, hex, BCD or bytes value." }),
    byte: z.enum(["high", "low"]).optional(),
    sunspec: sunspecFields.optional(),
  })
  .superRefine((written, context) => {
    const refuse = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    if (written.sunspec) {
      if (Object.values(written).filter((value) => value !== undefined).length > 1)
        refuse([], "a SunSpec point says all by itself: nothing else goes beside sunspec");
      else
        try {
          sunspecPlace(written.sunspec);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          refuse(["sunspec"], error.hint ? `${error.message}: ${error.hint}` : error.message);
        }
      return;
    }
    const named = tables.filter((table) => written[table] !== undefined);
    if (named.length !== 1)
      refuse([], "an address names exactly one of coil, discrete, input, holding, sunspec");
    if (named.some(isBitTable)) {
      for (const key of ["order", "bit", "length", "byte", "encoding"] as const)
        if (written[key] !== undefined) refuse([key], `${key} has no meaning for a coil or discrete input`);
      if (written.type !== undefined && written.type !== "bool")
        refuse(["type"], "a coil or discrete input is a bool");
      return;
    }
    try {
      sizeOf(normalise(written));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      refuse(["type"], error.hint ? `${error.message}: ${error.hint}` : error.message);
    }
  })
  .transform(normalise);

interface WrittenAddress extends Readonly<Partial<Record<Table, number | undefined>>> {
  readonly type?: string | undefined;
  readonly order?: string | undefined;
  readonly encoding?: string | undefined;
  readonly bit?: number | undefined;
  readonly length?: number | undefined;
  readonly byte?: "high" | "low" | undefined;
  readonly sunspec?: z.infer<typeof sunspecFields> | undefined;
}

function normalise(written: WrittenAddress): ModbusAddress {
  if (written.sunspec) {
    const sunspec = sunspecPlace(written.sunspec);
    return { table: "holding", number: sunspec.start, type: typeRow(sunspec.type).codec, sunspec };
  }
  const table = tables.find((name) => written[name] !== undefined) ?? "holding";
  const { order, bit, length, byte, encoding } = written;
  // `bit` of a plain register says bool by itself.
  const plain = bit !== undefined && (written.type === undefined || written.type === "u16");
  const type = plain || isBitTable(table) ? "bool" : (written.type ?? "u16");
  return { table, number: written[table] ?? 0, type, order, bit, length, byte, encoding };
}

const hexText = z.string().regex(hexPattern, { error: "hex digits, two per byte" });
const wordsText = z
  .string({ error: 'registers are text in quotes: "4366 3333"' })
  .max(700)
  .regex(/^(\s*[0-9a-fA-F]{2}\s*[0-9a-fA-F]{2})*\s*$/, { error: "hex digits, four per register" })
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

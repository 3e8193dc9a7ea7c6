import { compileReader, type Layout } from "../../codec/numbers.ts";
import { ConfigError } from "../../model/errors.ts";
import type { RawValue } from "../../model/value.ts";
import type { ProbeFinding, ProbeInput, SouthboundContext } from "../protocol.ts";
import { openModbus } from "./driver.ts";
import {
  isBitTable,
  type ModbusConnection,
  type ModbusDevice,
  type ModbusHead,
  type ModbusRequest,
  tables,
} from "./settings.ts";

/** Registers that the longest type needs. */
const mostRegisters = 4;
/** Scales that makers use. */
const scales = [1, 0.1, 0.01, 0.001, 10, 100, 1000] as const;
/** A value within this part of what is expected is the one. */
const close = 0.02;

/** Reads up to four registers (or one bit) and says what they may mean, likeliest first. */
export async function* probeModbus(
  connection: ModbusConnection,
  { settings, at, expected }: ProbeInput<ModbusDevice>,
  context: SouthboundContext,
): AsyncIterable<ProbeFinding> {
  const place = placeOf(at);
  if (!settings) throw new ConfigError("which unit?", { code: "bad-option", hint: "say --device unit=1" });
  await using driver = await openModbus(connection, context);
  const read = async (count: number): Promise<RawValue> => {
    const [result] = (await driver.read?.(deviceOf(settings), request(place, count), context.signal)) ?? [];
    if (!result || "problem" in result) throw new ConfigError("no answer to read", { code: "no-answer" });
    return result.raw;
  };
  const { table, start } = place;
  if (isBitTable(table)) {
    yield { at: `{${table}: ${start}}`, value: String(await read(1)) };
    return;
  }
  let bytes: Uint8Array = new Uint8Array();
  // A device may have fewer registers here than the longest type needs.
  for (let count = mostRegisters; count > 0; count--) {
    try {
      const raw = await read(count);
      bytes = raw instanceof Uint8Array ? raw : bytes;
      break;
    } catch (error) {
      if (count === 1) throw error;
    }
  }
  yield {
    at: `{${table}: ${start}, type: hex, length: ${bytes.length}}`,
    value: Buffer.from(bytes)
      .toString("hex")
      .replaceAll(/(....)(?=.)/g, "$1 "),
    note: "as they are on the wire",
  };
  yield* interpretations(bytes, expected).map((one) => ({ ...one, at: `{${table}: ${start}, ${one.at}}` }));
}

/**
 * What bytes of registers may mean, likeliest first. Pure.
 *
 * @param expected what the device's display shows; without it, what devices usually hold counts
 */
export function interpretations(bytes: Uint8Array, expected: number | undefined): ProbeFinding[] {
  const found: (ProbeFinding & { readonly likely: number })[] = [];
  for (const { layout, at } of layouts(bytes.length)) {
    const value = readAs(layout, bytes);
    if (value === undefined) continue;
    const scale = expected === undefined ? 1 : scales.find((one) => isNear(Number(value) * one, expected));
    const likely =
      expected === undefined
        ? plausible(value, layout.type)
        : scale === undefined
          ? 0
          : scale === 1
            ? 1
            : 0.9;
    found.push({
      at,
      value: show(value),
      likely,
      ...(scale !== undefined && scale !== 1 ? { note: `scale: ${scale}` } : {}),
    });
  }
  return found.sort((a, b) => b.likely - a.likely);
}

function* layouts(length: number): Iterable<{ readonly layout: Layout; readonly at: string }> {
  const cells = "registers";
  for (const type of ["u16", "s16"]) {
    if (length < 2) return;
    yield { layout: { type, cells, order: "ABCD" }, at: `type: ${type}` };
  }
  for (const [type, size] of [
    ["f32", 4],
    ["u32", 4],
    ["s32", 4],
    ["f64", 8],
    ["u64", 8],
    ["s64", 8],
  ] as const) {
    if (length < size) continue;
    for (const order of ["ABCD", "CDAB", "BADC", "DCBA"])
      yield { layout: { type, cells, order }, at: `type: ${type}, order: ${order}` };
  }
  yield { layout: { type: "ascii", cells, length }, at: `type: ascii, length: ${length}` };
}

function readAs(layout: Layout, bytes: Uint8Array): RawValue | undefined {
  try {
    const value = compileReader(layout)(bytes, 0);
    if (typeof value === "string") return /^[ -~]{2,}$/.test(value.trim()) ? value.trim() : undefined;
    return typeof value === "number" && !Number.isFinite(value) ? undefined : value;
  } catch {
    return undefined;
  }
}

function isNear(value: number, expected: number): boolean {
  return Math.abs(value - expected) <= Math.abs(expected) * close;
}

/**
 * How much a value looks like one that a device means: floats of everyday size are rarely chance, a
 * long integer with an empty upper half usually is a counter, an empty register says nothing.
 */
function plausible(value: RawValue, type: string): number {
  if (typeof value === "string") return 0.8;
  const size = Math.abs(Number(value));
  if (size === 0) return 0.3;
  if (type.startsWith("f")) return size >= 1e-3 && size < 1e7 ? 0.9 : 0;
  const bits = Number(type.slice(1));
  if (type.startsWith("s") && Number(value) > 0) return 0.35;
  const share = Math.log2(size + 1) / bits;
  if (type.startsWith("s")) return share < 0.6 ? 0.7 : 0.1;
  return bits === 16 ? 0.6 : share < 0.7 ? 0.65 : 0.1;
}

function show(value: RawValue): string {
  return typeof value === "number" && !Number.isInteger(value)
    ? String(Number(value.toPrecision(7)))
    : typeof value === "string"
      ? JSON.stringify(value)
      : String(value);
}

interface Place {
  readonly table: (typeof tables)[number];
  readonly start: number;
}

function placeOf(at: string | undefined): Place {
  const [, word, number] =
    /^\s*(coil|discrete|input|holding)[\s:=]+(0[xX][0-9a-fA-F]{1,4}|\d{1,5})\s*$/.exec(at ?? "") ?? [];
  const table = tables.find((one) => one === word);
  const start = Number(number);
  if (!table || !(start <= 0xffff))
    throw new ConfigError(at === undefined ? "which register?" : `"${at}" is no place in a Modbus device`, {
      code: "bad-place",
      hint: 'write --at "holding 0x34": coil, discrete, input or holding, and the address as on the wire (from 0)',
    });
  return { table, start };
}

const head: ModbusHead = {
  addressing: "protocol",
  order: "ABCD",
  read: { maxRegisters: 125, maxBits: 2000, gaps: "allow", windows: [], forbidden: [] },
  atomic: [],
  timing: {},
};

function deviceOf(settings: ModbusDevice) {
  return {
    id: "probe",
    connection: "probe",
    settings,
    urn: "urn:dev:ops:32473-probe-probe:",
    audience: "open",
    audiences: new Map<string, string>(),
    poll: { fast: 1000, normal: 1000, slow: 1000 },
    profile: {
      id: "probe/probe",
      version: "1.0.0",
      title: { en: "Probe" },
      manufacturer: "",
      models: [],
      category: "controller",
      status: "draft" as const,
      protocol: "modbus",
      protocolSettings: head,
      points: [],
      hash: "",
    },
  };
}

function request({ table, start }: Place, count: number): ModbusRequest {
  const bytes = { table, number: start, type: "bytes", length: 2 * count };
  const address = isBitTable(table) ? { table, number: start, type: "bool" } : bytes;
  const unscaled = { numerator: 1n, denominator: 1n };
  return {
    table,
    start,
    count,
    costMs: 0,
    label: `${table} ${start}`,
    points: [
      {
        name: "probe",
        address,
        scale: unscaled,
        offset: { numerator: 0n, denominator: 1n },
        kind: "state",
        pollClass: "once",
        absent: [],
        personal: false,
      },
    ],
  };
}

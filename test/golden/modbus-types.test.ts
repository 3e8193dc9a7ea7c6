import { describe, expect, it } from "vitest";
import { compileReader } from "../../gateway/codec/numbers.ts";
import { linear, one, rational, zero } from "../../gateway/model/decimal.ts";
import { goldenIsHere, readGolden } from "./golden.ts";

// Registers, types, orders and scales from the tests of Telegraf's Modbus input, read with our codec.
interface Vector {
  readonly test: string;
  readonly name: string;
  readonly registers_hex: string;
  readonly byte_order?: string;
  readonly order?: string;
  readonly data_type?: string;
  readonly data_type_out?: string;
  readonly scale?: string;
  readonly bit?: string;
  readonly location?: string;
  readonly value: string;
  readonly go_type?: string;
}

const integers: Record<string, { bits: number; signed: boolean }> = {
  uint8: { bits: 8, signed: false },
  uint16: { bits: 16, signed: false },
  uint32: { bits: 32, signed: false },
  uint64: { bits: 64, signed: false },
  int8: { bits: 8, signed: true },
  int16: { bits: 16, signed: true },
  int32: { bits: 32, signed: true },
  int64: { bits: 64, signed: true },
};

/** Our word for a type of theirs; FIXED and UFIXED take their width from the registers. */
function typeOf(dataType: string, bytes: number): { type: string; byte?: "low" | "high" } {
  const match = /^(INT|UINT|FLOAT|FIXED|UFIXED)(\d*)([LH]?)(?:-IEEE)?$/.exec(dataType);
  if (!match) throw new Error(`no such type: ${dataType}`);
  const [, kind = "", width, half] = match;
  const letter = { INT: "s", FIXED: "s", UINT: "u", UFIXED: "u", FLOAT: "f" }[kind];
  const type = `${letter}${width || bytes * 8}`;
  return half ? { type, byte: half === "L" ? "low" : "high" } : { type };
}

function decode(vector: Vector): unknown {
  const order = vector.byte_order ?? vector.order ?? "ABCD";
  const bytes = Buffer.from(vector.registers_hex, "hex");
  const dataType = vector.data_type ?? "STRING";
  if (dataType === "STRING") {
    const byte = vector.location === "lower" ? "low" : vector.location === "upper" ? "high" : undefined;
    const length = byte ? bytes.length / 2 : bytes.length;
    return compileReader({ type: "ascii", cells: "registers", order, length, byte })(bytes, 0);
  }
  // An inference, not a documented fact: the expected values of this group only come out when the bytes
  // are reversed first, as if one big-endian list had been reversed on its way to the simulated device.
  // So these vectors prove the decoding of ABCD again rather than of DCBA, which the other groups hold.
  if (/^TestRequestTypes.*DCBA$/.test(vector.test)) bytes.reverse();
  if (dataType === "BIT") {
    return Number(
      compileReader({ type: "bool", cells: "registers", order, bit: Number(vector.bit) })(bytes, 0),
    );
  }
  const raw = compileReader({ ...typeOf(dataType, bytes.length), cells: "registers", order })(bytes, 0);
  if (typeof raw !== "number" && typeof raw !== "bigint") throw new Error(`no number: ${String(raw)}`);
  const value = toGo(
    linear(vector.scale ? rational(vector.scale) : one, zero)(raw),
    vector.go_type ?? "float64",
  );
  return throughDouble(vector) ? Number(value) : value;
}

/** What a Go program keeps of a number: integers are cut towards zero and wrap, float32 is short. */
function toGo(value: number | bigint, goType: string): number | bigint {
  if (goType === "float64") return Number(value);
  if (goType === "float32") return Math.fround(Number(value));
  const { bits, signed } = integers[goType]!;
  const whole = typeof value === "bigint" ? value : BigInt(Math.trunc(value));
  return signed ? BigInt.asIntN(bits, whole) : BigInt.asUintN(bits, whole);
}

/** They scale in doubles, also by 1: of a scaled 64-bit integer only what a double keeps can agree. */
function throughDouble(vector: Vector): boolean {
  return vector.scale !== undefined && integers[vector.go_type ?? ""]?.bits === 64;
}

function expected(vector: Vector): unknown {
  if ((vector.data_type ?? "STRING") === "STRING") return vector.value;
  if (vector.data_type === "BIT") return Number(vector.value);
  if (vector.go_type === "float64") return Number(vector.value);
  if (vector.go_type === "float32") return Math.fround(Number(vector.value));
  return throughDouble(vector) ? Number(vector.value) : BigInt(vector.value);
}

describe.skipIf(!goldenIsHere)("golden modbus-types (needs ../shared/golden)", () => {
  const vectors = goldenIsHere
    ? readGolden<{ vectors: Vector[] }>("modbus-types", "telegraf_vectors.json").vectors
    : [];

  it("has vectors", () => expect(vectors.length).toBeGreaterThan(100));

  it.each(
    vectors.map((vector) => [`${vector.test} ${vector.name} ${vector.byte_order ?? ""}`, vector] as const),
  )("%s", (_, vector) => expect(decode(vector)).toEqual(expected(vector)));
});

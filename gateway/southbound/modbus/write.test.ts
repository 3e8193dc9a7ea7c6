import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileReader, layoutKind } from "../../codec/numbers.ts";
import type { Device } from "../../model/device.ts";
import { RefusedError } from "../../model/errors.ts";
import type { RawValue } from "../../model/value.ts";
import type { Request } from "./pdu.ts";
import { decodeRtu, encodeRtu } from "./rtu.ts";
import { addressSchema, headSchema } from "./schema.ts";
import { layoutOf, type ModbusAddress, type ModbusDevice, type ModbusHead } from "./settings.ts";
import { encodeWrite, planWrite, writable } from "./write.ts";

const head = (write?: readonly number[]): ModbusHead =>
  headSchema.parse({ addressing: "protocol", ...(write ? { write: { function: write } } : {}) });
const address = (written: object): ModbusAddress => addressSchema.parse(written);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex").toUpperCase();

/** A unit's memory, as the function codes change it (Application Protocol V1.1b3, 6.5 to 6.16). */
class Unit {
  readonly registers = new Uint8Array(128);
  readonly coils = new Map<number, boolean>();

  constructor(fill: number) {
    this.registers.fill(fill);
  }

  carryOut(request: Request): void {
    const view = new DataView(this.registers.buffer);
    switch (request.function) {
      case 5:
        this.coils.set(request.address, request.on);
        break;
      case 6:
        view.setUint16(2 * request.address, request.value);
        break;
      case 15:
        request.bits.forEach((bit, index) => {
          this.coils.set(request.start + index, bit);
        });
        break;
      case 16:
        this.registers.set(request.registers, 2 * request.start);
        break;
      case 22: {
        const old = view.getUint16(2 * request.address);
        view.setUint16(2 * request.address, (old & request.and) | (request.or & ~request.and));
        break;
      }
      default:
        throw new Error(`function ${request.function} writes nothing`);
    }
  }
}

function write(unit: Unit, at: ModbusAddress, raw: RawValue, functions?: readonly number[]): Request[] {
  const plan = planWrite(at, head(functions), raw);
  if ("request" in plan) {
    unit.carryOut(plan.request);
    return [plan.request];
  }
  const { read } = plan;
  if (read.function !== 3) throw new Error("only registers are read before a write");
  const current = unit.registers.slice(2 * read.start, 2 * (read.start + read.count));
  const request = plan.write(current);
  unit.carryOut(request);
  return [read, request];
}

const integers = (low: bigint, high: bigint) =>
  fc
    .bigInt({ min: low, max: high })
    .map((value): RawValue => (Number.isSafeInteger(Number(value)) ? Number(value) : value));
const unsigned = (bits: number) => integers(0n, 2n ** BigInt(bits) - 1n);
const signed = (bits: number) => integers(-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n);
const values: Readonly<Record<string, fc.Arbitrary<RawValue>>> = {
  ...Object.fromEntries([8, 16, 24, 32, 48, 64].map((bits) => [`u${bits}`, unsigned(bits)])),
  ...Object.fromEntries([8, 16, 24, 32, 48, 64].map((bits) => [`s${bits}`, signed(bits)])),
  f32: fc.float({ noNaN: true, noDefaultInfinity: true }),
  f64: fc.double({ noNaN: true, noDefaultInfinity: true }),
  bool: fc.boolean(),
  "u16[4:11]": unsigned(8),
  "u32[8:14]": unsigned(7),
};

describe("planWrite", () => {
  it.each(Object.entries(values))("gives back what it wrote, and touches nothing else: %s", (type, value) => {
    const orders =
      type.startsWith("u24") || type.startsWith("s24") ? ["ABCD"] : ["ABCD", "CDAB", "BADC", "DCBA"];
    fc.assert(
      fc.property(
        value,
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 0, max: 255 }),
        fc.constantFrom(...orders),
        fc.constantFrom(undefined, [16], [22], [16, 22]),
        (raw, place, fill, order, functions) => {
          const at = address({ holding: place, type, order });
          const unit = new Unit(fill);
          const before = unit.registers.slice();
          write(unit, at, raw, functions);
          const layout = layoutOf(at, "ABCD");
          const read = compileReader(layout)(unit.registers, 2 * place);
          expect(read).toEqual(raw);
          const size = compileSize(layout.type);
          expect(unit.registers.slice(0, 2 * place)).toEqual(before.slice(0, 2 * place));
          expect(unit.registers.slice(2 * place + size)).toEqual(before.slice(2 * place + size));
        },
      ),
    );
  });

  it("leaves the other bits and the other half of a register alone", () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.integer({ min: 0, max: 15 }),
        fc.integer({ min: 0, max: 255 }),
        fc.constantFrom(undefined, [22]),
        (raw, bit, fill, functions) => {
          const unit = new Unit(fill);
          const sent = write(unit, address({ holding: 1, bit }), raw, functions);
          expect(sent.map((one) => one.function)).toEqual(functions ? [22] : [3, 6]);
          const word = new DataView(unit.registers.buffer).getUint16(2);
          const old = (fill << 8) | fill;
          expect(word).toBe(raw ? old | (1 << bit) : old & ~(1 << bit));
        },
      ),
    );
    const unit = new Unit(0x11);
    write(unit, address({ holding: 1, type: "u8", byte: "high" }), 0xab);
    expect(hex(unit.registers.slice(2, 4))).toBe("AB11");
  });

  it.each([
    [{ coil: 3 }, true, undefined, [5]],
    [{ coil: 3 }, true, [15], [15]],
    [{ holding: 3 }, 7, undefined, [6]],
    [{ holding: 3 }, 7, [16], [16]],
    [{ holding: 3, type: "u32" }, 7, undefined, [16]],
    [{ holding: 3, type: "u16[0:3]" }, 7, undefined, [3, 6]],
    [{ holding: 3, type: "u16[0:3]" }, 7, [16], [3, 16]],
    [{ holding: 3, type: "u16[0:3]" }, 7, [22], [22]],
    [{ holding: 3, type: "u32[8:14]" }, 7, [22], [3, 16]],
  ])("uses the functions that the device asks for: %j", (at, raw, functions, expected) => {
    const sent = write(new Unit(0), address(at), raw, functions);
    expect(sent.map((one) => one.function)).toEqual(expected);
  });

  it.each([
    [{ holding: 1 }, 65_536, "does-not-fit"],
    [{ holding: 1 }, 1.5, "not-an-integer"],
    [{ holding: 1 }, true, "wrong-kind"],
    [{ coil: 1 }, 1, "wrong-kind"],
    [{ holding: 1, type: "u16[4:11]" }, 256, "does-not-fit"],
    [{ input: 1 }, 1, "not-writable"],
    [{ discrete: 1 }, true, "not-writable"],
  ])("refuses what does not fit: %j <- %j", (at, raw, code) => {
    expect(() => planWrite(address(at), head(), raw)).toThrow(expect.objectContaining({ code }));
  });

  it("says which table commands an input", () => {
    expect(writable(address({ holding: 1 }))).toBeUndefined();
    expect(writable(address({ coil: 1 }))).toBeUndefined();
    expect(writable(address({ input: 1 }))?.hint).toContain("holding");
    expect(writable(address({ discrete: 1 }))?.hint).toContain("coil");
    expect(writable(address({ sunspec: { model: 123, point: "WMaxLimPct" } }))).toBeUndefined();
    expect(writable(address({ sunspec: { model: 103, point: "W_SF" } }))?.message).toContain("W_SF");
  });
});

describe("encodeWrite", () => {
  const device = (unit: number) =>
    ({ settings: { unit }, profile: { protocolSettings: head() } }) as Device<
      ModbusAddress,
      ModbusDevice,
      ModbusHead
    >;

  // Application Protocol V1.1b3, the examples of 6.5 and 6.6, with CRCs of the serial line.
  it.each([
    [{ coil: 0x00ac }, true, "0105 00AC FF00 4C1B"],
    [{ holding: 1 }, 3, "0106 0001 0003 980B"],
  ])("writes the frames of the specification: %j", (at, raw, frame) => {
    const { bytes, answered } = encodeWrite(device(1), address(at), raw);
    expect(hex(bytes)).toBe(frame.replaceAll(" ", ""));
    expect(answered(bytes)).toBe("done");
  });

  it("takes no other unit's, no other register's and no damaged answer", () => {
    const { bytes, answered } = encodeWrite(device(17), address({ holding: 1 }), 3);
    const other = encodeWrite(device(17), address({ holding: 2 }), 3).bytes;
    const damaged = bytes.slice();
    damaged[3] = (damaged[3] ?? 0) ^ 1;
    expect(answered(encodeWrite(device(18), address({ holding: 1 }), 3).bytes)).toBeUndefined();
    expect(answered(other)).toBeUndefined();
    expect(answered(damaged)).toBeUndefined();
    expect(() => answered(encodeRtu(17, Uint8Array.of(0x86, 2)))).toThrow(RefusedError);
  });

  it("reads before it writes part of a register", () => {
    const first = encodeWrite(device(1), address({ holding: 5, bit: 4 }), true);
    expect(decodeRtu(first.bytes)?.pdu).toEqual(Uint8Array.of(3, 0, 5, 0, 1));
    const second = first.answered(encodeRtu(1, Uint8Array.of(3, 2, 0x80, 0x01)));
    if (second === undefined || second === "done") throw new Error("no second frame");
    expect(decodeRtu(second.bytes)?.pdu).toEqual(Uint8Array.of(6, 0, 5, 0x80, 0x11));
    expect(second.answered(second.bytes)).toBe("done");
  });
});

function compileSize(type: string): number {
  if (layoutKind({ type, cells: "registers" }) === "boolean") return 2;
  const bits = Number(/\d+/.exec(type)?.[0]);
  return 2 * Math.ceil(bits / 16);
}

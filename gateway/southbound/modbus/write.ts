import { compileWriter, isPartial, ValueError } from "../../codec/numbers.ts";
import type { Device } from "../../model/device.ts";
import type { RawValue } from "../../model/value.ts";
import type { WriteFrame } from "../protocol.ts";
import { exceptionError } from "./client.ts";
import { answers, encodeRequest, type ReadFunction, type Request, type WriteRequest } from "./pdu.ts";
import { decodeRtu, encodeRtu } from "./rtu.ts";
import {
  isBitTable,
  layoutOf,
  type ModbusAddress,
  type ModbusDevice,
  type ModbusHead,
  wireSpan,
} from "./settings.ts";
import { standardBases } from "./sunspec-table.ts";

/**
 * Requests that write one value (Application Protocol V1.1b3, 6.5, 6.6, 6.11, 6.12, 6.16). Pure. Part
 * of a register (a bit, a bit range, one byte) leaves the rest of it alone: by function 22 where the
 * device has it, else by reading the register, changing it and writing it back.
 */
export type WritePlan =
  | { readonly request: WriteRequest }
  /** Read first; then `write` with the register data of the answer. */
  | {
      readonly read: Extract<Request, { readonly function: ReadFunction }>;
      write(current: Uint8Array): WriteRequest;
    };

/** Why nothing can be written there; undefined for coils, holding registers and points of SunSpec models. */
export function writable({
  table,
  number,
  sunspec,
}: ModbusAddress): { message: string; hint: string } | undefined {
  if (sunspec)
    return sunspec.type === "sunssf" || sunspec.type === "pad"
      ? {
          message: `${sunspec.name} is the device's own: it says how others are read`,
          hint: "write the point that it scales",
        }
      : undefined;
  if (table === "coil" || table === "holding") return undefined;
  const [name, other] = table === "input" ? ["an input register", "holding"] : ["a discrete input", "coil"];
  return {
    message: `${name} (${number}) cannot be written`,
    hint: `give the ${other} that commands it: write: {at: {${other}: ...}}`,
  };
}

/**
 * How a raw value is written. Throws ValueError when it does not fit, and for a point of a SunSpec model,
 * which only the line tells; RangeError for an address that does not exist.
 */
export function planWrite(address: ModbusAddress, head: ModbusHead, raw: RawValue): WritePlan {
  const refused = writable(address);
  if (refused) throw new ValueError(refused.message, { code: "not-writable", hint: refused.hint });
  if (address.sunspec)
    throw new ValueError(`where ${address.sunspec.name} lies is only known on the line`, {
      code: "unknown-place",
    });
  const { start, count } = wireSpan(address, head.addressing);
  const asked = head.write?.functions ?? [];
  if (isBitTable(address.table)) {
    if (typeof raw !== "boolean")
      throw new ValueError(`a coil cannot hold ${String(raw)}`, { code: "wrong-kind" });
    return {
      request: asked.includes(15)
        ? { function: 15, start, bits: [raw] }
        : { function: 5, address: start, on: raw },
    };
  }
  const layout = layoutOf(address, head.order);
  const write = compileWriter(layout);
  const whole = (registers: Uint8Array): WriteRequest => writeRegisters(start, registers, asked);
  if (!isPartial(layout)) return { request: whole(write(raw)) };
  if (count === 1 && asked.includes(22)) {
    // What stays is what both images agree to keep.
    const onZeros = word(write(raw, Uint8Array.of(0, 0)), 0);
    const onOnes = word(write(raw, Uint8Array.of(0xff, 0xff)), 0);
    return { request: { function: 22, address: start, and: onZeros ^ onOnes, or: onZeros } };
  }
  // Tried on an empty register, so that what does not fit is known before anything is sent.
  write(raw, new Uint8Array(2 * count));
  return {
    read: { function: 3, start, count },
    write: (current) => whole(write(raw, current)),
  };
}

/** Writes whole registers, by the functions that the device asks for. */
export function writeRegisters(start: number, registers: Uint8Array, asked: readonly number[]): WriteRequest {
  return registers.length > 2 || asked.includes(16)
    ? { function: 16, start, registers }
    : { function: 6, address: start, value: word(registers, 0) };
}

/**
 * `planWrite` as RTU frames: what examples show. Of a SunSpec point that is only the first frame on a
 * fresh line, which looks for the map: what follows depends on the device.
 */
export function encodeWrite(
  device: Device<ModbusAddress, ModbusDevice, ModbusHead>,
  address: ModbusAddress,
  raw: RawValue,
): WriteFrame {
  const { unit } = device.settings;
  if (address.sunspec) {
    const [base = 0] = device.profile.protocolSettings.sunspecBases ?? standardBases;
    return frameOf(unit, { function: 3, start: base, count: 2 }, () => {
      throw new ValueError("an example cannot show how a SunSpec point is written", {
        code: "unknown-place",
        hint: "show what is refused",
      });
    });
  }
  const plan = planWrite(address, device.profile.protocolSettings, raw);
  return "request" in plan
    ? frameOf(unit, plan.request, () => "done")
    : frameOf(unit, plan.read, (reply) => frameOf(unit, plan.write(reply.subarray(2)), () => "done"));
}

function frameOf(
  unit: number,
  request: Request,
  next: (reply: Uint8Array) => "done" | WriteFrame,
): WriteFrame {
  return {
    bytes: encodeRtu(unit, encodeRequest(request)),
    label: describeRequest(request),
    answered(bytes) {
      const reply = decodeRtu(bytes);
      if (reply?.unit !== unit) return undefined;
      const answer = answers(request, reply.pdu);
      if (answer === "exception") throw exceptionError(unit, reply.pdu[1] ?? 0, request);
      return answer === "answer" ? next(reply.pdu) : undefined;
    },
  };
}

/** For people: `FC6 0x0034 = 0x0064`. */
export function describeRequest(request: Request): string {
  const hex = (value: number): string => `0x${value.toString(16).toUpperCase().padStart(4, "0")}`;
  switch (request.function) {
    case 5:
      return `FC5 ${hex(request.address)} = ${request.on ? "on" : "off"}`;
    case 6:
      return `FC6 ${hex(request.address)} = ${hex(request.value)}`;
    case 15:
      return `FC15 ${hex(request.start)} = ${request.bits.map((bit) => (bit ? "on" : "off")).join(" ")}`;
    case 16:
      return `FC16 ${hex(request.start)} = ${Buffer.from(request.registers).toString("hex")}`;
    case 22:
      return `FC22 ${hex(request.address)} and ${hex(request.and)} or ${hex(request.or)}`;
    case 17:
    case 43:
      return `FC${request.function}`;
    default:
      return `FC${request.function} ${hex(request.start)} x ${request.count}`;
  }
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

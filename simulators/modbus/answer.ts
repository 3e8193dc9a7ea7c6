import type { Registers, Table } from "./registers.ts";

/** What a device makes of a write. */
export type Taken = readonly number[] | { readonly exception: number } | undefined;

export interface AnswerRules {
  /** What a read of unmapped registers gets. Real devices differ. Writes always get exception 2. */
  readonly unmapped: "exception" | "zeros";
  /** Largest read in registers; above it exception 3. At most 125 (Application Protocol V1.1b3, 6.3). */
  readonly maxRegisters: number;
  /**
   * Called before a write is taken: the words that are set instead, an exception, or undefined: the write
   * is confirmed and nothing is set.
   */
  readonly onWriting?: ((table: Table, address: number, words: readonly number[]) => Taken) | undefined;
  /** Called after a write was taken. */
  readonly onWrite?: ((table: Table, address: number, count: number) => void) | undefined;
  /** What it says of itself; a device without it refuses the question. */
  readonly identity?: Identity | undefined;
}

export interface Identity {
  /** Objects of 43/14 by id: 0 maker, 1 product code, 2 version, and with 3 to 6 the regular ones (V1.1b3, 6.21). */
  readonly objects?: Readonly<Record<number, string>> | undefined;
  /** Answer to report server id (V1.1b3, 6.13), after its byte count. */
  readonly server?: Uint8Array | undefined;
}

const readTables: Readonly<Record<number, Table>> = { 1: "coil", 2: "discrete", 3: "holding", 4: "input" };
const illegalFunction = 1;
const illegalAddress = 2;
const illegalValue = 3;

/** The reply PDU to a request PDU (function code first), exceptions included. */
export function answer(request: Uint8Array, registers: Registers, rules: AnswerRules): Uint8Array {
  const code = request[0]!;
  const result = readTables[code]
    ? read(request, readTables[code], registers, rules)
    : code === 17 || code === 43
      ? identify(request, rules.identity ?? {})
      : write(request, registers, rules);
  return typeof result === "number" ? Uint8Array.of(code | 0x80, result) : result;
}

const word = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;

function read(
  request: Uint8Array,
  table: Table,
  registers: Registers,
  rules: AnswerRules,
): Uint8Array | number {
  if (request.length !== 5) return illegalValue;
  const address = word(request, 1);
  const count = word(request, 3);
  const bits = table === "coil" || table === "discrete";
  if (count < 1 || count > (bits ? 2000 : rules.maxRegisters)) return illegalValue;
  if (address + count > 0x10000) return illegalAddress;
  if (rules.unmapped === "exception" && !registers.isMapped(table, address, count)) return illegalAddress;
  const reply = new Uint8Array(2 + (bits ? Math.ceil(count / 8) : count * 2));
  reply[0] = request[0]!;
  reply[1] = reply.length - 2;
  for (let i = 0; i < count; i++) {
    const value = registers.get(table, address + i);
    if (bits) reply[2 + (i >> 3)]! |= value << (i & 7);
    else {
      reply[2 + i * 2] = value >> 8;
      reply[3 + i * 2] = value & 0xff;
    }
  }
  return reply;
}

function identify(request: Uint8Array, { objects, server }: Identity): Uint8Array | number {
  if (request[0] === 17) return server ? Uint8Array.of(17, server.length, ...server) : illegalFunction;
  if (!objects) return illegalFunction;
  const level = request[2]!;
  if (request.length !== 4 || request[1] !== 14 || level < 1 || level > 2) return illegalValue;
  const regular = Object.keys(objects).some((id) => Number(id) > 2);
  const told = Object.entries(objects).filter(([id]) => level === 2 || Number(id) <= 2);
  const list = told.flatMap(([id, text]) => [Number(id), text.length, ...Buffer.from(text, "latin1")]);
  return Uint8Array.of(43, 14, level, regular ? 2 : 1, 0, 0, told.length, ...list);
}

function write(request: Uint8Array, registers: Registers, rules: AnswerRules): Uint8Array | number {
  const code = request[0]!;
  const address = word(request, 1);
  const take = (table: Table, words: number[]): Uint8Array | number => {
    if (!registers.isMapped(table, address, words.length)) return illegalAddress;
    const taken = rules.onWriting ? rules.onWriting(table, address, words) : words;
    if (taken && "exception" in taken) return taken.exception;
    if (taken) {
      registers.set(table, address, taken);
      rules.onWrite?.(table, address, taken.length);
    }
    // Multiple writes are confirmed by address and count, the others by the request itself.
    return code === 15 || code === 16 ? request.slice(0, 5) : request.slice();
  };
  switch (code) {
    case 5: {
      if (request.length !== 5) return illegalValue;
      const value = word(request, 3);
      return value === 0xff00 || value === 0 ? take("coil", [value === 0 ? 0 : 1]) : illegalValue;
    }
    case 6:
      return request.length === 5 ? take("holding", [word(request, 3)]) : illegalValue;
    case 15: {
      const count = word(request, 3);
      const size = Math.ceil(count / 8);
      if (count < 1 || count > 1968 || request[5] !== size || request.length !== 6 + size)
        return illegalValue;
      return take(
        "coil",
        Array.from({ length: count }, (_, i) => (request[6 + (i >> 3)]! >> (i & 7)) & 1),
      );
    }
    case 16: {
      const count = word(request, 3);
      if (count < 1 || count > 123 || request[5] !== count * 2 || request.length !== 6 + count * 2) {
        return illegalValue;
      }
      return take(
        "holding",
        Array.from({ length: count }, (_, i) => word(request, 6 + i * 2)),
      );
    }
    case 22: {
      if (request.length !== 7) return illegalValue;
      const and = word(request, 3);
      const or = word(request, 5);
      return take("holding", [(registers.get("holding", address) & and) | (or & ~and & 0xffff)]);
    }
    default:
      return illegalFunction;
  }
}

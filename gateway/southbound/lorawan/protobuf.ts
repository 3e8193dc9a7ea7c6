import { badEvent, type Fields } from "./fields.ts";

// As much of proto3 as ChirpStack's integration events need (protobuf.dev, encoding): read only. A
// message becomes what its JSON mapping would be, except that bytes stay bytes and times are Unix ms.

export type FieldType =
  | "string"
  | "bytes"
  | "bool"
  | "uint32"
  | "int32"
  | "float"
  | "timestamp"
  | "struct"
  /** Of text to text. */
  | "map"
  | { readonly words: readonly string[] }
  | { readonly message: MessageSchema; readonly repeated?: true };

/** Field number to name and type; others are passed over. */
export type MessageSchema = Readonly<Record<number, readonly [name: string, type: FieldType]>>;

const mostDepth = 32;
/** Fields of one event, those inside others included. */
const mostFields = 20_000;

/** Throws TransientError (`bad-event`) for bytes that are no such message. */
export function readMessage(schema: MessageSchema, bytes: Uint8Array): Fields {
  return new Reader().message(schema, bytes, 0);
}

type Wire =
  | { readonly wire: 0; readonly value: bigint }
  | { readonly wire: 1 | 2 | 5; readonly value: Uint8Array };

class Reader {
  #fields = 0;

  message(schema: MessageSchema, bytes: Uint8Array, depth: number): Fields {
    const found: Record<string, unknown> = {};
    for (const { field, wire } of this.#walk(bytes, depth)) {
      const known = schema[field];
      if (!known) continue;
      const [name, type] = known;
      const value = this.#value(type, wire, depth);
      if (value === undefined) continue;
      const before = found[name];
      // Added to in place: a copy at each of thousands would take seconds.
      if (typeof type === "object" && "message" in type && type.repeated) {
        if (Array.isArray(before)) before.push(value);
        else found[name] = [value];
      } else if (type === "map" && isRecord(before) && isRecord(value)) {
        for (const [key, one] of Object.entries(value)) setOwn(before, key, one);
      } else found[name] = value;
    }
    return found;
  }

  *#walk(bytes: Uint8Array, depth: number): Generator<{ field: number; wire: Wire }> {
    if (depth > mostDepth) throw badEvent(`a message is nested deeper than ${mostDepth} levels`);
    let at = 0;
    const varint = (): bigint => {
      let value = 0n;
      for (let shift = 0n; shift < 70n; shift += 7n) {
        const byte = bytes[at++];
        if (byte === undefined) break;
        value |= BigInt(byte & 0x7f) << shift;
        if (byte < 0x80) return BigInt.asUintN(64, value);
      }
      throw badEvent("a message ends within a number");
    };
    const take = (size: number): Uint8Array => {
      if (size > bytes.length - at) throw badEvent("a message ends within a field");
      at += size;
      return bytes.subarray(at - size, at);
    };
    while (at < bytes.length) {
      if (++this.#fields > mostFields) throw badEvent(`a message has more than ${mostFields} fields`);
      const tag = Number(varint());
      const field = Math.floor(tag / 8);
      const wire = tag % 8;
      if (field === 0) throw badEvent("a message has a field 0");
      if (wire === 0) yield { field, wire: { wire, value: varint() } };
      else if (wire === 1 || wire === 5) yield { field, wire: { wire, value: take(wire === 1 ? 8 : 4) } };
      else if (wire === 2) yield { field, wire: { wire, value: take(Number(varint())) } };
      else throw badEvent(`a message has a field of wire type ${wire}`);
    }
  }

  #value(type: FieldType, wire: Wire, depth: number): unknown {
    if (typeof type === "object" && "words" in type)
      return wire.wire === 0 ? (type.words[Number(wire.value)] ?? String(wire.value)) : mismatch();
    if (typeof type === "object")
      return wire.wire === 2 ? this.message(type.message, wire.value, depth + 1) : mismatch();
    if (type === "bool" || type === "uint32" || type === "int32") {
      if (wire.wire !== 0) return mismatch();
      if (type === "bool") return wire.value !== 0n;
      return Number(type === "int32" ? BigInt.asIntN(32, wire.value) : BigInt.asUintN(32, wire.value));
    }
    if (type === "float") return wire.wire === 5 ? viewOf(wire.value).getFloat32(0, true) : mismatch();
    if (wire.wire !== 2) return mismatch();
    switch (type) {
      case "string":
        return utf8(wire.value);
      case "bytes":
        return Uint8Array.from(wire.value);
      case "timestamp":
        return this.#timestamp(wire.value, depth);
      case "map": {
        const { key = "", value = "" } = this.message(entry, wire.value, depth + 1);
        return { [String(key)]: value };
      }
      default:
        return this.#struct(wire.value, depth + 1);
    }
  }

  /** google.protobuf.Timestamp: seconds 1, nanos 2. */
  #timestamp(bytes: Uint8Array, depth: number): number {
    let ms = 0;
    for (const { field, wire } of this.#walk(bytes, depth + 1)) {
      if (wire.wire !== 0) mismatch();
      else if (field === 1) ms += Number(BigInt.asIntN(64, wire.value)) * 1000;
      else if (field === 2) ms += Math.floor(Number(BigInt.asIntN(32, wire.value)) / 1e6);
    }
    return ms;
  }

  /** google.protobuf.Struct: entries 1 of key 1 and value 2. */
  #struct(bytes: Uint8Array, depth: number): Record<string, unknown> {
    const found: Record<string, unknown> = {};
    for (const { field, wire } of this.#walk(bytes, depth)) {
      if (field !== 1 || wire.wire !== 2) continue;
      let key = "";
      let value: unknown = null;
      for (const part of this.#walk(wire.value, depth + 1)) {
        if (part.wire.wire !== 2) continue;
        if (part.field === 1) key = utf8(part.wire.value);
        else if (part.field === 2) value = this.#structValue(part.wire.value, depth + 2);
      }
      setOwn(found, key, value);
    }
    return found;
  }

  /** google.protobuf.Value: null 1, number 2, text 3, boolean 4, struct 5, list 6 of values 1. */
  #structValue(bytes: Uint8Array, depth: number): unknown {
    let found: unknown = null;
    for (const { field, wire } of this.#walk(bytes, depth)) {
      if (field === 2 && wire.wire === 1) found = viewOf(wire.value).getFloat64(0, true);
      else if (field === 3 && wire.wire === 2) found = utf8(wire.value);
      else if (field === 4 && wire.wire === 0) found = wire.value !== 0n;
      else if (field === 5 && wire.wire === 2) found = this.#struct(wire.value, depth + 1);
      else if (field === 6 && wire.wire === 2)
        found = Array.from(this.#walk(wire.value, depth + 1), ({ wire: item }) =>
          item.wire === 2 ? this.#structValue(item.value, depth + 2) : null,
        );
    }
    return found;
  }
}

const entry: MessageSchema = { 1: ["key", "string"], 2: ["value", "string"] };

function mismatch(): never {
  throw badEvent("a field of a message has another type than its number says");
}

function utf8(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Also of the name `__proto__`. */
function setOwn(record: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
}

// Protocol Buffers (proto3) in small: messages are described by tables, and go to the wire, back from it,
// and to JSON by the rules of the proto3 JSON mapping. Only what the messages of a network server need.

/** A moment or a span, as google.protobuf.Timestamp and Duration hold it. */
export interface Seconds {
  readonly seconds: number;
  /** 0..999,999,999 */
  readonly nanos: number;
}

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export type Value =
  | string
  | number
  | boolean
  | Uint8Array
  | Seconds
  | Message
  | readonly Message[]
  | Readonly<Record<string, string>>
  | Json;

/** A message's fields by their JSON names; absent ones are undefined. */
export interface Message {
  readonly [field: string]: Value | undefined;
}

type Scalar = "string" | "uint32" | "int32" | "bool" | "bytes" | "float" | "double";

export type Kind =
  | Scalar
  | "timestamp"
  | "duration"
  /** google.protobuf.Struct: any JSON object. */
  | "struct"
  /** map<string, string> */
  | "map"
  | { readonly enum: Readonly<Record<string, number>> }
  | { readonly message: Schema }
  | { readonly repeated: Schema };

/** Fields by their JSON names: number and kind. */
export type Schema = Readonly<Record<string, readonly [number: number, kind: Kind]>>;

const secondsSchema: Schema = { seconds: [1, "uint32"], nanos: [2, "int32"] };

/** The bytes of a message. Fields that hold their kind's zero are left out. Throws for a value of another kind. */
export function encode(schema: Schema, message: Message): Uint8Array {
  const out: number[] = [];
  for (const [name, [number, kind]] of byNumber(schema)) {
    const value = message[name];
    if (value === undefined) continue;
    const piece = (bytes: Uint8Array) => {
      tag(out, number, 2);
      varint(out, bytes.length);
      for (const byte of bytes) out.push(byte);
    };
    if (typeof kind === "object") {
      if ("message" in kind) piece(encode(kind.message, asMessage(name, value)));
      else if ("repeated" in kind) {
        for (const one of asList(name, value)) piece(encode(kind.repeated, asMessage(name, one)));
      } else {
        const chosen = kind.enum[String(value)];
        if (chosen === undefined) throw new TypeError(`${name}: no such label: ${String(value)}`);
        if (chosen === 0) continue;
        tag(out, number, 0);
        varint(out, chosen);
      }
    } else if (kind === "timestamp" || kind === "duration") {
      const { seconds, nanos } = asSeconds(name, value);
      piece(encode(secondsSchema, { seconds, nanos }));
    } else if (kind === "struct") piece(encodeStruct(value));
    else if (kind === "map") {
      for (const [key, text] of Object.entries(asMessage(name, value)))
        piece(encode({ key: [1, "string"], value: [2, "string"] }, { key, value: text }));
    } else encodeScalar(out, name, number, kind, value);
  }
  return Uint8Array.from(out);
}

function encodeScalar(out: number[], name: string, number: number, kind: Scalar, value: Value): void {
  const wrong = () => new TypeError(`${name}: not of the kind ${kind}: ${String(value)}`);
  if (kind === "string" || kind === "bytes") {
    const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
    if (!(bytes instanceof Uint8Array) || (kind === "string") !== (typeof value === "string")) throw wrong();
    if (bytes.length === 0) return;
    tag(out, number, 2);
    varint(out, bytes.length);
    for (const byte of bytes) out.push(byte);
  } else if (kind === "bool") {
    if (typeof value !== "boolean") throw wrong();
    if (!value) return;
    tag(out, number, 0);
    out.push(1);
  } else {
    if (typeof value !== "number") throw wrong();
    if (value === 0) return;
    if (kind === "float" || kind === "double") {
      const bytes = new DataView(new ArrayBuffer(kind === "float" ? 4 : 8));
      if (kind === "float") bytes.setFloat32(0, value, true);
      else bytes.setFloat64(0, value, true);
      tag(out, number, kind === "float" ? 5 : 1);
      out.push(...new Uint8Array(bytes.buffer));
    } else {
      if (!Number.isSafeInteger(value) || (kind === "uint32" && value < 0)) throw wrong();
      tag(out, number, 0);
      varint(out, value);
    }
  }
}

/** google.protobuf.Struct, Value and ListValue. */
function encodeStruct(value: Value): Uint8Array {
  const out: number[] = [];
  for (const [key, held] of Object.entries(asMessage("struct", value))) {
    const entry: number[] = [];
    lengthed(entry, 1, new TextEncoder().encode(key));
    lengthed(entry, 2, encodeValue(held));
    lengthed(out, 1, Uint8Array.from(entry));
  }
  return Uint8Array.from(out);
}

function encodeValue(value: Value | undefined): Uint8Array {
  const out: number[] = [];
  if (value === null || value === undefined) out.push(0x08, 0);
  else if (typeof value === "number") {
    const bytes = new DataView(new ArrayBuffer(8));
    bytes.setFloat64(0, value, true);
    out.push(0x11, ...new Uint8Array(bytes.buffer));
  } else if (typeof value === "string") lengthed(out, 3, new TextEncoder().encode(value));
  else if (typeof value === "boolean") out.push(0x20, value ? 1 : 0);
  else if (Array.isArray(value)) {
    const list: number[] = [];
    for (const one of value) lengthed(list, 1, encodeValue(one));
    lengthed(out, 6, Uint8Array.from(list));
  } else lengthed(out, 5, encodeStruct(value));
  return Uint8Array.from(out);
}

/** A message from its bytes; fields that the schema does not name are left out. Throws for bytes that are no message. Of a struct only its presence is read: `{}`. */
export function decode(schema: Schema, bytes: Uint8Array): Message {
  const named = new Map(Object.entries(schema).map(([name, [number, kind]]) => [number, { name, kind }]));
  const message: Record<string, Value> = {};
  let at = 0;
  const next = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63n) throw new RangeError("a number that does not end");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new RangeError("a field that is longer than its message");
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const head = Number(next());
    const wireType = head & 7;
    const field = named.get(Math.floor(head / 8));
    if (wireType === 0) {
      const value = next();
      if (field) message[field.name] = fromVarint(field.kind, value);
    } else if (wireType === 1 || wireType === 5) {
      const piece = take(wireType === 1 ? 8 : 4);
      const view = new DataView(piece.buffer, piece.byteOffset, piece.length);
      if (field) message[field.name] = wireType === 1 ? view.getFloat64(0, true) : view.getFloat32(0, true);
    } else if (wireType === 2) {
      const piece = take(Number(next()));
      if (!field) continue;
      const { name, kind } = field;
      if (kind === "string") message[name] = new TextDecoder("utf-8", { fatal: true }).decode(piece);
      else if (kind === "bytes") message[name] = piece.slice();
      else if (kind === "struct") message[name] = {};
      else if (kind === "timestamp" || kind === "duration")
        message[name] = { seconds: 0, nanos: 0, ...decode(secondsSchema, piece) };
      else if (kind === "map") {
        const entry = decode({ key: [1, "string"], value: [2, "string"] }, piece);
        message[name] = {
          ...asMessage(name, message[name] ?? {}),
          [String(entry.key ?? "")]: entry.value ?? "",
        };
      } else if (typeof kind === "object" && "message" in kind) message[name] = decode(kind.message, piece);
      else if (typeof kind === "object" && "repeated" in kind)
        message[name] = [...asList(name, message[name] ?? []), decode(kind.repeated, piece)];
    } else throw new RangeError(`an unknown wire type: ${wireType}`);
  }
  return message;
}

function fromVarint(kind: Kind, value: bigint): Value {
  if (kind === "bool") return value !== 0n;
  if (kind === "int32") return Number(BigInt.asIntN(32, value));
  if (typeof kind === "object" && "enum" in kind)
    return Object.entries(kind.enum).find(([, number]) => number === Number(value))?.[0] ?? String(value);
  return Number(value);
}

/** Unix ms or a span in ms, as seconds. */
export function seconds(ms: number, extraNanos = 0): Seconds {
  const whole = Math.floor(ms / 1000);
  // Floored: a fraction of a millisecond must not carry into the next second.
  const nanos = Math.floor((ms - whole * 1000) * 1e6) + extraNanos;
  return { seconds: whole, nanos: Math.min(nanos, 999_999_999) };
}

function byNumber(schema: Schema): [string, readonly [number, Kind]][] {
  return Object.entries(schema).sort(([, [a]], [, [b]]) => a - b);
}

function tag(out: number[], number: number, wireType: number): void {
  varint(out, number * 8 + wireType);
}

/** A negative int32 takes ten bytes, as the encoding has it. */
function varint(out: number[], value: number): void {
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
}

function lengthed(out: number[], number: number, bytes: Uint8Array): void {
  tag(out, number, 2);
  varint(out, bytes.length);
  for (const byte of bytes) out.push(byte);
}

function isMessage(value: Value | undefined): value is Message {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}

export function asMessage(name: string, value: Value | undefined): Message {
  if (!isMessage(value)) throw new TypeError(`${name}: not a message`);
  return value;
}

export function asList(name: string, value: Value): readonly Message[] {
  if (!Array.isArray(value)) throw new TypeError(`${name}: not a list`);
  return value.map((one: Value) => asMessage(name, one));
}

export function asSeconds(name: string, value: Value): Seconds {
  const { seconds: whole, nanos } = asMessage(name, value);
  if (typeof whole !== "number" || typeof nanos !== "number") throw new TypeError(`${name}: not a moment`);
  return { seconds: whole, nanos };
}

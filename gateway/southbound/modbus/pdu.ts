/**
 * Requests and replies without their envelope (Modbus Application Protocol V1.1b3, section 6).
 * Pure. A PDU is a function code and at most 252 bytes.
 */

export type ReadFunction = 1 | 2 | 3 | 4;

export type Request =
  /** Coils, discrete inputs, holding registers, input registers. */
  | { readonly function: ReadFunction; readonly start: number; readonly count: number }
  | { readonly function: 5; readonly address: number; readonly on: boolean }
  /** `value`: 0..65535. */
  | { readonly function: 6; readonly address: number; readonly value: number }
  | { readonly function: 15; readonly start: number; readonly bits: readonly boolean[] }
  /** `registers`: two bytes each, as on the wire. */
  | { readonly function: 16; readonly start: number; readonly registers: Uint8Array }
  /** The register becomes (old AND `and`) OR (`or` AND NOT `and`). */
  | { readonly function: 22; readonly address: number; readonly and: number; readonly or: number }
  /** Report server id: whatever the maker puts there. */
  | { readonly function: 17 }
  /** Read device identification (43/14): `level` 1 basic, 2 regular, 3 extended, 4 one object. */
  | { readonly function: 43; readonly level: 1 | 2 | 3 | 4; readonly object: number };

export type WriteRequest = Extract<Request, { readonly function: 5 | 6 | 15 | 16 | 22 }>;

export function isWrite(request: Request): request is WriteRequest {
  const code = request.function;
  return code === 5 || code === 6 || code === 15 || code === 16 || code === 22;
}

/** Longest PDU: 256 bytes of the serial line less address and CRC. */
export const maxPdu = 253;

const deviceIdentification = 14;

/** The request as bytes. Throws RangeError when an address or count is outside what the protocol allows. */
export function encodeRequest(request: Request): Uint8Array {
  switch (request.function) {
    case 1:
    case 2:
      return words(request.function, bounded(request.start), span(request.start, request.count, 2000));
    case 3:
    case 4:
      return words(request.function, bounded(request.start), span(request.start, request.count, 125));
    case 5:
      return words(5, bounded(request.address), request.on ? 0xff00 : 0);
    case 6:
      return words(6, bounded(request.address), bounded(request.value));
    case 15: {
      const packed = new Uint8Array(Math.ceil(request.bits.length / 8));
      request.bits.forEach((bit, index) => {
        if (bit) packed[index >> 3] = (packed[index >> 3] ?? 0) | (1 << (index & 7));
      });
      return counted(15, request.start, span(request.start, request.bits.length, 1968), packed);
    }
    case 16: {
      const { registers, start } = request;
      if (registers.length % 2 !== 0) throw new RangeError("a register has two bytes");
      return counted(16, start, span(start, registers.length / 2, 123), registers);
    }
    case 17:
      return Uint8Array.of(17);
    case 22:
      return words(22, bounded(request.address), bounded(request.and), bounded(request.or));
    case 43:
      if (!Number.isInteger(request.object) || request.object < 0 || request.object > 255)
        throw new RangeError(`object ${request.object} is outside 0..255`);
      return Uint8Array.of(43, deviceIdentification, request.level, request.object);
  }
}

function words(code: number, ...values: readonly number[]): Uint8Array {
  const pdu = new Uint8Array(1 + 2 * values.length);
  pdu[0] = code;
  let at = 1;
  for (const value of values) {
    pdu[at++] = value >>> 8;
    pdu[at++] = value & 0xff;
  }
  return pdu;
}

function counted(code: number, start: number, count: number, data: Uint8Array): Uint8Array {
  const pdu = new Uint8Array(6 + data.length);
  pdu.set(words(code, bounded(start), count));
  pdu[5] = data.length;
  pdu.set(data, 6);
  return pdu;
}

function bounded(value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff)
    throw new RangeError(`${value} is outside 0..65535`);
  return value;
}

function span(start: number, count: number, most: number): number {
  if (!Number.isInteger(count) || count < 1 || count > most)
    throw new RangeError(`a count of ${count} is outside 1..${most}`);
  if (start + count > 0x10000) throw new RangeError(`${start} + ${count} runs past address 65535`);
  return count;
}

/** Bytes of the PDU that answers `request` when all is well; of 17 and 43/14 only the least. */
export function answerLength(request: Request): number {
  switch (request.function) {
    case 1:
    case 2:
      return 2 + Math.ceil(request.count / 8);
    case 3:
    case 4:
      return 2 + 2 * request.count;
    case 17:
      return 2;
    case 22:
      return 7;
    case 43:
      return 8;
    default:
      return 5;
  }
}

/** Bytes of the longest PDU that may answer `request`. */
export function longestAnswer(request: Request): number {
  return request.function === 17 || request.function === 43 ? maxPdu : answerLength(request);
}

/**
 * Length of the reply PDU that starts at `start`, as far as the bytes up to `end` tell: 0 = more bytes
 * are needed to know, -1 = no reply that we know starts here.
 */
export function replyLength(bytes: Uint8Array, start: number, end: number): number {
  const code = bytes[start];
  if (code === undefined || start >= end) return 0;
  if (code & 0x80) return 2;
  if (code >= 1 && code <= 4) {
    if (start + 1 >= end) return 0;
    const count = bytes[start + 1] ?? 0;
    return count >= 1 && count <= 250 ? 2 + count : -1;
  }
  if (code === 5 || code === 6 || code === 15 || code === 16) return 5;
  if (code === 22) return 7;
  if (code === 17) {
    if (start + 1 >= end) return 0;
    const count = bytes[start + 1] ?? 0;
    return 2 + count <= maxPdu ? 2 + count : -1;
  }
  return code === 43 ? identificationLength(bytes, start, end) : -1;
}

/** 43, 14, level, conformity, more follows, next object, number of objects, then (id, length, bytes) each. */
function identificationLength(bytes: Uint8Array, start: number, end: number): number {
  if (start + 7 > end) return 0;
  if (bytes[start + 1] !== deviceIdentification) return -1;
  let at = start + 7;
  for (let objects = bytes[start + 6] ?? 0; objects > 0; objects--) {
    if (at + 2 > end) return 0;
    at += 2 + (bytes[at + 1] ?? 0);
    if (at - start > maxPdu) return -1;
  }
  return at - start;
}

/** Whether a reply PDU answers the request by its form: function, byte count, echoed address. */
export function answers(request: Request, reply: Uint8Array): "answer" | "exception" | "other" {
  const code = reply[0];
  if (code === (request.function | 0x80)) return reply.length === 2 ? "exception" : "other";
  if (code !== request.function) return "other";
  switch (request.function) {
    case 1:
    case 2:
    case 3:
    case 4: {
      const length = answerLength(request);
      return reply.length === length && reply[1] === length - 2 ? "answer" : "other";
    }
    case 17:
      return replyLength(reply, 0, reply.length) === reply.length ? "answer" : "other";
    case 43:
      return replyLength(reply, 0, reply.length) === reply.length && reply[2] === request.level
        ? "answer"
        : "other";
    default: {
      // Writes are echoed: whole (5, 6, 22) or their head (15, 16).
      const sent = encodeRequest(request);
      const length = answerLength(request);
      if (reply.length !== length) return "other";
      for (let index = 1; index < length; index++) if (reply[index] !== sent[index]) return "other";
      return "answer";
    }
  }
}

/**
 * Whether a reply to one could be taken for a reply to the other: on a line without transaction ids
 * nothing else tells them apart. Writes are echoed, so only the same write to the same place is.
 */
export function confusable(a: Request, b: Request): boolean {
  const length = answerLength(a);
  if (a.function !== b.function || length !== answerLength(b)) return false;
  if (!isWrite(a)) return true;
  const [one, other] = [encodeRequest(a), encodeRequest(b)];
  return Buffer.compare(one.subarray(0, length), other.subarray(0, length)) === 0;
}

/** The objects of a 43/14 reply: id to bytes. Undefined when it is not whole. */
export function decodeIdentification(reply: Uint8Array): ReadonlyMap<number, Uint8Array> | undefined {
  if (reply[0] !== 43 || replyLength(reply, 0, reply.length) !== reply.length) return undefined;
  const objects = new Map<number, Uint8Array>();
  let at = 7;
  for (let left = reply[6] ?? 0; left > 0; left--) {
    const length = reply[at + 1] ?? 0;
    objects.set(reply[at] ?? 0, reply.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return objects;
}

/** What a 17 reply holds after its byte count (its form is the maker's own). Undefined when it is not whole. */
export function decodeServerId(reply: Uint8Array): Uint8Array | undefined {
  return reply[0] === 17 && reply.length === 2 + (reply[1] ?? 0) ? reply.subarray(2) : undefined;
}

/** Exception codes (V1.1b3, section 7). */
export const exceptionNames: Readonly<Record<number, string>> = {
  1: "illegal function",
  2: "illegal data address",
  3: "illegal data value",
  4: "device failure",
  5: "acknowledge",
  6: "device busy",
  8: "memory parity error",
  10: "gateway path unavailable",
  11: "gateway target did not respond",
};

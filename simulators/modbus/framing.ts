/**
 * Frames of the serial and TCP variants, written against the specification alone
 * (MODBUS over Serial Line V1.02; MODBUS Messaging on TCP/IP V1.0b), so that it can judge the gateway.
 */
export type Framing = "rtu" | "ascii" | "tcp";

/** One request as it came in. */
export interface Request {
  readonly unit: number;
  /** Function code and data. */
  readonly pdu: Uint8Array;
  /** Only TCP. */
  readonly transaction: number;
  /** The whole frame as it stood on the wire. */
  readonly frame: Uint8Array;
}

const crcTable = Uint16Array.from({ length: 256 }, (_, index) => {
  let crc = index;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  return crc;
});

/** CRC-16 of the serial line, polynomial 0xA001 reflected, start 0xFFFF (V1.02, section 2.5.1.2). */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) crc = (crc >> 8) ^ crcTable[(crc ^ byte) & 0xff]!;
  return crc;
}

/** Sum of the bytes, negated (V1.02, section 2.5.2.2). */
export function lrc8(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

/** A whole frame of the framing. */
export function encode(framing: Framing, unit: number, pdu: Uint8Array, transaction: number): Uint8Array {
  switch (framing) {
    case "rtu": {
      const frame = new Uint8Array(pdu.length + 3);
      frame[0] = unit;
      frame.set(pdu, 1);
      const crc = crc16(frame.subarray(0, -2));
      frame[frame.length - 2] = crc & 0xff;
      frame[frame.length - 1] = crc >> 8;
      return frame;
    }
    case "ascii": {
      const body = Uint8Array.of(unit, ...pdu);
      const hex = Buffer.from([...body, lrc8(body)])
        .toString("hex")
        .toUpperCase();
      return Buffer.from(`:${hex}\r\n`, "latin1");
    }
    case "tcp": {
      const frame = new Uint8Array(pdu.length + 7);
      const view = new DataView(frame.buffer);
      view.setUint16(0, transaction);
      view.setUint16(4, pdu.length + 1);
      frame[6] = unit;
      frame.set(pdu, 7);
      return frame;
    }
  }
}

/** A frame that is whole, damaged (`undefined`: drop it), or its length when more must come. */
type Cut =
  | { readonly length: number; readonly request: Request | undefined }
  | { readonly length: 0; readonly request: undefined };

/** Cuts the first frame off the bytes that have come; length 0 = not whole yet. */
export function cut(framing: Framing, bytes: Uint8Array): Cut {
  switch (framing) {
    case "tcp":
      return cutTcp(bytes);
    case "ascii":
      return cutAscii(bytes);
    case "rtu": {
      const length = rtuRequestLength(bytes);
      return length === undefined || bytes.length < length
        ? { length: 0, request: undefined }
        : { length, request: rtuRequest(bytes.subarray(0, length)) };
    }
  }
}

/** A request of the serial line, or undefined when it is damaged. */
export function rtuRequest(frame: Uint8Array): Request | undefined {
  if (frame.length < 4 || frame.length > 256) return undefined;
  if (crc16(frame.subarray(0, -2)) !== (frame.at(-2)! | (frame.at(-1)! << 8))) return undefined;
  return { unit: frame[0]!, pdu: frame.slice(1, -2), transaction: 0, frame: frame.slice() };
}

/** Whole length of the RTU request that begins here, as far as its function code tells. */
function rtuRequestLength(bytes: Uint8Array): number | undefined {
  const code = bytes[1];
  if (code === undefined) return undefined;
  if (code === 15 || code === 16) return bytes.length > 6 ? 9 + bytes[6]! : undefined;
  if (code === 22) return 10;
  if (code === 17) return 4;
  if (code === 43) return 7;
  if (code >= 1 && code <= 6) return 8;
  return undefined;
}

function cutAscii(bytes: Uint8Array): Cut {
  const end = bytes.indexOf(0x0a);
  if (end < 0) return { length: 0, request: undefined };
  const text = Buffer.from(bytes.subarray(0, end + 1)).toString("latin1");
  const length = end + 1;
  const hex = /:((?:[0-9A-F]{2}){3,256})\r\n$/.exec(text)?.[1];
  if (hex === undefined) return { length, request: undefined };
  const body = Buffer.from(hex, "hex");
  if (lrc8(body) !== 0) return { length, request: undefined };
  return {
    length,
    request: {
      unit: body[0]!,
      pdu: Uint8Array.from(body.subarray(1, -1)),
      transaction: 0,
      frame: bytes.slice(0, length),
    },
  };
}

function cutTcp(bytes: Uint8Array): Cut {
  if (bytes.length < 6) return { length: 0, request: undefined };
  const protocol = (bytes[2]! << 8) | bytes[3]!;
  const size = (bytes[4]! << 8) | bytes[5]!;
  // No way to find the next header in a stream that lost its step: give everything up.
  if (protocol !== 0 || size < 2 || size > 254) return { length: bytes.length, request: undefined };
  if (bytes.length < 6 + size) return { length: 0, request: undefined };
  return {
    length: 6 + size,
    request: {
      unit: bytes[6]!,
      pdu: bytes.slice(7, 6 + size),
      transaction: (bytes[0]! << 8) | bytes[1]!,
      frame: bytes.slice(0, 6 + size),
    },
  };
}

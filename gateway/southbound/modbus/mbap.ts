/** Modbus TCP's envelope: transaction, protocol 0, length, unit (Messaging on TCP/IP V1.0b, 3.1.3). Pure. */
export interface TcpFrame {
  /** 0..65535. */
  readonly transaction: number;
  readonly unit: number;
  readonly pdu: Uint8Array;
}

const header = 7;
/** Of the length field: unit and function; unit and the longest PDU. */
const shortest = 2;
const longest = 254;

export function encodeTcp(transaction: number, unit: number, pdu: Uint8Array): Uint8Array {
  const frame = new Uint8Array(header + pdu.length);
  frame[0] = transaction >>> 8;
  frame[1] = transaction & 0xff;
  frame[4] = (pdu.length + 1) >>> 8;
  frame[5] = (pdu.length + 1) & 0xff;
  frame[6] = unit;
  frame.set(pdu, header);
  return frame;
}

/**
 * Length of the frame at `start`: 0 = more bytes are needed to know, -1 = not Modbus TCP. A TCP
 * stream has no noise: after -1 nothing that follows can be trusted.
 */
export function tcpFrameLength(bytes: Uint8Array, start: number, end: number): number {
  const available = end - start;
  if (available > 2 && bytes[start + 2] !== 0) return -1;
  if (available > 3 && bytes[start + 3] !== 0) return -1;
  if (available > 4 && bytes[start + 4] !== 0) return -1;
  if (available < 6) return 0;
  const length = bytes[start + 5] ?? 0;
  return length >= shortest && length <= longest ? 6 + length : -1;
}

/** The whole frame at `bytes[start..stop)`; `pdu` is a view. */
export function tcpFrameAt(bytes: Uint8Array, start: number, stop: number): TcpFrame {
  return {
    transaction: ((bytes[start] ?? 0) << 8) | (bytes[start + 1] ?? 0),
    unit: bytes[start + 6] ?? 0,
    pdu: bytes.subarray(start + header, stop),
  };
}

/** The frame that `bytes` is, or undefined when it is not exactly one. */
export function decodeTcp(bytes: Uint8Array): TcpFrame | undefined {
  return tcpFrameLength(bytes, 0, bytes.length) === bytes.length
    ? tcpFrameAt(bytes, 0, bytes.length)
    : undefined;
}

/**
 * Cuts a byte stream into frames. Holds at most one unfinished frame (260 bytes); a chunk that
 * holds whole frames is not copied.
 */
export class TcpFramer {
  #rest: Uint8Array | undefined;

  /** Calls back once per whole frame. False when the stream is not Modbus TCP: it cannot be trusted any more. */
  push(chunk: Uint8Array, frame: (frame: TcpFrame) => void): boolean {
    let bytes = chunk;
    if (this.#rest) {
      bytes = new Uint8Array(this.#rest.length + chunk.length);
      bytes.set(this.#rest);
      bytes.set(chunk, this.#rest.length);
      this.#rest = undefined;
    }
    let start = 0;
    while (start < bytes.length) {
      const length = tcpFrameLength(bytes, start, bytes.length);
      if (length < 0) return false;
      if (length === 0 || start + length > bytes.length) {
        this.#rest = bytes.slice(start);
        break;
      }
      frame(tcpFrameAt(bytes, start, start + length));
      start += length;
    }
    return true;
  }
}

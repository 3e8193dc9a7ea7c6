import { encode, type Framing, type Request } from "./framing.ts";

/** What a unit does wrong with one request. */
export type Fault =
  /** No answer. For every request: a dead unit. */
  | { readonly kind: "silence" }
  /** The right answer, this many ms after the turnaround. */
  | { readonly kind: "late"; readonly ms: number }
  /** One bit of the checksum is wrong (TCP has none: one bit of the length). */
  | { readonly kind: "crc" }
  /** A Modbus exception, without looking at the request. */
  | { readonly kind: "exception"; readonly code: number }
  /** The first half of the answer, and no more. */
  | { readonly kind: "half" }
  /** The first byte of the answer, and no more. */
  | { readonly kind: "first-byte" }
  /** To a write: a whole, undamaged answer whose last data byte is not the one that was written. */
  | { readonly kind: "wrong-echo" }
  /** Noise in front of the right answer; two bytes by default. */
  | { readonly kind: "garbage"; readonly bytes?: Uint8Array }
  /** A whole, undamaged answer under another unit's address (default: the next one). */
  | { readonly kind: "wrong-unit"; readonly unit?: number }
  /** A whole, undamaged answer to another function (default: 3 for 4, else 4). */
  | { readonly kind: "wrong-function"; readonly code?: number }
  /** A whole, undamaged answer with one register (or byte) more than was asked for. */
  | { readonly kind: "wrong-length" }
  /** The right answer twice. */
  | { readonly kind: "duplicate" }
  /** The request comes back in front of the answer, as half-duplex adapters do. */
  | { readonly kind: "echo" }
  /** The connection is reset (TCP); elsewhere silence. */
  | { readonly kind: "reset" }
  /** The right answer byte by byte, this many ms apart. */
  | { readonly kind: "dribble"; readonly ms: number }
  /** In front of the right answer, an undamaged answer that nobody asked for: another unit's; on TCP another transaction's. */
  | { readonly kind: "foreign" };

/** Asked before every answer: what to do wrong with this one, or undefined for nothing. */
export type FaultPlan = (request: Request) => Fault | undefined;

/** The fault on the first `times` requests that come from now on. */
export function times(count: number, fault: Fault): FaultPlan {
  let left = count;
  return () => (left-- > 0 ? fault : undefined);
}

/** The fault on every `nth` request (the first one is the nth). */
export function every(nth: number, fault: Fault): FaultPlan {
  let seen = 0;
  return () => (++seen % nth === 0 ? fault : undefined);
}

/** What goes onto the wire, `ms` after the turnaround; `reset` breaks the connection off. */
export type Transmission = { readonly ms: number; readonly bytes: Uint8Array } | { readonly reset: true };

/** The transmissions that answer `request` with `reply` (a PDU) under a fault. */
export function transmissions(
  fault: Fault | undefined,
  framing: Framing,
  request: Request,
  reply: Uint8Array,
): Transmission[] {
  const frame = (unit: number, pdu: Uint8Array, transaction = request.transaction): Uint8Array =>
    encode(framing, unit, pdu, transaction);
  const now = (...frames: Uint8Array[]): Transmission[] => [{ ms: 0, bytes: Buffer.concat(frames) }];
  const right = frame(request.unit, reply);
  const otherUnit = (request.unit % 247) + 1;
  switch (fault?.kind) {
    case undefined:
      return now(right);
    case "silence":
      return [];
    case "late":
      return [{ ms: fault.ms, bytes: right }];
    case "crc":
      return now(damaged(framing, right));
    case "exception":
      return now(frame(request.unit, Uint8Array.of(request.pdu[0]! | 0x80, fault.code)));
    case "half":
      return now(right.subarray(0, right.length >> 1));
    case "first-byte":
      return now(right.subarray(0, 1));
    case "wrong-echo": {
      const echo = Uint8Array.from(reply);
      echo[echo.length - 1]! ^= 0x01;
      return now(frame(request.unit, echo));
    }
    case "garbage":
      return now(fault.bytes ?? Uint8Array.of(0x00, 0xff), right);
    case "wrong-unit":
      return now(frame(fault.unit ?? otherUnit, reply));
    case "wrong-function":
      return now(
        frame(
          request.unit,
          Uint8Array.of(fault.code ?? (request.pdu[0] === 4 ? 3 : 4), ...reply.subarray(1)),
        ),
      );
    case "wrong-length":
      return now(frame(request.unit, longer(reply)));
    case "duplicate":
      return now(right, right);
    case "echo":
      return now(request.frame, right);
    case "reset":
      return [{ reset: true }];
    case "dribble":
      return Array.from(right, (byte, index) => ({ ms: index * fault.ms, bytes: Uint8Array.of(byte) }));
    case "foreign":
      return framing === "tcp"
        ? now(frame(request.unit, reply, (request.transaction + 0x1234) & 0xffff), right)
        : now(frame(otherUnit, reply), right);
  }
}

function damaged(framing: Framing, frame: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(frame);
  if (framing === "ascii") {
    // The last hex digit of the checksum, in front of CR LF, stays a hex digit.
    const at = copy.length - 3;
    copy[at] = copy[at] === 0x30 ? 0x31 : 0x30;
  } else if (framing === "tcp") copy[5]! ^= 0x01;
  else copy[copy.length - 1]! ^= 0x01;
  return copy;
}

function longer(reply: Uint8Array): Uint8Array {
  const code = reply[0]!;
  if (code < 1 || code > 4) return Uint8Array.of(...reply, 0);
  const added = code > 2 ? [0xab, 0xcd] : [0xff];
  return Uint8Array.of(code, reply[1]! + added.length, ...reply.subarray(2), ...added);
}

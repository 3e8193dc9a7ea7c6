// Frames of EN 13757-2 (link layer, after IEC 60870-5-2 format class FT 1.2).

/** One frame, checksum and stop byte verified. */
export type Frame = Acknowledge | ShortFrame | LongFrame;

/** The single character E5: understood, and nothing to say. */
export interface Acknowledge {
  readonly kind: "ack";
}

/** Control and address alone: how a master asks. */
export interface ShortFrame {
  readonly kind: "short";
  readonly control: number;
  readonly address: number;
}

/** Application data of 0 to 252 bytes; a control frame has none. */
export interface LongFrame {
  readonly kind: "long";
  readonly control: number;
  readonly address: number;
  /** Control information: how `data` is laid out. */
  readonly information: number;
  readonly data: Uint8Array;
}

export const ackByte = 0xe5;
export const shortStart = 0x10;
export const longStart = 0x68;
export const stopByte = 0x16;
/** C, A and CI are inside the length field. */
const headLength = 3;
export const mostData = 255 - headLength;
/** 68 L L 68, 255 bytes, checksum, 16. */
export const longestFrame = 261;

/** Reserved addresses (EN 13757-2). */
export const selectedAddress = 253;
export const testAddress = 254;

/** Control bytes of the master (EN 13757-2); bit 5 is the frame count bit. */
export const sendInitialise = 0x40;
export const sendUserData = 0x53;
export const requestUserData2 = 0x5b;
export const frameCountBit = 0x20;

/** The arithmetic sum of bytes, without carry. */
export function checksum(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let index = from; index < to; index++) sum += bytes[index] ?? 0;
  return sum & 0xff;
}

export function encodeShort(control: number, address: number): Uint8Array {
  return Uint8Array.of(shortStart, control, address, (control + address) & 0xff, stopByte);
}

/** Throws RangeError for more than 252 bytes of data. */
export function encodeLong({ control, address, information, data }: Omit<LongFrame, "kind">): Uint8Array {
  if (data.length > mostData) throw new RangeError(`${data.length} bytes do not fit into one frame`);
  const length = headLength + data.length;
  const frame = new Uint8Array(length + 6);
  frame.set([longStart, length, length, longStart, control, address, information]);
  frame.set(data, 7);
  frame[length + 4] = checksum(frame, 4, length + 4);
  frame[length + 5] = stopByte;
  return frame;
}

/** Whether a frame is a slave's answer with data (RSP_UD): function 8, whatever its ACD and DFC bits. */
export function isResponse(frame: Frame): frame is LongFrame {
  return frame.kind === "long" && (frame.control & 0xcf) === 0x08;
}

/** What begins at `from`: a frame and where it ends, `short` of bytes, or `none`. */
export type Looked = { readonly frame: Frame; readonly end: number } | "short" | "none";

const acknowledge: Acknowledge = { kind: "ack" };

/** Looks for a frame that begins at `from` of `bytes[..to]`. */
export function lookAt(bytes: Uint8Array, from: number, to: number): Looked {
  const start = bytes[from];
  if (start === ackByte) return { frame: acknowledge, end: from + 1 };
  if (start === shortStart) return lookAtShort(bytes, from, to);
  if (start === longStart) return lookAtLong(bytes, from, to);
  return "none";
}

function lookAtShort(bytes: Uint8Array, from: number, to: number): Looked {
  if (to - from < 5) return "short";
  const control = bytes[from + 1] ?? 0;
  const address = bytes[from + 2] ?? 0;
  if (bytes[from + 3] !== ((control + address) & 0xff) || bytes[from + 4] !== stopByte) return "none";
  return { frame: { kind: "short", control, address }, end: from + 5 };
}

function lookAtLong(bytes: Uint8Array, from: number, to: number): Looked {
  const here = to - from;
  const length = bytes[from + 1] ?? 0;
  if (here > 1 && length < headLength) return "none";
  if (here > 2 && bytes[from + 2] !== length) return "none";
  if (here > 3 && bytes[from + 3] !== longStart) return "none";
  const end = from + length + 6;
  if (here < 4 || end > to) return "short";
  if (bytes[end - 1] !== stopByte || bytes[end - 2] !== checksum(bytes, from + 4, end - 2)) return "none";
  return {
    frame: {
      kind: "long",
      control: bytes[from + 4] ?? 0,
      address: bytes[from + 5] ?? 0,
      information: bytes[from + 6] ?? 0,
      data: bytes.slice(from + 7, end - 2),
    },
    end,
  };
}

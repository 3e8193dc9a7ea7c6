import type { ByteOrder, ChecksumName } from "../../codec/checksum.ts";
import type { Endpoint } from "../../transport/transport.ts";

// What people write about binary frames, as the schemas hand it on. Places count from the first byte
// of the frame (its start bytes included, after byte stuffing is undone); negative ones from its end,
// -1 the last byte.

/** First and last place, both included; without a last one: up to the checksum. */
export interface WrittenSpan {
  readonly from: number;
  readonly to?: number | undefined;
}

export interface FrameCheck {
  readonly name: ChecksumName;
  readonly over: WrittenSpan;
  /** Right before the end bytes unless given. */
  readonly at?: number | undefined;
  readonly order?: ByteOrder | undefined;
}

/** A number on the wire: a word of `wire-number.ts`, such as u16le or bcd4. */
export interface FrameNumber {
  readonly at: number;
  readonly type: string;
}

/** Whole length of the frame = the number there + `adds`. */
export interface LengthField extends FrameNumber {
  readonly adds: number;
}

/** What may be said of all frames at once, and again of one kind. Bytes are hex text. */
export interface FrameShape {
  readonly start?: string | undefined;
  readonly end?: string | undefined;
  /** Bytes in all, or where the frame says so. */
  readonly length?: number | LengthField | undefined;
  /** Constant bytes by their place. */
  readonly match?: Readonly<Record<string, string>> | undefined;
  readonly check?: FrameCheck | "none" | undefined;
  /** Where the device that sent it says its address. */
  readonly address?: FrameNumber | undefined;
  /** Where an answer repeats the `{tag}` of its request. */
  readonly tag?: FrameNumber | undefined;
  /** Which bytes the fields lie in; everything between the start bytes and the checksum unless given. */
  readonly body?: WrittenSpan | undefined;
}

export interface FrameKind extends FrameShape {
  /** A payload layout's list of fields. */
  readonly fields?: readonly unknown[] | undefined;
  readonly endian?: "big" | "little" | undefined;
  /** The frame says that there is nothing to tell: no values, quality sentinel. */
  readonly reject?: string | undefined;
}

/** Bytes that may not stand in a frame are sent as `mark` and another one. */
export type Escape =
  /** The mark, the start and the end bytes, and those in `also`. */
  | { readonly mark: string; readonly xor: number; readonly also?: string | undefined }
  | { readonly mark: string; readonly codes: Readonly<Record<string, string>> };

export interface Framing extends FrameShape {
  readonly escape?: Escape | undefined;
  /** Every byte is sent inverted. */
  readonly inverted: boolean;
  /** Longest frame before stuffing, bytes. */
  readonly maxLength: number;
  /** After so many ms without a byte an unfinished frame is given up. */
  readonly gapMs: number;
}

export interface FrameRequest {
  readonly send: string;
  /** Kind of frame that answers it; none: nothing does. */
  readonly reply?: string | undefined;
  /** Kind of frame that refuses it. */
  readonly refusal?: string | undefined;
  /** Values of the template's own names. */
  readonly values: Readonly<Record<string, number | string>>;
  readonly timeoutMs: number;
  readonly retries: number;
  /** How long after its timeout an answer may still come: so long no other request is sent that it could answer. */
  readonly lateMs?: number | undefined;
  /** Pause after it, ms. */
  readonly pauseMs: number;
}

export interface FrameSession {
  /** Requests that open it, in order. */
  readonly open: readonly string[];
  readonly keepalive?: { readonly send: string; readonly everyMs: number } | undefined;
  readonly reopenOn: {
    /** So many polls in a row without an answer. */
    readonly failures?: number | undefined;
    /** So many ms without a frame from a device that speaks by itself. */
    readonly silenceMs?: number | undefined;
    /** A frame of this kind. */
    readonly frame?: string | undefined;
  };
}

/** What a profile says under `serial-frame:`. */
export interface FrameHead {
  readonly framing: Framing;
  readonly frames: Readonly<Record<string, FrameKind>>;
  readonly requests: Readonly<Record<string, FrameRequest>>;
  readonly session?: FrameSession | undefined;
  /** So long after the session is open, or the line without one, values are not to be trusted. */
  readonly warmUpMs: number;
  /** Devices that speak by themselves: how often, and when they count as silent. */
  readonly listen: { readonly everyMs?: number | undefined; readonly silentAfterMs: number };
  /** What a device needs before it answers, and between two requests, ms. */
  readonly timing: { readonly turnaroundMs: number; readonly minIntervalMs: number };
}

/**
 * What a profile says under a point's `at:`: a field of a frame that is sent unasked, or of the answer to
 * a request; where it is written, the place of a value in a request.
 */
export type FrameAddress =
  | { readonly frame: string; readonly field: string }
  | { readonly request: string; readonly field: string }
  | { readonly request: string; readonly value: string };

/** What gateway.yaml says about one device. */
export interface FrameDevice {
  /** Its address on a line with several; hexadecimal and BCD addresses as text. */
  readonly address?: number | string | undefined;
}

/** One line, normalised. */
export interface FrameConnection {
  readonly endpoint: Endpoint;
  readonly timing: {
    /** Silence before a request, ms. */
    readonly silenceMs: number;
    /** Pause after opening, ms. */
    readonly connectDelayMs: number;
  };
}

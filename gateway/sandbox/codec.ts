/** What JSON can say. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: JsonValue;
}

/** The functions of LoRa Alliance TS013 (Payload Codec API). */
export type CodecFunction = "decodeUplink" | "encodeDownlink" | "decodeDownlink";

/**
 * Why a call gave nothing.
 *
 * - `timeout`: it did not end in time
 * - `out-of-memory`, `stack-overflow`: it asked for more than there is
 * - `threw`: it threw an exception
 * - `errors`: it returned errors of its own
 * - `bad-output`: what it returned is not what TS013 says, or JSON cannot say it
 * - `too-large`: what it was given or what it returned breaks a bound
 * - `no-function`: it does not have the function
 * - `quarantined`: it hurt the sandbox before, and has to wait
 * - `queue-full`: more calls wait than there may be
 * - `crashed`: the engine or its thread broke down
 * - `closed`: the sandbox or the codec was disposed
 */
export type CodecFailureCode =
  | "timeout"
  | "out-of-memory"
  | "stack-overflow"
  | "threw"
  | "errors"
  | "bad-output"
  | "too-large"
  | "no-function"
  | "quarantined"
  | "queue-full"
  | "crashed"
  | "closed";

export interface CodecFailure {
  readonly code: CodecFailureCode;
  /** For people; names the codec. */
  readonly message: string;
  /** Of the script, from 1, where it is known. */
  readonly line?: number | undefined;
}

interface Outcome {
  /** What the codec calls errors; empty exactly when the call succeeded. On a failure that it does not know of: our message. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  readonly failure?: CodecFailure | undefined;
  /** How many times the script wrote to the console. What it wrote is gone. */
  readonly printed: number;
}

export interface Decoded extends Outcome {
  /** Absent exactly when the call failed. */
  readonly data?: JsonObject | undefined;
}

export interface Encoded extends Outcome {
  /** Absent exactly when the call failed. */
  readonly bytes?: Uint8Array | undefined;
  /** 1 to 223, if the codec says it. */
  readonly fPort?: number | undefined;
}

export interface UplinkInput {
  /** At most `limits.inputBytes`. */
  readonly bytes: Uint8Array;
  readonly fPort: number;
  /** Unix ms: `input.recvTime`, and what every clock inside shows. */
  readonly recvTime: number;
  /** ChirpStack's device variables. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

export interface DownlinkInput {
  readonly data: JsonObject;
  /** Unix ms: what every clock inside shows. Default: now. */
  readonly now?: number | undefined;
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

/**
 * One codec script. Its calls are answered in order; none ever rejects, whatever the script does, and
 * none sees anything that an earlier call or another codec left behind.
 */
export interface Codec extends Disposable {
  readonly name: string;
  /** What the script has. A `Decode` or `Decoder` of older servers counts as `decodeUplink`. */
  readonly functions: ReadonlySet<CodecFunction>;
  decodeUplink(input: UplinkInput): Promise<Decoded>;
  encodeDownlink(input: DownlinkInput): Promise<Encoded>;
  decodeDownlink(input: UplinkInput): Promise<Decoded>;
}

/** What goes in and out at most. */
export const limits = {
  /** Of a script, UTF-8. */
  scriptBytes: 128 * 1024,
  /** Of a payload that is decoded. */
  inputBytes: 1024,
  /** Of the data and variables that are given to a script, as JSON. */
  inputText: 16 * 1024,
  /** Of what a script returns, as JSON in UTF-8. */
  outputBytes: 64 * 1024,
  outputDepth: 24,
  outputEntries: 4096,
  /** LoRaWAN 1.0.4, 4.3.3 and RP002: the longest application payload of any region. */
  downlinkBytes: 242,
} as const;

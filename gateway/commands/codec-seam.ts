import type { Command, CommandCode, CommandResult } from "../model/command.ts";
import type { IncomingCommand } from "../northbound/northbound.ts";

/** What the bytes of a command mean, and how a result is told. The desk knows no encoding. */
export interface CommandCodec {
  /**
   * Form and signature, nothing else: whether it may be done is the desk's business. Pure, never throws;
   * `message.oversize` is refused `too-large`.
   */
  decode(message: IncomingCommand, now: WallTime): DecodedCommand | RefusedMessage;
  /** The body of an answer (docs/telemetry.cddl). Deterministic: the same result gives the same bytes. */
  encodeResult(result: CommandResult): Uint8Array;
}

export interface WallTime {
  /** Unix ms. */
  readonly unixMs: number;
  readonly trusted: boolean;
}

export interface DecodedCommand {
  readonly command: Command;
  /** Name of the key that signed it; undefined where no signature is asked for. */
  readonly signedBy?: string | undefined;
  /** Whom that key may speak for; anybody else is refused `not-allowed`. Undefined with `signedBy` undefined. */
  readonly issuersOfKey?: readonly string[] | undefined;
}

/** A message that is no command, or that nobody vouches for. */
export interface RefusedMessage {
  readonly refuse: CommandCode;
  /** For people. */
  readonly text: string;
  /** As far as they could be read; answered only where there is an id. */
  readonly id?: string | undefined;
  readonly point?: string | undefined;
  readonly issuer?: string | undefined;
}

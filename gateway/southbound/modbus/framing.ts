/** A whole frame inside a buffer. `pdu` may be a view of it: copy what is kept. */
export interface Found {
  /** Where it starts and ends (exclusive) in the buffer. */
  readonly start: number;
  readonly end: number;
  readonly unit: number;
  readonly pdu: Uint8Array;
}

/** How frames lie on a line that has no transaction ids: RTU and ASCII. Pure. */
export interface LineFraming {
  encode(unit: number, pdu: Uint8Array): Uint8Array;
  /**
   * The first whole reply with a good checksum in `bytes[from..end)`, garbage in front skipped.
   * Candidates that ended at or before `checked` have been tried before.
   */
  find(bytes: Uint8Array, from: number, end: number, checked: number): Found | undefined;
  /**
   * Whether `bytes[0..end)` are, by length and head, the unit's answer of `pduLength` bytes with
   * something wrong inside: then nothing more is to come.
   */
  isDamaged(bytes: Uint8Array, end: number, unit: number, code: number, pduLength: number): boolean;
  /** Bytes on the wire for a PDU of so many bytes. */
  frameLength(pduLength: number): number;
  /** Characters of silence that must come before a request. */
  readonly silentCharacters: number;
}

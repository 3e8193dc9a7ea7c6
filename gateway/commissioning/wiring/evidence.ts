import type { Endpoint } from "../../transport/transport.ts";

/** What was found out about a line by asking and listening: plain data, all that the diagnosis sees. */
export interface LineEvidence {
  readonly endpoint: Endpoint;
  readonly timeoutMs: number;
  /** Nobody of ours said anything meanwhile. */
  readonly listening: {
    readonly ms: number;
    readonly bytes: number;
    /** Whole frames of somebody else, and the bytes in them. */
    readonly frames: number;
    readonly frameBytes: number;
  };
  readonly units: readonly UnitEvidence[];
  /** Questions after which our own bytes came back. */
  readonly echo: { readonly exact: number; readonly damaged: number };
  /** Questions after which one to three bytes 0x00 came and no answer: the line went to space. */
  readonly zeroOnly: number;
  /** Questions after which one or two characters came out of nothing: the line rang when we let go of it. */
  readonly ghosts: number;
  /** Whole frames, not of the unit that was asked, during our questions. */
  readonly foreign: number;
  readonly damage: DamageEvidence;
  /** How much failures keep time with the mains, 0 to 1, and how many there were to judge by. */
  readonly mains: { readonly strength: number; readonly events: number };
  /** Other line settings that were tried. */
  readonly tried: readonly TriedSettings[];
  /** Questions that were sent the other way round, to units that answered none the right way. */
  readonly inverted: readonly { readonly unit: string; readonly answered: boolean }[];
}

export interface UnitEvidence {
  readonly unit: string;
  readonly asked: number;
  /** Whole answers in time. */
  readonly whole: number;
  /** Whole answers, but after the time that a gateway waits. */
  readonly late: number;
  /** Bytes came, and no whole answer. */
  readonly damaged: number;
  /** Nothing came (zeros after our own sending count as nothing). */
  readonly silent: number;
  /** Two whole answers to one question. */
  readonly twice: number;
  /** Damaged answers that were longer than the answer by more than two characters. */
  readonly overlong: number;
  /** From the end of the question to the first byte of whole answers, ms, rising; bounded. */
  readonly replyMs: readonly number[];
}

/** Answers that came damaged, compared with whole ones to the same question. */
export interface DamageEvidence {
  /** Damaged answers of the right length that could be compared. */
  readonly compared: number;
  /** Bytes in them, and how many were wrong. */
  readonly bytes: number;
  readonly wrongBytes: number;
  /** Runs of wrong bytes that follow each other. */
  readonly runs: number;
  readonly wrongBits: number;
  /** Wrong bits that should have differed from the bit before them on the wire. */
  readonly wrongAfterEdge: number;
  /** Part of all bits of these answers that differ from the bit before them. */
  readonly edgeShare: number;
  /** Failed parts of short and of long answers. */
  readonly short: { readonly asked: number; readonly failed: number };
  readonly long: { readonly asked: number; readonly failed: number };
}

export interface TriedSettings {
  readonly endpoint: Endpoint;
  readonly unit: string;
  readonly asked: number;
  readonly whole: number;
}

import type { Endpoint } from "../transport/transport.ts";

/** What a wiring diagnosis needs to know of a protocol. Plain data and pure functions. */
export interface WiringQuestions {
  readonly endpoint: Endpoint;
  /** Longest usual wait for the first byte of an answer, ms. */
  readonly timeoutMs: number;
  /** Silence before a question, ms. */
  readonly silenceMs: number;
  /** Reads that change nothing: for each unit a short one first and, where there is one, a long one. */
  readonly questions: readonly WiringQuestion[];
  /** Whole frames in what came, in order, whoever sent them. */
  frames(bytes: Uint8Array): readonly WholeFrame[];
  /** The same port with other settings that devices have, the likeliest first; empty behind TCP. */
  readonly others: readonly Endpoint[];
}

export interface WiringQuestion {
  /** As gateway.yaml writes it. */
  readonly unit: string;
  readonly bytes: Uint8Array;
  /** How the answer begins when all is well. */
  readonly head: Uint8Array;
  /** Its length then. */
  readonly answerBytes: number;
  /** Whether a whole frame answers it, be it with a refusal. */
  answers(frame: Uint8Array): boolean;
}

export interface WholeFrame {
  /** Where it starts and ends (exclusive). */
  readonly start: number;
  readonly end: number;
  readonly unit: string;
  readonly role: "request" | "answer";
}

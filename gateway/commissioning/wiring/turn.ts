import type { WholeFrame, WiringQuestion, WiringQuestions } from "../../southbound/wiring-questions.ts";

/** One question and all that came until the next one. */
export interface Turn {
  readonly question: WiringQuestion;
  /** When its first bit went out, and when its last one should have, monotonic ms. */
  readonly sentAt: number;
  readonly endAt: number;
  readonly chunks: readonly Chunk[];
}

export interface Chunk {
  readonly bytes: Uint8Array;
  /** Monotonic ms. */
  readonly at: number;
}

/** What became of a question. */
export interface TurnVerdict {
  readonly outcome: "whole" | "late" | "damaged" | "silent";
  /** The answer, or what came in its place; without echo. */
  readonly answer: Uint8Array;
  readonly replyMs: number | undefined;
  readonly echo: "none" | "exact" | "damaged";
  readonly zeroOnly: boolean;
  /** One or two characters out of nothing right after our own sending. */
  readonly ghost: boolean;
  readonly twice: boolean;
  /** Whole frames that do not answer it. */
  readonly foreign: readonly Pick<WholeFrame, "unit" | "role">[];
}

/** Fewer bytes in common than this are chance. */
const leastEcho = 3;
const mostGhost = 2;

/** Reads one turn. Pure. */
export function judge(turn: Turn, questions: Pick<WiringQuestions, "frames" | "timeoutMs">): TurnVerdict {
  const { question, endAt, chunks } = turn;
  let bytes = joined(chunks);
  let skipped = 0;
  let echo: TurnVerdict["echo"] = "none";
  if (startsWith(bytes, question.bytes)) {
    echo = "exact";
    skipped = question.bytes.length;
    bytes = bytes.subarray(skipped);
  }
  const frames = questions.frames(bytes);
  const own = frames.filter(
    (frame) => frame.role === "answer" && question.answers(bytes.subarray(frame.start, frame.end)),
  );
  const [first] = own;
  const strangers = frames.filter((frame) => !own.includes(frame));
  const zeros = bytes.length > 0 && bytes.length <= 3 && bytes.every((byte) => byte === 0);
  if (echo === "none" && isRemainsOf(bytes.subarray(0, first?.start ?? bytes.length), question.bytes))
    echo = "damaged";
  const before = first?.start ?? bytes.length;
  const ghost = echo === "none" && before > 0 && before <= mostGhost && !zeros;
  const rest = { echo, foreign: strangers, twice: own.length > 1, ghost };
  if (first) {
    const firstByteAt = arrival(chunks, skipped + first.start);
    const wholeAt = arrival(chunks, skipped + first.end - 1);
    const replyMs = Math.max(0, firstByteAt - endAt);
    // As the gateway does: what begins in time may end.
    const isLate = replyMs > questions.timeoutMs && wholeAt > endAt + questions.timeoutMs;
    return {
      ...rest,
      outcome: isLate ? "late" : "whole",
      answer: bytes.slice(first.start, first.end),
      replyMs,
      zeroOnly: false,
    };
  }
  const stray = withoutFrames(bytes, frames);
  const isEchoOnly = echo === "damaged" && stray.length <= question.bytes.length;
  const silent = zeros || ghost || stray.length === 0 || isEchoOnly;
  return {
    ...rest,
    outcome: silent ? "silent" : "damaged",
    answer: stray,
    replyMs: undefined,
    zeroOnly: zeros,
  };
}

export function joined(chunks: readonly Chunk[]): Uint8Array {
  return Uint8Array.from(chunks.flatMap(({ bytes }) => [...bytes]));
}

function startsWith(bytes: Uint8Array, head: Uint8Array): boolean {
  return bytes.length >= head.length && head.every((byte, index) => bytes[index] === byte);
}

function endsWith(bytes: Uint8Array, tail: Uint8Array): boolean {
  return bytes.length >= tail.length && startsWith(bytes.subarray(bytes.length - tail.length), tail);
}

/** Whether bytes in front of an answer are what is left of the question: its end, or pieces in order. */
function isRemainsOf(bytes: Uint8Array, question: Uint8Array): boolean {
  const piece = bytes.subarray(0, question.length + 2);
  if (piece.length >= 2 && endsWith(piece, question.subarray(-2))) return true;
  if (piece.length < leastEcho) return false;
  // Zeros come of many things.
  const [some, sent] = [piece.filter((byte) => byte !== 0), question.filter((byte) => byte !== 0)];
  const common = longestCommon(some, sent);
  // Unit and function stand in the answer as well.
  return common >= leastEcho && common >= some.length / 2 && !startsWith(piece, question.subarray(0, 2));
}

/** Length of the longest sequence of bytes that both have in this order. */
function longestCommon(one: Uint8Array, other: Uint8Array): number {
  let row = new Array<number>(other.length + 1).fill(0);
  for (const byte of one) {
    const next = [0];
    for (let index = 0; index < other.length; index++)
      next.push(
        byte === other[index] ? (row[index] ?? 0) + 1 : Math.max(row[index + 1] ?? 0, next[index] ?? 0),
      );
    row = next;
  }
  return row[other.length] ?? 0;
}

function withoutFrames(
  bytes: Uint8Array,
  frames: readonly { readonly start: number; readonly end: number }[],
): Uint8Array {
  return bytes.filter((_, index) => !frames.some(({ start, end }) => index >= start && index < end));
}

/** When the n-th byte came. */
function arrival(chunks: readonly Chunk[], index: number): number {
  let seen = 0;
  for (const { bytes, at } of chunks) {
    seen += bytes.length;
    if (index < seen) return at;
  }
  return chunks.at(-1)?.at ?? 0;
}

import type { WiringQuestion, WiringQuestions } from "../../southbound/wiring-questions.ts";
import { characterMs } from "./character.ts";
import type { DamageEvidence, LineEvidence, TriedSettings, UnitEvidence } from "./evidence.ts";
import { mainsStrength } from "./mains.ts";
import { type Chunk, joined, judge, type Turn, type TurnVerdict } from "./turn.ts";

export interface Observed {
  readonly listened: { readonly ms: number; readonly chunks: readonly Chunk[] };
  readonly turns: readonly Turn[];
  readonly tried: readonly TriedSettings[];
  readonly inverted: LineEvidence["inverted"];
}

interface Judged {
  readonly turn: Turn;
  readonly verdict: TurnVerdict;
}

/** Most reply times that are kept per unit. */
const mostReplies = 200;
/** Bytes of one chunk that count as moments of their own. */
const mostPerChunk = 6;

/** What was observed becomes evidence. Pure. */
export function evidenceOf(observed: Observed, questions: WiringQuestions): LineEvidence {
  const judged = observed.turns.map((turn) => ({ turn, verdict: judge(turn, questions) }));
  const heard = joined(observed.listened.chunks);
  const frames = questions.frames(heard);
  const count = (match: (verdict: TurnVerdict) => boolean) =>
    judged.filter(({ verdict }) => match(verdict)).length;
  return {
    endpoint: questions.endpoint,
    timeoutMs: questions.timeoutMs,
    listening: {
      ms: observed.listened.ms,
      bytes: heard.length,
      frames: frames.length,
      frameBytes: frames.reduce((sum, { start, end }) => sum + end - start, 0),
    },
    units: [...Map.groupBy(judged, ({ turn }) => turn.question.unit)].map(([unit, own]) =>
      unitEvidence(unit, own),
    ),
    echo: {
      exact: count(({ echo }) => echo === "exact"),
      damaged: count(({ echo }) => echo === "damaged"),
    },
    zeroOnly: count(({ zeroOnly }) => zeroOnly),
    ghosts: count(({ ghost }) => ghost),
    foreign: foreignOf(judged),
    damage: damageEvidence(judged),
    mains: mainsEvidence(judged, observed.listened.chunks, questions),
    tried: observed.tried,
    inverted: observed.inverted,
  };
}

/** Answers to a question of ours that was given up shortly before are late, and nobody else's. */
const stillOwed = 4;

function foreignOf(judged: readonly Judged[]): number {
  let count = 0;
  for (const [index, { verdict }] of judged.entries()) {
    const owed = judged
      .slice(Math.max(0, index - stillOwed), index)
      .filter((before) => before.verdict.outcome !== "whole")
      .map((before) => before.turn.question.unit);
    count += verdict.foreign.filter(({ unit, role }) => role === "request" || !owed.includes(unit)).length;
  }
  return count;
}

function unitEvidence(unit: string, own: readonly Judged[]): UnitEvidence {
  const count = (outcome: TurnVerdict["outcome"]) =>
    own.filter(({ verdict }) => verdict.outcome === outcome).length;
  return {
    unit,
    asked: own.length,
    whole: count("whole"),
    late: count("late"),
    damaged: count("damaged"),
    silent: count("silent"),
    twice: own.filter(({ verdict }) => verdict.twice).length,
    overlong: own.filter(
      ({ turn, verdict }) =>
        verdict.outcome === "damaged" && verdict.answer.length > turn.question.answerBytes + 2,
    ).length,
    replyMs: own
      .flatMap(({ verdict }) => verdict.replyMs ?? [])
      .slice(0, mostReplies)
      .sort((a, b) => a - b),
  };
}

/** What every answer to a question says, by place: its head, and what never changes in whole ones; the checksum never counts. */
function knownBytes({ head, answerBytes }: WiringQuestion, own: readonly Judged[]): (number | undefined)[] {
  const answers = own
    .filter(({ verdict }) => verdict.outcome === "whole" && verdict.answer.length === answerBytes)
    .map(({ verdict }) => verdict.answer);
  const [first] = answers;
  return Array.from({ length: answerBytes }, (_, index) => {
    if (index < head.length) return head[index];
    const byte = first?.[index];
    return index < answerBytes - 2 && answers.every((answer) => answer[index] === byte) ? byte : undefined;
  });
}

/**
 * Damaged answers beside what they should have been. Of one that lost or gained bytes only the first wrong
 * byte can be compared: from there on every place is another's.
 */
function damageEvidence(judged: readonly Judged[]): DamageEvidence {
  const sums = { compared: 0, bytes: 0, wrongBytes: 0, runs: 0, wrongBits: 0, wrongAfterEdge: 0 };
  let [bits, edges] = [0, 0];
  for (const [question, own] of Map.groupBy(judged, ({ turn }) => turn.question)) {
    const known = knownBytes(question, own);
    for (const { verdict } of own) {
      const { answer, outcome } = verdict;
      if (outcome !== "damaged" || answer.length < question.head.length) continue;
      sums.compared++;
      let wasWrong = false;
      for (const [index, right] of known.entries()) {
        if (right === undefined) continue;
        const wrong = (answer[index] ?? 0) ^ right;
        sums.bytes++;
        if (wrong !== 0) {
          sums.wrongBytes++;
          if (!wasWrong) sums.runs++;
        }
        wasWrong = wrong !== 0;
        // The bit before the first one is the start bit.
        const changes = right ^ ((right << 1) & 0xff);
        bits += 8;
        edges += ones(changes);
        sums.wrongBits += ones(wrong);
        sums.wrongAfterEdge += ones(wrong & changes);
        if (wasWrong && answer.length !== question.answerBytes) break;
      }
    }
  }
  const lengths = judged.map(({ turn }) => turn.question.answerBytes);
  const middle = (Math.min(...lengths) + Math.max(...lengths)) / 2;
  const part = (isLong: boolean) => {
    const some = judged.filter(({ turn }) => turn.question.answerBytes > middle === isLong);
    return {
      asked: some.length,
      failed: some.filter(({ verdict }) => verdict.outcome === "damaged" || verdict.outcome === "silent")
        .length,
    };
  };
  return { ...sums, edgeShare: bits === 0 ? 0 : edges / bits, short: part(false), long: part(true) };
}

function ones(byte: number): number {
  let count = 0;
  for (let rest = byte & 0xff; rest > 0; rest &= rest - 1) count++;
  return count;
}

/** Moments of what went wrong: bytes out of nowhere, wrong bytes within answers, questions that failed. */
function mainsEvidence(
  judged: readonly Judged[],
  listened: readonly Chunk[],
  { endpoint }: WiringQuestions,
): LineEvidence["mains"] {
  // Units that never answer tell nothing about moments.
  const alive = new Set(
    judged.filter(({ verdict }) => verdict.outcome === "whole").map(({ turn }) => turn.question.unit),
  );
  const asked = judged.filter(({ turn }) => alive.has(turn.question.unit));
  const failed = asked.filter(({ verdict }) => verdict.outcome === "damaged" || verdict.outcome === "silent");
  const questions = mainsStrength(
    failed.map(({ turn }) => turn.sentAt),
    asked.map(({ turn }) => turn.sentAt),
  );
  // An adapter hands over several bytes at once: they are not as many moments.
  const stray = mainsStrength(
    listened.flatMap(({ at, bytes }) => Array.from(bytes.subarray(0, mostPerChunk), () => at)),
    [],
  );
  const character = characterMs(endpoint);
  const [within, places] = withinFrames(asked, character);
  const frames = mainsStrength(within, places);
  return {
    strength: Math.max(questions, stray, frames),
    events: Math.max(failed.length, listened.length, within.length),
  };
}

/**
 * Where runs of wrong bytes began in answers that kept their length, and where all bytes were. Adapters hold
 * bytes back, so the moment is taken from the question and from the unit's usual delay.
 */
function withinFrames(judged: readonly Judged[], character: number): [number[], number[]] {
  const wrong: number[] = [];
  const all: number[] = [];
  if (character === 0) return [wrong, all];
  for (const [question, own] of Map.groupBy(judged, ({ turn }) => turn.question)) {
    const known = knownBytes(question, own);
    const delays = own.flatMap(({ verdict }) => verdict.replyMs ?? []).sort((a, b) => a - b);
    const usual = delays[delays.length >> 1] ?? 0;
    for (const { turn, verdict } of own) {
      if (verdict.outcome !== "damaged" || verdict.answer.length !== known.length) continue;
      let wasWrong = false;
      known.forEach((right, index) => {
        if (right === undefined) return;
        const at = turn.endAt + usual + index * character;
        const isWrong = verdict.answer[index] !== right;
        all.push(at);
        if (isWrong && !wasWrong) wrong.push(at);
        wasWrong = isWrong;
      });
    }
  }
  return [wrong, all];
}

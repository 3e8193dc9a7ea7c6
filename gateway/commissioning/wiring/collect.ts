// A little long: one story told in order, listen, ask, ask the other way round, ask with other settings.
import type { Clock, Random } from "../../model/clock.ts";
import type { JobProgress } from "../../model/job.ts";
import type { WiringQuestion, WiringQuestions } from "../../southbound/wiring-questions.ts";
import type { Connect, Endpoint } from "../../transport/transport.ts";
import { characterMs, settingsText } from "./character.ts";
import { Ear } from "./ear.ts";
import type { LineEvidence, TriedSettings } from "./evidence.ts";
import { invertedQuestion } from "./inverted.ts";
import type { Observed } from "./reduce.ts";
import { joined, judge, type Turn } from "./turn.ts";

export interface CollectContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly connect: Connect;
  readonly signal: AbortSignal;
}

/** Parts of the time: listening, then asking; what is left is for units that did not answer. */
const listenShare = 0.15;
const longerListening = 2;
const worthHearing = 10;
const askShare = 0.6;
/** Of waiting for answers that are later than a gateway waits. */
const patientShare = 0.15;
/** An answer so many timeouts after its question is worth waiting for once. */
const patience = 4;
/** USB adapters hold bytes back for up to 16 ms. */
const slackMs = 20;
/** After an answer a second one may come so much later. */
const secondAnswerMs = 45;
/** Of the time for other settings, for the first of two units. */
const firstShare = 0.7;
const mostRounds = 40;
/** Units that never answer are asked only now and then. */
const seldom = 5;
/** Longest wait for an answer with other settings. */
const tryMs = 350;
/** An answer to an inverted question is at least so many bytes of anything. */
const leastInverted = 8;

/**
 * Observes a line that nobody else of ours uses: listens, then asks its units harmless questions over and
 * over, and those that never answer also the other way round and with other settings. Takes about
 * `seconds`; says now and then how far it is. Rejects with LinkError or the signal's reason.
 */
export async function* collect(
  questions: WiringQuestions,
  seconds: number,
  context: CollectContext,
): AsyncGenerator<JobProgress, Observed> {
  const { clock, connect, signal } = context;
  const began = clock.monotonic();
  const elapsed = () => (clock.monotonic() - began) / 1000;
  const progress = (en: string, sv: string): JobProgress => ({
    done: Math.min(seconds, Math.round(elapsed())),
    total: seconds,
    leftS: Math.max(0, Math.round(seconds - elapsed())),
    doing: { en, sv },
  });
  const turns: Turn[] = [];
  let listened: Observed["listened"];
  {
    await using ear = await Ear.open(connect, questions.endpoint, clock, signal);
    yield progress("listening to the line", "lyssnar på slingan");
    const listenMs = Math.max(1500, listenShare * seconds * 1000);
    const from = clock.monotonic();
    // Where there is something to hear, it is worth hearing more of it.
    for (const part of [1, longerListening]) {
      const until = from + part * listenMs;
      if (part > 1 && ear.bytes < worthHearing) break;
      while (clock.monotonic() < until) await ear.next(until - clock.monotonic(), signal);
    }
    listened = { ms: clock.monotonic() - from, chunks: ear.take() };
    // On a line that is never quiet nobody's late answer could be told.
    const isQuiet = joined(listened.chunks).length < worthHearing;
    const asker = new Asker(ear, questions, context, isQuiet ? patientShare * seconds * 1000 : 0);
    for (let round = 0; round < mostRounds && elapsed() < askShare * seconds; round++) {
      if (questions.questions.every(({ unit }) => asker.isHopeless(unit))) break;
      for (const question of questions.questions) {
        if (elapsed() >= askShare * seconds && round > 1) break;
        if (asker.isHopeless(question.unit) && round % seldom !== 0) continue;
        yield progress(`asking unit ${question.unit}`, `frågar enhet ${question.unit}`);
        turns.push(await asker.ask(question));
      }
    }
  }
  const silent = unitsWithout(turns, questions);
  const inverted: LineEvidence["inverted"][number][] = [];
  const tried: TriedSettings[] = [];
  if (questions.endpoint.kind === "serial" && silent.length > 0) {
    yield progress("asking with A and B the other way round", "frågar med A och B omvända");
    // Where nobody answers, two units stand for all.
    for (const question of silent.slice(0, silent.length === unitsOf(questions) ? 2 : 3)) {
      const answered = await asksInverted(question, questions, context);
      if (answered !== undefined) inverted.push({ unit: question.unit, answered });
    }
    const rest = silent.filter(({ unit }) => !inverted.some((one) => one.unit === unit && one.answered));
    for (const question of rest.slice(0, 2)) {
      const share = elapsed() + firstShare * (seconds - elapsed());
      const until = question === rest.at(-1) || rest.length === 1 ? seconds : share;
      for (const endpoint of questions.others) {
        if (elapsed() >= until) break;
        const text = settingsText(endpoint);
        yield progress(`asking with ${text}`, `frågar med ${text}`);
        const found = await asksWith(question, endpoint, questions, context);
        tried.push(found);
        if (found.whole > 0) break;
      }
    }
  }
  return { listened, turns, tried, inverted };
}

function unitsOf({ questions }: WiringQuestions): number {
  return new Set(questions.map(({ unit }) => unit)).size;
}

/** The shortest question of each unit that gave no or hardly any whole answer. */
function unitsWithout(turns: readonly Turn[], questions: WiringQuestions): readonly WiringQuestion[] {
  return [...Map.groupBy(turns, ({ question }) => question.unit).values()].flatMap((own) => {
    const outcomes = own.map((turn) => judge(turn, questions).outcome);
    const good = outcomes.filter((outcome) => outcome === "whole" || outcome === "late").length;
    return good <= 0.1 * own.length ? (own[0]?.question ?? []) : [];
  });
}

class Asker {
  readonly #ear: Ear;
  readonly #questions: WiringQuestions;
  readonly #context: CollectContext;
  readonly #character: number;
  /** How long we may still wait for late answers, ms. */
  #patientMs: number;
  readonly #units = new Map<string, { silent: number; alive: boolean; late: boolean }>();

  constructor(ear: Ear, questions: WiringQuestions, context: CollectContext, patientMs: number) {
    this.#ear = ear;
    this.#questions = questions;
    this.#context = context;
    this.#character = characterMs(questions.endpoint);
    this.#patientMs = patientMs;
  }

  isHopeless(unit: string): boolean {
    const known = this.#units.get(unit);
    return known !== undefined && !known.alive && known.silent >= 3;
  }

  async ask(question: WiringQuestion): Promise<Turn> {
    const { timeoutMs } = this.#questions;
    const known = this.#units.get(question.unit) ?? { silent: 0, alive: false, late: false };
    this.#units.set(question.unit, known);
    // Once for a unit that was not heard yet; always for one that is known to be late.
    const isPatient = (known.late || (!known.alive && known.silent === 0)) && this.#patientMs > 0;
    const turn = await askOnce(
      this.#ear,
      question,
      isPatient ? patience * timeoutMs : timeoutMs,
      this.#questions,
      this.#context,
      this.#character,
    );
    const waited = this.#context.clock.monotonic() - turn.endAt;
    if (isPatient && !known.late) this.#patientMs -= Math.max(0, waited - timeoutMs);
    const { outcome } = judge(turn, this.#questions);
    if (outcome === "silent") known.silent++;
    else known.alive = true;
    known.late ||= outcome === "late";
    return turn;
  }
}

/** One question, and what comes until the answer is whole and quiet, or `waitMs` are over. */
async function askOnce(
  ear: Ear,
  question: WiringQuestion,
  waitMs: number,
  questions: Pick<WiringQuestions, "frames" | "timeoutMs" | "silenceMs">,
  { clock, random, signal }: CollectContext,
  character: number,
): Promise<Turn> {
  // At no certain moment, so that what keeps time with the mains shows.
  const pause = Math.max(questions.silenceMs, 2) + 40 * random();
  await clock.sleep(pause, signal);
  for (let tries = 0; tries < 20 && clock.monotonic() < ear.lastAt + questions.silenceMs; tries++)
    await ear.next(questions.silenceMs, signal);
  ear.take();
  const sentAt = clock.monotonic();
  await ear.transport.write(question.bytes);
  const endAt = sentAt + question.bytes.length * character;
  const answerMs = question.answerBytes * character;
  const deadline = endAt + waitMs + answerMs + slackMs;
  // A line that is never quiet is not waited for.
  const longest = deadline + 4 * secondAnswerMs;
  for (;;) {
    const now = clock.monotonic();
    const isBusy = now < ear.lastAt + secondAnswerMs;
    if (now >= longest || (now >= deadline && !isBusy)) break;
    const turn = { question, sentAt, endAt, chunks: ear.chunks };
    const isWhole =
      ear.bytes >= 4 && judge(turn, questions).outcome !== "silent" && isAnswered(turn, questions);
    if (isWhole && !isBusy) break;
    const until = isWhole || now >= deadline ? ear.lastAt + secondAnswerMs : deadline;
    await ear.next(Math.max(1, until - now), signal);
  }
  return { question, sentAt, endAt, chunks: ear.take() };
}

function isAnswered(turn: Turn, questions: Pick<WiringQuestions, "frames" | "timeoutMs">): boolean {
  const { outcome } = judge(turn, questions);
  return outcome === "whole" || outcome === "late";
}

/** Whether a unit says anything to a question the other way round; undefined where that cannot be asked. */
async function asksInverted(
  question: WiringQuestion,
  questions: WiringQuestions,
  context: CollectContext,
): Promise<boolean | undefined> {
  const { clock, connect, signal } = context;
  const asked = invertedQuestion(question.bytes, questions.endpoint);
  if (!asked) return undefined;
  let ear: Ear;
  try {
    ear = await Ear.open(connect, asked.endpoint, clock, signal);
  } catch {
    signal.throwIfAborted();
    // A port that cannot be this fast has told nothing about the wires.
    return undefined;
  }
  await using port = ear;
  const waitMs = Math.min(questions.timeoutMs, tryMs) + slackMs;
  const wait = async (untilMs: number): Promise<void> => {
    while (clock.monotonic() < untilMs) await port.next(untilMs - clock.monotonic(), signal);
  };
  await wait(clock.monotonic() + waitMs);
  // A line that is never quiet answers nothing that we could tell.
  if (port.bytes > leastInverted / 2) return undefined;
  const bytesAfter = async (bytes: Uint8Array): Promise<number> => {
    await wait(clock.monotonic() + 4 * questions.silenceMs + 10);
    port.take();
    await port.transport.write(bytes);
    await wait(clock.monotonic() + bytes.length * characterMs(asked.endpoint) + waitMs);
    return joined(port.take()).length;
  };
  // The same with a broken checksum is answered by nobody: what comes then is echo and ringing.
  const broken = question.bytes.map((byte, index) =>
    index === question.bytes.length - 1 ? byte ^ 0xff : byte,
  );
  const nothing = await bytesAfter(invertedQuestion(broken, questions.endpoint)?.bytes ?? asked.bytes);
  for (let turn = 0; turn < 2; turn++)
    if ((await bytesAfter(asked.bytes)) < nothing + leastInverted) return false;
  return true;
}

async function asksWith(
  question: WiringQuestion,
  endpoint: Endpoint,
  questions: WiringQuestions,
  context: CollectContext,
): Promise<TriedSettings> {
  const { clock, connect, signal } = context;
  await using ear = await Ear.open(connect, endpoint, clock, signal);
  const character = characterMs(endpoint);
  const silenceMs = Math.max(questions.silenceMs, 4 * character);
  let [asked, whole] = [0, 0];
  // A second time only to be sure.
  while (asked < 1 + whole && asked < 3) {
    const wait = Math.min(questions.timeoutMs, tryMs);
    const turn = await askOnce(ear, question, wait, { ...questions, silenceMs }, context, character);
    asked++;
    if (isAnswered(turn, questions)) whole++;
  }
  return { endpoint, unit: question.unit, asked, whole };
}

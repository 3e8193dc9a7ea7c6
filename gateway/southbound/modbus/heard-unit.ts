import type { Clock, Instant } from "../../model/clock.ts";
import { TransientError, UnsupportedPointError } from "../../model/errors.ts";
import type { HeardAnswer, HeardRequest } from "./heard-request.ts";
import type { Miss, RegisterSource } from "./profile-match.ts";
import { RegisterStore } from "./register-store.ts";
import { saidIn } from "./scan-identity.ts";
import type { Span } from "./settings.ts";
import type { ReadHolding } from "./sunspec-read.ts";

/** Different requests to one unit that are remembered. */
const mostAsks = 128;
/** Times between the same request that its period is taken from. */
const mostIntervals = 15;
/** Requests that are told of one unit. */
const mostTold = 24;
const mostTexts = 12;

/** One request, however often it came. */
interface Ask {
  readonly label: string;
  readonly read: Span | undefined;
  count: number;
  answered: number;
  /** Of the last exception; undefined after an answer. */
  refused: string | undefined;
  exceptions: number;
  written: string | undefined;
  lastAt: number;
  readonly intervals: number[];
}

/** What was overheard of one unit: the last words of its registers, and what it was asked. */
export class HeardUnit implements RegisterSource {
  readonly unit: number;
  readonly #clock: Clock;
  readonly #hasRoom: () => boolean;
  readonly #asks = new Map<string, Ask>();
  readonly #store = new RegisterStore();
  readonly #texts: string[] = [];
  #answers = 0;
  #strays = 0;
  #unlisted = 0;

  /** @param hasRoom whether more registers may be remembered */
  constructor(unit: number, clock: Clock, hasRoom: () => boolean) {
    this.unit = unit;
    this.#clock = clock;
    this.#hasRoom = hasRoom;
  }

  /** Frames that it said. */
  get answers(): number {
    return this.#answers + this.#strays;
  }

  /** One frame alone may be noise with a CRC that fits by chance. */
  get isSure(): boolean {
    return (
      this.#answers > 0 ||
      this.#strays > 1 ||
      this.#asks.size > 1 ||
      [...this.#asks.values()].some(({ count }) => count > 1)
    );
  }

  /** Grows when something new is known of it. */
  get knowledge(): number {
    return this.#store.size + this.#texts.length + this.#refusals().length;
  }

  /** What it says of itself. */
  get texts(): readonly string[] {
    return this.#texts;
  }

  get at(): Instant {
    return this.#clock.stamp();
  }

  get registers(): RegisterStore {
    return this.#store;
  }

  asked(request: HeardRequest): void {
    const known = this.#asks.get(request.key);
    if (!known && this.#asks.size >= mostAsks) {
      this.#unlisted++;
      return;
    }
    const ask = known ?? {
      label: request.label,
      read: request.read,
      count: 0,
      answered: 0,
      refused: undefined,
      exceptions: 0,
      written: undefined,
      lastAt: request.at,
      intervals: [],
    };
    if (known) {
      ask.intervals.push(request.at - ask.lastAt);
      if (ask.intervals.length > mostIntervals) ask.intervals.shift();
    }
    ask.count++;
    ask.lastAt = request.at;
    ask.written = request.written;
    this.#asks.set(request.key, ask);
  }

  answered(request: HeardRequest, answer: HeardAnswer): void {
    this.#answers++;
    const ask = this.#asks.get(request.key);
    if (answer.kind === "exception") {
      if (ask) {
        ask.exceptions++;
        ask.refused = answer.label;
      }
      return;
    }
    if (ask) {
      ask.answered++;
      ask.refused = undefined;
    }
    const { read } = request;
    if (read && (this.#hasRoom() || this.#store.get(read))) this.#store.put(read, answer.data);
    if (read) return;
    for (const text of saidIn(answer.data))
      if (this.#texts.length < mostTexts && !this.#texts.includes(text)) this.#texts.push(text);
  }

  /** Something that it said to a request that was not heard. */
  stray(): void {
    this.#strays++;
  }

  async read(span: Span): Promise<Uint8Array | Miss> {
    const known = this.#store.get(span);
    if (known) return known;
    const holds = ({ table, start, count }: Span) =>
      table === span.table && span.start <= start && span.start + span.count >= start + count;
    return this.#refusals().some(holds) ? "refused" : "silent";
  }

  readonly holding: ReadHolding = async (start, count) => {
    const data = await this.read({ table: "holding", start, count });
    if (data === "refused") throw new UnsupportedPointError("refused", { code: "exception-2" });
    if (typeof data === "string") throw new TransientError("was not heard", { code: "not-heard" });
    return { data, at: this.at };
  };

  /** What is asked of it, for people; what is asked most often, where it is much. */
  told(): string[] {
    const asks = [...this.#asks.values()].toSorted((a, b) => b.count - a.count);
    const left = asks.length - mostTold + this.#unlisted;
    const shown = asks.slice(0, mostTold).toSorted((a, b) => (a.label < b.label ? -1 : 1));
    return [...shown.map(tell), ...(left > 0 ? [`and ${left} more`] : [])];
  }

  #refusals(): Span[] {
    return Array.from(this.#asks.values()).flatMap(({ read, refused, answered }) =>
      read && refused === refusal && answered === 0 ? [read] : [],
    );
  }
}

/** Exception 2. */
const refusal = "illegal data address";

function tell(ask: Ask): string {
  const { label, count, answered, exceptions, refused, written, intervals } = ask;
  const parts = [`${label}${written === undefined ? "" : ` = ${written}`}`, often(count, intervals)];
  if (exceptions > 0)
    parts.push(
      refused === undefined
        ? `refused ${exceptions} of ${count} times`
        : `refused (${refused}) ${exceptions} times`,
    );
  // The last request may still be answered.
  else if (answered === 0 && count > 1) parts.push(`never answered (asked ${count} times)`);
  const lost = count - answered - exceptions - 1;
  if (answered > 0 && lost > 0 && lost > count / 20) parts.push(`${lost} of ${count} not answered`);
  return parts.join(", ");
}

/** `every 1.0 s`: the middle one of the times between. */
function often(count: number, intervals: readonly number[]): string {
  if (count === 1) return "once";
  const sorted = intervals.toSorted((a, b) => a - b);
  const middle = (sorted[Math.floor(sorted.length / 2)] ?? 0) / 1000;
  return `every ${middle < 10 ? middle.toFixed(1) : Math.round(middle)} s`;
}

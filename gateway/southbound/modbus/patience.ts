import { answers, confusable, isWrite, type Request } from "./pdu.ts";

/** A request whose answer has not come: it may still. */
interface Debt {
  readonly request: Request;
  readonly sentAt: number;
  readonly until: number;
}

/**
 * An owed answer is believed lost this many timeouts after its request was sent: late by five, and two
 * to spare. Counted in the timeout that was configured, not in the learned one, which is much shorter:
 * a unit that is quick as a rule may be slow once. Reads of another form need not wait for it.
 */
const quarantineTimeouts = 7;
/** Bounds what a unit that never answers can make us remember. */
const mostDebts = 32;

/**
 * What is known of one unit: how long it takes to answer, and which answers it still owes.
 *
 * On a line without transaction ids a late answer looks exactly like the answer to the next request
 * of the same form (function and length). So after a timeout such requests are held back until the
 * late answer has come, or for longer than any answer was ever late; requests of another form and to
 * other units go on.
 */
export class Patience {
  readonly #floor: number;
  #worst = 0;
  #expected: number | undefined;
  #debts: Debt[] = [];

  /** @param floor shortest timeout that learning may lead to, ms */
  constructor(floor: number) {
    this.#floor = floor;
  }

  /** A measured time from request to answer, ms. The worst is forgotten slowly. */
  observe(ms: number): void {
    this.#worst = Math.max(ms, this.#worst * 0.998);
  }

  /**
   * When to look for an answer, ms after its request (less the time that the answer itself takes); 0
   * when nothing is known. A little early rather than late: looking early costs a second look, looking
   * late costs time on the line.
   */
  get expected(): number {
    return this.#expected ?? 0;
  }

  /** Learns when to look. `late`: the answer was whole at the first look, so it came some time before. */
  aim(ms: number, late: boolean): void {
    if (this.#expected === undefined) this.#expected = ms;
    else if (late) this.#expected = 0.95 * Math.min(ms, this.#expected);
    // One hiccup of ours or theirs must not make the next looks late.
    else this.#expected = Math.min(ms, 1.05 * this.#expected + 0.05);
  }

  /** How long to wait, ms: four times the worst, at least the floor, at most `limit`; `limit` for a unit that never answered. */
  timeout(limit: number): number {
    if (this.#worst === 0) return limit;
    return Math.min(limit, Math.max(this.#floor, 4 * this.#worst));
  }

  /** The request was given up: its answer is owed. `limit`: the configured timeout, ms. */
  owe(request: Request, sentAt: number, now: number, limit: number): void {
    const until = Math.max(sentAt + quarantineTimeouts * limit, now + 3 * this.#worst);
    this.#debts.push({ request, sentAt, until });
    if (this.#debts.length > mostDebts) this.#debts.shift();
  }

  /** Until when this request must wait, monotonic ms; undefined = it may go. */
  heldUntil(request: Request, now: number): number | undefined {
    let until: number | undefined;
    for (const debt of this.#debts)
      if (debt.until > now && confusable(debt.request, request)) until = Math.max(until ?? 0, debt.until);
    return until;
  }

  /**
   * Whether such an answer was owed for as long as it could be late, and nobody has looked for it since. It may lie
   * before us unread: a process that stood still hears its timers before its lines. Asked once; what is over is forgotten.
   */
  lapsed(request: Request, now: number): boolean {
    if (this.#debts.length === 0) return false;
    const over = this.#debts.filter((debt) => debt.until <= now);
    this.#debts = this.#debts.filter((debt) => debt.until > now);
    return over.some((debt) => confusable(debt.request, request));
  }

  /** Whether an answer with this function is owed: an exception can then not be told from its exception. */
  owes(code: number): boolean {
    return this.#debts.some((debt) => debt.request.function === code);
  }

  /**
   * A reply that answers nothing that is waited for. True when it pays a debt. An exception does not
   * say which request it refuses, so it pays only where there is no choice.
   */
  pay(reply: Uint8Array, at: number): boolean {
    const candidates = this.#debts.filter((debt) => answers(debt.request, reply) !== "other");
    const [debt] = candidates;
    if (!debt || candidates.length > 1) return false;
    this.#debts = this.#debts.filter((other) => other !== debt);
    // How long a device writes says nothing about how fast it reads.
    if (!isWrite(debt.request)) this.observe(at - debt.sentAt);
    return true;
  }
}

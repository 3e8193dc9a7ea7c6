import type { LineFrame } from "./deframer.ts";
import { confusable, type Prepared } from "./request.ts";

/** A request whose answer has not come: it may still. */
interface Debt {
  readonly request: Prepared;
  readonly until: number;
}

/** Bounds what devices that never answer can make us remember. */
const mostDebts = 64;

/**
 * Answers that are still owed. Few sensors number their answers, so a late one looks exactly like the
 * answer to the next request of its kind: such requests wait until the late answer has come, or for
 * longer than it can take. Requests whose answers differ (another address, another kind of frame, a
 * tag) go on meanwhile.
 */
export class Owed {
  #debts: Debt[] = [];

  /** The request was given up; its answer may come until then (monotonic ms). */
  owe(request: Prepared, until: number): void {
    this.#debts.push({ request, until });
    if (this.#debts.length > mostDebts) this.#debts.shift();
  }

  /** Until when this request must wait, monotonic ms; undefined = it may go. */
  heldUntil(request: Prepared, now: number): number | undefined {
    const held = this.#debts
      .filter((debt) => debt.until > now && confusable(debt.request, request))
      .map(({ until }) => until);
    return held.length === 0 ? undefined : Math.max(...held);
  }

  /**
   * Whether such an answer was owed for as long as it could be late, and nobody has looked for it since. It may lie
   * before us unread: a process that stood still hears its timers before its lines. Asked once; what is over is forgotten.
   */
  lapsed(request: Prepared, now: number): boolean {
    const over = this.#debts.filter(({ until }) => until <= now);
    if (over.length === 0) return false;
    this.#debts = this.#debts.filter(({ until }) => until > now);
    return over.some((debt) => confusable(debt.request, request));
  }

  /** A frame that nobody waits for: true when it pays a debt. The oldest is paid first. */
  pay(frame: LineFrame): boolean {
    const index = this.#debts.findIndex(({ request }) => request.accepts(frame));
    if (index < 0) return false;
    this.#debts.splice(index, 1);
    return true;
  }
}

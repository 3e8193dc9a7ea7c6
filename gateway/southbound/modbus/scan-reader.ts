import type { Clock, Instant } from "../../model/clock.ts";
import { LinkError, TransientError, UnsupportedPointError } from "../../model/errors.ts";
import type { Client } from "./client.ts";
import type { Request } from "./pdu.ts";
import type { Miss, RegisterSource } from "./profile-match.ts";
import { RegisterStore } from "./register-store.ts";
import { readFunction, type Span, type Table } from "./settings.ts";
import type { ReadHolding } from "./sunspec-read.ts";

/** All that a scan may ever ask: reads of the four tables, report server id, device identification. */
export type ScanRequest = Extract<Request, { readonly function: 1 | 2 | 3 | 4 | 17 | 43 }>;

/** What one device may be asked at most. */
export interface ReadBudget {
  readonly requests: number;
  readonly ms: number;
}

/** Longest wait for an answer of a device that is known to be there, ms. */
export const patientMs = 1000;
/** A device that has not answered so often in a row is not asked any more. */
const mostSilent = 6;
/** Nor for a table that it has never said a word of. */
const mostSilentOfTable = 2;

/**
 * Reads one unit and remembers every register: what several profiles want is read once. A place that was
 * refused refuses all that holds it.
 */
export class UnitReader implements RegisterSource {
  readonly #client: Client;
  readonly #unit: number;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #until: number;
  #left: number;
  #silent = 0;
  #asked = 0;
  readonly #known = new RegisterStore();
  readonly #refused: Span[] = [];
  /**
   * By table, how often there was silence or "illegal function": neither is believed at once, as some devices
   * answer so to a bad address.
   */
  readonly #unheard = new Map<Table, number>();

  constructor(client: Client, unit: number, budget: ReadBudget, clock: Clock, signal: AbortSignal) {
    this.#client = client;
    this.#unit = unit;
    this.#clock = clock;
    this.#signal = signal;
    this.#until = clock.monotonic() + budget.ms;
    this.#left = budget.requests;
  }

  /** Requests that went out. */
  get asked(): number {
    return this.#asked;
  }

  get spent(): boolean {
    return this.#left <= 0 || this.#silent >= mostSilent || this.#clock.monotonic() >= this.#until;
  }

  /** The answer's PDU. Rejects with LinkError, or the signal's reason. */
  async ask(request: ScanRequest): Promise<Uint8Array | Miss> {
    return (await this.#ask(request)).answer;
  }

  async #ask(request: ScanRequest): Promise<{ readonly answer: Uint8Array | Miss; readonly code?: string }> {
    if (this.spent) return { answer: "spent" };
    this.#left--;
    this.#asked++;
    const limit = Math.min(patientMs, Math.max(1, this.#until - this.#clock.monotonic()));
    try {
      const { pdu } = await this.#client.request(this.#unit, request, limit, this.#signal);
      this.#silent = 0;
      return { answer: pdu };
    } catch (error) {
      if (this.#signal.aborted || error instanceof LinkError) throw error;
      if (error instanceof UnsupportedPointError) {
        this.#silent = 0;
        return { answer: "refused", code: error.code };
      }
      if (!(error instanceof TransientError)) throw error;
      // An identification that is not answered says nothing about the rest.
      if (request.function <= 4 && !error.code.startsWith("exception-")) this.#silent++;
      return { answer: "silent" };
    }
  }

  /** The data bytes of a place, as the answer to its read would hold them. */
  async read(span: Span): Promise<Uint8Array | Miss> {
    const { table, start, count } = span;
    const known = this.#known.get(span);
    if (known) return known;
    const unheard = this.#unheard.get(table) ?? 0;
    if (unheard >= mostSilentOfTable && !this.#known.has(table)) return "refused";
    if (this.#refused.some((one) => one.table === table && holds(span, one))) return "refused";
    const { answer, code } = await this.#ask({ function: readFunction[table], start, count });
    if (answer === "silent" || code === "exception-1") this.#unheard.set(table, unheard + 1);
    if (answer === "refused") {
      // Too many at once is refused with "illegal data value": that says nothing about the registers.
      if (code !== "exception-3" || count === 1) this.#refused.push(span);
    }
    if (typeof answer === "string") return answer;
    this.#known.put(span, answer.subarray(2));
    return this.#known.get(span) ?? "silent";
  }

  /** For the reader of SunSpec models. */
  readonly holding: ReadHolding = async (start, count) => {
    const data = await this.read({ table: "holding", start, count });
    if (data === "refused") throw new UnsupportedPointError("refused", { code: "exception-2" });
    if (typeof data === "string") throw new TransientError("no answer", { code: "timeout" });
    return { data, at: this.at };
  };

  get at(): Instant {
    return this.#clock.stamp();
  }
}

function holds(outer: Span, inner: Span): boolean {
  return outer.start <= inner.start && outer.start + outer.count >= inner.start + inner.count;
}

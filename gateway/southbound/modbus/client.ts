import { RefusedError, TransientError, UnsupportedPointError } from "../../model/errors.ts";
import { exceptionNames, isWrite, type Request } from "./pdu.ts";

/** A reply's PDU (the caller's own), and the monotonic ms at which its frame was complete. */
export interface Reply {
  readonly pdu: Uint8Array;
  readonly at: number;
}

/** Sends requests over one transport and gives back what certainly answers them. */
export interface Client extends AsyncDisposable {
  readonly concurrency: number;
  readonly lost: AbortSignal;
  readonly statistics: Readonly<Statistics>;
  /**
   * Whether it is known if this line gives our own bytes back. Until it is, a write's confirmation
   * could be the write itself: any answer to a read tells.
   */
  readonly knowsEcho: boolean;
  /**
   * One transaction with a unit. `timeout` (ms) bounds the wait for the first byte of the answer; what
   * was learned of the unit may shorten it, but never that of a write, nor does a write teach anything.
   * More requests than `concurrency` wait for their turn. Nothing is sent twice.
   *
   * Rejects with TransientError (`timeout`, `crc`, `bad-reply`, `foreign-reply`, `line-busy`,
   * `quarantine`: not sent, because an answer that is still owed could be taken for this one's;
   * `exception-<n>`), UnsupportedPointError (exceptions 1 to 3), LinkError, or the signal's reason. A
   * write rejects with RefusedError for exceptions 1 to 4, and with TransientError `busy` (5 and 6: not
   * done) or `bad-echo` (another write was confirmed than was asked for: nobody knows what was done).
   */
  request(unit: number, request: Request, timeout: number, signal: AbortSignal): Promise<Reply>;
  /** Whether `request` would be refused with `quarantine` now. */
  holds(unit: number, request: Request): boolean;
}

/** Counters for people. A type, so that it has the index signature of `Record<string, number>`. */
export type Statistics = {
  requests: number;
  replies: number;
  bytesSent: number;
  bytesReceived: number;
  exceptions: number;
  timeouts: number;
  /** Answers with a bad checksum. */
  damaged: number;
  /** Answers of the right unit in a form that was not asked for. */
  bad: number;
  /** Good frames that answer nothing that was asked. */
  foreign: number;
  /** Answers that came after their timeout, and were dropped. */
  late: number;
  /** Our own bytes, come back. */
  echoes: number;
  /** Bytes that belonged to no frame. */
  garbage: number;
  /** Requests that were not sent because an owed answer could be mistaken for theirs. */
  quarantined: number;
};

export function newStatistics(): Statistics {
  return {
    requests: 0,
    replies: 0,
    bytesSent: 0,
    bytesReceived: 0,
    exceptions: 0,
    timeouts: 0,
    damaged: 0,
    bad: 0,
    foreign: 0,
    late: 0,
    echoes: 0,
    garbage: 0,
    quarantined: 0,
  };
}

/** What an exception reply to a request means to the caller. */
export function exceptionError(
  unit: number,
  code: number,
  request?: Request,
): TransientError | UnsupportedPointError | RefusedError {
  const details = { code: `exception-${code}` };
  const text = `unit ${unit} answered exception ${code} (${exceptionNames[code] ?? "unknown"})`;
  if (request && isWrite(request)) {
    if (code >= 1 && code <= 4) return new RefusedError(text, details);
    return code === 5 || code === 6
      ? new TransientError(text, { code: "busy", hint: "the device has not done it, or not yet" })
      : new TransientError(text, details);
  }
  return code >= 1 && code <= 3
    ? new UnsupportedPointError(text, details)
    : new TransientError(text, details);
}

/** What a reply means that came for a request and does not answer it. */
export function badReply(unit: number, request: Request, from: number, pdu: Uint8Array): TransientError {
  if (from === unit && isWrite(request) && pdu[0] === request.function)
    return new TransientError(`unit ${unit} confirmed another write than was asked for`, {
      code: "bad-echo",
      hint: "read what is there now",
    });
  return new TransientError(`unit ${unit} answered in another form than asked`, {
    code: from === unit ? "bad-reply" : "foreign-reply",
  });
}

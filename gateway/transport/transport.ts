import type { LinkError } from "../model/errors.ts";

/** Where bytes go: said in gateway.yaml under a connection. */
export type Endpoint =
  | {
      readonly kind: "serial";
      /** A stable name: /dev/serial/by-id/... or by-path/...; any tty path works. */
      readonly port: string;
      readonly baud: number;
      readonly dataBits: 7 | 8;
      readonly parity: "none" | "even" | "odd";
      readonly stopBits: 1 | 2;
    }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

/**
 * Moves bytes, knows no protocol. One owner; not safe for two writers at a time.
 *
 * `open...()` gives a connected transport or throws LinkError (hint included: no such port, no
 * permission, refused, unknown host). A transport that has failed stays failed: close it, open a new one.
 */
export interface Transport extends AsyncDisposable {
  readonly endpoint: Endpoint;
  /** Aborts, with a LinkError as its reason, when the link is lost or the transport disposed. */
  readonly lost: AbortSignal;
  /**
   * Resolves when the last byte has left towards the wire (serial: given to the driver and, as far
   * as the driver tells, drained; TCP: given to the kernel). Rejects with LinkError. Never called
   * while an earlier write is pending.
   */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Sets the one receiver. `at` is the clock's monotonic ms when the chunk was taken from the
   * driver. The chunk belongs to the receiver. Bytes that arrive while none is set are dropped.
   */
  receive(receiver: ((chunk: Uint8Array, at: number) => void) | undefined): void;
  /**
   * Optional hint: about `bytes` bytes are due at `at` (monotonic ms), so chunks may be held back
   * until then; never longer. Saves a wake-up per byte on slow lines.
   */
  expect?(bytes: number, at: number): void;
  /**
   * Holds the line at spacing for at least `ms`, longer than any character (SDI-12, LIN); resolves
   * when it is back at marking. Only lines that can: absent on TCP. Rejects with LinkError
   * (`no-break`: this port cannot, the transport lives on). Never called while a write is pending.
   */
  break?(ms: number): Promise<void>;
  /**
   * Says before disposal that what is still on its way may arrive late: nobody gave an order on this
   * link whose fate is unknown. TCP then closes with FIN, which is sent again until it is heard.
   * Otherwise it resets: an order given up must not arrive after a newer one on the next connection.
   */
  allowLate?(): void;
}

/** Opens the transport for an endpoint. Rejects with LinkError. */
export type Connect = (endpoint: Endpoint, signal: AbortSignal) => Promise<Transport>;

/** What a lost link aborts with. */
export type Lost = LinkError;

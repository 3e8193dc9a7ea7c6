import { readSync, writeSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { SerialPort } from "serialport";
import type { Clock } from "../model/clock.ts";
import { LinkError } from "../model/errors.ts";
import type { Endpoint, Transport } from "./transport.ts";

type SerialEndpoint = Extract<Endpoint, { kind: "serial" }>;
type Binding = Awaited<ReturnType<typeof SerialPort.binding.open>>;
/** A binding of a Unix: it has the file and a poller, which wakes once per request. */
type UnixBinding = Extract<Binding, { poller: unknown }>;

/** As much as a kernel's tty buffer gives at once. */
const readBytes = 4096;
/** Between two looks at a tty that takes no bytes, ms. */
const fullWaitMs = 2;

/**
 * An open serial port, locked against other programs. Rejects with LinkError: `no-port`,
 * `no-permission`, `busy`, `open-failed`, `unsupported-platform`.
 *
 * Reads on our own from the non-blocking file, when the poller says that there is something: one read
 * per wake-up and none through the thread pool. With `expect`, one wake-up per answer.
 */
export async function openSerial(
  endpoint: SerialEndpoint,
  clock: Clock,
  signal: AbortSignal,
): Promise<Transport> {
  signal.throwIfAborted();
  const { baud, dataBits, parity, stopBits } = endpoint;
  let binding: Binding;
  try {
    // The name in by-id or by-path is stable, but lock and device are those of the real file.
    const path = await realpath(endpoint.port);
    binding = await SerialPort.binding.open({
      path,
      baudRate: baud,
      dataBits,
      parity,
      stopBits,
      lock: true,
      hupcl: true,
    });
  } catch (error) {
    throw await openError(endpoint, error);
  }
  if (signal.aborted) {
    await binding.close();
    signal.throwIfAborted();
  }
  if (!("poller" in binding) || binding.fd === null) {
    await binding.close();
    throw new LinkError(`${endpoint.port}: serial ports need Linux or macOS`, {
      code: "unsupported-platform",
    });
  }
  return new SerialTransport(endpoint, binding, binding.fd, clock);
}

class SerialTransport implements Transport {
  readonly endpoint: SerialEndpoint;
  readonly #binding: UnixBinding;
  readonly #file: number;
  readonly #clock: Clock;
  readonly #lost = new AbortController();
  readonly #buffer = new Uint8Array(readBytes);
  #receiver: ((chunk: Uint8Array, at: number) => void) | undefined;
  /** Set while reading is held back. */
  #held: Disposable | undefined;
  #polling = false;
  #failed = false;
  #closing: Promise<void> | undefined;

  constructor(endpoint: SerialEndpoint, binding: UnixBinding, file: number, clock: Clock) {
    this.endpoint = endpoint;
    this.#binding = binding;
    this.#file = file;
    this.#clock = clock;
    this.#poll();
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.lost.throwIfAborted();
    for (let sent = 0; sent < bytes.length; ) {
      const count = this.#try(() => writeSync(this.#file, bytes, sent));
      this.lost.throwIfAborted();
      sent += count;
      if (count === 0) await this.#clock.sleep(fullWaitMs, this.lost);
    }
  }

  receive(receiver: ((chunk: Uint8Array, at: number) => void) | undefined): void {
    this.#receiver = receiver;
  }

  expect(_bytes: number, at: number): void {
    this.#held?.[Symbol.dispose]();
    const wait = at - this.#clock.monotonic();
    this.#held =
      wait <= 0
        ? undefined
        : this.#clock.timer(wait, () => {
            this.#held = undefined;
            this.#read();
          });
  }

  async break(ms: number): Promise<void> {
    this.lost.throwIfAborted();
    // What is still in the driver would go out after the break began.
    await this.#control(() => this.#binding.drain());
    await this.#control(() => this.#binding.set({ brk: true, dtr: true, rts: true }));
    try {
      await this.#clock.sleep(ms, this.lost);
    } finally {
      if (!this.lost.aborted)
        await this.#control(() => this.#binding.set({ brk: false, dtr: true, rts: true }));
    }
  }

  /** A port without control lines, such as a pty, says no and stays as it is. */
  async #control(operation: () => Promise<void>): Promise<void> {
    try {
      await operation();
    } catch (cause) {
      this.lost.throwIfAborted();
      throw new LinkError(`${this.endpoint.port} cannot make a break`, {
        code: "no-break",
        hint: "use a UART or an adapter that can, or one that makes the break by itself",
        cause,
      });
    }
  }

  /** Asks to be woken once, when there is something to read or the port is gone. */
  #poll(): void {
    if (this.#polling || this.lost.aborted) return;
    this.#polling = true;
    this.#binding.poller.once("readable", (error: Error | null) => {
      this.#polling = false;
      if (error) this.#fail(lostError(this.endpoint, error));
      else if (!this.#held) this.#read();
    });
  }

  #read(): void {
    if (this.lost.aborted) return;
    let ready = true;
    const count = this.#try(
      () => readSync(this.#file, this.#buffer, 0, readBytes, null),
      () => {
        ready = false;
      },
    );
    if (this.lost.aborted) return;
    // A tty that is readable and gives nothing has hung up.
    if (ready && count === 0) return void this.#fail(lostError(this.endpoint));
    if (count > 0) this.#receiver?.(this.#buffer.slice(0, count), this.#clock.monotonic());
    this.#poll();
  }

  /** Bytes moved; 0 and `blocked` when the file is not ready. Any other error ends the transport. */
  #try(operation: () => number, blocked?: () => void): number {
    try {
      return operation();
    } catch (error) {
      const code = errorCode(error);
      if (code === "EAGAIN" || code === "EWOULDBLOCK" || code === "EINTR") blocked?.();
      else this.#fail(lostError(this.endpoint, error));
      return 0;
    }
  }

  /**
   * The file is closed at once, so that the same name can be opened again when the port is back. Once
   * only: closing wakes the poller's listener, and its native part does not survive a second close.
   */
  #fail(error: LinkError): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#held?.[Symbol.dispose]();
    // What a port that is gone says on closing helps nobody.
    this.#closing = this.#binding.close().catch(() => {});
    this.#lost.abort(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#fail(new LinkError(`${this.endpoint.port} was closed by us`, { code: "closed" }));
    await this.#closing;
  }
}

function lostError({ port }: SerialEndpoint, cause?: unknown): LinkError {
  return new LinkError(`${port} is gone`, {
    code: "unplugged",
    hint: "check the plug and the cable; it is opened again when it is back",
    cause,
  });
}

async function openError({ port }: SerialEndpoint, cause: unknown): Promise<LinkError> {
  const text = cause instanceof Error ? cause.message : String(cause);
  const code = errorCode(cause);
  if (code === "ENOENT" || /No such file|No such device/i.test(text))
    return new LinkError(`there is no serial port ${port}`, {
      code: "no-port",
      hint: `${await portsHere()}`,
      cause,
    });
  if (code === "EACCES" || code === "EPERM" || /Permission denied/i.test(text))
    return new LinkError(`no permission to open ${port}`, {
      code: "no-permission",
      hint: "put the gateway's user into the group of serial ports: sudo usermod -aG dialout $USER, then log in again",
      cause,
    });
  if (code === "EBUSY" || /busy|lock|temporarily unavailable/i.test(text))
    return new LinkError(`${port} is in use by another program`, {
      code: "busy",
      hint: `see who holds it: sudo fuser -v ${port}; ModemManager and a login on the port (serial-getty) are the usual ones`,
      cause,
    });
  return new LinkError(`${port} could not be opened: ${text}`, {
    code: "open-failed",
    hint: "is it a serial port, and does it know this baud rate?",
    cause,
  });
}

/** What there is, for the one who mistyped. */
async function portsHere(): Promise<string> {
  const ports = await SerialPort.list().catch(() => []);
  const usable = ports.filter((port) => port.pnpId !== undefined || port.vendorId !== undefined);
  const names = (usable.length > 0 ? usable : ports).map((port) =>
    port.pnpId ? `/dev/serial/by-id/${port.pnpId}` : port.path,
  );
  if (names.length === 0) return "this machine has no serial port now: is the adapter plugged in?";
  return `here are ${names.slice(0, 8).join(", ")}`;
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

import { connect, type Socket } from "node:net";
import type { Clock } from "../model/clock.ts";
import { LinkError } from "../model/errors.ts";
import type { Endpoint, Transport } from "./transport.ts";

type TcpEndpoint = Extract<Endpoint, { kind: "tcp" }>;

/** How long a connection attempt may take, ms. */
const connectTimeoutMs = 5000;
/** As much as is read at once: about 60 of the longest Modbus frames. */
const readBytes = 16_384;
/** Idle time before the kernel asks whether the peer is still there, ms. */
const keepAliveMs = 10_000;

/** A connected TCP transport. Rejects with LinkError, or the signal's reason. */
export async function openTcp(endpoint: TcpEndpoint, clock: Clock, signal: AbortSignal): Promise<Transport> {
  signal.throwIfAborted();
  const { host, port } = endpoint;
  let receive: (chunk: Uint8Array) => void = () => {};
  const socket = connect({
    host,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveMs,
    // Into one buffer of our own: without it every read allocates 64 kB and goes through a stream.
    onread: {
      buffer: new Uint8Array(readBytes),
      callback: (count, buffer) => {
        // A copy in Node's pool: answers are small and soon forgotten.
        receive(Buffer.copyBytesFrom(buffer, 0, count));
        return true;
      },
    },
  });
  const connected = Promise.withResolvers<void>();
  const abort = () => connected.reject(signal.reason);
  const timer = clock.timer(connectTimeoutMs, () =>
    connected.reject(
      new LinkError(`${host}:${port} did not answer within ${connectTimeoutMs / 1000} s`, {
        code: "connect-timeout",
        hint: "check the address, and that no firewall is in the way",
      }),
    ),
  );
  signal.addEventListener("abort", abort, { once: true });
  socket.once("connect", () => connected.resolve());
  // Stays for good: a socket may still fail after it was closed, and an error without a listener ends the process.
  socket.on("error", (error) => connected.reject(tcpError(endpoint, error)));
  try {
    await connected.promise;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    timer[Symbol.dispose]();
    signal.removeEventListener("abort", abort);
  }
  const transport = new TcpTransport(endpoint, socket);
  receive = (chunk) => transport.take(chunk, clock.monotonic());
  return transport;
}

class TcpTransport implements Transport {
  readonly endpoint: TcpEndpoint;
  readonly #socket: Socket;
  readonly #lost = new AbortController();
  #receiver: ((chunk: Uint8Array, at: number) => void) | undefined;
  #rejectWrite: ((reason: unknown) => void) | undefined;
  #mayBeLate = false;

  constructor(endpoint: TcpEndpoint, socket: Socket) {
    this.endpoint = endpoint;
    this.#socket = socket;
    socket.on("error", (error) => this.#fail(tcpError(endpoint, error)));
    socket.on("end", () => this.#fail(closed(endpoint)));
    socket.on("close", () => this.#fail(closed(endpoint)));
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.lost.aborted) return Promise.reject(this.lost.reason);
    return new Promise((resolve, reject) => {
      this.#rejectWrite = reject;
      this.#socket.write(bytes, (error) => {
        if (error) return reject(this.#fail(tcpError(this.endpoint, error)));
        this.#rejectWrite = undefined;
        resolve();
      });
    });
  }

  /** Bytes came. */
  take(chunk: Uint8Array, at: number): void {
    this.#receiver?.(chunk, at);
  }

  receive(receiver: ((chunk: Uint8Array, at: number) => void) | undefined): void {
    this.#receiver = receiver;
  }

  allowLate(): void {
    this.#mayBeLate = true;
  }

  /** The first reason stays. Nothing is sent after it, by the kernel neither: what was half sent would be half an order. */
  #fail(error: LinkError): LinkError {
    this.#lost.abort(error);
    if (this.#mayBeLate || this.#socket.destroyed) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
    // A peer that reads no more would leave the write waiting for ever.
    this.#rejectWrite?.(this.lost.reason);
    return error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#fail(
      new LinkError(`${this.endpoint.host}:${this.endpoint.port} was closed by us`, { code: "closed" }),
    );
  }
}

function closed({ host, port }: TcpEndpoint): LinkError {
  return new LinkError(`${host}:${port} closed the connection`, {
    code: "closed-by-peer",
    hint: "many devices serve only one or two connections at a time, or close idle ones",
  });
}

const hints: Readonly<Record<string, string>> = {
  ECONNREFUSED:
    "the host is there, but nothing listens on this port: is Modbus TCP switched on, is the port right?",
  EHOSTUNREACH: "no way to this host: is it powered, is the address right, is it in another network?",
  ENETUNREACH: "this machine has no way into that network: check its address and routes",
  ENOTFOUND: "no such name: check the spelling, or give the IP address",
  EAI_AGAIN: "the name could not be looked up just now: check DNS, or give the IP address",
  ECONNRESET: "the peer cut the connection: it may have restarted, or serve only one connection at a time",
  ETIMEDOUT: "the host does not answer any more: check power and network",
  EPIPE: "the peer had closed the connection",
};

function tcpError({ host, port }: TcpEndpoint, cause: Error): LinkError {
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : "EUNKNOWN";
  return new LinkError(`${host}:${port}: ${cause.message || code}`, {
    code: code.toLowerCase(),
    hint: hints[code],
    cause,
  });
}

import type { IncomingMessage } from "node:http";
import type { Clock } from "../clock.ts";
import type { Address } from "./address.ts";
import { ClientError } from "./client-error.ts";
import { openTransport, type Transport } from "./transport.ts";

/** A gateway's local API. All calls reject with ClientError, in the gateway's own code, message and hint where it refused. */
export interface Client extends Disposable {
  get<T>(path: string): Promise<T>;
  /** @param waitMs how long an answer may take */
  post<T>(path: string, body: object, waitMs?: number): Promise<T>;
  /** The head of an event stream. */
  stream(path: string, signal: AbortSignal): Promise<IncomingMessage>;
}

const usualWaitMs = 20_000;
/** A whole gateway's devices or ten thousand readings are less. */
const largestAnswer = 16 * 1024 * 1024;

export function openClient(address: Address, clock: Clock): Client {
  const transport = openTransport(address);
  const call = <T>(method: "GET" | "POST", path: string, body?: object, waitMs = usualWaitMs): Promise<T> =>
    within(waitMs, clock, async (signal) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      return answerOf<T>(await transport.open({ method, path, body: text, signal }), signal);
    });
  return {
    get: (path) => call("GET", path),
    post: (path, body, waitMs) => call("POST", path, body, waitMs),
    stream: (path, signal) => within(usualWaitMs, clock, (late) => openStream(transport, path, signal, late)),
    [Symbol.dispose]: () => transport[Symbol.dispose](),
  };
}

async function openStream(
  transport: Transport,
  path: string,
  signal: AbortSignal,
  late: AbortSignal,
): Promise<IncomingMessage> {
  const opening = new AbortController();
  const stop = () => opening.abort(late.reason);
  late.addEventListener("abort", stop, { once: true });
  const response = await transport.open({
    method: "GET",
    path,
    signal: AbortSignal.any([signal, opening.signal]),
  });
  late.removeEventListener("abort", stop);
  if (response.statusCode === 200) return response;
  await answerOf(response, late);
  throw new ClientError("bad-answer", `the gateway answered ${response.statusCode} to ${path}`);
}

async function within<T>(ms: number, clock: Clock, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const waited = new AbortController();
  using _timer = clock.timer(ms, () =>
    waited.abort(new ClientError("no-answer-yet", `the gateway did not answer within ${ms / 1000} s`)),
  );
  return await run(waited.signal);
}

async function answerOf<T>(response: IncomingMessage, signal: AbortSignal): Promise<T> {
  const status = response.statusCode ?? 0;
  const value = parse(await textOf(response, signal), status);
  if (status < 400) return value as T;
  const {
    error = "bad-answer",
    message = `the gateway answered ${status}`,
    hint,
  } = value as Record<string, string | undefined>;
  throw new ClientError(error, message, hint === undefined ? {} : { hint });
}

async function textOf(response: IncomingMessage, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      bytes += chunk.length;
      if (bytes > largestAnswer) throw new ClientError("bad-answer", "the answer is too large");
      chunks.push(chunk);
    }
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    if (cause instanceof ClientError) throw cause;
    throw new ClientError("unreachable", "the gateway went away in the middle of its answer", { cause });
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(text: string, status: number): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Told below: it is no answer of a gateway.
  }
  throw new ClientError("bad-answer", `what answers there (status ${status}) is no gateway of Stadsnod`);
}

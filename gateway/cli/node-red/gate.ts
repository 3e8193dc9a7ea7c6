import { chmod, chown, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { Clock } from "../../model/clock.ts";

export interface GateOptions {
  /** Path of the gate's own Unix socket. */
  readonly socket: string;
  /** Path of the gateway's. */
  readonly gateway: string;
  readonly clock: Clock;
  /** Who may open it; the supervisor's own account when absent. */
  readonly account?: { readonly uid: number; readonly gid: number } | undefined;
  /** The secret of Node-RED's token. Rejects while the gateway cannot be asked. */
  token(): Promise<string>;
  /** The secret was not accepted. */
  onRefused(): void;
}

/** Requests per second that flows may make, and how many at once after a quiet time. */
const rate = { perSecond: 100, burst: 300 };
const mostConnections = 256;
const mostInFlight = 64;

/**
 * The one way from Node-RED to the gateway: a Unix socket where whatever is asked is asked with Node-RED's token,
 * so that flows are no more than that token and never see it. A flood ends here, and not at the gateway.
 */
export async function openGate(options: GateOptions): Promise<AsyncDisposable> {
  const { socket, account, clock } = options;
  const bucket = { tokens: rate.burst, at: clock.monotonic() };
  let inFlight = 0;
  const server = createServer((asked, answer) => {
    const stream = asked.method === "GET" && /^\/v1\/(readings|states|results)\b/.test(asked.url ?? "");
    if (!take(bucket, clock.monotonic()) || (!stream && inFlight >= mostInFlight)) {
      refuse(asked, answer, 429, "too-busy", "flows ask the gateway too often");
      return;
    }
    if (!stream) {
      inFlight++;
      answer.once("close", () => inFlight--);
    }
    // What cannot even be asked, such as a header that HTTP does not know.
    pass(asked, answer, options).catch(() => answer.destroy());
  });
  server.maxConnections = mostConnections;
  await rm(socket, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socket, resolve);
  });
  await chmod(socket, 0o600);
  if (account) await chown(socket, account.uid, account.gid);
  return {
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function take(bucket: { tokens: number; at: number }, now: number): boolean {
  bucket.tokens = Math.min(rate.burst, bucket.tokens + ((now - bucket.at) / 1000) * rate.perSecond);
  bucket.at = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens--;
  return true;
}

async function pass(asked: IncomingMessage, answer: ServerResponse, options: GateOptions): Promise<void> {
  const own = asked.headers.authorization === undefined;
  // Whoever logs in or comes with a login of their own needs no token.
  const needed = own && asked.url !== "/v1/login";
  let authorization = asked.headers.authorization;
  try {
    if (needed) authorization = `Bearer ${await options.token()}`;
  } catch {
    refuse(asked, answer, 503, "gateway-away", "the gateway cannot be asked now");
    return;
  }
  const { host: _host, connection: _connection, ...headers } = asked.headers;
  const forward = request({
    socketPath: options.gateway,
    method: asked.method,
    path: asked.url,
    headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
  });
  forward.once("response", (given) => {
    if (needed && given.statusCode === 401) options.onRefused();
    const { connection: _theirs, "keep-alive": _keep, ...theirHeaders } = given.headers;
    answer.writeHead(given.statusCode ?? 502, theirHeaders);
    answer.flushHeaders();
    given.pipe(answer);
    given.once("error", () => answer.destroy());
  });
  forward.on("error", () => {
    if (answer.headersSent) answer.destroy();
    else refuse(asked, answer, 503, "gateway-away", "no gateway answers");
  });
  answer.once("close", () => forward.destroy());
  asked.pipe(forward);
}

function refuse(
  asked: IncomingMessage,
  answer: ServerResponse,
  status: number,
  error: string,
  message: string,
): void {
  asked.resume();
  answer.writeHead(status, { "content-type": "application/json", "retry-after": "1" });
  answer.end(JSON.stringify({ error, message }));
}

import type { IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { ConfigError, GatewayError, LinkError } from "../model/errors.ts";
import { request as httpRequest } from "./http.ts";

/** Client of the local API of a running daemon, over its Unix socket. */
export interface LocalClient {
  get<T>(path: string): Promise<T>;
  /** Rejects with GatewayError carrying the daemon's own code, message and hint; 422 bodies are returned. */
  post<T>(path: string, body?: unknown): Promise<T>;
  delete<T>(path: string): Promise<T>;
  /** Items of a server-sent event stream. `opened` is called when the daemon has begun to listen for it. */
  events<T>(
    path: string,
    signal: AbortSignal,
    opened?: () => void,
  ): AsyncIterable<{ event: string; data: T }>;
}

export function localClient(socket: string): LocalClient {
  return {
    get: (path) => json(socket, "GET", path),
    post: (path, body) => json(socket, "POST", path, body),
    delete: (path) => json(socket, "DELETE", path),
    async *events<T>(path: string, signal: AbortSignal, opened?: () => void) {
      const response = await open(socket, "GET", path, undefined, signal);
      if ((response.statusCode ?? 0) >= 400) throw refusal(response.statusCode ?? 0, await bodyOf(response));
      opened?.();
      let event = "message";
      try {
        for await (const line of createInterface({ input: response })) {
          if (line.startsWith("event: ")) event = line.slice(7);
          else if (line.startsWith("data: ")) yield { event, data: JSON.parse(line.slice(6)) as T };
          else if (line === "") event = "message";
        }
      } catch (error) {
        if (!signal.aborted) throw gone(socket, error);
      }
      if (!signal.aborted && !response.complete) throw gone(socket);
    },
  };
}

async function json<T>(socket: string, method: string, path: string, body?: unknown): Promise<T> {
  const response = await open(socket, method, path, body);
  const value = await bodyOf(response);
  const status = response.statusCode ?? 0;
  if (status >= 400 && status !== 422) {
    throw refusal(status, value);
  }
  return value;
}

async function bodyOf(response: IncomingMessage) {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

/** The daemon's own words. What it does not know (404) was asked for wrongly. */
function refusal(status: number, { error, message, hint }: Record<string, string | undefined>): GatewayError {
  const text = message ?? `the daemon answered ${status}`;
  const details = { code: error ?? "local-api", hint };
  return status === 404 ? new ConfigError(text, details) : new GatewayError(text, details);
}

function gone(socket: string, cause?: unknown): LinkError {
  return new LinkError(`the gateway on ${socket} went away`, { code: "daemon-unreachable", cause });
}

function open(
  socket: string,
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const request = httpRequest(
      {
        socketPath: socket,
        method,
        path,
        ...(signal ? { signal } : {}),
        headers:
          text === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(text) },
      },
      resolve,
    );
    request.once("error", (cause: NodeJS.ErrnoException) => {
      const denied = cause.code === "EACCES";
      reject(
        new LinkError(denied ? `not allowed to open ${socket}` : `no gateway answers on ${socket}`, {
          code: denied ? "permission-denied" : "daemon-unreachable",
          hint: denied
            ? "join the group that owns the socket, or use sudo"
            : "start it with `stadsnod run`, or say where it listens with --socket",
          cause,
        }),
      );
    });
    request.end(text);
  });
}

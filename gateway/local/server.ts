import { chmod, mkdir, rm, stat } from "node:fs/promises";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import { ConfigError, GatewayError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import { createServer } from "./http.ts";
import type { LocalSurface } from "./surface.ts";

const maxBodyBytes = 64 * 1024;

/**
 * The one door for everything local: HTTP over a Unix socket, guarded by the socket's file mode
 * (0660: owner and group). Until there is a surface it answers 503. Throws ConfigError:
 * `already-running`, `local-socket` (this path can never be one), `local-disk` (the disk takes no socket now).
 */
export async function openLocalServer(
  socket: string,
  surface: () => LocalSurface | undefined,
  log: Log,
): Promise<AsyncDisposable> {
  await prepare(socket);
  await removeStaleSocket(socket);
  const server = createServer((request, response) => {
    const ready = surface();
    if (!ready) {
      return send(response, 503, { error: "starting", message: "the gateway is still starting" });
    }
    handle(ready, request, response).catch((error: unknown) => {
      const known = error instanceof GatewayError;
      if (!known) log.error({ err: error, path: request.url }, "local API request failed");
      send(response, known ? (error instanceof ConfigError ? 404 : 502) : 500, {
        error: known ? error.code : "internal",
        message: known ? error.message : "internal error; see the log",
        ...(known && error.hint ? { hint: error.hint } : {}),
      });
    });
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 10_000;
  server.maxConnections = 64;
  await listen(server, socket);
  await chmod(socket, 0o660);
  return {
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function handle(
  surface: LocalSurface,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://local");
  const filter = {
    device: url.searchParams.get("device") ?? undefined,
    point: url.searchParams.get("point") ?? undefined,
  };
  switch (`${request.method} ${url.pathname}`) {
    case "GET /v1/status":
      return send(response, 200, surface.status());
    case "GET /v1/latest":
      return send(response, 200, surface.latest(filter));
    case "GET /v1/connections":
      return send(response, 200, surface.connections());
    case "GET /v1/accounting":
      return send(response, 200, surface.accounting());
    case "GET /v1/readings":
      return stream(surface, filter, response);
    case "POST /v1/read": {
      const { device, points } = readRequest(await body(request));
      return send(response, 200, await surface.readNow(device, points, ended(response)));
    }
    case "POST /v1/reload": {
      const result = await surface.reload();
      return send(response, result.applied ? 200 : 422, result);
    }
    default:
      return send(response, 404, {
        error: "not-found",
        message: `no ${request.method} ${url.pathname} here`,
      });
  }
}

/** Server-sent events: `data:` holds an array of readings, event `lost` how many a slow reader missed. */
async function stream(
  surface: LocalSurface,
  filter: { device?: string | undefined; point?: string | undefined },
  response: ServerResponse,
): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.flushHeaders();
  const signal = ended(response);
  for await (const item of surface.readings(filter, signal)) {
    const text = "lost" in item ? `event: lost\ndata: ${item.lost}\n\n` : `data: ${JSON.stringify(item)}\n\n`;
    // The subscription behind bounds what waits; here only one item is ever in hand.
    if (!response.write(text)) await drained(response);
    if (signal.aborted) break;
  }
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}

function ended(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once("close", () => controller.abort());
  return controller.signal;
}

function readRequest(value: unknown): { device: string; points: string[] } {
  if (typeof value === "object" && value !== null && "device" in value && typeof value.device === "string") {
    const points = "points" in value ? value.points : [];
    if (Array.isArray(points) && points.every((point) => typeof point === "string")) {
      return { device: value.device, points };
    }
  }
  throw new ConfigError("the body must be {device: string, points?: string[]}", { code: "bad-request" });
}

async function body(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > maxBodyBytes) throw new ConfigError("the body is too large", { code: "body-too-large" });
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch (cause) {
    throw new ConfigError("the body is not JSON", { code: "bad-request", cause });
  }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  if (response.headersSent) {
    response.end();
    return;
  }
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(value)}\n`);
}

function listen(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      reject(socketError(socket, cause));
    });
    server.listen(socket, resolve);
  });
}

async function prepare(socket: string): Promise<void> {
  try {
    await mkdir(dirname(socket), { recursive: true });
  } catch (cause) {
    throw socketError(socket, cause);
  }
}

const diskCodes = new Set(["EROFS", "ENOSPC", "EDQUOT", "EIO"]);

function socketError(socket: string, cause: unknown): ConfigError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
  const ofDisk = diskCodes.has(code);
  return new ConfigError(`cannot open the local socket ${socket} (${code})`, {
    code: ofDisk ? "local-disk" : "local-socket",
    hint: ofDisk
      ? "set `local: {socket: ...}` to a path in memory, such as /run/stadsnod/stadsnod.sock"
      : Buffer.byteLength(socket) > 107
        ? "a Unix socket's path must be shorter than 108 bytes: set `local: {socket: ...}`"
        : "set `local: {socket: ...}` to a path that this user may write",
    cause,
  });
}

/** A socket file that nobody answers on was left by a crash. */
async function removeStaleSocket(socket: string): Promise<void> {
  const found = await stat(socket).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket()) {
    throw new ConfigError(`${socket} exists and is not a socket`, {
      code: "local-socket",
      hint: "remove it, or set `local: {socket: ...}`",
    });
  }
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(socket, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
  if (alive) {
    throw new ConfigError(`another gateway already listens on ${socket}`, {
      code: "already-running",
      hint: "stop it first, or give this one its own `local: {socket: ...}` and `storage: {folder: ...}`",
    });
  }
  await rm(socket, { force: true }).catch((cause: unknown) => {
    throw socketError(socket, cause);
  });
}

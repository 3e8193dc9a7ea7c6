import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { AddressInfo, Server } from "node:net";
import type { Clock } from "../model/clock.ts";
import { ConfigError, type GatewayError, StorageError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { Disk } from "../store/disk.ts";
import type { LocalApp } from "./app.ts";
import type { RequestCounts, RouteContext } from "./context.ts";
import { ApiError } from "./errors.ts";
import { EventStreams } from "./events.ts";
import { createServer, secureHttp } from "./http.ts";
import type { Accounts, Door } from "./identity.ts";
import { LoginGuard } from "./login-guard.ts";
import { openSources } from "./sources.ts";
import type { LocalAudit, LocalSurface } from "./surface.ts";
import { listenOnSocket } from "./unix-socket.ts";

export interface LocalServerOptions {
  /** Path of the Unix socket. */
  readonly socket: string;
  /** Until there is one, everything but /healthz is answered with 503. */
  readonly surface: () => LocalSurface | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly audit?: LocalAudit | undefined;
  readonly limits?: Partial<ServerLimits> | undefined;
  /** Folder of the technician's page, as it was built; may be missing. */
  readonly page?: string | undefined;
}

export interface HttpsOptions {
  readonly port: number;
  /** All addresses when absent. */
  readonly host?: string | undefined;
  /** PEM; without them the gateway makes a certificate of its own, once. */
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined;
  /** Where `users.json` and a certificate of its own are kept. Rejects with StorageError. */
  openDisk(): Promise<Disk>;
  /** Names and addresses that this machine is reached by. */
  readonly names: readonly string[];
  /** Told once, when there are no users: for a person's eyes, and kept nowhere. */
  readonly firstPassword: (user: string, password: string) => void;
}

export interface ServerLimits {
  /** For the head of a request. */
  readonly headersMs: number;
  /** For a whole request. */
  readonly requestMs: number;
  readonly checkEveryMs: number;
  readonly socketConnections: number;
  readonly httpsConnections: number;
}

const usualLimits: ServerLimits = {
  headersMs: 5000,
  requestMs: 10_000,
  checkEveryMs: 2000,
  socketConnections: 1100,
  // A TLS connection takes about 40 kB, and anybody may open one.
  httpsConnections: 256,
};

/** The second door, while it is open. */
export interface HttpsDoor {
  readonly port: number;
  /** SHA-256 of the certificate. */
  readonly fingerprint: string;
}

export interface LocalServer extends AsyncDisposable {
  /** Opens the second door. Rejects with ConfigError `https-port`, `https-certificate`, or StorageError: then it stays shut. */
  openHttps(options: HttpsOptions): Promise<HttpsDoor>;
  readonly streams: EventStreams;
}

/**
 * The one door for everything local: HTTP over a Unix socket, guarded by the socket's file mode, and HTTPS
 * with users where it is opened. Rejects as `listenOnSocket`.
 */
export async function openLocalServer(options: LocalServerOptions): Promise<LocalServer> {
  const { socket, surface, clock, log, audit = silentAudit, page } = options;
  const limits = { ...usualLimits, ...options.limits };
  const streams = new EventStreams(clock);
  const counts: RequestCounts = { byClass: new Map(), loginsFailed: 0, loginsSucceeded: 0 };
  let accounts: Accounts | undefined;
  const ready = () => {
    const here = surface();
    if (here) return here;
    throw new ApiError(503, "starting", "the gateway is still starting", { retryAfter: 1 });
  };
  const context: RouteContext = {
    surface: ready,
    clock,
    log,
    audit,
    get accounts() {
      return accounts;
    },
    guard: new LoginGuard(clock),
    streams,
    sources: openSources(ready, clock, (error) => {
      log.error({ err: error }, "an event stream of the local API has ended");
    }),
    counts,
    page,
  };
  // Loaded when somebody asks for something: a gateway that nobody asks does without its 6 MB.
  let app: Promise<LocalApp> | undefined;
  const handle = (door: Door): RequestListener => {
    return (request: IncomingMessage, response: ServerResponse) => {
      app ??= import("./app.ts").then(({ openApp }) => openApp(context));
      app.then(
        (opened) => opened.handle(door, request, response),
        (error: unknown) => {
          log.error({ err: error }, "the local API cannot answer");
          response.destroy();
        },
      );
    };
  };
  await using opening = new AsyncDisposableStack();
  opening.defer(async () => (await app)?.[Symbol.asyncDispose]());
  opening.use(streams);
  const http = { connectionsCheckingInterval: limits.checkEveryMs };
  const server = createServer(http, handle("socket"));
  limit(server, limits, limits.socketConnections);
  await listenOnSocket(server, socket);
  opening.defer(() => closed(server));
  const open = opening.move();
  return {
    streams,
    async openHttps({ port, host, certificate, openDisk, names, firstPassword }) {
      // Only where they are needed: a gateway with one door does without their memory.
      const [{ serverCertificate }, { Passwords }, { Sessions }, { openUsers }] = await Promise.all([
        import("./https.ts"),
        import("./passwords.ts"),
        import("./sessions.ts"),
        import("./users.ts"),
      ]);
      const disk = await openDisk();
      const { cert, key, fingerprint } = await serverCertificate({ certificate, disk, names, clock });
      const users = await openUsers({ disk, passwords: new Passwords(), firstPassword });
      const secure = createSecure({ cert, key }, http, handle("https"));
      limit(secure, limits, limits.httpsConnections);
      // Of one who does not speak TLS, or hangs up in between: nobody's fault here.
      secure.on("tlsClientError", (_error, socket) => socket.destroy());
      const bound = await listenOnPort(secure, port, host);
      open.defer(() => closed(secure));
      accounts = { users, sessions: new Sessions(clock) };
      return { port: bound, fingerprint };
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

type HttpServer = ReturnType<typeof createServer>;
type HttpsServer = ReturnType<ReturnType<typeof secureHttp>["createServer"]>;

function createSecure(
  pair: { cert: string; key: string },
  http: { connectionsCheckingInterval: number },
  listener: RequestListener,
): HttpsServer {
  try {
    return secureHttp().createServer(
      { ...pair, ...http, minVersion: "TLSv1.2", handshakeTimeout: 10_000 },
      listener,
    );
  } catch (cause) {
    throw new ConfigError("the certificate and key of `local: {https: ...}` cannot be used", {
      code: "https-certificate",
      hint: "both are PEM files, and the key belongs to the certificate and has no passphrase",
      cause,
    });
  }
}

function limit(server: HttpServer | HttpsServer, limits: ServerLimits, connections: number): void {
  server.headersTimeout = limits.headersMs;
  server.requestTimeout = limits.requestMs;
  server.maxConnections = connections;
}

function listenOnPort(server: Server, port: number, host: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      reject(
        new ConfigError(`cannot listen on port ${port} (${cause.code})`, {
          code: "https-port",
          hint: "set `local: {https: {port: ...}}` to a free port from 1024 on",
          cause,
        }),
      );
    });
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      const address: AddressInfo | string | null = server.address();
      resolve(typeof address === "object" && address ? address.port : port);
    });
  });
}

function closed(server: HttpServer | HttpsServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

const silentAudit: LocalAudit = { record: async () => {} };

/** What keeps the second door shut without keeping the gateway from its work. */
export function isDoorProblem(error: unknown): error is GatewayError {
  return error instanceof ConfigError || error instanceof StorageError;
}

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import Fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import * as z from "zod";
import { access, allows, isRoute, type RouteKey } from "./access.ts";
import type { App, RouteContext, ZodTypes } from "./context.ts";
import { ApiError, answerOf } from "./errors.ts";
import { createServer } from "./http.ts";
import { type Door, type Identity, identify, refuseCrossSite } from "./identity.ts";
import { securityHeaders } from "./request.ts";
import { commandRoutes } from "./routes/commands.ts";
import { commissioningRoutes } from "./routes/commissioning.ts";
import { configurationRoutes } from "./routes/configuration.ts";
import { deviceRoutes } from "./routes/devices.ts";
import { eventRoutes } from "./routes/events.ts";
import { healthRoutes } from "./routes/health.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { pageRoutes } from "./routes/page.ts";
import { payloadRoutes } from "./routes/payloads.ts";
import { pointRoutes } from "./routes/points.ts";
import { readingRoutes } from "./routes/readings.ts";
import { serviceRoutes } from "./routes/service.ts";
import { sessionRoutes } from "./routes/session.ts";
import { statusRoutes } from "./routes/status.ts";
import { updateRoutes } from "./routes/update.ts";
import { userRoutes } from "./routes/users.ts";

/** The one application behind all doors. */
export interface LocalApp extends AsyncDisposable {
  /** Takes a request that came in at a door. */
  handle(door: Door, request: IncomingMessage, response: ServerResponse): void;
  /** Every route there is. */
  readonly routes: readonly RouteKey[];
}

const bodyLimit = 64 * 1024;

/** What may be done before a password that somebody else gave has been changed. */
const beforeChange: ReadonlySet<RouteKey> = new Set([
  "GET /v1/session",
  "POST /v1/logout",
  "POST /v1/password",
]);

const groups = [
  pageRoutes,
  healthRoutes,
  statusRoutes,
  deviceRoutes,
  readingRoutes,
  eventRoutes,
  commandRoutes,
  pointRoutes,
  payloadRoutes,
  configurationRoutes,
  commissioningRoutes,
  serviceRoutes,
  updateRoutes,
  jobRoutes,
  sessionRoutes,
  userRoutes,
];

export async function openApp(context: RouteContext): Promise<LocalApp> {
  const app: App = Fastify<Server>({
    logger: false,
    bodyLimit,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 200 },
    // The doors listen, see server.ts; this server never does.
    serverFactory: () => createServer(),
    // Without these Fastify loads ajv and fast-json-stringify: 6 MB. What is used instead is set below.
    schemaController: { compilersFactory: { buildValidator: () => unused, buildSerializer: () => unused } },
  }).withTypeProvider<ZodTypes>();
  app.setValidatorCompiler(validator);
  app.setSerializerCompiler(() => JSON.stringify);
  const doors = new WeakMap<IncomingMessage, Door>();
  const routes: RouteKey[] = [];
  app.decorateRequest("door", "https");
  app.decorateRequest("identity", undefined);
  app.addHook("onRoute", ({ method, url }) => {
    const key = `${String(method)} ${url}`;
    if (!isRoute(key)) throw new Error(`access.ts says nothing of ${key}`);
    routes.push(key);
  });
  app.addHook("onRequest", async (request, reply) => {
    request.door = doors.get(request.raw) ?? "https";
    reply.headers(securityHeaders);
    const key = `${request.method} ${request.routeOptions.url ?? ""}`;
    if (isRoute(key)) request.identity = letIn(key, request, context);
  });
  app.addHook("onResponse", async (_request, reply) => {
    const kind = `${Math.floor(reply.statusCode / 100)}xx`;
    context.counts.byClass.set(kind, (context.counts.byClass.get(kind) ?? 0) + 1);
  });
  takeBodies(app);
  app.setReplySerializer((payload) => `${JSON.stringify(payload)}\n`);
  app.setErrorHandler((error, request, reply) => refuse(error, request, reply, context));
  app.setNotFoundHandler((request) => {
    throw new ApiError(
      404,
      "not-found",
      `no ${request.method} ${request.url.split("?")[0]?.slice(0, 100)} here`,
    );
  });
  for (const add of groups) add(app, context);
  await app.ready();
  return {
    routes,
    handle(door, request, response) {
      doors.set(request, door);
      app.routing(request, response);
    },
    [Symbol.asyncDispose]: () => app.close(),
  };
}

function letIn(key: RouteKey, request: FastifyRequest, context: RouteContext): Identity | undefined {
  const needed = access[key];
  if (needed === "anyone") return undefined;
  const identity = identify(request.door, request.headers, context.accounts);
  if (!identity)
    throw new ApiError(401, "login-needed", "log in first", {
      hint: "POST /v1/login, or send an API token as Authorization: Bearer",
    });
  refuseCrossSite(identity, request.method, request.headers);
  if (needed === "session" && identity.kind !== "session")
    throw new ApiError(403, "no-session", "this is for who has logged in with a password");
  if (!allows(identity.role, needed))
    throw new ApiError(
      403,
      "not-allowed",
      `this needs the role ${needed}, and ${identity.name} is ${identity.role}`,
    );
  if (identity.mustChange && !beforeChange.has(key))
    throw new ApiError(403, "password-change-needed", "choose a password of your own first", {
      hint: "POST /v1/password with {old, new}",
    });
  return identity;
}

const unused = (): never => {
  throw new Error("no compiler of Fastify is used");
};

const validator =
  ({ schema }: { schema: unknown }) =>
  (data: unknown) => {
    if (!(schema instanceof z.ZodType)) return { value: data };
    const checked = schema.safeParse(data ?? {});
    return checked.success ? { value: checked.data } : { error: checked.error };
  };

/** JSON, also where nothing is said of its kind. A form, which any web page may send, is refused. */
function takeBodies(app: App): void {
  const json = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else void json(request, String(body), done);
  });
  app.addContentTypeParser("*", { parseAs: "string" }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else if (request.headers["content-type"] === undefined) void json(request, String(body), done);
    else
      done(
        new ApiError(415, "wrong-content-type", "the body must come as content-type: application/json"),
        undefined,
      );
  });
}

function refuse(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  { log }: RouteContext,
): FastifyReply {
  const { status, body, retryAfter, unknown } = answerOf(error);
  if (unknown)
    log.error(
      { err: error, method: request.method, route: request.routeOptions.url },
      "local API request failed",
    );
  if (retryAfter !== undefined) reply.header("retry-after", retryAfter);
  return reply.code(status).send(body);
}

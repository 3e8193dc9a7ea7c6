import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyBaseLogger, FastifyInstance, FastifyTypeProvider, RawServerDefault } from "fastify";
import type * as z from "zod";
import type { Clock } from "../model/clock.ts";
import type { Log } from "../model/log.ts";
import type { EventStreams } from "./events.ts";
import type { Accounts, Door, Identity } from "./identity.ts";
import type { LoginGuard } from "./login-guard.ts";
import type { Sources } from "./sources.ts";
import type { LocalAudit, LocalSurface } from "./surface.ts";

/** The zod schema of a route gives its handler's types. */
export interface ZodTypes extends FastifyTypeProvider {
  readonly validator: this["schema"] extends z.ZodType ? z.output<this["schema"]> : unknown;
  readonly serializer: unknown;
}

export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypes
>;

/** Counters for people and metrics. */
export interface RequestCounts {
  /** By class of the HTTP status: `2xx`. */
  readonly byClass: Map<string, number>;
  loginsFailed: number;
  loginsSucceeded: number;
}

/** What the routes work with. */
export interface RouteContext {
  /** Throws ApiError `starting` until the gateway is there. */
  surface(): LocalSurface;
  readonly clock: Clock;
  readonly log: Log;
  readonly audit: LocalAudit;
  /** Undefined without HTTPS: then there are no users. */
  readonly accounts: Accounts | undefined;
  readonly guard: LoginGuard;
  readonly streams: EventStreams;
  readonly sources: Sources;
  readonly counts: RequestCounts;
  /** Folder of the technician's page. */
  readonly page?: string | undefined;
}

declare module "fastify" {
  interface FastifyRequest {
    door: Door;
    /** Undefined only on routes for anyone. */
    identity: Identity | undefined;
  }
}

import type { FastifyReply, FastifyRequest } from "fastify";
import type { RouteContext } from "./context.ts";
import type { EventStreamOptions } from "./events.ts";
import type { EventCursor } from "./fan.ts";
import { identityOf, securityHeaders } from "./request.ts";

/** Answers with an event stream, while there is room for one more. Throws ApiError `too-many-streams`. */
export function openStream(
  { streams, log }: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { cursor, ...options }: Pick<EventStreamOptions, "batch" | "first"> & { cursor: () => EventCursor },
): void {
  const { name, isAlive } = identityOf(request);
  streams.admit(name);
  // What goes on for hours is written by ourselves.
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { ...securityHeaders, "content-type": "text/event-stream" });
  raw.flushHeaders();
  streams.serve(raw, { ...options, name, isAlive, cursor: cursor() }).catch((error: unknown) => {
    log.error({ err: error, route: request.routeOptions.url }, "an event stream failed");
    raw.destroy();
  });
}

import type { FastifyReply, FastifyRequest } from "fastify";
import type { App, RouteContext } from "../context.ts";
import type { FanFilter } from "../fan.ts";
import { identityOf, present, securityHeaders } from "../request.ts";
import { filterQuery, resultsQuery } from "../schemas.ts";
import { itemOf, type Source } from "../sources.ts";
import { statesOf } from "../states.ts";

/** Server-sent events: what is first, then what changes. */
export function eventRoutes(app: App, context: RouteContext): void {
  const { surface, streams, sources } = context;

  app.get("/v1/readings", { schema: { querystring: filterQuery } }, (request, reply) => {
    const { query } = request;
    const first = (from: number) =>
      surface()
        .latest(query)
        .slice(from, from + 100)
        .map((reading) => JSON.stringify(reading));
    stream(request, reply, sources.readings, query, { batch: true, first });
  });

  app.get("/v1/states", (request, reply) => {
    const first = (from: number) =>
      Array.from(statesOf(surface().status()).values(), (state) => itemOf(state).text).slice(from);
    stream(request, reply, sources.states, {}, { batch: true, first });
  });

  app.get("/v1/results", { schema: { querystring: resultsQuery } }, (request, reply) => {
    present(surface().commands, "no-commands", "this gateway takes no commands");
    stream(request, reply, sources.results, request.query, { batch: false });
  });

  function stream(
    request: FastifyRequest,
    reply: FastifyReply,
    source: Source,
    filter: FanFilter,
    options: { batch: boolean; first?: (from: number) => readonly string[] },
  ): void {
    const { name, isAlive } = identityOf(request);
    streams.admit(name);
    // What goes on for hours is written by ourselves.
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { ...securityHeaders, "content-type": "text/event-stream" });
    raw.flushHeaders();
    streams.serve(raw, { ...options, name, isAlive, cursor: source.join(filter) }).catch((error: unknown) => {
      context.log.error({ err: error, route: request.routeOptions.url }, "an event stream failed");
      raw.destroy();
    });
  }
}

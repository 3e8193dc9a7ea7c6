import type { App, RouteContext } from "../context.ts";
import { present } from "../request.ts";
import { filterQuery, resultsQuery } from "../schemas.ts";
import { itemOf } from "../sources.ts";
import { statesOf } from "../states.ts";
import { openStream } from "../stream.ts";

/** Server-sent events: what is first, then what changes. */
export function eventRoutes(app: App, context: RouteContext): void {
  const { surface, sources } = context;

  app.get("/v1/readings", { schema: { querystring: filterQuery } }, (request, reply) => {
    const { query } = request;
    const first = (from: number) =>
      surface()
        .latest(query)
        .slice(from, from + 100)
        .map((reading) => JSON.stringify(reading));
    openStream(context, request, reply, { batch: true, first, cursor: () => sources.readings.join(query) });
  });

  app.get("/v1/states", (request, reply) => {
    const first = (from: number) =>
      Array.from(statesOf(surface().status()).values(), (state) => itemOf(state).text).slice(from);
    openStream(context, request, reply, { batch: true, first, cursor: () => sources.states.join() });
  });

  app.get("/v1/results", { schema: { querystring: resultsQuery } }, (request, reply) => {
    present(surface().commands, "no-commands", "this gateway takes no commands");
    openStream(context, request, reply, { batch: false, cursor: () => sources.results.join(request.query) });
  });
}

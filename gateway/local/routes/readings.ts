import type { App, RouteContext } from "../context.ts";
import { ended, present, queryOf } from "../request.ts";
import { filterQuery, historyQuery, readBody } from "../schemas.ts";

export function readingRoutes(app: App, { surface }: RouteContext): void {
  app.get("/v1/latest", { schema: { querystring: filterQuery } }, ({ query }) => surface().latest(query));

  app.get("/v1/history", { schema: { querystring: historyQuery } }, async (request) => {
    const here = surface();
    present(here.history, "no-history", "this gateway keeps no history", "see `history:` of gateway.yaml");
    return here.history?.(queryOf(request));
  });

  app.post("/v1/read", { schema: { body: readBody } }, async ({ body }, reply) =>
    surface().readNow(body.device, body.points, ended(reply)),
  );
}

import type { App, RouteContext } from "../context.ts";
import { contentType, renderMetrics } from "../metrics.ts";

export function statusRoutes(app: App, context: RouteContext): void {
  const { surface } = context;
  app.get("/v1/status", () => surface().status());
  app.get("/v1/connections", () => surface().connections());
  app.get("/v1/accounting", () => surface().accounting());
  app.get("/metrics", (_request, reply) => reply.type(contentType).send(renderMetrics(context)));
}

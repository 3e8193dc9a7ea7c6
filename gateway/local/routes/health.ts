import type { App, RouteContext } from "../context.ts";
import { ApiError } from "../errors.ts";

/** Whether the process lives, whether it does its work, and what the API is. */
export function healthRoutes(app: App, { surface }: RouteContext): void {
  let document: string | undefined;

  app.get("/healthz", () => ({ ok: true }));

  app.get("/readyz", () => {
    const why = surface().unready?.();
    if (why !== undefined) throw new ApiError(503, "not-ready", why, { retryAfter: 5 });
    return { ok: true };
  });

  app.get("/v1/openapi.json", async (_request, reply) => {
    // Made when somebody asks: its schemas are megabytes that the gateway can do without.
    document ??= JSON.stringify((await import("../openapi.ts")).openApiDocument());
    return reply.type("application/json").send(document);
  });
}

import type { App, RouteContext } from "../context.ts";
import { identityOf, present, queryOf } from "../request.ts";
import { auditQuery, checkBody, logsQuery } from "../schemas.ts";

const noFile = ["no-configuration", "this gateway has no configuration file"] as const;
/** A text in JSON takes more room than the text. */
const checkLimit = 2 * 1024 * 1024;

/** What the gateway is told, and what it tells of itself. */
export function configurationRoutes(app: App, { surface, audit }: RouteContext): void {
  app.get("/v1/configuration", async () => {
    const here = surface();
    present(here.configText, ...noFile);
    return { text: await here.configText?.() };
  });

  app.post(
    "/v1/configuration/check",
    { bodyLimit: checkLimit, schema: { body: checkBody } },
    async ({ body }) => {
      const here = surface();
      present(here.checkConfig, ...noFile);
      return { diagnostics: await here.checkConfig?.(body.text) };
    },
  );

  app.post("/v1/reload", async (request, reply) => {
    const result = await surface().reload();
    const { applied, changes } = result;
    await audit.record({
      what: "config",
      who: identityOf(request).name,
      detail: { action: "reload", applied, changes },
    });
    return reply.code(applied ? 200 : 422).send(result);
  });

  app.get("/v1/logs", { schema: { querystring: logsQuery } }, ({ query }) => {
    const here = surface();
    present(here.logs, "no-logs", "this gateway keeps no lines of its log");
    return { lines: here.logs?.(query.lines) };
  });

  app.get("/v1/audit-log", { schema: { querystring: auditQuery } }, async (request) => {
    const here = surface();
    present(here.auditLog, "no-audit-log", "this gateway keeps no audit log");
    return here.auditLog?.(queryOf(request));
  });
}

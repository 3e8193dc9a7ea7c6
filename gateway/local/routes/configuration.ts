import type { App, RouteContext } from "../context.ts";
import { refusedAs } from "../refused.ts";
import { identityOf, present, queryOf } from "../request.ts";
import { applyBody, auditQuery, checkBody, generationPath, logsQuery, rollBackBody } from "../schemas.ts";

const noFile = ["no-configuration", "this gateway has no configuration file"] as const;
/** A text in JSON takes more room than the text. */
const textLimit = 2 * 1024 * 1024;
const statuses = {
  "changed-meanwhile": 409,
  "cannot-edit": 422,
  "bad-configuration": 422,
} as const;

/** What the gateway is told, and what it tells of itself. */
export function configurationRoutes(app: App, { surface, audit }: RouteContext): void {
  const service = () => surface().service?.configuration;
  const here = () => present(service(), ...noFile);

  app.get("/v1/configuration", async () => {
    const read = service();
    if (read) return read.read();
    const { configText } = surface();
    return { text: await present(configText, ...noFile)() };
  });

  app.post(
    "/v1/configuration/check",
    { bodyLimit: textLimit, schema: { body: checkBody } },
    async ({ body }) => {
      const checks = service();
      if (checks) return checks.check(body.text);
      const { checkConfig } = surface();
      return {
        diagnostics: await present(checkConfig, ...noFile)(body.text),
        changes: [],
        restartNeeded: [],
      };
    },
  );

  app.post(
    "/v1/configuration/apply",
    { bodyLimit: textLimit, schema: { body: applyBody } },
    async (request, reply) => {
      const { text, hash, note } = request.body;
      const who = identityOf(request).name;
      const result = await here().apply(text, hash, who, note).catch(refusedAs(statuses));
      const { applied, changes, generation } = result;
      await audit.record({
        what: "config",
        who,
        detail: { action: "apply", applied, changes, generation, note },
      });
      return reply.code(applied ? 200 : 422).send(result);
    },
  );

  app.get("/v1/configuration/generations", () => here().generations());

  app.get("/v1/configuration/generations/:number", { schema: { params: generationPath } }, ({ params }) =>
    here().generation(params.number),
  );

  app.post("/v1/configuration/roll-back", { schema: { body: rollBackBody } }, async (request, reply) => {
    const { generation } = request.body;
    const who = identityOf(request).name;
    const result = await here().rollBack(generation, who).catch(refusedAs(statuses));
    const { applied, changes } = result;
    await audit.record({
      what: "config",
      who,
      detail: { action: "roll-back", to: generation, applied, changes },
    });
    return reply.code(applied ? 200 : 422).send(result);
  });

  app.get("/v1/configuration/schema", async (_request, reply) =>
    reply.type("application/json").send(await here().schema()),
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
    const { logs } = surface();
    present(logs, "no-logs", "this gateway keeps no lines of its log");
    return { lines: logs?.(query.lines) };
  });

  app.get("/v1/audit-log", { schema: { querystring: auditQuery } }, async (request) => {
    const { auditLog } = surface();
    return present(auditLog, "no-audit-log", "this gateway keeps no audit log")(queryOf(request));
  });
}

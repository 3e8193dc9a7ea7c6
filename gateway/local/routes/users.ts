import type { App, RouteContext } from "../context.ts";
import type { Accounts } from "../identity.ts";
import { identityOf, present } from "../request.ts";
import { namePath, resetBody, tokenBody, userBody } from "../schemas.ts";
import { usersHint } from "./session.ts";

/** Users and machine tokens, for admins. A password or secret is told once, in the answer that made it. */
export function userRoutes(app: App, context: RouteContext): void {
  const { audit } = context;
  const here = (): Accounts => present(context.accounts, "no-users", "this gateway has no users", usersHint);
  const record = (request: Parameters<typeof identityOf>[0], detail: Record<string, unknown>) =>
    audit.record({ what: "user", who: identityOf(request).name, detail });

  app.get("/v1/users", () => here().users.list());

  app.post("/v1/users", { schema: { body: userBody } }, async (request, reply) => {
    const { name, role, password } = request.body;
    const made = await here().users.add(name, role, password);
    await record(request, { action: "add-user", user: name, role });
    return reply
      .code(201)
      .send({ ...made.user, ...(password === undefined ? { password: made.password } : {}) });
  });

  app.delete("/v1/users/:name", { schema: { params: namePath } }, async (request) => {
    const { name } = request.params;
    await here().users.remove(name);
    here().sessions.endAll(name);
    await record(request, { action: "remove-user", user: name });
    return { ok: true };
  });

  app.post("/v1/users/:name/password", { schema: { params: namePath, body: resetBody } }, async (request) => {
    const { name } = request.params;
    const { password } = request.body;
    const given = await here().users.setPassword(name, password, true);
    here().sessions.endAll(name);
    await record(request, { action: "reset-password", user: name });
    return { name, ...(password === undefined ? { password: given } : {}) };
  });

  app.get("/v1/tokens", () => here().users.tokens());

  app.post("/v1/tokens", { schema: { body: tokenBody } }, async (request, reply) => {
    const token = { ...request.body, by: identityOf(request).name };
    const secret = await here().users.addToken(token);
    await record(request, {
      action: "add-token",
      token: token.name,
      role: token.role,
      priority: token.priority,
    });
    return reply.code(201).send({ ...token, secret });
  });

  app.delete("/v1/tokens/:name", { schema: { params: namePath } }, async (request) => {
    const { name } = request.params;
    await here().users.removeToken(name);
    await record(request, { action: "remove-token", token: name });
    return { ok: true };
  });
}

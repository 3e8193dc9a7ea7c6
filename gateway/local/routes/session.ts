import type { App, RouteContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { type Accounts, cookieName } from "../identity.ts";
import { identityOf, present } from "../request.ts";
import { loginBody, passwordBody } from "../schemas.ts";

/** Logging in and out, and the user's own password. */
export function sessionRoutes(app: App, context: RouteContext): void {
  const { guard, audit, counts } = context;
  // Asked for each time: the second door may open after the first request.
  const here = (): Accounts => present(context.accounts, "no-users", "this gateway has no users", usersHint);
  const cookie = (value: string, seconds: number) =>
    `${cookieName}=${value}; Path=/; Max-Age=${seconds}; Secure; HttpOnly; SameSite=Strict`;

  app.post("/v1/login", { schema: { body: loginBody } }, async ({ body, raw }, reply) => {
    const { users, sessions } = here();
    const { user: name, password } = body;
    const address = raw.socket.remoteAddress ?? "socket";
    guard.check(name, address);
    guard.failed(name, address);
    const user = await users.login(name, password);
    if (!user) {
      counts.loginsFailed++;
      // Many a password is typed where the name belongs: what is nobody's name is not written down.
      const who = users.find(name) ? name : "unknown";
      await audit.record({ what: "user", who, detail: { action: "login-failed", address } });
      throw new ApiError(401, "wrong-login", "the user or the password is wrong");
    }
    guard.succeeded(name, address);
    counts.loginsSucceeded++;
    const token = sessions.begin(name);
    await audit.record({ what: "user", who: name, detail: { action: "login", address } });
    reply.header("set-cookie", cookie(token, Math.floor(sessions.longestMs / 1000)));
    return { token, user: name, role: user.role, mustChange: user.mustChange };
  });

  app.get("/v1/session", (request) => {
    const { name, role, mustChange } = identityOf(request);
    return { user: name, role, mustChange };
  });

  app.post("/v1/logout", async (request, reply) => {
    const { name, token = "" } = identityOf(request);
    here().sessions.end(token);
    await audit.record({ what: "user", who: name, detail: { action: "logout" } });
    reply.header("set-cookie", cookie("", 0));
    return { ok: true };
  });

  app.post("/v1/password", { schema: { body: passwordBody } }, async (request) => {
    const { users, sessions } = here();
    const { name, token } = identityOf(request);
    const address = request.raw.socket.remoteAddress ?? "socket";
    const { body } = request;
    guard.check(name, address);
    guard.failed(name, address);
    if (!(await users.login(name, body.old))) {
      counts.loginsFailed++;
      throw new ApiError(403, "wrong-login", "the old password is wrong");
    }
    guard.succeeded(name, address);
    if (body.new === body.old) throw new ApiError(400, "weak-password", "this is the old password");
    await users.setPassword(name, body.new, false);
    // Whoever else knew the old one is out.
    sessions.endAll(name, token);
    await audit.record({ what: "user", who: name, detail: { action: "password" } });
    return { ok: true };
  });
}

export const usersHint = "users are for the HTTPS door: set `local: {https: {port: 8443}}`";

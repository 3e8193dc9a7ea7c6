import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { access, roles } from "../../gateway/local/access.ts";
import { VirtualClock } from "../fault/virtual-clock.ts";
import { type Doors, openDoors } from "./local-doors.ts";

// Who may do what, written down once more: a route that is added without thinking of this fails here.
const expected: readonly [route: string, from: "anyone" | "session" | (typeof roles)[number]][] = [
  ["GET /healthz", "anyone"],
  ["GET /readyz", "anyone"],
  ["GET /v1/openapi.json", "anyone"],
  ["POST /v1/login", "anyone"],
  ["GET /", "anyone"],
  ["HEAD /", "anyone"],
  ["GET /assets/:file", "anyone"],
  ["HEAD /assets/:file", "anyone"],
  ["GET /v1/session", "session"],
  ["POST /v1/logout", "session"],
  ["POST /v1/password", "session"],
  ["GET /metrics", "viewer"],
  ["GET /v1/status", "viewer"],
  ["GET /v1/devices", "viewer"],
  ["GET /v1/devices/:device", "viewer"],
  ["GET /v1/latest", "viewer"],
  ["GET /v1/history", "viewer"],
  ["GET /v1/readings", "viewer"],
  ["GET /v1/states", "viewer"],
  ["GET /v1/results", "viewer"],
  ["GET /v1/connections", "viewer"],
  ["GET /v1/accounting", "viewer"],
  ["GET /v1/commands", "viewer"],
  ["GET /v1/commands/:id", "viewer"],
  ["GET /v1/holds", "viewer"],
  ["GET /v1/profiles", "viewer"],
  ["GET /v1/machine", "viewer"],
  ["GET /v1/alarms", "viewer"],
  ["GET /v1/update", "viewer"],
  ["GET /v1/update/bundles", "admin"],
  ["POST /v1/update/install", "admin"],
  ["POST /v1/update/commit", "admin"],
  ["POST /v1/update/roll-back", "admin"],
  ["GET /v1/enrolment", "viewer"],
  ["POST /v1/read", "technician"],
  ["GET /v1/ports", "technician"],
  ["GET /v1/frames/:connection", "technician"],
  ["GET /v1/jobs", "technician"],
  ["POST /v1/jobs", "technician"],
  ["POST /v1/jobs/cost", "technician"],
  ["GET /v1/jobs/:id", "technician"],
  ["DELETE /v1/jobs/:id", "technician"],
  ["GET /v1/jobs/:id/events", "technician"],
  ["GET /v1/jobs/:id/files/:name", "technician"],
  ["GET /v1/configuration", "admin"],
  ["POST /v1/decode", "technician"],
  ["POST /v1/encode", "technician"],
  ["POST /v1/configuration/check", "admin"],
  ["POST /v1/configuration/apply", "admin"],
  ["GET /v1/configuration/generations", "admin"],
  ["GET /v1/configuration/generations/:number", "admin"],
  ["POST /v1/configuration/roll-back", "admin"],
  ["GET /v1/configuration/schema", "technician"],
  ["GET /v1/commissioning", "technician"],
  ["POST /v1/commissioning/devices", "technician"],
  ["DELETE /v1/commissioning/devices/:device", "technician"],
  ["POST /v1/commissioning/checks", "technician"],
  ["POST /v1/commissioning/accept", "technician"],
  ["POST /v1/commissioning/test", "technician"],
  ["GET /v1/commissioning/reports/:file", "technician"],
  ["GET /v1/logs", "technician"],
  ["GET /v1/audit-log", "technician"],
  ["POST /v1/commands", "operator"],
  ["POST /v1/points", "operator"],
  ["POST /v1/reload", "admin"],
  ["GET /v1/users", "admin"],
  ["POST /v1/users", "admin"],
  ["DELETE /v1/users/:name", "admin"],
  ["POST /v1/users/:name/password", "admin"],
  ["GET /v1/tokens", "admin"],
  ["POST /v1/tokens", "admin"],
  ["DELETE /v1/tokens/:name", "admin"],
];

/** A request of this route that changes nothing when it is let in: bodies are empty, names are nobody's. */
function requestOf(route: string): { method: string; path: string; body?: object } {
  const [method = "", path = ""] = route.split(" ");
  const filled = path
    .replace(":name", "nobody")
    .replace(":device", "lamp-1")
    .replace(":id", "x")
    .replace(":connection", "roof")
    .replace(":file", "main-1a2b3c4d.js");
  return { method, path: filled, ...(method === "POST" ? { body: {} } : {}) };
}

describe("the table of access", () => {
  let doors: Doors;
  const tokens = new Map<string, string>();
  const sessions = new Map<string, string>();

  beforeAll(async () => {
    doors = await openDoors();
    for (const role of roles) {
      tokens.set(role, await doors.tokenOf(role));
      sessions.set(role, await doors.sessionOf(role));
    }
  });
  afterAll(() => doors[Symbol.asyncDispose]());

  it("names every route once, and no other", () => {
    expect(Object.entries(access).toSorted()).toEqual(expected.toSorted());
  });

  const allowed = (role: (typeof roles)[number], from: string) =>
    from === "anyone" || roles.indexOf(role) >= ([...roles] as string[]).indexOf(from);

  describe.each(expected)("%s, from %s on", (route, from) => {
    const asked = requestOf(route);

    it("by HTTPS without a login", async () => {
      const { status, json } = await doors.ask(asked);
      if (from === "anyone") expect([200, 400]).toContain(status);
      else expect([status, json.error]).toEqual([401, "login-needed"]);
    });

    it.each(roles)("by HTTPS with a token of a %s", async (role) => {
      const headers = { authorization: `Bearer ${tokens.get(role)}` };
      const { status, json } = await doors.ask({ ...asked, headers });
      if (from === "session") expect([status, json.error]).toEqual([403, "no-session"]);
      else if (allowed(role, from)) expect([200, 400, 404]).toContain(status);
      else expect([status, json.error]).toEqual([403, "not-allowed"]);
    });

    it.each(roles)("by HTTPS with a session of a %s", async (role) => {
      const cookie = `__Host-stadsnod=${sessions.get(role)}`;
      const { status, json } = await doors.ask({ ...asked, headers: { cookie, "x-stadsnod": "1" } });
      if (from === "session" || allowed(role, from)) expect([200, 400, 404]).toContain(status);
      else expect([status, json.error]).toEqual([403, "not-allowed"]);
      if (route === "POST /v1/logout") sessions.set(role, await doors.sessionOf(role));
    });

    it("by the socket", async () => {
      const { status, json } = await doors.ask({ ...asked, door: "socket" });
      if (from === "session") expect([status, json.error]).toEqual([403, "no-session"]);
      else expect([200, 400, 404]).toContain(status);
    });
  });

  it("answers 404 for what is no route, whoever asks", async () => {
    for (const path of ["/v1", "/v1/users/a/b", "/v1/nothing", "/v1/status/"])
      expect(await doors.ask({ path })).toMatchObject({ status: 404, json: { error: "not-found" } });
    expect(await doors.ask({ method: "DELETE", path: "/v1/status" })).toMatchObject({ status: 404 });
  });
});

describe("logins", () => {
  it("begin with a first password that must be changed, and is told to nobody else", async () => {
    await using doors = await openDoors();
    const { password } = doors;
    expect(password).toMatch(/^([a-z2-9]{4}-){3}[a-z2-9]{4}$/);
    const login = await doors.ask({ method: "POST", path: "/v1/login", body: { user: "admin", password } });
    expect(login.json).toMatchObject({ user: "admin", role: "admin", mustChange: true });
    expect(login.headers["set-cookie"]?.[0]).toMatch(
      /^__Host-stadsnod=[\w-]{43}; Path=\/; Max-Age=43200; Secure; HttpOnly; SameSite=Strict$/,
    );
    const headers = { authorization: `Bearer ${login.json.token}` };
    const refused = await doors.ask({ path: "/v1/status", headers });
    expect([refused.status, refused.json.error]).toEqual([403, "password-change-needed"]);
    const change = (body: object) => doors.ask({ method: "POST", path: "/v1/password", headers, body });
    for (const weak of ["short", "the-admin-of-all", password])
      expect((await change({ old: password, new: weak })).json.error).toBe("weak-password");
    expect((await change({ old: "wrong", new: "long-enough-1" })).json.error).toBe("wrong-login");
    expect((await change({ old: password, new: "long-enough-1" })).status).toBe(200);
    expect((await doors.ask({ path: "/v1/status", headers })).status).toBe(200);
    const kept = Buffer.from(doors.disk.contents("users.json")).toString();
    for (const text of [kept, ...doors.logged, JSON.stringify(doors.audit)]) {
      expect(text).not.toContain(password);
      expect(text).not.toContain("long-enough-1");
      expect(text).not.toContain(login.json.token);
    }
    expect(doors.audit.map(({ detail }) => detail.action)).toEqual(["login", "password"]);
  });

  it("slow down who guesses, but not the user at a known place", async () => {
    const clock = new VirtualClock();
    await using doors = await openDoors({ clock });
    const token = await doors.sessionOf("technician", "kim");
    const login = (user: string, password: string) =>
      doors.ask({ method: "POST", path: "/v1/login", body: { user, password } });
    for (let n = 0; n < 3; n++) {
      const one = await login("kim", "wrong-password");
      const other = one.status === 429 ? one : await login("nobody", "wrong-password");
      if (other.status === 429) break;
      // Nobody learns who is a user.
      expect(other.text).toBe(one.text);
    }
    const blocked = await login("kim", "wrong-password");
    expect([blocked.status, blocked.json.error]).toEqual([429, "too-many-logins"]);
    const wait = Number(blocked.headers["retry-after"]);
    expect(wait).toBeGreaterThanOrEqual(1);
    await clock.advance(wait * 1000);
    expect((await login("kim", "wrong-password")).status).toBe(401);
    const longer = Number((await login("kim", "wrong-password")).headers["retry-after"]);
    expect(longer).toBeGreaterThan(wait);
    // Who is in stays in.
    expect(
      (await doors.ask({ path: "/v1/status", headers: { authorization: `Bearer ${token}` } })).status,
    ).toBe(200);
  });

  it("let at most eight wait, whatever comes", async () => {
    // Time stands still: on a busy machine the first of them would be allowed to try again.
    await using doors = await openDoors({ clock: new VirtualClock() });
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        doors.ask({
          method: "POST",
          path: "/v1/login",
          body: { user: `user-${n}`, password: "wrong-password" },
        }),
      ),
    );
    const codes = answers.map(({ status }) => status);
    // Three guesses of one address are free, the rest waits its turn.
    expect(codes.filter((code) => code === 401)).toHaveLength(3);
    expect(codes.filter((code) => code === 429)).toHaveLength(37);
  });

  it("end when idle, after their longest time, at logout, and with the user", async () => {
    const clock = new VirtualClock();
    await using doors = await openDoors({ clock });
    const statusWith = async (token: string) =>
      (await doors.ask({ path: "/v1/status", headers: { authorization: `Bearer ${token}` } })).status;
    const idle = await doors.sessionOf("viewer", "idle");
    expect(await statusWith(idle)).toBe(200);
    await clock.advance(29 * 60_000);
    expect(await statusWith(idle)).toBe(200);
    await clock.advance(30 * 60_000);
    expect(await statusWith(idle)).toBe(401);

    const busy = await doors.sessionOf("viewer", "busy");
    for (let hour = 0; hour < 23; hour++) {
      await clock.advance(30 * 60_000 - 1);
      expect(await statusWith(busy)).toBe(200);
    }
    await clock.advance(30 * 60_000 - 1);
    await clock.advance(25 * 60_000);
    expect(await statusWith(busy)).toBe(401);

    const left = await doors.sessionOf("viewer", "left");
    const headers = { authorization: `Bearer ${left}` };
    expect((await doors.ask({ method: "POST", path: "/v1/logout", headers })).status).toBe(200);
    expect(await statusWith(left)).toBe(401);

    const removed = await doors.sessionOf("viewer", "removed");
    await doors.ask({ door: "socket", method: "DELETE", path: "/v1/users/removed" });
    expect(await statusWith(removed)).toBe(401);

    const reset = await doors.sessionOf("viewer", "reset");
    await doors.ask({ door: "socket", method: "POST", path: "/v1/users/reset/password", body: {} });
    expect(await statusWith(reset)).toBe(401);

    const token = await doors.tokenOf("viewer");
    expect(await statusWith(token)).toBe(200);
    await clock.advance(400 * 24 * 3_600_000);
    expect(await statusWith(token)).toBe(200);
    const [{ name }] = (await doors.ask({ door: "socket", path: "/v1/tokens" })).json;
    await doors.ask({ door: "socket", method: "DELETE", path: `/v1/tokens/${name}` });
    expect(await statusWith(token)).toBe(401);
  });

  it("keep the last admin", async () => {
    await using doors = await openDoors();
    const remove = (name: string) =>
      doors.ask({ door: "socket", method: "DELETE", path: `/v1/users/${name}` });
    expect((await remove("admin")).json.error).toBe("last-admin");
    await doors.sessionOf("admin", "kim");
    expect((await remove("admin")).status).toBe(200);
    expect((await remove("kim")).json.error).toBe("last-admin");
  });

  it("do nothing for another site's page that has the cookie sent along", async () => {
    await using doors = await openDoors();
    const cookie = `theme=dark; __Host-stadsnod=${await doors.sessionOf("admin")}`;
    const host = `127.0.0.1:${doors.port}`;
    const reload = (headers: Record<string, string>) =>
      doors.ask({ method: "POST", path: "/v1/reload", headers: { cookie, ...headers } });
    expect((await reload({})).json.error).toBe("cross-site");
    expect((await reload({ "x-stadsnod": "1", origin: "https://evil.example" })).json.error).toBe(
      "cross-site",
    );
    expect((await reload({ origin: `https://${host}` })).json.error).toBe("cross-site");
    expect((await reload({ "x-stadsnod": "1", origin: `https://${host}` })).status).toBe(200);
    expect((await reload({ "x-stadsnod": "1" })).status).toBe(200);
    // Looking is not changing.
    expect((await doors.ask({ path: "/v1/status", headers: { cookie } })).status).toBe(200);
    // What a form can send is no body of ours.
    const form = await doors.ask({
      method: "POST",
      path: "/v1/login",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "user=admin&password=x",
    });
    expect([form.status, form.json.error]).toEqual([415, "wrong-content-type"]);
  });

  it("are refused for a token or header that only looks like one", async () => {
    await using doors = await openDoors();
    const wrong = [
      `Bearer sn_${"A".repeat(43)}`,
      `Bearer ${"A".repeat(43)}`,
      "Bearer",
      "Basic YWRtaW46YWRtaW4=",
      `Bearer ${"A".repeat(5000)}`,
    ];
    for (const authorization of wrong)
      for (const door of ["https", "socket"] as const)
        expect((await doors.ask({ door, path: "/v1/status", headers: { authorization } })).status).toBe(401);
  });
});

describe("commands", () => {
  it("carry who commands, the priority and the value in the words of the point", async () => {
    await using doors = await openDoors();
    const { submitted } = doors.surface;
    const post = (headers: Record<string, string>, body: object, query = "") =>
      doors.ask({ method: "POST", path: `/v1/commands${query}`, headers, body });
    const robot = { authorization: `Bearer ${await doors.tokenOf("operator")}` };
    const person = { authorization: `Bearer ${await doors.sessionOf("operator", "kim")}` };
    const level = { device: "lamp-1", point: "level", value: 80 };

    const accepted = await post(robot, { ...level, id: "a1", expiresIn: "5s", reason: "dusk" });
    expect(accepted).toMatchObject({ status: 202, json: { id: "a1", state: "accepted", last: false } });
    expect(submitted.at(-1)).toMatchObject({
      id: "a1",
      issuer: expect.stringMatching(/^token:token-/),
      priority: "automation",
      expiry: { inMs: 5000 },
      reason: "dusk",
    });
    // Who did not hear the answer asks again: nothing of when it came may make another command of it.
    const first = submitted.at(-1);
    await post(robot, { ...level, id: "a1", expiresIn: "5s", reason: "dusk" });
    expect(submitted.at(-1)).toEqual(first);
    submitted.pop();
    const stronger = await post(robot, { ...level, priority: "operator" });
    expect([stronger.status, stronger.json.error]).toEqual([403, "priority-not-allowed"]);

    const last = await post(person, level, "?wait=10s");
    expect(last).toMatchObject({ status: 200, json: { state: "succeeded", verified: true, last: true } });
    expect(submitted.at(-1)).toMatchObject({ issuer: "kim", priority: "operator", expiry: { inMs: 30_000 } });
    expect(submitted.at(-1)?.id).toMatch(/^[0-9a-f-]{36}$/);
    expect((await post(person, { ...level, priority: "safety" })).status).toBe(403);
    const local = await doors.ask({
      door: "socket",
      method: "POST",
      path: "/v1/commands",
      body: { device: "lamp-1", point: "total", value: "9007199254740993", priority: "safety" },
    });
    expect(local.json.value).toBe("9007199254740993");
    expect(submitted.at(-1)).toMatchObject({ issuer: "local", priority: "safety", value: 9007199254740993n });

    const count = submitted.length;
    expect((await post(person, level, "?dry-run=true")).json).toEqual({ accepted: true });
    const refused = await post(person, { ...level, device: "lamp-2" }, "?dry-run=true");
    expect(refused.json).toMatchObject({ accepted: false, result: { code: "unknown-device" } });
    expect(submitted).toHaveLength(count);

    const one = await doors.ask({ path: "/v1/commands/a1", headers: robot });
    expect(one.json).toMatchObject({ id: "a1" });
    expect((await doors.ask({ path: "/v1/commands/zzz", headers: robot })).json.error).toBe(
      "unknown-command",
    );
    expect((await doors.ask({ path: "/v1/commands?limit=5&open=true", headers: robot })).json).toHaveLength(
      count,
    );
    expect((await doors.ask({ path: "/v1/holds", headers: robot })).json).toEqual([
      {
        device: "lamp-1",
        point: "level",
        priority: "operator",
        issuer: "kim",
        value: 80,
        until: "2026-09-21T14:13:20.000Z",
      },
    ]);
  });

  it("and other parts that this gateway lacks are told as such", async () => {
    await using doors = await openDoors({
      surface: {
        commands: undefined,
        history: undefined,
        auditLog: undefined,
        logs: undefined,
        configText: undefined,
        checkConfig: undefined,
      } as object,
    });
    const asked: [string, string, object | undefined, string][] = [
      ["GET", "/v1/commands", undefined, "no-commands"],
      ["GET", "/v1/holds", undefined, "no-commands"],
      ["GET", "/v1/results", undefined, "no-commands"],
      ["POST", "/v1/commands", { device: "a", point: "b", value: 1 }, "no-commands"],
      ["GET", "/v1/history?device=lamp-1", undefined, "no-history"],
      ["GET", "/v1/audit-log", undefined, "no-audit-log"],
      ["GET", "/v1/logs", undefined, "no-logs"],
      ["GET", "/v1/configuration", undefined, "no-configuration"],
      ["POST", "/v1/configuration/check", { text: "" }, "no-configuration"],
      ["GET", "/v1/configuration/generations", undefined, "no-configuration"],
      ["GET", "/v1/commissioning", undefined, "no-commissioning"],
    ];
    for (const [method, path, body, error] of asked)
      expect(await doors.ask({ door: "socket", method, path, body })).toMatchObject({
        status: 404,
        json: { error },
      });
  });
});

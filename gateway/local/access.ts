// Who may do what: the one table of the API. A route that is not named here does not start.

/** Weakest first; each may do what those before it may. */
export const roles = ["viewer", "technician", "operator", "admin"] as const;
export type Role = (typeof roles)[number];

/** `anyone`: without a login. `session`: who is logged in with a password, whatever the role. */
export type Access = "anyone" | "session" | Role;

export const access = {
  "GET /healthz": "anyone",
  "GET /readyz": "anyone",
  "GET /v1/openapi.json": "anyone",
  "POST /v1/login": "anyone",

  "GET /v1/session": "session",
  "POST /v1/logout": "session",
  "POST /v1/password": "session",

  "GET /metrics": "viewer",
  "GET /v1/status": "viewer",
  "GET /v1/devices": "viewer",
  "GET /v1/devices/:device": "viewer",
  "GET /v1/latest": "viewer",
  "GET /v1/history": "viewer",
  "GET /v1/readings": "viewer",
  "GET /v1/states": "viewer",
  "GET /v1/results": "viewer",
  "GET /v1/connections": "viewer",
  "GET /v1/accounting": "viewer",
  "GET /v1/commands": "viewer",
  "GET /v1/commands/:id": "viewer",
  "GET /v1/holds": "viewer",

  "POST /v1/read": "technician",
  "POST /v1/decode": "technician",
  "POST /v1/encode": "technician",
  "POST /v1/configuration/check": "technician",
  "GET /v1/logs": "technician",
  "GET /v1/audit-log": "technician",

  "POST /v1/commands": "operator",
  "POST /v1/points": "operator",

  // It may hold secrets in plain text over several lines, which no stars hide.
  "GET /v1/configuration": "admin",
  "POST /v1/reload": "admin",
  "GET /v1/users": "admin",
  "POST /v1/users": "admin",
  "DELETE /v1/users/:name": "admin",
  "POST /v1/users/:name/password": "admin",
  "GET /v1/tokens": "admin",
  "POST /v1/tokens": "admin",
  "DELETE /v1/tokens/:name": "admin",
} as const satisfies Readonly<Record<string, Access>>;

export type RouteKey = keyof typeof access;

export function isRoute(key: string): key is RouteKey {
  return Object.hasOwn(access, key);
}

/** Whether a role is enough for what a route asks. */
export function allows(role: Role, needed: Access): boolean {
  if (needed === "anyone" || needed === "session") return true;
  return roles.indexOf(role) >= roles.indexOf(needed);
}

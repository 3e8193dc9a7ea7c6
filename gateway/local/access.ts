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
  // The technician's page, which logs in by itself.
  "GET /": "anyone",
  "HEAD /": "anyone",
  "GET /assets/:file": "anyone",
  "HEAD /assets/:file": "anyone",

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
  "GET /v1/profiles": "viewer",
  "GET /v1/machine": "viewer",
  "GET /v1/alarms": "viewer",
  "GET /v1/update": "viewer",
  "GET /v1/enrolment": "viewer",

  "POST /v1/read": "technician",
  "GET /v1/ports": "technician",
  // What goes over the wire may be about people.
  "GET /v1/frames/:connection": "technician",
  "GET /v1/jobs": "technician",
  "POST /v1/jobs": "technician",
  "POST /v1/jobs/cost": "technician",
  "GET /v1/jobs/:id": "technician",
  "DELETE /v1/jobs/:id": "technician",
  "GET /v1/jobs/:id/events": "technician",
  "GET /v1/jobs/:id/files/:name": "technician",
  "POST /v1/decode": "technician",
  "POST /v1/encode": "technician",
  "GET /v1/configuration/schema": "technician",
  "GET /v1/commissioning": "technician",
  "POST /v1/commissioning/devices": "technician",
  "DELETE /v1/commissioning/devices/:device": "technician",
  "POST /v1/commissioning/checks": "technician",
  "POST /v1/commissioning/accept": "technician",
  "POST /v1/commissioning/test": "technician",
  "GET /v1/commissioning/reports/:file": "technician",
  "GET /v1/logs": "technician",
  "GET /v1/audit-log": "technician",

  "POST /v1/commands": "operator",
  "POST /v1/points": "operator",

  // With stars for secrets; but what it says of addresses and users is not for everybody.
  "GET /v1/configuration": "admin",
  // Reads whatever folders and files the text names.
  "POST /v1/configuration/check": "admin",
  "POST /v1/configuration/apply": "admin",
  "GET /v1/configuration/generations": "admin",
  "GET /v1/configuration/generations/:number": "admin",
  "POST /v1/configuration/roll-back": "admin",
  "POST /v1/reload": "admin",
  "GET /v1/update/bundles": "admin",
  "POST /v1/update/install": "admin",
  "POST /v1/update/commit": "admin",
  "POST /v1/update/roll-back": "admin",
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

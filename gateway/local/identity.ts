import type { IncomingHttpHeaders } from "node:http";
import { type Priority, priorities } from "../model/command.ts";
import type { Role } from "./access.ts";
import { ApiError } from "./errors.ts";
import type { Sessions } from "./sessions.ts";
import type { Users } from "./users.ts";

/** The Unix socket, guarded by its file mode, or HTTPS with users. */
export type Door = "socket" | "https";

/** Who asks. */
export interface Identity {
  /** A user's name, `token:<name>`, or `local` for whoever may open the socket. */
  readonly name: string;
  readonly role: Role;
  readonly kind: "socket" | "session" | "token";
  /** The strongest that a command may have. */
  readonly priority: Priority;
  readonly mustChange: boolean;
  /** Of `session`. */
  readonly token?: string | undefined;
  /** Of `session`: whether it came as a cookie, which a browser sends unasked. */
  readonly cookie?: boolean | undefined;
  /** Whether it would still be let in. */
  isAlive(): boolean;
}

/** A name that other sites cannot set (`__Host-`: secure, this host, path /). */
export const cookieName = "__Host-stadsnod";
/** The header that a page of another site cannot send without being allowed to. */
export const guardHeader = "x-stadsnod";

const local: Identity = {
  name: "local",
  role: "admin",
  kind: "socket",
  priority: "safety",
  mustChange: false,
  isAlive: () => true,
};

export interface Accounts {
  readonly users: Users;
  readonly sessions: Sessions;
}

/** Who asks at this door with these headers; undefined for nobody. */
export function identify(
  door: Door,
  headers: IncomingHttpHeaders,
  accounts: Accounts | undefined,
): Identity | undefined {
  if (door === "socket" && headers.authorization === undefined) return local;
  if (!accounts) return undefined;
  const bearer = /^Bearer ([\w-]{20,100})$/i.exec(headers.authorization ?? "")?.[1];
  if (headers.authorization !== undefined && bearer === undefined) return undefined;
  if (bearer?.startsWith("sn_")) return ofToken(bearer, accounts.users);
  const cookie = bearer === undefined ? cookieOf(headers.cookie) : undefined;
  const token = bearer ?? cookie;
  return token === undefined ? undefined : ofSession(token, cookie !== undefined, accounts);
}

function ofToken(secret: string, users: Users): Identity | undefined {
  const token = users.tokenOf(secret);
  if (!token) return undefined;
  return {
    name: `token:${token.name}`,
    role: token.role,
    kind: "token",
    priority: token.priority,
    mustChange: false,
    isAlive: () => users.tokenOf(secret) !== undefined,
  };
}

function ofSession(token: string, cookie: boolean, { users, sessions }: Accounts): Identity | undefined {
  const session = sessions.use(token);
  const user = session && users.find(session.user);
  if (!user) return undefined;
  return {
    name: user.name,
    role: user.role,
    kind: "session",
    priority: "operator",
    mustChange: user.mustChange,
    token,
    cookie,
    isAlive: () => sessions.isAlive(token) && users.find(user.name) !== undefined,
  };
}

function cookieOf(header: string | undefined): string | undefined {
  for (const pair of (header ?? "").split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === cookieName && value !== undefined && /^[\w-]{20,100}$/.test(value)) return value;
  }
  return undefined;
}

/**
 * A browser sends its cookie with whatever page makes it ask. So who comes with one must show, where something
 * is changed, that it is our page: by a header that others may not send, and an origin that is ours.
 * Throws ApiError `cross-site`.
 */
export function refuseCrossSite(identity: Identity, method: string, headers: IncomingHttpHeaders): void {
  if (!identity.cookie || method === "GET" || method === "HEAD") return;
  const { origin, host } = headers;
  const own = origin === undefined || origin === `https://${host}`;
  if (own && headers[guardHeader] === "1") return;
  throw new ApiError(403, "cross-site", "this did not come from a page of this gateway", {
    hint: `send the header ${guardHeader}: 1`,
  });
}

/** The priority of a command: what was asked for, but nothing stronger than this identity may use. Throws ApiError. */
export function priorityOf(identity: Identity, asked: Priority | undefined): Priority {
  const usual = identity.priority === "safety" ? "operator" : identity.priority;
  const wanted = asked ?? usual;
  if (priorities.indexOf(wanted) >= priorities.indexOf(identity.priority)) return wanted;
  throw new ApiError(
    403,
    "priority-not-allowed",
    `${identity.name} may not command with priority ${wanted}`,
    {
      hint: `the strongest is ${identity.priority}`,
    },
  );
}

import { type IncomingMessage, request } from "node:http";

/** As Node-RED's adminAuth wants them. */
export interface EditorUser {
  readonly username: string;
  readonly permissions: string;
  /** Of the gateway's session: the editor carries it as its own. */
  readonly token?: string;
}

interface Session {
  readonly token?: string;
  readonly user: string;
  readonly role: string;
  readonly mustChange: boolean;
}

/** A role is asked for anew after this. */
const knownMs = 5000;
const mostKnown = 1000;
const waitMs = 10_000;
const largestAnswer = 64 * 1024;

/**
 * Node-RED's users are the gateway's: who logs in gets a session of the gateway, and it is the gateway that
 * says at every request (every few seconds) whose it is and whether it still counts. Sessions got by `POST /v1/login`
 * work as well. Nothing here rejects: Node-RED ends when these do.
 */
export function authentication(gate: string): Record<string, unknown> {
  const known = new Map<string, { readonly user: EditorUser | null; readonly until: number }>();
  return {
    type: "credentials",
    users: async () => null,
    authenticate: async (name: unknown, password: unknown): Promise<EditorUser | null> => {
      if (typeof name !== "string" || typeof password !== "string") return null;
      const session = await ask<Session>(gate, "POST", "/v1/login", { body: { user: name, password } });
      if (!session?.token) return null;
      if (!session.mustChange) return { ...editorUser(session), token: session.token };
      await ask(gate, "POST", "/v1/logout", { token: session.token });
      console.log(
        `${name} may use Node-RED once the first password is changed: POST /v1/password of the gateway`,
      );
      return null;
    },
    tokens: async (token: string): Promise<EditorUser | null> => {
      const now = Date.now();
      const found = known.get(token);
      if (found && now < found.until) return found.user;
      const session = await ask<Session>(gate, "GET", "/v1/session", { token });
      const user = session && !session.mustChange ? editorUser(session) : null;
      if (known.size >= mostKnown) known.clear();
      known.set(token, { user, until: now + knownMs });
      return user;
    },
  };
}

/** Operators build flows, others look at them. */
function editorUser({ user, role }: Session): EditorUser {
  return { username: user, permissions: role === "operator" || role === "admin" ? "*" : "read" };
}

/** The gateway's answer; undefined when it refuses or does not answer. */
async function ask<T>(
  socketPath: string,
  method: string,
  path: string,
  { body, token }: { body?: object; token?: string },
): Promise<T | undefined> {
  try {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const asked = request(
        {
          socketPath,
          method,
          path,
          signal: AbortSignal.timeout(waitMs),
          headers: {
            ...(text === undefined ? {} : { "content-type": "application/json" }),
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          },
        },
        resolve,
      );
      asked.once("error", reject);
      asked.end(text);
    });
    let answer = "";
    for await (const chunk of response.setEncoding("utf8")) {
      answer += chunk;
      if (answer.length > largestAnswer) return undefined;
    }
    return response.statusCode === 200 ? (JSON.parse(answer) as T) : undefined;
  } catch {
    // Whoever cannot be asked about lets nobody in.
    return undefined;
  }
}

import { Agent, type IncomingMessage, type RequestOptions, request } from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import { type Address, addressText } from "./address.ts";
import { ClientError } from "./client-error.ts";
import { PinnedAgent } from "./pinned-agent.ts";

export interface Asked {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** JSON. */
  readonly body?: string | undefined;
  readonly signal: AbortSignal;
}

/** Requests to one gateway, over connections that are kept. */
export interface Transport extends Disposable {
  /** The head of the answer. Rejects with ClientError `unreachable`, `permission-denied`, `untrusted-certificate` or `wrong-certificate`. */
  open(asked: Asked): Promise<IncomingMessage>;
}

const agentOptions = { keepAlive: true, maxSockets: 32, maxFreeSockets: 4 };

export function openTransport(address: Address): Transport {
  const agent = agentOf(address);
  const where: RequestOptions =
    address.kind === "socket"
      ? { socketPath: address.path }
      : { host: address.host, port: address.port, headers: { authorization: `Bearer ${address.token}` } };
  const ask = address.kind === "socket" ? request : secureRequest;
  return {
    open: ({ method, path, body, signal }) =>
      new Promise((resolve, reject) => {
        const headers =
          body === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
        const asked = ask(
          { ...where, agent, method, path, signal, headers: { ...where.headers, ...headers } },
          resolve,
        );
        asked.once("error", (cause) => reject(explain(address, cause, signal)));
        asked.end(body);
      }),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

function agentOf(address: Address): Agent {
  if (address.kind === "socket") return new Agent(agentOptions);
  return address.fingerprint === undefined
    ? new SecureAgent(agentOptions)
    : new PinnedAgent(address.fingerprint, agentOptions);
}

function explain(address: Address, cause: Error & { code?: string }, signal: AbortSignal): Error {
  if (signal.aborted && signal.reason instanceof ClientError) return signal.reason;
  if (cause instanceof ClientError) return cause;
  const { code = "" } = cause;
  if (code === "EACCES")
    return new ClientError("permission-denied", `not allowed to open ${addressText(address)}`, {
      hint: "the user that runs Node-RED must be in the group of the socket",
      cause,
    });
  if (/CERT|SELF_SIGNED|ALTNAME|UNABLE_TO_VERIFY/.test(code))
    return new ClientError("untrusted-certificate", `the certificate is not trusted (${code})`, {
      hint: "enter the fingerprint that `stadsnod users list` shows on the gateway",
      cause,
    });
  return new ClientError("unreachable", `no gateway answers on ${addressText(address)}`, {
    hint: "does it run, and is this its address?",
    cause,
  });
}

import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { TLSSocket } from "node:tls";
import { pem } from "./certificates.ts";
import type { CityCa } from "./city-ca.ts";

export interface CaServerOptions {
  /** Its own certificate; one for localhost by the city's CA unless given. */
  readonly server?: { readonly cert: string; readonly key: string };
  /** 0: any free one. */
  readonly port?: number;
}

export interface CaServer extends AsyncDisposable {
  /** For provision.json. */
  readonly url: string;
  readonly port: number;
  /** Takes another server certificate from now on. */
  use(server: { readonly cert: string; readonly key: string }): void;
}

const maxBody = 64 * 1024;

/** The city's CA on loopback, by TLS. */
export async function serveCa(
  ca: CityCa,
  { server = ca.server(["localhost"]), port = 0 }: CaServerOptions = {},
): Promise<CaServer> {
  // The city's own only: a root that merely bears its name is another.
  const authorities = [pem(ca.root.der), pem(ca.issuing.der)];
  const https = createServer({
    ...server,
    ca: authorities,
    requestCert: true,
    // Who has none may still enrol by token; what is shown and not good is refused below.
    rejectUnauthorized: false,
    minVersion: "TLSv1.2",
  });
  https.on("request", (request: IncomingMessage, response: ServerResponse) => {
    let body = "";
    request.setEncoding("latin1");
    request.on("data", (part: string) => {
      body += part;
      if (body.length > maxBody) request.destroy();
    });
    request.on("end", () => carry(ca, request, response, body));
    request.on("error", () => {});
  });
  https.on("tlsClientError", () => {});
  await new Promise<void>((resolve, reject) => {
    https.once("error", reject);
    https.listen(port, "127.0.0.1", resolve);
  });
  const at = (https.address() as AddressInfo).port;
  return {
    url: `https://localhost:${at}`,
    port: at,
    use: (next) => https.setSecureContext({ ...next, ca: authorities, minVersion: "TLSv1.2" }),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => https.close(resolve));
      https.closeAllConnections();
      await closed;
    },
  };
}

function carry(ca: CityCa, request: IncomingMessage, response: ServerResponse, body: string): void {
  const socket = request.socket instanceof TLSSocket ? request.socket : undefined;
  const client = socket?.authorized ? socket.getPeerCertificate().raw : undefined;
  const answer = ca.answer({
    method: request.method ?? "",
    path: request.url ?? "",
    authorization: request.headers.authorization,
    body,
    ...(client ? { client } : {}),
  });
  if (answer.carry === "lost-answer") {
    request.socket.destroy();
    return;
  }
  response.writeHead(answer.status, answer.headers);
  if (answer.carry === "slow") {
    response.write("MII");
    return;
  }
  if (answer.carry === "huge") {
    const part = "A".repeat(65_536);
    const more = (): void => {
      while (!response.destroyed && response.write(part));
    };
    response.on("drain", more);
    response.on("error", () => {});
    more();
    return;
  }
  response.end(answer.body);
}

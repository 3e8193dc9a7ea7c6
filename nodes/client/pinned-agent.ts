import { Agent, type AgentOptions } from "node:https";
import type { Duplex } from "node:stream";
import { connect } from "node:tls";
import { ClientError } from "./client-error.ts";

type Connected = (error: Error | null, stream: Duplex) => void;

/**
 * Accepts one certificate and no other, whoever signed it. It is looked at before the first byte of a
 * request, which holds the token, goes out.
 */
export class PinnedAgent extends Agent {
  readonly #fingerprint: string;

  constructor(fingerprint: string, options: AgentOptions) {
    super(options);
    this.#fingerprint = fingerprint;
  }

  override createConnection(
    options: { host?: string | null; port?: number | string | null; servername?: string },
    connected: Connected,
  ): undefined {
    const { host, port, servername } = options;
    const socket = connect({
      host: host ?? "localhost",
      port: Number(port),
      ...(servername ? { servername } : {}),
      // The fingerprint says more than a signature.
      rejectUnauthorized: false,
      minVersion: "TLSv1.2",
    });
    const failed = (error: Error) => connected(error, socket);
    socket.once("error", failed);
    socket.once("secureConnect", () => {
      socket.off("error", failed);
      const { fingerprint256: seen = "none" } = socket.getPeerCertificate();
      if (seen.replaceAll(":", "") === this.#fingerprint) return connected(null, socket);
      socket.destroy();
      failed(
        new ClientError("wrong-certificate", "this is not the gateway whose fingerprint was entered", {
          hint: `the fingerprint of its certificate is ${seen}`,
        }),
      );
    });
    return undefined;
  }
}

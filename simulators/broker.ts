import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { Aedes, type AedesOptions } from "aedes";

export interface Broker extends AsyncDisposable {
  readonly port: number;
  /** `mqtt://127.0.0.1:<port>`, or `mqtts://localhost:<port>` with TLS. */
  readonly url: string;
  /** Ends connections without a word, as a broken cable does: all, or those of one client. The broker goes on. */
  cut(clientId?: string): void;
}

export interface BrokerOptions {
  /** 0: any free one. */
  readonly port: number;
  readonly tls?: TlsOptions | undefined;
  /** Hooks of aedes: authenticate, authorizePublish, ... */
  readonly hooks?: AedesOptions | undefined;
}

/**
 * A small MQTT 3.1.1 broker in this process, on loopback, memory only: for the demonstration and for
 * tests. MQTT 5 clients are told "unacceptable protocol version" and fall back.
 */
export async function openBroker({ port, tls, hooks }: BrokerOptions): Promise<Broker> {
  const aedes = await Aedes.createBroker(hooks);
  const sockets = new Map<Socket, { readonly id: string }>();
  const handle = (socket: Socket) => {
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    sockets.set(socket, aedes.handle(socket));
  };
  const server = tls ? createTlsServer(tls, handle) : createServer(handle);
  if (tls) server.on("tlsClientError", () => {});
  await listen(server, port);
  const { port: actual } = address(server);
  return {
    port: actual,
    url: tls ? `mqtts://localhost:${actual}` : `mqtt://127.0.0.1:${actual}`,
    cut(clientId) {
      for (const [socket, { id }] of sockets) if (clientId === undefined || id === clientId) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets.keys()) socket.destroy();
      await closed;
      await new Promise<void>((resolve) => aedes.close(resolve));
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function address(server: Server): AddressInfo {
  const found = server.address();
  if (found === null || typeof found === "string") throw new Error("the broker does not listen on TCP");
  return found;
}

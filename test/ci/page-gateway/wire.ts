import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** The wire between a browser and the gateway's door, which can be cut: what the gateway knows outlives it. */
export class Wire implements AsyncDisposable {
  readonly port: number;
  readonly #door: number;
  readonly #sockets = new Set<Socket>();
  #server: Server;

  private constructor(server: Server, sockets: Set<Socket>, port: number, door: number) {
    this.#server = server;
    this.#sockets = sockets;
    this.port = port;
    this.#door = door;
  }

  /** @param port 0: any */
  static async to(door: number, port: number): Promise<Wire> {
    const sockets = new Set<Socket>();
    const server = await listen(door, port, sockets);
    return new Wire(server, sockets, (server.address() as AddressInfo).port, door);
  }

  /** Nobody answers any more, and what was open breaks. */
  async cut(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async mend(): Promise<void> {
    this.#server = await listen(this.#door, this.port, this.#sockets);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.cut();
  }
}

async function listen(door: number, port: number, sockets: Set<Socket>): Promise<Server> {
  const server = createServer((near) => {
    const far = connect(door, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** What a path does with the bytes and connections that come over it. */
export interface PathFault {
  /** New connections: `reset` at once, taken and never answered (`silent`), answered by something else (`web`), or ended at once (`ended`). */
  readonly accepts?: "reset" | "silent" | "web" | "ended";
  /** Milliseconds that every piece waits, in both directions, give or take half of them. */
  readonly delayMs?: number;
  /** Longest piece that is handed on at once, bytes. */
  readonly slice?: number;
  /** Every so many bytes towards the broker one bit is turned over. */
  readonly flipEvery?: number;
}

/** The way from the gateway to the broker: real TCP on both sides, for what the kernel here cannot do (no netem). */
export interface Path extends AsyncDisposable {
  readonly port: number;
  /** From now on; connections that are up stay up. */
  fault(next: PathFault | undefined): void;
  /** Breaks off all connections (TCP RST). */
  cut(): void;
}

const portal = "HTTP/1.1 511 Network Authentication Required\r\nConnection: close\r\n\r\n";

export async function openPath(host: string, targetPort: () => number): Promise<Path> {
  let fault: PathFault = {};
  let carried = 0;
  const ends = new Set<Socket>();
  const keep = (socket: Socket) => {
    ends.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => ends.delete(socket));
  };
  const server = createServer((near) => {
    keep(near);
    const { accepts } = fault;
    if (accepts === "reset") return near.resetAndDestroy();
    if (accepts === "ended") return near.end();
    if (accepts === "web") return near.end(portal);
    if (accepts === "silent") return near.resume();
    const far = connect(targetPort(), "127.0.0.1");
    keep(far);
    carry(near, far, true);
    carry(far, near, false);
  });
  const carry = (from: Socket, to: Socket, outward: boolean): void => {
    let turn = Promise.resolve();
    from.on("data", (chunk) => {
      turn = turn.then(async () => {
        const { delayMs = 0, slice = chunk.length, flipEvery } = fault;
        for (let at = 0; at < chunk.length; at += slice) {
          const piece = Buffer.from(chunk.subarray(at, at + slice));
          if (delayMs > 0)
            await new Promise((resolve) => setTimeout(resolve, delayMs * (0.5 + Math.random())));
          if (outward && flipEvery !== undefined) {
            for (const index of piece.keys()) if (++carried % flipEvery === 0) piece[index]! ^= 0x10;
          }
          if (!to.destroyed) to.write(piece);
        }
      });
    });
    from.on("close", () => to.destroy());
  };
  server.listen(0, host);
  await once(server, "listening");
  const cut = () => {
    for (const end of ends) end.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    fault: (next = {}) => {
      fault = next;
    },
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

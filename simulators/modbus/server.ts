import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { Wire } from "../wire.ts";
import { createModbusUnits, type Unit, type UnitSettings } from "./device.ts";
import type { Framing } from "./framing.ts";

export interface ModbusServerSettings {
  /** TCP on loopback (port 0: any free one; framing `tcp` unless said otherwise), or a wire such as a pty (framing `rtu`). */
  readonly listen:
    | { readonly tcp: number; readonly host?: string; readonly framing?: Framing }
    | { readonly wire: Wire; readonly framing?: "rtu" | "ascii" };
  readonly units: Readonly<Record<number, UnitSettings>>;
}

export interface ModbusServer extends AsyncDisposable {
  /** The TCP port; 0 on a wire. */
  readonly port: number;
  unit(id: number): Unit;
  /** Open TCP connections. */
  readonly connections: number;
  /** Resets every TCP connection and refuses new ones. */
  down(): Promise<void>;
  /** Listens again, on the same port. */
  up(): Promise<void>;
}

/** A Modbus device or a line of them. A wire that is given stays the caller's to close. */
export async function openModbusServer({
  listen,
  units: settings,
}: ModbusServerSettings): Promise<ModbusServer> {
  const units = createModbusUnits(settings);
  if ("wire" in listen) {
    units.attach(listen.wire, listen.framing ?? "rtu");
    return {
      port: 0,
      connections: 0,
      unit: units.unit,
      down: async () => {},
      up: async () => {},
      [Symbol.asyncDispose]: async () => listen.wire.receive(() => {}),
    };
  }
  const { framing = "tcp", host = "127.0.0.1" } = listen;
  const sockets = new Set<Socket>();
  const accept = (socket: Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    units.attach(socketWire(socket), framing);
  };
  let port = listen.tcp;
  let server: Server | undefined;
  const up = async (): Promise<void> => {
    if (server) return;
    const next = createServer(accept);
    next.listen(port, host);
    await once(next, "listening");
    const address = next.address();
    if (address !== null && typeof address === "object") port = address.port;
    server = next;
  };
  const down = async (): Promise<void> => {
    const last = server;
    if (!last) return;
    server = undefined;
    const closed = once(last, "close");
    last.close();
    for (const socket of sockets) socket.resetAndDestroy();
    await closed;
  };
  await up();
  return {
    get port() {
      return port;
    },
    get connections() {
      return sockets.size;
    },
    unit: units.unit,
    down,
    up,
    [Symbol.asyncDispose]: down,
  };
}

function socketWire(socket: Socket): Wire {
  return {
    send: (bytes) => {
      if (!socket.destroyed) socket.write(bytes);
    },
    receive: (receiver) => {
      socket.removeAllListeners("data");
      socket.on("data", receiver);
    },
    reset: () => {
      socket.resetAndDestroy();
    },
  };
}

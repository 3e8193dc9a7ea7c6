// The peer: jsmodbus as its users write it, a client per unit on one socket or port.
import { once } from "node:events";
import { createRequire } from "node:module";
import { Socket } from "node:net";
import { join } from "node:path";
import { SerialPort } from "serialport";
import { drive, type MasterSettings } from "../master.ts";
import { installed } from "../peers.ts";
import { answer, settings, tell } from "./child.ts";

interface Client {
  readInputRegisters(
    start: number,
    count: number,
  ): Promise<{
    readonly response: {
      readonly body: { readonly valuesAsArray: readonly number[]; readonly valuesAsBuffer: Buffer };
    };
  }>;
}

/** What is used of its public interface; the package is not a dependency of ours. */
interface JsModbus {
  readonly client: {
    readonly TCP: new (socket: Socket, unit: number, timeoutMs: number) => Client;
    readonly RTU: new (port: SerialPort, unit: number, timeoutMs: number) => Client;
  };
}

const { endpoint, units, registers, type, timeoutMs, ...wanted } = settings<MasterSettings>();
const { client: kinds }: JsModbus = createRequire(join(installed, "package.json"))("jsmodbus");
const clients = new Map<number, Client>();
if (endpoint.kind === "tcp") {
  const socket = new Socket();
  socket.setMaxListeners(0);
  for (const unit of units) clients.set(unit, new kinds.TCP(socket, unit, timeoutMs));
  socket.connect(endpoint.port, "127.0.0.1");
  await once(socket, "connect");
} else {
  const port = new SerialPort({
    path: endpoint.path,
    baudRate: endpoint.baud,
    parity: endpoint.parity,
    autoOpen: false,
  });
  // Every client listens for itself.
  port.setMaxListeners(0);
  for (const unit of units) clients.set(unit, new kinds.RTU(port, unit, timeoutMs));
  port.open();
  await once(port, "open");
}

answer({
  run: () =>
    drive({ endpoint, units, registers, type, timeoutMs, ...wanted }, async (unit, address) => {
      const client = clients.get(unit);
      if (!client) throw new Error(`unit ${unit} has no client`);
      const { response } = await client.readInputRegisters(address, registers);
      const { valuesAsArray, valuesAsBuffer } = response.body;
      return type === "u16"
        ? valuesAsArray
        : Array.from({ length: registers / 2 }, (_, index) => valuesAsBuffer.readUInt32BE(index * 4));
    }),
});
tell({});

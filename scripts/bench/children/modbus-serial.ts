// The peer: modbus-serial as its users write it, one loop over the units.
import ModbusRTU from "modbus-serial";
import { drive, type MasterSettings } from "../master.ts";
import { answer, settings, tell } from "./child.ts";

const wanted = settings<MasterSettings>();
const { endpoint, registers, type, timeoutMs } = wanted;
const client = new ModbusRTU.default();
client.on("error", () => {});
if (endpoint.kind === "tcp") await client.connectTCP("127.0.0.1", { port: endpoint.port });
else await client.connectRTUBuffered(endpoint.path, { baudRate: endpoint.baud, parity: endpoint.parity });
client.setTimeout(timeoutMs);

answer({
  run: () =>
    drive(wanted, async (unit, address) => {
      client.setID(unit);
      const { data, buffer } = await client.readInputRegisters(address, registers);
      return type === "u16"
        ? data
        : Array.from({ length: registers / 2 }, (_, index) => buffer.readUInt32BE(index * 4));
    }),
});
tell({});

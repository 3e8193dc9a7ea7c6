// The one file of the benches that knows how the gateway's Modbus rooms are opened.
import type { Device, Point } from "../../gateway/model/device.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { modbus } from "../../gateway/southbound/modbus/protocol.ts";
import type {
  ModbusAddress,
  ModbusConnection,
  ModbusDevice,
  ModbusHead,
} from "../../gateway/southbound/modbus/settings.ts";
import type { SouthboundContext } from "../../gateway/southbound/protocol.ts";
import { openClock } from "../../gateway/store/clock.ts";
import { connectBy } from "../../gateway/transport/connect.ts";
import type { MasterSettings } from "./master.ts";

export type BenchDevice = Device<ModbusAddress, ModbusDevice, ModbusHead>;

/** What the daemon would pass to a driver, with real time and real wires. */
export function southbound(): SouthboundContext {
  const clock = openClock({ floor: 0, trust: "always" });
  return {
    clock,
    random: Math.random,
    log: silentLog,
    connect: connectBy(clock),
    emit: async () => {},
    signal: new AbortController().signal,
  };
}

/** As gateway.yaml would say it. */
export function connection({ endpoint, timeoutMs, concurrency }: MasterSettings): ModbusConnection {
  const timing = { timeout: timeoutMs };
  return modbus.connection.parse(
    endpoint.kind === "tcp"
      ? { tcp: { host: "127.0.0.1", port: endpoint.port }, concurrency, timing }
      : { serial: { port: endpoint.path, baud: endpoint.baud, parity: endpoint.parity }, timing },
  );
}

/** A device whose points fill `registers` input registers from `first` on, all read every `everyMs`. */
export function device(
  unit: number,
  { registers, type }: Pick<MasterSettings, "registers" | "type">,
  first = 0,
  everyMs = 1000,
): BenchDevice {
  const width = type === "u32" ? 2 : 1;
  const points = Array.from(
    { length: registers / width },
    (_, index): Point<ModbusAddress> => ({
      name: `p${index}`,
      address: modbus.address.parse({ input: first + index * width, type }),
      scale: { numerator: 1n, denominator: 1n },
      offset: { numerator: 0n, denominator: 1n },
      kind: "gauge",
      pollClass: { everyMs },
      absent: [],
      personal: false,
    }),
  );
  return {
    id: `unit-${unit}`,
    profile: {
      id: "bench/registers",
      version: "1.0.0",
      title: { en: "registers that hold their address" },
      manufacturer: "bench",
      models: ["registers"],
      category: "other",
      status: "draft",
      protocol: "modbus",
      protocolSettings: modbus.head.parse({ addressing: "protocol" }),
      points,
      hash: "",
    },
    connection: "line",
    settings: { unit },
    urn: `urn:dev:ops:32473-stadsnod-unit${unit}:`,
    audience: "street",
    audiences: new Map(),
    poll: { fast: everyMs, normal: everyMs, slow: everyMs },
  };
}

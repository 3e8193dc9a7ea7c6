import type { Bench } from "./bench.ts";

/** All benches, in the order in which they run. Loaded one by one, so that one that cannot load is one row with an error. */
export const benches: readonly (readonly [name: string, load: () => Promise<Bench>])[] = [
  ["wire", async () => (await import("./wire.ts")).wire],
  ["decode", async () => (await import("./decode.ts")).decode],
  ["modbus.tcp", async () => (await import("./modbus-tcp.ts")).modbusTcp],
  ["modbus.steady", async () => (await import("./modbus-steady.ts")).modbusSteady],
  ["modbus.silentlyWrong", async () => (await import("./silently-wrong.ts")).silentlyWrong],
  ["rtu.lineEfficiency", async () => (await import("./line-efficiency.ts")).lineEfficiency],
  ["rtu.deadUnits", async () => (await import("./dead-units.ts")).deadUnits],
  ["outbox", async () => (await import("./outbox.ts")).outbox],
  ["sandbox", async () => (await import("./sandbox.ts")).sandbox],
  ["commands.latency", async () => (await import("./commands.ts")).commandLatency],
  ["commands.flood", async () => (await import("./commands.ts")).commandFlood],
  ["commands.desk", async () => (await import("./command-desk.ts")).commandDesk],
  ["local.streams", async () => (await import("./streams.ts")).localStreams],
  ["daemon", async () => (await import("./daemon.ts")).daemon],
  ["nodered.nodes", async () => (await import("./node-red-nodes.ts")).nodeRedNodes],
  ["nodered.flows", async () => (await import("./node-red-flows.ts")).nodeRedFlows],
  ["nodered.modbus", async () => (await import("./node-red-modbus.ts")).nodeRedModbus],
];

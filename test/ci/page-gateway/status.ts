import type { Alarm } from "../../../gateway/local/commissioning.ts";
import type { GatewayStatus } from "../../../gateway/local/surface.ts";
import type { Device } from "../../../gateway/model/device.ts";
import type { ConnectionStatus } from "../../../gateway/southbound/status.ts";

// How the gateway fares: well, or as the alarms say.

export function statusOf(
  devices: readonly Device[],
  alarms: readonly Alarm[],
  uptimeS: number,
): GatewayStatus {
  const well = alarms.length === 0;
  const problemOf = (id: string) =>
    alarms.find(({ device, severity }) => device === id && severity === "major")?.message.en;
  return {
    gateway: "sodermalm-07",
    version: "0.1.0",
    run: "r1",
    uptimeS,
    position: { lat: 59.315, lon: 18.071 },
    clock: { trusted: true, now: new Date().toISOString() },
    devices: devices.map(({ id, profile, connection }) => ({
      id,
      profile: profile.id,
      connection,
      state: problemOf(id) ? "unavailable" : "available",
      problem: problemOf(id),
      lastSeen: new Date().toISOString(),
      errors: problemOf(id) ? { timeout: 14 } : {},
    })),
    connections: linesOf(devices).map((name) => ({ name, state: "open", utilisation: 0.31 })),
    northbound: [
      {
        name: "city",
        connected: well,
        peer: "mqtts://broker.example.org:8883",
        ...(well ? {} : { error: "connect ETIMEDOUT" }),
        outbox: {
          packs: well ? 0 : 412,
          bytes: 512_000,
          readings: well ? 0 : 20_614,
          oldestMs: 3_723_000,
          lanes: { command: 0, urgent: 0, normal: 412, bulk: 0 } as never,
          disk: "ok",
          volatile: 0,
          quarantined: 0,
        },
      },
    ],
    quarantined: well
      ? []
      : [{ kind: "device", id: "lamp-9", reason: 'gateway.yaml:41:5: unknown key "unti"' }],
    memoryMB: 78,
    https: { port: 8443, fingerprint: "AB:CD:EF:01:23:45:67:89:".repeat(4).slice(0, -1) },
  };
}

export function connectionsOf(devices: readonly Device[]): ConnectionStatus[] {
  return linesOf(devices).map((connection) => ({
    connection,
    state: "open",
    utilisation: 0.31,
    demanded: 0.44,
    stretch: 1,
    missed: 0,
    dropped: 0,
    statistics: { requests: 41_233, answers: 41_219 },
    writes: { done: 12, refused: 1, failed: 0 },
    errors: { timeout: 14, crc: 3 },
    replies: {
      bounds: [2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000],
      counts: [0, 0, 12, 31_000, 9200, 940, 60, 4, 0, 0, 0, 0],
    },
    devices: devices
      .filter((one) => one.connection === connection)
      .map(({ id }) => ({
        device: id,
        availability: "available",
        breaker: "closed",
        errors: {},
        leftOut: [],
        learned: [],
      })),
  }));
}

function linesOf(devices: readonly Device[]): readonly string[] {
  return [...new Set(devices.map(({ connection }) => connection))];
}

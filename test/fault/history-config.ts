import type { GatewayConfig } from "../../gateway/config/config.ts";
import { loadConfig } from "../../gateway/config/load.ts";
import type { NorthboundKind } from "../../gateway/northbound/northbound.ts";
import { loadProfiles } from "../../gateway/profiles/library.ts";
import { modbus } from "../../gateway/southbound/modbus/protocol.ts";
import { devices, largestValue } from "./history-plan.ts";

// What the simulated gateway is told. `ticks` says when it was read; the others are written.

const profile = `profile: acme/unit
version: 1.0.0
title: {en: Acme unit}
manufacturer: Acme
models: [U1]
category: energy-meter
sources: [{document: Acme U1 manual}]
status: draft
protocol: modbus
modbus: {addressing: protocol}
points:
  ticks: {at: {input: 0, type: u32}, unit: count, class: fast}
  ticks_slow: {at: {input: 40, type: u32}, unit: count, class: normal}
  level:
    at: {holding: 0, type: u16}
    unit: count
    class: normal
    write: {range: [0, ${largestValue}], verify: {within: 1s, retries: 0}}
  speed:
    at: {holding: 20, type: u16}
    unit: count
    class: normal
    write: {range: [0, ${largestValue}], verify: {within: 1s, retries: 2}}
examples:
  - {given: {input: {0: "0000 0001", 40: "0000 0002"}, holding: {0: "0003", 20: "0004"}}, expect: {ticks: 1, ticks_slow: 2, level: 3, speed: 4}}
`;

/** Poll periods in ms, as the configurations say. */
export const polls = [
  { fast: 4000, normal: 8000 },
  { fast: 4000, normal: 8000 },
  { fast: 5000, normal: 10_000 },
] as const;

function textOf(variant: number, tiny: boolean): string {
  const { fast, normal } = polls[variant]!;
  // Without its last device, or with a far side of other settings.
  const wanted = variant === 1 ? devices.slice(0, -1) : devices;
  const lines = wanted.map((id) => {
    const connection = id.startsWith("s") ? "street" : "cellar";
    return `  ${id}: {profile: acme/unit, connection: ${connection}, unit: ${id.slice(1)}, audience: energy, audiences: {level: open, speed: open}}`;
  });
  return `gateway: {id: gw1, pen: 61234}
connections:
  street: {protocol: modbus, tcp: {host: 10.0.0.7}, timing: {timeout: 500ms}}
  cellar: {protocol: modbus, serial: {port: /dev/ttyS7, baud: 38400}, timing: {timeout: 300ms}}
devices:
${lines.join("\n")}
poll: {fast: ${fast}ms, normal: ${normal}ms, slow: 60s}
audiences: {energy: {}}
northbound: {city: {type: simulated, pace: ${variant}}}
storage: {maxBytes: ${tiny ? "2kB" : "1MB"}}
telemetry: {maxAge: 3s, maxReadings: 12, maxBytes: 2kB}
commands: {issuers: {city: {devices: ["*"], points: ["*"], priority: operator}}}
`;
}

/** The configurations that a reload goes between. */
export async function configsOf(kind: NorthboundKind, tiny: boolean): Promise<readonly GatewayConfig[]> {
  const library = loadProfiles(
    ["profiles"],
    { list: () => ["acme/unit.yaml"], read: () => profile },
    [modbus],
    new Set(["acme/unit"]),
  );
  return Promise.all(
    polls.map(async (_, variant) => {
      const { config, diagnostics } = await loadConfig(textOf(variant, tiny), "gateway.yaml", {
        protocols: [modbus],
        northbounds: [kind],
        profiles: library,
        env: {},
        readFile: () => "",
      });
      const errors = diagnostics.filter(({ severity }) => severity === "error");
      if (!config || errors.length > 0) throw new Error(errors.map(({ message }) => message).join("; "));
      return config;
    }),
  );
}

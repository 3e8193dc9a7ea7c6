import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { UnitSettings } from "../../simulators/modbus/device.ts";
import { type ModbusServer, openModbusServer } from "../../simulators/modbus/server.ts";
import { openPlatform, type Platform, type PlatformReading } from "../../simulators/platform.ts";

/** A profile with a float, a scaled integer, a counter in a secondary unit, a text of states and bits. */
export const meterProfile = `profile: test/meter
version: 1.0.0
title: Meter of the tests
manufacturer: Test
models: [M]
category: energy-meter
sources: [{document: made for the tests}]
status: draft
protocol: modbus
modbus: {addressing: protocol}
points:
  voltage: {at: {holding: 0, type: f32}, unit: V, class: fast}
  temperature: {at: {holding: 2, type: s16}, unit: Cel, scale: 0.1, class: fast}
  energy: {at: {holding: 3, type: u32}, unit: kWh, scale: 0.01, class: fast}
  mode: {at: {holding: 5}, values: {0: idle, 1: running}, class: fast}
  alarms: {at: {holding: 6}, bits: {0: door, 3: fire}, class: fast}
`;

/** 230.5 V, -5.4 °C, 1234.56 kWh, running, fire. */
export const meterUnit: UnitSettings = {
  registers: { holding: { 0: "4366 8000", 2: "FFCA", 3: "0001 E240", 5: 1, 6: "0008" } },
};

/** Writes profiles into `device-profiles` of a folder: text by id. */
export function writeProfiles(folder: string, profiles: Readonly<Record<string, string>>): void {
  for (const [id, text] of Object.entries(profiles)) {
    const file = join(folder, "device-profiles", `${id}.yaml`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

/** Modbus TCP units of the meter's kind on one free port. */
export function openMeters(
  units: readonly number[] = [1],
  more: Readonly<Record<number, UnitSettings>> = {},
): Promise<ModbusServer> {
  const settings = Object.fromEntries(units.map((unit) => [unit, meterUnit]));
  return openModbusServer({ listen: { tcp: 0 }, units: { ...settings, ...more } });
}

export interface Watched extends AsyncDisposable {
  readonly platform: Platform;
  readonly readings: readonly PlatformReading[];
  /** The first reading, past or future, of a device and point. */
  reading(device: string, point: string): Promise<PlatformReading>;
}

/** A platform that keeps every reading. */
export async function watchPlatform(url: string, record?: string): Promise<Watched> {
  const readings: PlatformReading[] = [];
  const platform = await openPlatform({
    url,
    record,
    client: { reconnectPeriod: 50 },
    onReading: (reading) => readings.push(reading),
  });
  const find = (device: string, point: string) =>
    readings.find(({ name }) => name.endsWith(`-${device}:${point}`));
  return {
    platform,
    readings,
    async reading(device, point) {
      await platform.until(() => find(device, point) !== undefined);
      return find(device, point)!;
    },
    [Symbol.asyncDispose]: () => platform[Symbol.asyncDispose](),
  };
}

export interface Meters {
  readonly [device: string]: { readonly unit?: number; readonly more?: string };
}

/** A gateway.yaml with meters on one TCP line; everything comes once a second or faster. */
export function configuration({
  port,
  broker,
  devices = { "meter-1": {} },
  more = "",
}: {
  readonly port: number;
  readonly broker?: string | undefined;
  readonly devices?: Meters | undefined;
  readonly more?: string | undefined;
}): string {
  const lines = Object.entries(devices).map(
    ([id, { unit = 1, more: extra = "" }]) =>
      `  ${id}: {profile: test/meter, connection: roof, unit: ${unit}, audience: open${extra}}`,
  );
  return `gateway: {id: gw-test, pen: 32474}
profiles: [device-profiles]
connections:
  roof: {protocol: modbus, tcp: {host: 127.0.0.1, port: ${port}}}
devices:
${lines.join("\n")}
poll: {fast: 200ms, normal: 500ms, slow: 1s}
${broker === undefined ? "" : `northbound: {city: {type: mqtt, url: "${broker}"}}\n`}storage: {folder: store, maxBytes: 50MB}
telemetry: {maxAge: 100ms}
${more}`;
}

import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ReadingJson } from "../../gateway/model/json.ts";
import { attachMeters, type HeatScene, heatMeter } from "../../simulators/mbus-meter.ts";
import { openPty } from "../../simulators/pty.ts";
import { ask, newFolder, startDaemon } from "./daemon.ts";
import { writeProfiles } from "./field.ts";

const profile = `profile: test/heat
version: 1.0.0
title: Heat meter of the tests
manufacturer: Test
models: [M]
category: heat-meter
sources: [{document: made for the tests}]
status: draft
protocol: mbus
mbus: {telegrams: all}
points:
  energy: {at: {quantity: energy, in: kWh}, unit: kWh, kind: counter, class: fast}
  flow: {at: {quantity: volume-flow, in: l/h}, unit: l/h, class: fast}
  supply: {at: {quantity: flow-temperature}, unit: Cel, class: fast}
  energy_last_month: {at: {quantity: energy, storage: 1, in: kWh}, unit: kWh, class: fast}
  status: {at: {header: status}, bits: {2: power_low, 4: temporary_error}, class: fast}
`;

describe("M-Bus meters on a serial line", () => {
  it("are read by primary and secondary address through the real loop, all telegrams of each", async () => {
    const folder = newFolder();
    const link = join(folder, "ttyUSB0");
    writeProfiles(folder, { "test/heat": profile });
    await using daemon = await startDaemon({
      folder,
      yaml: `gateway: {id: gw-test, pen: 32474}
profiles: [device-profiles]
connections: {bus: {protocol: mbus, serial: {port: ${link}, baud: 38400}}}
devices:
  heat-5: {profile: test/heat, connection: bus, address: 5}
  heat-s: {profile: test/heat, connection: bus, secondary: {id: "87654321", manufacturer: STN}}
poll: {fast: 1s}
storage: {folder: store}
`,
    });
    await using pty = openPty({ link });
    let energyKwh = 37_351;
    const scene = (): HeatScene => ({
      energyKwh,
      volumeLitres: 561_080,
      powerW: 34_700,
      flowLitresPerHour: 543,
      supplyC: 78.25,
      returnC: 41.5,
      lastMonthKwh: 33_361,
    });
    const meter = (address: number, id: string) =>
      heatMeter({ address, id, manufacturer: "STN", version: 1, status: () => 0x04 }, scene);
    const line = attachMeters(pty, [meter(5, "12345678"), meter(0, "87654321")]);
    const latest = async (device: string) => {
      const { body } = await ask<ReadingJson[]>(daemon.socket, "GET", `/v1/latest?device=${device}`);
      return Object.fromEntries(body.map(({ point, value }) => [point, value]));
    };
    await daemon.until(({ devices }) => devices.every(({ state }) => state === "available"));
    for (const device of ["heat-5", "heat-s"])
      expect(await latest(device)).toMatchObject({
        energy: 37_351,
        flow: 543,
        supply: 78.25,
        energy_last_month: 33_361,
        "status/power_low": true,
        "status/temporary_error": false,
      });
    // What the meter counts from now on comes with one of the next readings.
    energyKwh = 37_352;
    const before = line.heard.length;
    await daemon.until(() => line.heard.length > before + 12);
    expect((await latest("heat-5")).energy).toBe(37_352);
    expect((await latest("heat-s")).energy).toBe(37_352);
    expect((await daemon.end("SIGTERM")).code).toBe(0);
  });
});

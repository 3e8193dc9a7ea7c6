import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import type { Device } from "../../gateway/model/device.ts";
import { silentLog } from "../../gateway/model/log.ts";
import type { Reading } from "../../gateway/model/reading.ts";
import type { Example } from "../../gateway/profiles/example.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import { openLoop } from "../../gateway/southbound/loop.ts";
import { modbus } from "../../gateway/southbound/modbus/protocol.ts";
import type { Learned, Protocol } from "../../gateway/southbound/protocol.ts";
import { connectBy } from "../../gateway/transport/connect.ts";
import type { RegisterMap } from "../../simulators/modbus/registers.ts";
import { openModbusServer } from "../../simulators/modbus/server.ts";
import { realClock } from "../contract/real-clock.ts";

const file = resolve(import.meta.dirname, "../../device-profiles/sunspec/inverter-three-phase.yaml");
const { profile, examples } = loadProfile(
  readFileSync(file, "utf8"),
  join("sunspec", "inverter-three-phase.yaml"),
  [modbus as Protocol],
);
if (!profile) throw new Error("not loaded");

const deviceOf = (id: string, unit: number): Device => ({
  id,
  profile,
  connection: "line",
  settings: { unit },
  urn: `urn:dev:ops:32473-stadsnod-${id}:`,
  audience: "open",
  audiences: new Map(),
  poll: { fast: 200, normal: 200, slow: 200 },
});

/** The registers of an example are those of a device. */
const imageOf = ({ given }: Example) => ({ registers: given as RegisterMap });

describe("SunSpec devices on one Modbus TCP line", () => {
  it("are read wherever their models are; one without a map says so, once", async () => {
    const [noon, night] = examples;
    await using server = await openModbusServer({
      listen: { tcp: 0 },
      units: {
        1: imageOf(noon!),
        2: imageOf(night!),
        3: { registers: { holding: { 40000: "0000 0000" } } },
      },
    });
    const readings: Reading[] = [];
    const learned = new Map<string, Learned>();
    let wake = () => {};
    const until = async (holds: () => boolean) => {
      while (!holds()) await new Promise<void>((resolve) => (wake = resolve));
    };
    await using loop = await openLoop({
      connection: "line",
      protocol: modbus as Protocol,
      settings: modbus.connection.parse({ tcp: { host: "127.0.0.1", port: server.port } }),
      devices: [deviceOf("noon", 1), deviceOf("night", 2), deviceOf("plain", 3)],
      sink: (_device, found) => {
        readings.push(...found);
        wake();
      },
      learnedStore: {
        load: () => ({}),
        save: (device, known) => void learned.set(device.id, known),
      },
      context: {
        clock: realClock,
        random: () => 0.5,
        log: silentLog,
        connect: connectBy(realClock),
        signal: new AbortController().signal,
      },
    });
    const of = (device: string, name: string) =>
      readings.filter((reading) => reading.device.id === device && reading.name === name);
    const expectAll = async (device: string, { expect: wanted }: Example) => {
      for (const [name, expected] of wanted) {
        await until(() => of(device, name).length > 0);
        const [reading] = of(device, name);
        if (typeof expected === "object" && "quality" in expected)
          expect(reading?.quality).toBe(expected.quality);
        else expect([name, reading?.value]).toEqual([name, expected]);
      }
    };
    await expectAll("noon", noon!);
    await expectAll("night", night!);
    // What a device lacks is said once, and then left out until it is connected anew.
    await until(() => of("night", "power").length > 3);
    const status = () => new Map(loop.status().devices.map((device) => [device.device, device]));
    for (const name of ["rated_power", "lifetime_energy", "pv1_power", "pv2_energy"]) {
      expect(of("night", name).map(({ quality }) => quality)).toEqual(["config-error"]);
      expect(status().get("night")?.leftOut).toContain(name);
    }
    expect(of("night", "pv1_power")[0]?.detail).toContain("the device has no SunSpec model 160");
    expect(status().get("night")?.availability).toBe("available");
    for (const { name } of profile.points) {
      await until(() => of("plain", name).length > 0);
      expect(of("plain", name).map(({ quality }) => quality)).toEqual(["config-error"]);
      expect(of("plain", name)[0]?.detail).toContain("no SunSpec map at 40000, 50000, 0");
    }
    expect(learned).toEqual(new Map());
    // The map was looked for when the line was opened, and not again.
    const starts = server
      .unit(1)
      .history.filter(({ pdu }) => pdu[1] === 0x9c && pdu[2] === 0x40 && pdu[4] === 2);
    expect(starts).toHaveLength(1);
  });
});

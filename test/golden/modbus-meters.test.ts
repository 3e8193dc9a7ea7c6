import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { roundTo, toNumber } from "../../gateway/model/decimal.ts";
import type { Device, Point } from "../../gateway/model/device.ts";
import { UnsupportedPointError } from "../../gateway/model/errors.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { type Reading, toReadings } from "../../gateway/model/reading.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import { loadProtocols } from "../../gateway/southbound/index.ts";
import { modbus } from "../../gateway/southbound/modbus/protocol.ts";
import {
  type ModbusAddress,
  type ModbusConnection,
  type ModbusDevice,
  type ModbusHead,
  type Table,
  wireSpan,
} from "../../gateway/southbound/modbus/settings.ts";
import type { Driver, Learned } from "../../gateway/southbound/protocol.ts";
import { connectBy } from "../../gateway/transport/connect.ts";
import type { UnitSettings } from "../../simulators/modbus/device.ts";
import { imageFromGolden } from "../../simulators/modbus/registers.ts";
import { openModbusServer } from "../../simulators/modbus/server.ts";
import { openPty } from "../../simulators/pty.ts";
import { realClock } from "../contract/real-clock.ts";
import { goldenIsHere, goldenPath, readGolden } from "./golden.ts";

const protocols = await loadProtocols();

// A simulated meter (own Modbus code, real sockets and ttys) holds the registers of the golden set;
// driver, plan, codec and profile must bring back the golden values. The simulator shares no code
// with the gateway, the values were computed by another project.

interface GoldenRegister {
  readonly name: string;
  readonly fc: 3 | 4;
  /** On the wire. */
  readonly address: number;
  readonly count: number;
  readonly type: string;
  readonly nan_raw?: string;
  readonly example_raw: string;
  readonly example_value: number;
}
interface GoldenMeter {
  readonly model: string;
  readonly registers: readonly GoldenRegister[];
}
type MeterDevice = Device<ModbusAddress, ModbusDevice, ModbusHead>;
type MeterPoint = Point<ModbusAddress>;

const profiles: Readonly<Record<string, string>> = {
  abb: "abb/b23",
  cgem24: "carlo-gavazzi/em24",
  dtsu666: "chint/dtsu666",
  dzg: "dzg/dvh4013",
  eltakodsz15: "eltako/dsz15dzmod",
  eltakodsz16: "eltako/dsz16dzmod",
  find7m24: "finder/7m24",
  iem3000: "schneider/iem3000",
  janitza: "janitza/b-series",
  mpm: "bernecker/mpm3pm",
  orno1p: "orno/we-514",
  pac2200: "siemens/pac2200",
  sdm: "eastron/sdm630",
  sdm120: "eastron/sdm120",
  sdm220: "eastron/sdm220",
  sdm72v2: "eastron/sdm72-v2",
  x961a: "eastron/smart-x96-1a",
};
/** Float, double with signed integers, low word first. */
const alsoOverRtu = ["sdm", "pac2200", "cgem24"];
const tableOf: Readonly<Record<GoldenRegister["fc"], Table>> = { 3: "holding", 4: "input" };

const goldenKeys = goldenIsHere
  ? readdirSync(goldenPath("modbus-meters"))
      .filter((name) => name.endsWith(".json"))
      .map((name) => name.replace(".json", ""))
      .toSorted()
  : [];

function meterOf(key: string): { golden: GoldenMeter; device: MeterDevice } {
  const golden = readGolden<GoldenMeter>("modbus-meters", `${key}.json`);
  const file = `device-profiles/${profiles[key]}.yaml`;
  const text = readFileSync(resolve(import.meta.dirname, "../..", file), "utf8");
  const bases = {
    ids: Object.values(profiles),
    find: (id: string) => {
      const base = `device-profiles/${id}.yaml`;
      return { file: base, text: readFileSync(resolve(import.meta.dirname, "../..", base), "utf8") };
    },
  };
  const { profile, diagnostics } = loadProfile(text, file, protocols, bases);
  expect(diagnostics).toEqual([]);
  const device = {
    id: key,
    profile: profile as MeterDevice["profile"],
    connection: "line",
    settings: modbus.device.parse({ unit: 1 }),
    urn: `urn:dev:ops:32473-test-${key}:`,
    audience: "open",
    audiences: new Map<string, string>(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
  };
  return { golden, device };
}

/** Every point once, as the loop would: the plan's requests, and smaller ones where the unit refuses. */
async function readAll(
  driver: Driver<ModbusAddress, ModbusDevice, ModbusHead>,
  connection: ModbusConnection,
  device: MeterDevice,
): Promise<Map<string, Reading>> {
  const readings = new Map<string, Reading>();
  const signal = new AbortController().signal;
  const read = async (points: readonly MeterPoint[], learned: Learned): Promise<void> => {
    for (const request of modbus.plan(connection, device, points, learned).requests) {
      try {
        for (const result of (await driver.read?.(device, request, signal)) ?? []) {
          if (!("raw" in result)) throw new Error(`${result.point.name}: ${result.detail}`);
          for (const reading of toReadings(device, result.point, result.raw, result.at))
            readings.set(reading.name, reading);
        }
      } catch (error) {
        if (!(error instanceof UnsupportedPointError)) throw error;
        const smaller = modbus.learn(request, learned);
        if (!smaller) throw error;
        await read(request.points, smaller);
      }
    }
  };
  await read(device.profile.points, {});
  return readings;
}

/** Opens the real driver and reads unit after unit. */
async function readUnits(written: unknown, device: MeterDevice, units: readonly number[]) {
  const connection = modbus.connection.parse(written);
  await using driver = await modbus.open(connection, {
    clock: realClock,
    random: Math.random,
    log: silentLog,
    connect: connectBy(realClock),
    emit: async () => {},
    signal: new AbortController().signal,
  });
  const all: Map<string, Reading>[] = [];
  for (const unit of units) all.push(await readAll(driver, connection, { ...device, settings: { unit } }));
  return all;
}

function pointOf({ fc, address, count, name }: GoldenRegister, { profile }: MeterDevice): MeterPoint {
  const { addressing } = profile.protocolSettings;
  const found = profile.points.find((point) => {
    const span = wireSpan(point.address, addressing);
    return span.table === tableOf[fc] && span.start === address && span.count === count;
  });
  if (!found) throw new Error(`${profile.id} has no point at ${tableOf[fc]} ${address} (${name})`);
  return found;
}

/** Whether the golden value came through; it was computed in binary floats. */
function expectGolden({ type, example_value, name }: GoldenRegister, point: MeterPoint, reading: Reading) {
  expect(reading.quality, `${name} ${reading.detail}`).toBe("good");
  const { value } = reading;
  if (typeof value !== "number") throw new Error(`${name} is no number: ${value}`);
  if (type.startsWith("float"))
    expect(Math.abs(value - example_value), name).toBeLessThanOrEqual(Math.abs(example_value) * 1e-6);
  else expect(value, name).toBe(roundTo(example_value, point.scale));
}

/** The golden registers with the raw value that means: not available. */
function withoutValues(golden: GoldenMeter): UnitSettings {
  const registers = golden.registers.map((one) => ({ ...one, example_raw: one.nan_raw ?? one.example_raw }));
  return { registers: imageFromGolden({ ...golden, registers }) };
}

function check(golden: GoldenMeter, device: MeterDevice, readings: ReadonlyMap<string, Reading>): number {
  const points = new Set<string>();
  for (const register of golden.registers) {
    const point = pointOf(register, device);
    const reading = readings.get(point.name);
    if (!reading) throw new Error(`${point.name} was not read`);
    expectGolden(register, point, reading);
    points.add(point.name);
  }
  return points.size;
}

describe.skipIf(!goldenIsHere)("golden Modbus meters (needs ../shared/golden)", () => {
  it("have a profile each", () => {
    expect(goldenKeys).toEqual(Object.keys(profiles).toSorted());
  });

  it.each(goldenKeys)("%s: every register through profile, plan and driver over TCP", async (key) => {
    const { golden, device } = meterOf(key);
    const { maxRegisters } = device.profile.protocolSettings.read;
    // Registers that are not in the golden set do not exist: the unit refuses every read that touches one.
    const image = { registers: imageFromGolden(golden), maxRegisters };
    await using server = await openModbusServer({
      listen: { tcp: 0 },
      units: { 1: image, 2: withoutValues(golden) },
    });
    const [readings, without] = await readUnits(
      { tcp: { host: "127.0.0.1", port: server.port } },
      device,
      [1, 2],
    );
    expect(check(golden, device, readings!)).toBe(golden.registers.length);
    for (const register of golden.registers) {
      if (register.nan_raw === undefined) continue;
      const { name } = pointOf(register, device);
      expect(without!.get(name)?.quality, register.name).toBe("sentinel");
    }
  });

  it.each(alsoOverRtu)("%s: every register over RTU on a tty", async (key) => {
    const { golden, device } = meterOf(key);
    await using pty = openPty();
    await using _server = await openModbusServer({
      listen: { wire: pty, framing: "rtu" },
      units: { 1: { registers: imageFromGolden(golden), unmapped: "zeros" } },
    });
    const [readings] = await readUnits({ serial: { port: pty.path, baud: 19_200 } }, device, [1]);
    expect(check(golden, device, readings!)).toBe(golden.registers.length);
  });

  it("scales in exact decimals", () => {
    const { device } = meterOf("abb");
    const energy = device.profile.points.find((point) => point.name === "energy_import");
    expect(energy && toNumber(energy.scale)).toBe(0.01);
    expect(energy?.scale).toEqual({ numerator: 1n, denominator: 100n });
  });
});

import { describe, expect, it } from "vitest";
import { rtuAnswer, simulateUnits } from "../../../test/fault/modbus-unit.ts";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { one, zero } from "../../model/decimal.ts";
import type { Device, Point } from "../../model/device.ts";
import { ConfigError, LinkError } from "../../model/errors.ts";
import { silentLog } from "../../model/log.ts";
import { type MemoryTransport, memoryPair } from "../../transport/memory.ts";
import { paceOf } from "./driver.ts";
import { modbus } from "./protocol.ts";
import type { ModbusAddress, ModbusDevice, ModbusHead } from "./settings.ts";

function deviceOf(unit: number, head: Record<string, unknown>, points: readonly Point<ModbusAddress>[]) {
  const device: Device<ModbusAddress, ModbusDevice, ModbusHead> = {
    id: `meter${unit}`,
    connection: "line",
    settings: { unit },
    urn: `urn:dev:ops:32473-stadsnod-meter${unit}:`,
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
    profile: {
      id: "acme/meter",
      version: "1.0.0",
      title: { en: "Meter" },
      manufacturer: "Acme",
      models: [],
      category: "energy-meter",
      status: "draft",
      protocol: "modbus",
      protocolSettings: modbus.head.parse({ addressing: "protocol", ...head }),
      points,
      hash: "",
    },
  };
  return device;
}

const point = (name: string, at: Record<string, unknown>): Point<ModbusAddress> => ({
  name,
  address: modbus.address.parse(at),
  scale: one,
  offset: zero,
  kind: "gauge",
  pollClass: "normal",
  absent: [],
  personal: false,
});

async function bench(connectionSettings: Record<string, unknown> = {}) {
  const clock = new VirtualClock();
  const connection = modbus.connection.parse({
    serial: { port: "/dev/ttyS9", baud: 9600 },
    ...connectionSettings,
  });
  const { character } = paceOf(connection);
  const pairs: [MemoryTransport, MemoryTransport][] = [];
  const stop = new AbortController();
  const opening = modbus.open(connection, {
    clock,
    random: () => 0.5,
    log: silentLog,
    connect: async (endpoint) => {
      const pair = memoryPair(clock, { endpoint, byteMs: character });
      pairs.push(pair);
      return pair[0];
    },
    emit: async () => {},
    signal: stop.signal,
  });
  await clock.advance(2000);
  const driver = await opening;
  const [near, far] = pairs[0]!;
  const seen = simulateUnits(far, clock, "rtu", (request) => ({ reply: rtuAnswer(request) }));
  return { clock, driver, near, seen, connection };
}

const points = [point("a", { holding: 0x0102 }), point("b", { holding: 0x0103, type: "u32" })];

describe("the Modbus driver", () => {
  it("gives raw values, stamped when the frame had ended", async () => {
    const { clock, driver, connection } = await bench();
    const device = deviceOf(7, {}, points);
    const { requests } = modbus.plan(connection, device, points, {});
    expect(requests).toHaveLength(1);
    const began = clock.now();
    const reading = driver.read!(device, requests[0]!, new AbortController().signal);
    await clock.advance(500);
    const results = await reading;
    expect(results.map((result) => "raw" in result && result.raw)).toEqual([0x0102, 0x0103_0104]);
    // 8 + 11 characters of 10 bits at 9600 baud, and 5 ms in between.
    const wire = (19 * 10_000) / 9600 + 5;
    for (const { at } of results) {
      expect(at.base).toBe("unix");
      expect(at.ms - began).toBeCloseTo(wire, 3);
    }
    await driver[Symbol.asyncDispose]();
  });

  it("keeps the pauses that a unit needs, after opening and between requests", async () => {
    const { clock, driver, seen, connection } = await bench();
    const opened = clock.monotonic();
    const device = deviceOf(7, { timing: { minInterval: 300, connectDelay: "4s" } }, points);
    const { requests } = modbus.plan(connection, device, points, {});
    const signal = new AbortController().signal;
    const both = (async () => {
      await driver.read!(device, requests[0]!, signal);
      await driver.read!(device, requests[0]!, signal);
    })();
    await clock.advance(10_000);
    await both;
    const [first, second] = seen;
    expect(first!.at - opened).toBeGreaterThan(1900);
    expect(second!.at - first!.at).toBeGreaterThan(300);
  });

  it("does not ask units that a serial line cannot have", async () => {
    const { driver, connection, seen } = await bench();
    for (const unit of [0, 248, 255]) {
      const device = deviceOf(unit, {}, points);
      const { requests } = modbus.plan(connection, device, points, {});
      await expect(driver.read!(device, requests[0]!, new AbortController().signal)).rejects.toBeInstanceOf(
        ConfigError,
      );
    }
    expect(seen).toEqual([]);
  });

  it("is lost with its link", async () => {
    const { driver, near, connection } = await bench({ timing: { connectDelay: "1s" } });
    near.lose();
    expect(driver.lost.aborted).toBe(true);
    const device = deviceOf(1, {}, points);
    const { requests } = modbus.plan(connection, device, points, {});
    await expect(driver.read!(device, requests[0]!, new AbortController().signal)).rejects.toBeInstanceOf(
      LinkError,
    );
  });
});

describe("the pace of a line", () => {
  const pace = (serial: Record<string, unknown>, more: Record<string, unknown> = {}) =>
    paceOf(modbus.connection.parse({ serial: { port: "x", ...serial }, ...more }));

  it("has 3.5 characters of 11 bits of silence up to 19200 baud, 1.75 ms above", () => {
    expect(pace({ baud: 9600 }).silence).toBeCloseTo(4.0104, 4);
    expect(pace({ baud: 19_200 }).silence).toBeCloseTo(2.0052, 4);
    expect(pace({ baud: 115_200 }).silence).toBe(1.75);
    expect(pace({ baud: 9600 }, { framing: "ascii" }).silence).toBe(0);
  });

  it("can be made slower, never faster", () => {
    expect(pace({ baud: 9600 }, { timing: { silence: 20 } }).silence).toBe(20);
    expect(pace({ baud: 9600 }, { timing: { silence: 1 } }).silence).toBeCloseTo(4.0104, 4);
  });
});

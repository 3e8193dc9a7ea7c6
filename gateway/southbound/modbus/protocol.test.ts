import { describe, expect, it } from "vitest";
import { z } from "zod";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { crc16Modbus } from "../../codec/crc.ts";
import { one, zero } from "../../model/decimal.ts";
import type { Device, DeviceProfile, Point } from "../../model/device.ts";
import { silentLog } from "../../model/log.ts";
import type { SouthboundContext } from "../protocol.ts";
import { modbus } from "./protocol.ts";
import {
  fromWire,
  type ModbusAddress,
  type ModbusDevice,
  type ModbusHead,
  tables,
  toWire,
} from "./settings.ts";

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

function profileOf(
  points: readonly Point<ModbusAddress>[],
  head: Record<string, unknown> = {},
): DeviceProfile<ModbusAddress, ModbusHead> {
  return {
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
  };
}

const deviceOf = (
  profile: DeviceProfile<ModbusAddress, ModbusHead>,
): Device<ModbusAddress, ModbusDevice, ModbusHead> => ({
  id: "meter1",
  profile,
  connection: "line",
  settings: { unit: 1 },
  urn: "urn:dev:ops:32473-stadsnod-meter1:",
  audience: "open",
  audiences: new Map(),
  poll: { fast: 1000, normal: 10_000, slow: 60_000 },
});

const context = (): SouthboundContext => ({
  clock: new VirtualClock(),
  random: () => 0.5,
  log: silentLog,
  connect: () => Promise.reject(new Error("a replay opens nothing")),
  emit: async () => {},
  signal: new AbortController().signal,
});

const codes = (profile: DeviceProfile<ModbusAddress, ModbusHead>) =>
  modbus.check(profile).map(({ code, path }) => `${path.join(".")}: ${code}`);

describe("the schemas of Modbus", () => {
  it("can be shown as JSON Schema", () => {
    for (const schema of [modbus.connection, modbus.device, modbus.head, modbus.address, modbus.given])
      expect(z.toJSONSchema(schema, { io: "input" })).toMatchObject({
        type: "object",
        additionalProperties: false,
      });
  });

  it("fill in what is not said", () => {
    expect(modbus.connection.parse({ serial: { port: "/dev/ttyUSB0", baud: 9600 } })).toEqual({
      endpoint: {
        kind: "serial",
        port: "/dev/ttyUSB0",
        baud: 9600,
        parity: "none",
        dataBits: 8,
        stopBits: 1,
      },
      framing: "rtu",
      concurrency: 1,
      timing: {},
    });
    expect(
      modbus.connection.parse({ tcp: { host: "meter" }, timing: { timeout: "1.5s", turnaround: 20 } }),
    ).toEqual({
      endpoint: { kind: "tcp", host: "meter", port: 502 },
      framing: "tcp",
      concurrency: 1,
      timing: { timeout: 1500, turnaround: 20 },
    });
  });

  it.each([
    [{}, "a connection has either serial or tcp"],
    [{ tcp: { host: "a" }, serial: { port: "b", baud: 9600 } }, "a connection has either serial or tcp"],
    [{ serial: { port: "b", baud: 9600 }, framing: "tcp" }, "framing tcp needs a TCP connection"],
    [{ serial: { port: "b", baud: 9600, dataBits: 7 } }, "RTU needs 8 data bits; 7 are for framing ascii"],
    [
      { tcp: { host: "a" }, framing: "rtu", concurrency: 2 },
      "only framing tcp can tell several answers apart",
    ],
  ])("refuse a connection such as %j", (written, message) => {
    expect(modbus.connection.safeParse(written).error?.issues.map((issue) => issue.message)).toContain(
      message,
    );
  });

  it.each([
    [{ type: "u16" }, "an address names exactly one of coil, discrete, input, holding"],
    [{ coil: 1, input: 2 }, "an address names exactly one of coil, discrete, input, holding"],
    [{ coil: 1, type: "u16" }, "a coil or discrete input is a bool"],
    [{ input: 1, type: "ascii" }, "ascii needs a length of 1 to 1024 bytes"],
  ])("refuse an address such as %j", (written, message) => {
    expect(modbus.address.safeParse(written).error?.issues[0]?.message).toContain(message);
  });

  it("know what a value will be", () => {
    const head = modbus.head.parse({ addressing: "protocol" });
    const kind = (at: Record<string, unknown>) => modbus.rawKind(modbus.address.parse(at), head);
    expect(kind({ coil: 1 })).toBe("boolean");
    expect(kind({ holding: 1, bit: 3 })).toBe("boolean");
    expect(kind({ holding: 1, type: "f32" })).toBe("float");
    expect(kind({ holding: 1, type: "u16[4:11]" })).toBe("integer");
    expect(kind({ holding: 1, type: "ascii", length: 8 })).toBe("text");
  });
});

describe("addresses", () => {
  it("are the same place however they are written", () => {
    expect(toWire("holding", 52, "protocol")).toBe(52);
    expect(toWire("holding", 53, "datasheet-1")).toBe(52);
    expect(toWire("holding", 40_053, "modicon")).toBe(52);
    expect(toWire("holding", 400_053, "modicon")).toBe(52);
    expect(toWire("input", 30_001, "modicon")).toBe(0);
    expect(toWire("discrete", 10_001, "modicon")).toBe(0);
    expect(toWire("coil", 1, "modicon")).toBe(0);
    expect(toWire("holding", 30_001, "modicon")).toBeUndefined();
    expect(toWire("input", 0, "datasheet-1")).toBeUndefined();
    expect(toWire("input", 65_536, "protocol")).toBeUndefined();
  });

  it("come back as they were written", () => {
    for (const addressing of ["protocol", "datasheet-1", "modicon"] as const)
      for (const table of tables)
        for (const address of [0, 1, 9997, 9998, 9999, 10_000, 65_535])
          expect(toWire(table, fromWire(table, address, addressing), addressing)).toBe(address);
  });
});

describe("checking a profile", () => {
  it("finds nothing wrong with bits and bytes of one register", () => {
    const points = [
      point("a", { holding: 0, bit: 0 }),
      point("b", { holding: 0, bit: 1 }),
      point("c", { holding: 0, type: "u16[4:11]" }),
      point("d", { holding: 1, type: "u8", byte: "high" }),
      point("e", { holding: 1, type: "u8", byte: "low" }),
      point("f", { holding: 2, type: "f32" }),
      point("g", { input: 2, type: "f32" }),
    ];
    expect(codes(profileOf(points))).toEqual([]);
  });

  it("refuses points that share registers or bits", () => {
    const points = [
      point("a", { holding: 0, type: "f32" }),
      point("b", { holding: 1 }),
      point("c", { holding: 5, bit: 4 }),
      point("d", { holding: 5, type: "u16[4:11]" }),
      point("e", { coil: 3 }),
      point("f", { coil: 3 }),
    ];
    expect(codes(profileOf(points)).sort()).toEqual([
      "points.b.at.holding: overlapping-points",
      "points.d.at.holding: overlapping-points",
      "points.f.at.coil: overlapping-points",
    ]);
  });

  it("refuses what no request may read", () => {
    const points = [
      point("a", { input: 10 }),
      point("b", { input: 50, type: "ascii", length: 40 }),
      point("c", { holding: 900 }),
    ];
    const read = { maxRegisters: 16, forbidden: { input: [[8, 12]] }, windows: { holding: [[0, 100]] } };
    expect(codes(profileOf(points, { read }))).toEqual([
      "points.a.at.input: forbidden-address",
      "points.b.at.input: larger-than-request",
      "points.c.at.holding: outside-windows",
    ]);
  });

  it("refuses addresses that the way of writing does not have, with the first that it has", () => {
    const findings = modbus.check(profileOf([point("a", { holding: 52 })], { addressing: "modicon" }));
    expect(findings).toMatchObject([
      { code: "no-such-address", hint: "with addressing modicon the first holding is 40001" },
    ]);
  });
});

describe("replaying an example", () => {
  const points = [
    point("u1", { input: 0, type: "f32" }),
    point("u2", { input: 2, type: "f32" }),
    point("low", { input: 4, type: "u32", order: "CDAB" }),
    point("relay", { coil: 3 }),
    point("alarm", { discrete: 1 }),
    point("fault", { holding: 7, bit: 9 }),
  ];
  const device = deviceOf(profileOf(points));

  async function replay(given: unknown) {
    const driver = await modbus.replay(given, context());
    const plan = modbus.plan(modbus.connection.parse({ tcp: { host: "x" } }), device, points, {});
    const results = await Promise.all(
      plan.requests.map((request) => driver.read!(device, request, new AbortController().signal)),
    );
    return Object.fromEntries(
      results.flat().map((result) => [result.point.name, "raw" in result ? result.raw : result.problem]),
    );
  }

  it("decodes what is given, and invents nothing that is not", async () => {
    const given = {
      input: { "0": "4366 3333", "0x0004": "0002 0001" },
      coil: { 3: 1 },
      holding: { 7: "0200" },
    };
    expect(await replay(given)).toEqual({
      u1: Math.fround(230.2),
      u2: "config-error",
      low: 65_538,
      relay: true,
      alarm: "config-error",
      fault: true,
    });
  });

  it("learns from a recorded dialogue", async () => {
    const exchange = [{ ">": "01 04 0000 0002 71CB", "<": "01 04 04 43 66 33 33 7B 1E" }];
    const body = Uint8Array.from(Buffer.from("0104044366 3333".replace(" ", ""), "hex"));
    const sum = crc16Modbus(body);
    exchange[0]!["<"] =
      `${Buffer.from(body).toString("hex")}${Buffer.from([sum & 255, sum >> 8]).toString("hex")}`;
    expect(await replay({ exchange })).toMatchObject({ u1: Math.fround(230.2), u2: "config-error" });
  });

  it.each([
    [{ exchange: [{ ">": "01 04 0000 0002 71CC", "<": "01" }] }, "not a whole RTU frame"],
    [{ input: { "0": "43 66 3" } }, "hex digits, four per register"],
    [{ input: { "0": 4366 } }, "registers are text in quotes"],
  ])("refuses %j", async (given, message) => {
    await expect(replay(given)).rejects.toThrow(message);
  });
});

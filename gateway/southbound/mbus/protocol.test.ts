import { describe, expect, it } from "vitest";
import * as z from "zod";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { one, rational, zero } from "../../model/decimal.ts";
import type { Device, DeviceProfile, Point } from "../../model/device.ts";
import { silentLog } from "../../model/log.ts";
import { mbus } from "./protocol.ts";
import type { MbusAddress, MbusDevice, MbusHead } from "./settings.ts";

const point = (name: string, at: unknown, more: Partial<Point<MbusAddress>> = {}): Point<MbusAddress> => ({
  name,
  scale: one,
  offset: zero,
  kind: "gauge",
  pollClass: "normal",
  absent: [],
  personal: false,
  ...more,
  address: mbus.address.parse(at),
});

function profileOf(
  points: readonly Point<MbusAddress>[],
  head: unknown = {},
): DeviceProfile<MbusAddress, MbusHead> {
  return {
    id: "acme/meter",
    version: "1.0.0",
    title: { en: "Meter" },
    manufacturer: "Acme",
    models: [],
    category: "heat-meter",
    status: "draft",
    protocol: "mbus",
    protocolSettings: mbus.head.parse(head),
    points,
    hash: "",
  };
}

const deviceOf = (
  profile: DeviceProfile<MbusAddress, MbusHead>,
  settings: unknown = { address: 5 },
): Device<MbusAddress, MbusDevice, MbusHead> => ({
  id: "meter1",
  profile,
  connection: "line",
  settings: mbus.device.parse(settings),
  urn: "urn:dev:ops:32473-stadsnod-meter1:",
  audience: "open",
  audiences: new Map(),
  poll: { fast: 1000, normal: 10_000, slow: 60_000 },
});

const refusal = (schema: z.ZodType, value: unknown) =>
  schema
    .safeParse(value)
    .error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`)
    .join("; ");

describe("what people may write about M-Bus", () => {
  it("is 2400 baud 8E1 unless the line says otherwise", () => {
    expect(mbus.connection.parse({ serial: { port: "/dev/x" } })).toMatchObject({
      baud: 2400,
      retries: 2,
      endpoint: { baud: 2400, parity: "even", dataBits: 8, stopBits: 1 },
    });
    expect(mbus.connection.parse({ tcp: { host: "h", port: 10001 }, baud: 9600 })).toMatchObject({
      baud: 9600,
    });
  });

  it.each([
    [{}, "either serial or tcp"],
    [{ serial: { port: "/dev/x" }, baud: 300 }, "has its baud under serial"],
    [{ serial: { port: "/dev/x" }, wakeUp: { for: "20s" } }, "10 s"],
  ])("a line %j is refused: %s", (value, message) => {
    expect(refusal(mbus.connection, value)).toContain(message);
  });

  it.each([
    [{}, "either address or secondary"],
    [{ address: 251 }, "address"],
    [{ address: 1, secondary: { id: "12345678" } }, "either address or secondary"],
    [{ secondary: { id: "1234" } }, "eight digits"],
    [{ secondary: { id: "12345678", manufacturer: "kam" } }, "three capital letters"],
  ])("a meter %j is refused: %s", (value, message) => {
    expect(refusal(mbus.device, value)).toContain(message);
  });

  it.each([
    [{}, "exactly one of"],
    [{ quantity: "energy", header: "status" }, "exactly one of"],
    [{ quantity: "enrgy" }, "quantity"],
    [{ key: "04" }, "DIF and VIF"],
    [{ key: "04 86" }, "ends before its last VIF"],
    [{ key: "04 06 00" }, "goes on after"],
    [{ key: "0F 06" }, "ends in F"],
    [{ key: "04 06", storage: 1 }, "no meaning beside key"],
    [{ header: "status", in: "Wh" }, "no meaning beside header"],
    [{ quantity: "energy", in: "kilowatts" }, "no unit"],
    [{ text: "%RH", in: "%RH" }, "nobody knows"],
    [{ quantity: "energy", with: ["sideways"] }, "with"],
  ])("an address %j is refused: %s", (value, message) => {
    expect(refusal(mbus.address, value)).toContain(message);
  });

  it("has a JSON schema", () => {
    for (const schema of [mbus.connection, mbus.device, mbus.head, mbus.address, mbus.given])
      expect(z.toJSONSchema(schema, { io: "input" })).toMatchObject({ type: "object" });
  });
});

describe("the kind of a raw value", () => {
  it.each([
    [{ quantity: "energy" }, "float"],
    [{ quantity: "error-flags" }, "integer"],
    [{ quantity: "fabrication-number" }, "text"],
    [{ quantity: "date-time", storage: 1 }, "text"],
    [{ quantity: "volume-flow", with: ["last-upper-limit-exceed-end"] }, "text"],
    [{ text: "%RH" }, "float"],
    [{ key: "04 06" }, "float"],
    [{ key: "01 FF 13" }, "integer"],
    [{ key: "05 FF 13" }, "float"],
    [{ key: "0D FD 11" }, "text"],
    [{ key: "04 6D" }, "text"],
    [{ header: "status" }, "integer"],
    [{ header: "id" }, "text"],
  ])("of %j is %s", (at, kind) => {
    expect(mbus.rawKind(mbus.address.parse(at), mbus.head.parse({}))).toBe(kind);
  });
});

describe("the check of an M-Bus profile", () => {
  const findings = (points: readonly Point<MbusAddress>[], head: unknown = {}) =>
    mbus.check(profileOf(points, head)).map(({ path, code }) => `${path.join(".")} ${code}`);

  it("finds nothing wrong with what is right", () => {
    expect(
      findings([
        point("energy", { quantity: "energy", in: "kWh" }, { unit: "kWh" }),
        point("energy_gj", { quantity: "energy", storage: 1 }, { unit: "kWh", scale: rational("0.001") }),
        point("flow", { quantity: "volume-flow" }, { unit: "m3/h" }),
        point("status", { header: "status" }, { bits: new Map([[2, "power_low"]]) }),
        point("status_code", { header: "status" }, { labels: new Map([[0, { en: "ok" }]]) }),
      ]),
    ).toEqual([]);
  });

  it("finds records that two points have, and units that do not fit", () => {
    expect(
      findings([
        point("a", { key: "0406" }, { unit: "Wh" }),
        point("b", { key: "04 06" }, { unit: "Wh" }),
        point("c", { quantity: "energy", in: "m3" }, { unit: "m3" }),
        point("d", { quantity: "energy", storage: 1 }, { unit: "kWh" }),
        point("e", { quantity: "volume" }, { unit: "Wh" }),
      ]),
    ).toEqual([
      "points.b.at duplicate-record",
      "points.c.at.in wrong-unit",
      "points.d.unit unit-and-scale",
      "points.e.unit unit-and-scale",
    ]);
  });

  it("warns of classes that spend a battery", () => {
    const points = [
      point("a", { quantity: "energy" }, { unit: "Wh" }),
      point("b", { quantity: "volume" }, { unit: "m3", pollClass: { everyMs: 3_600_000 } }),
      point("c", { header: "id" }, { pollClass: "once" }),
    ];
    expect(mbus.check(profileOf(points, { minInterval: "1h" }))).toMatchObject([
      { path: ["points", "a", "class"], severity: "warning", code: "faster-than-budget" },
    ]);
  });
});

describe("the plan of an M-Bus meter", () => {
  const points = [point("energy", { quantity: "energy" }), point("status", { header: "status" })];
  const costOf = (line: unknown, head: unknown = {}, settings: unknown = { address: 5 }) => {
    const device = deviceOf(profileOf(points, head), settings);
    const { requests } = mbus.plan(mbus.connection.parse(line), device, points, {});
    expect(requests).toHaveLength(1);
    expect(requests[0]?.points).toEqual(points);
    return requests[0]!.costMs;
  };
  const serial = (baud: number) => ({ serial: { port: "/dev/x", baud } });

  it("is one request for all points, dearer on slower lines, by secondary address and after a wake-up", () => {
    const usual = costOf(serial(2400));
    expect(usual).toBeGreaterThan(700);
    expect(usual).toBeLessThan(1500);
    expect(costOf(serial(300))).toBeGreaterThan(7 * usual);
    expect(costOf(serial(9600))).toBeLessThan(usual / 3);
    expect(costOf(serial(2400), { wakeUp: { for: "2.2s" } })).toBeCloseTo(usual + 2200);
    expect(costOf(serial(2400), {}, { secondary: { id: "12345678" } })).toBeGreaterThan(usual);
    expect(costOf({ tcp: { host: "h", port: 1 } })).toBe(usual);
  });

  it("asks nothing when nothing is wanted", () => {
    const device = deviceOf(profileOf(points));
    expect(mbus.plan(mbus.connection.parse(serial(2400)), device, [], {}).requests).toEqual([]);
  });
});

describe("an example of an M-Bus profile", () => {
  /** A frame with its own arithmetic, not the codec's. */
  const frameOf = (...records: readonly number[]): string => {
    const body = [8, 5, 0x72, 0x78, 0x56, 0x34, 0x12, 0x8e, 0x4e, 1, 4, 9, 0x18, 0, 0, ...records];
    const sum = body.reduce((total, byte) => (total + byte) % 256, 0);
    return Buffer.from([0x68, body.length, body.length, 0x68, ...body, sum, 0x16]).toString("hex");
  };
  const context = {
    clock: new VirtualClock(),
    random: () => 0.5,
    log: silentLog,
    connect: async () => {
      throw new Error("an example has no line");
    },
    emit: async () => {},
    signal: new AbortController().signal,
  };
  const replay = async (rx: string | string[], points: readonly Point<MbusAddress>[], head: unknown = {}) => {
    const device = deviceOf(profileOf(points, head));
    await using driver = await mbus.replay({ rx }, context);
    const { requests } = mbus.plan(mbus.connection.parse(mbus.sample!.connection), device, points, {});
    const results = await driver.read!(device, requests[0]!, context.signal);
    return results.map((result) => ("raw" in result ? result.raw : `${result.problem}: ${result.detail}`));
  };

  it("gives exact values in the unit that is wanted", async () => {
    const points = [
      point("wh", { quantity: "energy" }),
      point("kwh", { quantity: "energy", in: "kWh" }),
      point("gj", { quantity: "energy", storage: 1, in: "GJ" }),
      point("volume", { quantity: "volume" }),
      point("flow", { quantity: "volume-flow" }),
      point("hours", { quantity: "on-time", in: "h" }),
      point("supply", { quantity: "flow-temperature" }),
    ];
    const rx = frameOf(
      ...[0x04, 0x05, 0x07, 0, 0, 0],
      ...[0x44, 0x07, 0x2a, 0, 0, 0],
      ...[0x02, 0x13, 0x15, 0x02],
      ...[0x02, 0x42, 0x05, 0x00],
      ...[0x02, 0x23, 0x02, 0x00],
      // 77 degrees Fahrenheit
      ...[0x02, 0xfb, 0x5b, 0x4d, 0x00],
    );
    expect(await replay(rx, points)).toEqual([700, 0.7, 1.512, 0.533, 0.003, 48, 25]);
  });

  it("tells records apart by nth, and refuses to choose", async () => {
    const rx = frameOf(0x01, 0x13, 1, 0x01, 0x13, 2);
    expect(
      await replay(rx, [
        point("first", { quantity: "volume", nth: 1, in: "l" }),
        point("second", { key: "01 13", nth: 2, in: "l" }),
        point("third", { quantity: "volume", nth: 3 }),
        point("any", { quantity: "volume" }),
      ]),
    ).toEqual([
      1,
      2,
      "config-error: no telegram has volume nth 3",
      "config-error: 2 records are volume: say which with nth",
    ]);
  });

  it("reads header, texts, numbers as texts, and bits without a sign", async () => {
    const rx = frameOf(
      ...[0x0a, 0x78, 0x23, 0x01],
      ...[0x0d, 0xfd, 0x11, 2, 0x42, 0x41],
      ...[0x01, 0xff, 0x13, 0x80],
      ...[0x02, 0xfc, 3, 0x48, 0x52, 0x25, 0x74, 0x22, 0x15],
    );
    expect(
      await replay(rx, [
        point("status", { header: "status" }),
        point("manufacturer", { header: "manufacturer" }),
        point("number", { quantity: "fabrication-number" }),
        point("customer", { quantity: "customer" }),
        point("flags", { key: "01 FF 13", unsigned: true }),
        point("signed", { key: "01 FF 13" }),
        point("humidity", { text: "%RH" }),
      ]),
    ).toEqual([
      0x18,
      "STN",
      "0123",
      "AB",
      0x80,
      "sentinel: the meter gives the lowest integer, which stands for no value",
      54.1,
    ]);
  });

  it("refuses a unit that the telegram does not come in", async () => {
    const rx = frameOf(0x01, 0x6e, 1, 0x01, 0x13, 1);
    expect(
      await replay(rx, [point("a", { key: "01 6E", in: "Wh" }), point("b", { key: "01 13", in: "kg" })]),
    ).toEqual([
      "config-error: the record 01 6E comes in count, not in Wh",
      "config-error: the record 01 13 comes in m3, not in kg",
    ]);
  });

  it("reads several telegrams as the master does", async () => {
    const rx = [frameOf(0x01, 0x13, 1, 0x1f), frameOf(0x41, 0x13, 2), frameOf(0x81, 0x01, 0x13, 3)];
    const points = [0, 1, 2].map((storage) => point(`v${storage}`, { quantity: "volume", storage, in: "l" }));
    const missing = (storage: number) => `config-error: no telegram has volume storage ${storage}`;
    expect(await replay(rx, points)).toEqual([1, 2, missing(2)]);
    expect(await replay(rx, points, { telegrams: 1 })).toEqual([1, missing(1), missing(2)]);
  });

  it.each(["680303680801707916", "1040054516", "68030368", "zz"])("%s is no telegram", async (rx) => {
    await expect(mbus.replay({ rx }, context)).rejects.toMatchObject({
      code: expect.stringMatching(/^bad-(frame|given)$/),
    });
  });
});

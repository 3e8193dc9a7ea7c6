import { createCipheriv } from "node:crypto";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { crc16Arc, crc16X25 } from "../../codec/crc.ts";
import { same } from "../../config/same.ts";
import { one, zero } from "../../model/decimal.ts";
import type { Point } from "../../model/device.ts";
import { silentLog } from "../../model/log.ts";
import { Secret } from "../../model/secret.ts";
import { memoryPair } from "../../transport/memory.ts";
import type { PointResult } from "../protocol.ts";
import { smartMeter } from "./protocol.ts";
import type { MeterAddress, MeterDevice } from "./settings.ts";

const point = (name: string, at: Record<string, unknown>): Point<MeterAddress> => ({
  name,
  address: smartMeter.address.parse(at),
  scale: one,
  offset: zero,
  kind: "gauge",
  pollClass: "normal",
  absent: [],
  personal: false,
});

function deviceOf(
  head: Record<string, unknown>,
  points: readonly Point<MeterAddress>[],
  settings: Record<string, unknown> = {},
): MeterDevice {
  return {
    id: "meter",
    connection: "line",
    settings: smartMeter.device.parse(settings),
    urn: "urn:dev:ops:32473-stadsnod-meter:",
    audience: "owner",
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
      protocol: "smart-meter",
      protocolSettings: smartMeter.head.parse(head),
      points,
      hash: "",
    },
  };
}

const p1 = { codec: "p1" };
const power = point("power", { obis: "1-0:1.7.0", in: "W" });

function telegram(kilowatts: string): Buffer {
  const body = `/ABC5METER\r\n\r\n1-0:1.7.0(${kilowatts}*kW)\r\n!`;
  const crc = crc16Arc(Buffer.from(body)).toString(16).toUpperCase().padStart(4, "0");
  return Buffer.from(`${body}${crc}\r\n`);
}

function hdlc(content: Uint8Array): Buffer {
  const word = (crc: number) => [crc & 0xff, crc >> 8];
  const head = [0xa0, content.length + 10, 0x03, 0x21, 0x13];
  const body = [...head, ...word(crc16X25(Uint8Array.from(head))), ...content];
  body[1] = body.length + 2;
  const start = [0xa0, body.length + 2, 0x03, 0x21, 0x13];
  const whole = [...start, ...word(crc16X25(Uint8Array.from(start))), ...content];
  return Buffer.from([0x7e, ...whole, ...word(crc16X25(Uint8Array.from(whole))), 0x7e]);
}

async function bench() {
  const clock = new VirtualClock();
  const connection = smartMeter.connection.parse({ serial: { port: "/dev/ttyS9" } });
  const [near, far] = memoryPair(clock, { endpoint: connection.endpoint });
  const heard: (readonly PointResult[])[] = [];
  let hold: Promise<void> | undefined;
  const driver = await smartMeter.open(connection, {
    clock,
    random: () => 0.5,
    log: silentLog,
    connect: async () => near,
    emit: async (_device, results) => {
      heard.push(results);
      await hold;
    },
    signal: new AbortController().signal,
  });
  const send = async (bytes: Uint8Array) => {
    const written = far.write(bytes);
    await clock.advance(10);
    await written;
  };
  const values = () =>
    heard.map((results) => results.map((result) => ("raw" in result ? result.raw : result.problem)));
  return {
    clock,
    driver,
    near,
    send,
    values,
    heard,
    holdBack: (until: Promise<void> | undefined) => {
      hold = until;
    },
  };
}

describe("the smart-meter driver", () => {
  it("hands on what it hears, with the time at which it was heard", async () => {
    const { clock, driver, send, values, heard } = await bench();
    await send(telegram("1.000"));
    expect(values()).toEqual([]);
    await driver.listen?.([deviceOf(p1, [power])]);
    const began = clock.now();
    await send(telegram("1.234"));
    await send(telegram("1.234").fill(0x39, 25, 26));
    await send(telegram("0.5"));
    expect(values()).toEqual([[1234], [500]]);
    const at = heard[0]?.[0]?.at;
    expect(at?.base).toBe("unix");
    expect(at!.ms - began).toBeLessThanOrEqual(10);
    expect(driver.statistics).toMatchObject({ frames: 2, "bad-checksum": 1 });
    expect(driver.statistics["unheard-bytes"]).toBeGreaterThan(40);
    await driver[Symbol.asyncDispose]();
  });

  it("lets only the newest message wait while earlier ones are on their way into the store", async () => {
    const { driver, send, values, holdBack } = await bench();
    await driver.listen?.([deviceOf(p1, [power])]);
    const store = Promise.withResolvers<void>();
    holdBack(store.promise);
    for (const kilowatts of ["1", "2", "3", "4"]) await send(telegram(kilowatts));
    expect(values()).toEqual([[1000]]);
    store.resolve();
    holdBack(undefined);
    await send(telegram("5"));
    expect(values()).toEqual([[1000], [4000], [5000]]);
    expect(driver.statistics.overtaken).toBe(2);
    await driver[Symbol.asyncDispose]();
  });

  it("opens encrypted pushes with the device's keys, and no message twice", async () => {
    const key = "000102030405060708090a0b0c0d0e0f";
    const authenticationKey = "d0d1d2d3d4d5d6d7d8d9dadbdcdddedf";
    const secrets = {
      key: new Secret(key, "test"),
      authenticationKey: new Secret(authenticationKey, "test"),
    };
    const push = (counter: number, watts: number) => {
      const iv = Buffer.from("4d4d4d0000bc614e00000000", "hex");
      iv.writeUInt32BE(counter, 8);
      const plain = Buffer.from(
        "0f000000000001010203090601000107 00ff060000000002020f00161b".replace(" ", ""),
        "hex",
      );
      plain.writeUInt32BE(watts, plain.indexOf(Buffer.from("ff06", "hex")) + 2);
      const cipher = createCipheriv("aes-128-gcm", Buffer.from(key, "hex"), iv, { authTagLength: 12 });
      cipher.setAAD(Buffer.from(`30${authenticationKey}`, "hex"));
      const inside = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
      const head = Buffer.from("e6e700db084d4d4d0000bc614e", "hex");
      return hdlc(Buffer.concat([head, Buffer.of(5 + inside.length, 0x30), iv.subarray(8), inside]));
    };
    const { driver, send, values, heard } = await bench();
    const dlms = { codec: "dlms", layout: "obis-scaler" };
    await driver.listen?.([deviceOf(dlms, [power])]);
    await send(push(1, 100));
    expect(values()).toEqual([["config-error"]]);
    expect(heard[0]?.[0]).toMatchObject({ detail: "encrypted: give the key" });
    const device = deviceOf(dlms, [power], secrets);
    await driver.listen?.([device]);
    await send(push(2, 200));
    await send(push(2, 200));
    await driver.listen?.([device]);
    await send(push(1, 100));
    await send(push(3, 300));
    expect(values().slice(1)).toEqual([[200], [300]]);
    expect(driver.statistics).toMatchObject({ encrypted: 1, replayed: 2, frames: 5 });
    await driver[Symbol.asyncDispose]();
  });

  it("gives up a frame that breaks off when the line is quiet, and hears the one behind it", async () => {
    const { clock, driver, send, values } = await bench();
    await driver.listen?.([
      deviceOf({ codec: "dlms", layout: "list" }, [point("power", { list: 1, index: 0 })]),
    ]);
    const frame = hdlc(Buffer.from("e6e7000f400000000002010600000102", "hex"));
    // Its header is right, but most of it never comes: the good frame lies where its content would be.
    const broken = hdlc(new Uint8Array(200)).subarray(0, 30);
    await send(Buffer.concat([broken, frame]));
    expect(values()).toEqual([]);
    await clock.advance(2000);
    expect(values()).toEqual([[0x102]]);
    await driver[Symbol.asyncDispose]();
  });

  it("refuses two kinds of telegram on one port", async () => {
    const { driver } = await bench();
    const other = deviceOf({ codec: "p1", crc: "none" }, [power]);
    await expect(async () => driver.listen?.([deviceOf(p1, [power]), other])).rejects.toMatchObject({
      code: "mixed-framings",
    });
    await driver[Symbol.asyncDispose]();
  });

  it("is lost with its link", async () => {
    const { driver, near } = await bench();
    await near[Symbol.asyncDispose]();
    expect(driver.lost.aborted).toBe(true);
  });
});

describe("what people write for smart meters", () => {
  const problem = (
    schema: { safeParse(value: unknown): { error?: { issues: { message: string }[] } } },
    value: unknown,
  ) => schema.safeParse(value).error?.issues[0]?.message;

  it("is refused where it makes no sense", () => {
    const { head, address, device, connection } = smartMeter;
    expect(problem(head, { codec: "dlms" })).toMatch(/needs a layout/);
    expect(problem(head, { codec: "p1", layout: "list" })).toMatch(/belongs to codec dlms/);
    expect(problem(head, { codec: "dlms", layout: "list", crc: "none" })).toMatch(/belongs to codec p1/);
    expect(problem(head, { codec: "p1", standardTime: "1" })).toMatch(/offset from UTC/);
    expect(problem(address, {})).toMatch(/one of obis, list, ident/);
    expect(problem(address, { obis: "1.8.0" })).toMatch(/A-B:C.D.E/);
    expect(problem(address, { list: 13 })).toMatch(/needs index/);
    expect(problem(address, { list: { 13: 1 }, index: 1 })).toMatch(/named by its length/);
    expect(problem(address, { list: 13, index: 1, value: 1 })).toMatch(/beside an OBIS code/);
    expect(problem(address, { obis: "1-0:1.8.0", type: "text", in: "W" })).toMatch(/for numbers/);
    expect(problem(address, { obis: "1-0:1.8.0", unitValue: 1 })).toMatch(/needs the unit/);
    expect(problem(device, { key: "000102030405060708090a0b0c0d0e0f" })).toMatch(/by reference/);
    expect(problem(device, { key: new Secret("abc", "x") })).toMatch(/32 hex digits/);
    expect(problem(device, { authenticationKey: new Secret("0".repeat(32), "x") })).toMatch(/without key/);
    expect(problem(connection, {})).toMatch(/serial or tcp/);
  });

  it("keeps keys as secrets, so that two pieces of configuration compare by what they say", () => {
    const parse = (digit: string) => smartMeter.device.parse({ key: new Secret(digit.repeat(32), "x") });
    expect(same(parse("a"), parse("a"))).toBe(true);
    expect(same(parse("a"), parse("b"))).toBe(false);
    expect(JSON.stringify(parse("a"))).toBe('{"key":"[redacted]"}');
  });

  it("says the same code in any of its forms", () => {
    expect(smartMeter.address.parse({ obis: "1-0:01.8.0*255" })).toEqual(
      smartMeter.address.parse({ obis: "1-0:1.8.0" }),
    );
    expect(smartMeter.address.parse({ list: [9, 13], index: 3 })).toEqual(
      smartMeter.address.parse({ list: { 9: 3, 13: 3 } }),
    );
  });

  it("is checked against the codec", () => {
    const codes = (head: Record<string, unknown>, points: readonly Point<MeterAddress>[]) =>
      smartMeter.check(deviceOf(head, points).profile).map(({ code }) => code);
    const list = { codec: "dlms", layout: "list" };
    expect(codes(p1, [power])).toEqual([]);
    expect(codes(list, [power])).toEqual(["no-codes"]);
    expect(codes(p1, [point("a", { list: 1, index: 0 })])).toEqual(["no-positions"]);
    expect(codes(p1, [point("a", { obis: "1-0:1.7.0", in: "watt" })])).toEqual(["unknown-unit"]);
    expect(codes(list, [point("a", { list: 1, index: 0, in: "W" })])).toEqual(["no-units"]);
    expect(codes(p1, [{ ...power, unit: "kW" }])).toEqual(["unit-mismatch"]);
    expect(codes(p1, [power, { ...power, name: "again" }])).toEqual(["overlapping-points"]);
  });
});

import { readFileSync } from "node:fs";
import { deflateSync, zstdCompressSync } from "node:zlib";
import { encode } from "cborg";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gatewayItem, openFlow } from "../test/flow.ts";
import { openLocalGateway } from "../test/local-gateway.ts";
import { openLogicNode } from "../test/logic-node.ts";
import { mostBytes, unpack } from "./compression.ts";
import { decodePack, encodePack, type WrittenReading } from "./pack.ts";
import register from "./senml.ts";

interface Vector {
  name: string;
  hex: string;
  records: { name: string; unit?: string; value: unknown; time: number; timeBase: string }[];
}
const { packs }: { packs: Vector[] } = JSON.parse(
  readFileSync(new URL("../../test/golden/telemetry-vectors.json", import.meta.url), "utf8"),
);
const now = 1_790_000_000_000;

describe("decodePack", () => {
  it("refuses what is nested too deep, in whatever way, and reads what is not", () => {
    const record = "a2 00 61 61 02 01".replaceAll(" ", "");
    for (const opening of ["81", "9f", "a100", "bf00"])
      expect(() => decodePack(Buffer.from(opening.repeat(20_000), "hex"), now), opening).toThrow(
        /nested deeper than 8/,
      );
    for (const around of [`81${record}`, `9f${record}ff`, `82${record}${record}`])
      expect(decodePack(Buffer.from(around, "hex"), now).readings.length).toBeGreaterThan(0);
    const deep = Buffer.from(`81a3006161020163787979${"81".repeat(6)}00`, "hex");
    expect(decodePack(deep, now).readings).toHaveLength(1);
  });

  const published = packs.filter(({ records }) => records.every(({ timeBase }) => timeBase === "unix"));

  it.each(published.map((vector) => [vector.name, vector] as const))(
    "reads the telemetry vector %s",
    (_name, vector) => {
      const { readings, gaps } = decodePack(Buffer.from(vector.hex, "hex"), now);
      const lost = { run: "aaaaaaaa", from: 3, to: 5, lost: 300, reason: "disk-full" };
      expect(gaps).toEqual(vector.name === "gap" ? [lost] : []);
      expect(readings.length).toBe(vector.records.length);
      readings.forEach((reading, index) => {
        const { name, unit, value, time } = vector.records[index]!;
        expect(reading.name).toBe(name);
        expect(reading.time).toBe(new Date(time).toISOString());
        expect(reading.unit).toBe(unit);
        if (name.endsWith("/quality")) expect(reading.quality).toBe(value);
        else if (typeof value !== "object") expect(String(reading.value)).toBe(String(value));
      });
    },
  );

  it("refuses packs whose times were never resolved", () => {
    const atRest = packs.filter(({ records }) => records.some(({ timeBase }) => timeBase !== "unix"));
    expect(atRest.length).toBeGreaterThan(0);
    for (const { hex } of atRest)
      expect(() => decodePack(Buffer.from(hex, "hex"), now)).toThrow("must be understood");
  });

  it("reads the multi-point example of RFC 8428 section 5.1.3, base fields and all", () => {
    const bytes = encode([
      new Map<number, number | string>([
        [-2, "urn:dev:ow:10e2073a01080063"],
        [-3, 1.320067464e9],
        [-4, "%RH"],
        [2, 20],
      ]),
      new Map<number, number | string>([
        [6, 60],
        [1, "Cel"],
        [2, 23.5],
      ]),
    ]);
    expect(decodePack(bytes, now).readings).toMatchObject([
      { value: 20, unit: "%RH", time: "2011-10-31T13:24:24.000Z" },
      { value: 23.5, unit: "Cel", time: "2011-10-31T13:25:24.000Z" },
    ]);
  });

  it("adds base values, and takes times before 1978 as counted from now", () => {
    const [reading] = decodePack(
      encode([
        new Map([
          [-5, 20],
          [2, 1.5],
          [6, -10],
        ]),
      ]),
      now,
    ).readings;
    expect(reading).toMatchObject({ value: 21.5, time: new Date(now - 10_000).toISOString() });
  });

  it.each([
    [Buffer.from("ff", "hex"), "no CBOR"],
    [encode({ a: 1 }), "not a list"],
    [encode([]), "not a list"],
    [encode([1]), "a record is no map"],
    [
      encode([
        new Map([
          [-1, 11],
          [2, 1],
        ]),
      ]),
      "version 11",
    ],
    [encode([new Map<number, unknown>([[2, "1"]])]), "label 2 is no number"],
    [Buffer.from(`${"81".repeat(100_000)}00`, "hex"), "no"],
  ])("refuses what is no pack (%#)", (bytes, message) => {
    expect(() => decodePack(bytes, now)).toThrow(message);
  });

  it("throws nothing but RangeError, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decodePack(bytes, now);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("encodePack", () => {
  const word = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/);
  const written: fc.Arbitrary<WrittenReading> = fc.record({
    device: word,
    point: word.filter((name) => !name.endsWith("/quality")),
    value: fc.oneof(
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.string(),
    ),
    unit: fc.option(fc.constantFrom("Cel", "W"), { nil: undefined }),
    time: fc.integer({ min: 1_000_000_000_000, max: 2_000_000_000_000 }),
  });

  it("is read back as it was written", () => {
    fc.assert(
      fc.property(fc.array(written, { minLength: 1, maxLength: 30 }), (readings) => {
        const { readings: read } = decodePack(encodePack(readings, "urn:dev:ops:32473-x-"), now);
        expect(read).toEqual(
          readings.map(({ device, point, value, unit, time }) => ({
            name: `urn:dev:ops:32473-x-${device}:${point}`,
            device,
            point,
            value: value === 0 ? 0 : value,
            ...(unit && typeof value === "number" ? { unit } : {}),
            quality: "good",
            time: new Date(time!).toISOString(),
          })),
        );
      }),
    );
  });
});

describe("unpack", () => {
  const bytes = Buffer.from("a pack");
  it("does as the topic's end says", () => {
    expect(unpack(bytes, "city/v1/gw/telemetry/open/112")).toBe(bytes);
    expect(unpack(deflateSync(bytes), "x/112-deflate")).toEqual(bytes);
    expect(unpack(zstdCompressSync(bytes), "x/112-zstd")).toEqual(bytes);
  });

  it("refuses bombs, rubbish and what is too large", () => {
    const bomb = Buffer.alloc(mostBytes + 1);
    expect(() => unpack(deflateSync(bomb), "x/112-deflate")).toThrow(RangeError);
    expect(() => unpack(zstdCompressSync(bomb), "x/112-zstd")).toThrow(RangeError);
    expect(() => unpack(bytes, "x/112-zstd")).toThrow("does not unpack");
    expect(() => unpack(bomb, "x/112")).toThrow("more than");
  });
});

describe("stadsnod-senml", () => {
  it("decodes a pack of the gateway to readings, with its account in msg.senml", async () => {
    await using node = await openLogicNode(register, "stadsnod-senml", { direction: "decode", base: "" });
    const pack = zstdCompressSync(Buffer.from(packs[0]!.hex, "hex"));
    await node.give({ topic: "city/v1/gw-1/telemetry/open/112-zstd", payload: pack });
    expect(node.taken()).toMatchObject([
      {
        payload: [{ device: "meter1", point: "voltage_l1", value: 230.1, unit: "V", quality: "good" }],
        senml: { gw: "gw-1", aud: "open", seq: 7 },
      },
    ]);
    await node.give({ payload: "text" });
    expect(node.errors).toEqual(["msg.payload must be a Buffer: a SenML pack in CBOR"]);
  });

  it("encodes one message or many readings", async () => {
    await using node = await openLogicNode(register, "stadsnod-senml", {
      direction: "encode",
      base: "urn:dev:ops:32473-x-",
    });
    const time = "2026-09-21T14:13:20.000Z";
    await node.give(
      {
        payload: 21,
        topic: "room/temp",
        reading: { device: "room", point: "temp", unit: "Cel", quality: "good", time },
      },
      {
        payload: [
          { name: "a", value: true },
          { device: "d", point: "p", value: 2, time },
        ],
      },
      { payload: [] },
      { payload: [{ device: "d", point: "p" }] },
    );
    const [one, many] = node.payloads() as Buffer[];
    expect(decodePack(one!, 0).readings).toMatchObject([
      { device: "room", point: "temp", value: 21, unit: "Cel", time },
    ]);
    expect(decodePack(many!, 0).readings.map(({ name }) => name)).toEqual(["a", "urn:dev:ops:32473-x-d:p"]);
    expect(node.errors).toEqual(["msg.payload has no reading", "d/p has no value"]);
    await node.give({
      payload: [
        { device: "d", point: "p", quality: "stale", time },
        { name: "x:y", quality: "sentinel", time },
      ],
    });
    const [bad] = node.payloads() as Buffer[];
    expect(decodePack(bad!, 0).readings).toMatchObject([
      { device: "d", point: "p", quality: "stale" },
      { device: "x", point: "y", quality: "sentinel" },
    ]);
  });
});

describe("stadsnod-senml with payloads of devices", () => {
  const payloadNode = async (fields: object) => {
    const gateway = await openLocalGateway();
    const item = { id: "n", type: "stadsnod-senml", gateway: "gw", wires: [["out"]], ...fields };
    const flow = await openFlow([register], [gatewayItem(gateway), item, { id: "out", type: "helper" }]);
    return {
      give: (message: Readonly<Record<string, unknown>>) => flow.node("n").receive(message),
      told: () => flow.messages("out").take(),
      error: async () => (await flow.errors("n").take()).text,
      async [Symbol.asyncDispose]() {
        await flow[Symbol.asyncDispose]();
        await gateway[Symbol.asyncDispose]();
      },
    };
  };

  it("decodes a Buffer, hex and base64 by a profile, with the port and the device of the message", async () => {
    await using node = await payloadNode({
      direction: "decode-payload",
      profile: "test/room",
      coding: "hex",
      fPort: "",
    });
    const room = { device: "room", point: "temperature", value: 21, unit: "Cel", quality: "good" };
    node.give({ payload: Buffer.from([21]), fPort: 5, device: "room", mine: 1 });
    expect(await node.told()).toMatchObject({ mine: 1, payload: [room, { point: "port", value: 5 }] });
    node.give({ payload: " 15 00" });
    expect((await node.told()).payload).toMatchObject([{ point: "temperature", value: 21 }, { value: 1 }]);
  });

  it("takes the profile from the message, and a port of its own", async () => {
    await using node = await payloadNode({
      direction: "decode-payload",
      profile: "",
      coding: "base64",
      fPort: "7",
    });
    node.give({ payload: "FQ==", profile: "test/room", fPort: 5 });
    expect((await node.told()).payload).toMatchObject([{ value: 21 }, { value: 7 }]);
  });

  it("makes the frames of a value", async () => {
    await using node = await payloadNode({
      direction: "encode-payload",
      profile: "test/room",
      point: "level",
      coding: "base64",
    });
    node.give({ payload: 80, settings: { unit: 3 } });
    expect(await node.told()).toMatchObject({
      payload: "A1A=",
      fPort: 60,
      frames: [
        { payload: "A1A=", fPort: 60, label: "level = 80" },
        { payload: "/w==", label: "store" },
      ],
    });
    node.give({ payload: { no: "value" } });
    expect(await node.error()).toMatch(/must be a number/);
  });

  it.each([
    [{ payload: "1" }, /text in hex/],
    [{ payload: "zz" }, /text in hex/],
    [{ payload: 21 }, /text in hex/],
    [{ payload: Buffer.alloc(8193) }, /more than 8192 bytes/],
    [{ payload: "0".repeat(40_000) }, /more than 8192 bytes/],
    [{ payload: "15", fPort: 256 }, /0 to 255/],
    [{ payload: "15", profile: "no/such" }, /no profile no\/such/],
    [{ payload: "15" }, /send msg.profile/],
  ])("refuses %o", async (message, why) => {
    const profile = { profile: "test/room" };
    await using node = await payloadNode({ direction: "decode-payload", coding: "hex", fPort: "" });
    const isOfProfile = "profile" in message || why.source.includes("msg.profile");
    node.give(isOfProfile ? message : { ...profile, ...message });
    expect(await node.error()).toMatch(why);
  });
});

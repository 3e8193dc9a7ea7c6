import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Registers } from "../../../simulators/modbus/registers.ts";
import { type SunspecImage, sunspecRegisters } from "../../../simulators/modbus/sunspec.ts";
import { one, zero } from "../../model/decimal.ts";
import type { Device, Point } from "../../model/device.ts";
import { GatewayError, TransientError, UnsupportedPointError } from "../../model/errors.ts";
import type { Learned, PointResult } from "../protocol.ts";
import { decodeTcp, encodeTcp } from "./mbap.ts";
import { encodeRequest } from "./pdu.ts";
import { modbus } from "./protocol.ts";
import type { ModbusAddress, ModbusDevice, ModbusHead } from "./settings.ts";
import { isSunspec, type SunspecRequest } from "./sunspec-plan.ts";
import { type ReadHolding, SunspecUnit } from "./sunspec-read.ts";
import { knownModels, modelOf } from "./sunspec-table.ts";

const at = { base: "unix", ms: 1 } as const;
const connection = modbus.connection.parse({ tcp: { host: "127.0.0.1" } });

const point = (name: string, sunspec: Record<string, unknown>): Point<ModbusAddress> => ({
  name,
  address: modbus.address.parse({ sunspec }),
  scale: one,
  offset: zero,
  kind: "gauge",
  pollClass: "normal",
  absent: [],
  personal: false,
});

function plan(
  points: readonly Point<ModbusAddress>[],
  learned: Learned = {},
  head: object = {},
): SunspecRequest[] {
  const device: Device<ModbusAddress, ModbusDevice, ModbusHead> = {
    id: "inverter",
    connection: "line",
    settings: { unit: 1 },
    urn: "urn:dev:ops:32473-stadsnod-inverter:",
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
    profile: {
      id: "acme/inverter",
      version: "1.0.0",
      title: { en: "Inverter" },
      manufacturer: "Acme",
      models: [],
      category: "solar-inverter",
      status: "draft",
      protocol: "modbus",
      protocolSettings: modbus.head.parse({ addressing: "protocol", ...head }),
      points,
      hash: "",
    },
  };
  return modbus.plan(connection, device, points, learned).requests.filter(isSunspec);
}

/** A unit that holds an image, and the reads that it was asked for. Unmapped registers are refused. */
function unitOf(image: SunspecImage) {
  const state = { registers: new Registers(sunspecRegisters(image)), reads: [] as [number, number][] };
  const read: ReadHolding = async (start, count) => {
    state.reads.push([start, count]);
    if (count < 1 || count > 125) throw new Error(`a read of ${count}`);
    if (!state.registers.isMapped("holding", start, count))
      throw new UnsupportedPointError("exception 2", { code: "exception-2" });
    const data = new Uint8Array(2 * count);
    for (let index = 0; index < count; index++)
      new DataView(data.buffer).setUint16(2 * index, state.registers.get("holding", start + index));
    return { data, at };
  };
  return { ...state, state, read };
}

/** Everything, as the loop would read it: what is refused is asked for in smaller parts. */
async function readAll(
  points: readonly Point<ModbusAddress>[],
  read: ReadHolding,
): Promise<{ found: Record<string, unknown>; refused: string[]; learned: Learned }> {
  const unit = new SunspecUnit();
  const found: Record<string, unknown> = {};
  const refused: string[] = [];
  let learned: Learned = {};
  const note = (results: readonly PointResult<ModbusAddress>[]) => {
    for (const result of results) found[result.point.name] = "raw" in result ? result.raw : result.problem;
  };
  let wanted = points;
  for (let round = 0; round < 200; round++) {
    let again = false;
    for (const request of plan(wanted, learned)) {
      try {
        note(await unit.read(request, read));
      } catch (error) {
        if (!(error instanceof UnsupportedPointError)) throw error;
        const more = modbus.learn(request, learned, error);
        if (more) learned = more;
        else {
          refused.push(...request.points.map(({ name }) => name));
          wanted = wanted.filter((one) => !request.points.includes(one));
        }
        again = true;
        break;
      }
    }
    if (!again) return { found, refused, learned };
  }
  throw new Error("never done");
}

const hex = (...words: number[]) =>
  words.map((word) => (word & 0xffff).toString(16).padStart(4, "0")).join("");
/** Model 103: 7.21 A, 14980 W at phase voltages of 231.1 V, 50.01 Hz; all else not implemented. */
const inverter = {
  id: 103,
  body: hex(
    ...[721, 721, 0xffff, 0xffff, -2],
    ...[0xffff, 0xffff, 0xffff, 2311, 0xffff, 0xffff, -1],
    ...[1498, 1, 5001, -2],
    ...[0x8000, 0x8000, 0x8000, 0x8000, 0x8000, 0x8000],
    ...[0x0012, 0xd687, 0, 0xffff, 0x8000, 0xffff, 0x8000, 0x8000, 0x8000],
    ...[0x8000, 0x8000, 0x8000, 0x8000, 0x8000],
    ...[4, 0xffff, 0, 0x0020, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff],
  ),
};
const inverterPoints = [
  point("current", { model: 103, point: "A" }),
  point("current_b", { model: 103, point: "AphB" }),
  point("voltage", { model: 103, point: "PhVphA" }),
  point("power", { model: 103, point: "W" }),
  point("frequency", { model: 103, point: "Hz" }),
  point("energy", { model: 103, point: "WH" }),
  point("dc_power", { model: 103, point: "DCW" }),
  point("state", { model: 103, point: "St" }),
  point("events", { model: 103, point: "Evt1" }),
  point("vendor_events", { model: 103, point: "EvtVnd1" }),
];
const inverterValues = {
  current: 7.21,
  current_b: "sentinel",
  voltage: 231.1,
  power: 14_980,
  frequency: 50.01,
  energy: 1_234_567,
  dc_power: "sentinel",
  state: 4,
  events: 0x20,
  vendor_events: "sentinel",
};
/** Model 160 with `count` modules. */
const modules = (count: number) => ({
  id: 160,
  body:
    hex(-2, -1, 0, 0, 0xffff, 0xffff, count, 0xffff) +
    Array.from({ length: count }, (_, index) =>
      hex(
        index + 1,
        ...Array<number>(8).fill(0),
        100 * (index + 1),
        6000,
        7000,
        0,
        1000,
        0,
        0,
        0x8000,
        4,
        0,
        0,
      ),
    ).join(""),
});
const moduleCurrent = (index: number) => point(`pv${index}`, { model: 160, point: "module.DCA", index });

describe("SunSpec points", () => {
  it("are read in one request per model, its header included", async () => {
    const { read, reads } = unitOf({ models: [{ id: 1, body: "00".repeat(132) }, inverter] });
    const { found } = await readAll(inverterPoints, read);
    expect(found).toEqual(inverterValues);
    // "SunS", the two models and the end; then the model itself, from its ID to its last point.
    expect(reads).toEqual([
      [40_000, 2],
      [40_002, 2],
      [40_070, 2],
      [40_122, 2],
      [40_070, 46],
    ]);
  });

  it("are the same wherever the map begins, in whatever order the models come, with or without an end", async () => {
    const filler = fc.record({
      id: fc.integer({ min: 200, max: 65_000 }),
      body: fc.integer({ min: 1, max: 80 }).map((count) => "a5a5".repeat(count)),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(40_000, 50_000, 0),
        fc.array(filler, { maxLength: 5 }),
        fc.array(filler, { maxLength: 5 }),
        fc.boolean(),
        async (base, before, after, end) => {
          const { read } = unitOf({ base, models: [...before, inverter, ...after], end });
          expect((await readAll(inverterPoints, read)).found).toEqual(inverterValues);
        },
      ),
    );
  });

  it("of a device without a map are refused at once, with a hint at what to look for", async () => {
    const { read, state } = unitOf({ models: [] });
    state.registers.set("holding", 40_000, [0, 0]);
    const unit = new SunspecUnit();
    const [request] = plan(inverterPoints);
    const error = await unit.read(request!, read).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UnsupportedPointError);
    expect(error).toMatchObject({ code: "no-sunspec" });
    expect(String(error)).toContain("no SunSpec map at 40000, 50000, 0: is SunSpec switched on");
    expect(modbus.learn(request!, {}, error as UnsupportedPointError)).toBeUndefined();
    expect(state.reads.map(([start]) => start)).toEqual([40_000, 50_000, 0]);
  });

  it("of a model that the device lacks are left out together, the others are read", async () => {
    const { read } = unitOf({ models: [inverter] });
    const { found, refused, learned } = await readAll(
      [...inverterPoints, moduleCurrent(1), moduleCurrent(2)],
      read,
    );
    expect(found).toEqual(inverterValues);
    expect(refused).toEqual(["pv1", "pv2"]);
    expect(learned).toEqual({});
  });

  it("beyond the end of a model are left out, those before are read", async () => {
    const { read } = unitOf({ models: [inverter, modules(2)] });
    const { found, refused } = await readAll([1, 2, 3, 4].map(moduleCurrent), read);
    expect(found).toEqual({ pv1: 1, pv2: 2 });
    expect(refused.toSorted()).toEqual(["pv3", "pv4"]);
  });

  it("far into a model come with their scale factors, which are read beside them", async () => {
    const { read, reads } = unitOf({ models: [modules(9)] });
    const { found } = await readAll([moduleCurrent(1), moduleCurrent(9)], read);
    expect(found).toEqual({ pv1: 1, pv9: 9 });
    expect(reads.slice(-3)).toEqual([
      [40_002, 20],
      [40_002 + 10 + 8 * 20 + 9, 1],
      [40_002, 3],
    ]);
  });

  it("of the second of two equal models are those of the second", async () => {
    const other = { ...inverter, body: hex(1) + inverter.body.slice(4) };
    const { read } = unitOf({ models: [inverter, other] });
    const { found, refused } = await readAll(
      [1, 2, 3].map((instance) => point(`a${instance}`, { model: 103, point: "A", instance })),
      read,
    );
    expect(found).toEqual({ a1: 7.21, a2: 0.01 });
    expect(refused).toEqual(["a3"]);
  });

  it("are looked for anew when the models have moved, and no value comes from the old place", async () => {
    const { read, state } = unitOf({ models: [inverter] });
    const unit = new SunspecUnit();
    const [request] = plan([inverterPoints[3]!]);
    expect(await unit.read(request!, read)).toMatchObject([{ raw: 14_980 }]);
    const moved = sunspecRegisters({ models: [{ id: 64_001, body: "0001" }, inverter] });
    state.registers.set("holding", 40_000, words(moved.holding![40_000] as string));
    const error = await unit.read(request!, read).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TransientError);
    expect(error).toMatchObject({ code: "sunspec-moved" });
    expect(await unit.read(request!, read)).toMatchObject([{ raw: 14_980 }]);
  });

  it("have no value when their scale factor says nothing, or nonsense", async () => {
    const power = inverterPoints[3]!;
    for (const [factor, expected] of [
      [0x8000, "sentinel"],
      [11, "config-error"],
      [-11, "config-error"],
      [-10, 1.498e-7],
      [10, 14_980_000_000_000],
      [0, 1498],
    ] as const) {
      const body = inverter.body.slice(0, 13 * 4) + hex(factor) + inverter.body.slice(14 * 4);
      const { read } = unitOf({ models: [{ id: 103, body }] });
      expect((await readAll([power], read)).found).toEqual({ power: expected });
    }
  });

  it("of a repetition that the model has room for and does not use have no value", async () => {
    const curves = hex(1, 0, 0, 0, 0, 2, 10, -2, -1, 0x8000) + hex(...Array<number>(200).fill(7));
    const { read } = unitOf({ models: [{ id: 129, body: curves }] });
    const { found } = await readAll(
      [1, 2, 3].map((index) => point(`v${index}`, { model: 129, point: "curve.V1", index })),
      read,
    );
    expect(found).toEqual({ v1: 0.7, v2: 0.7, v3: "config-error" });
  });

  it("of models that the table does not have are said by offset and type", async () => {
    const body = hex(1500, -1, 0x4142, 0x4300, 0x3fc0, 0);
    const { read } = unitOf({ models: [{ id: 64_110, body }] });
    const { found } = await readAll(
      [
        point("x", { model: 64_110, offset: 2, type: "int16", scale: 3 }),
        point("text", { model: 64_110, offset: 4, type: "string", length: 2 }),
        point("float", { model: 64_110, offset: 6, type: "float32" }),
      ],
      read,
    );
    expect(found).toEqual({ x: 150, text: "ABC", float: 1.5 });
  });

  it.each([
    ["int16", "8000", "8001", -32_767],
    ["uint16", "ffff", "8000", 32_768],
    ["acc16", "0000", "ffff", 65_535],
    ["enum16", "ffff", "0000", 0],
    ["bitfield16", "ffff", "7fff", 32_767],
    ["bitfield16", "8001", "0000", 0],
    ["int32", "80000000", "80000001", -2_147_483_647],
    ["uint32", "ffffffff", "80000000", 2_147_483_648],
    ["acc32", "00000000", "ffffffff", 4_294_967_295],
    ["enum32", "ffffffff", "fffffffe", 4_294_967_294],
    ["bitfield32", "80000000", "7fffffff", 2_147_483_647],
    ["int64", "8000000000000000", "ffffffffffffffff", -1],
    ["uint64", "ffffffffffffffff", "fffffffffffffffe", 0xffff_ffff_ffff_fffen],
    ["acc64", "0000000000000000", "0000000000000001", 1],
    ["float32", "7fc00000", "3f800000", 1],
    ["float64", "7ff8000000000000", "3ff8000000000000", 1.5],
    ["string", "00000000", "41420000", "AB"],
  ])("of type %s are absent as %s", async (type, none, some, value) => {
    const length = type === "string" ? 2 : undefined;
    const wanted = [point("x", { model: 64_200, offset: 2, type, length })];
    for (const [body, expected] of [
      [none, "sentinel"],
      [some, value],
    ] as const) {
      const { read } = unitOf({ models: [{ id: 64_200, body }] });
      expect((await readAll(wanted, read)).found).toEqual({ x: expected });
    }
  });

  it("of any garbage give values, sentinels or our own errors, after a bounded number of reads", async () => {
    const wanted = [...inverterPoints, moduleCurrent(1), point("n", { model: 160, point: "N" })];
    const garbage = fc.uint8Array({ minLength: 4, maxLength: 600 });
    await fc.assert(
      fc.asyncProperty(garbage, fc.boolean(), fc.boolean(), async (bytes, marked, loops) => {
        let reads = 0;
        const read: ReadHolding = async (start, count) => {
          reads++;
          const data = new Uint8Array(2 * count);
          for (let index = 0; index < data.length; index++)
            data[index] = bytes[(start * 2 + index) % bytes.length]!;
          if (marked && start === 40_000) data.set(Buffer.from("SunS"));
          // A chain of models without registers would never end by itself.
          if (loops && count === 2 && start > 40_001) data.set([0, 103, 0, 0]);
          return { data, at };
        };
        const unit = new SunspecUnit();
        for (const request of plan(wanted)) {
          const outcome = await unit.read(request, read).catch((error: unknown) => error);
          if (!Array.isArray(outcome)) expect(outcome).toBeInstanceOf(GatewayError);
        }
        expect(reads).toBeLessThan(4 * 260);
      }),
    );
  });
});

describe("a SunSpec address", () => {
  const problem = (sunspec: Record<string, unknown>, more: Record<string, unknown> = {}) =>
    modbus.address.safeParse({ sunspec, ...more }).error?.issues[0]?.message;

  it("says what is wrong", () => {
    expect(problem({ model: 103, point: "PhVpA" })).toBe("model 103 has no point PhVpA");
    expect(problem({ model: 103, point: "module.A" })).toContain("model 103 has no group module");
    expect(problem({ model: 65, point: "W" })).toContain("model 65 is not in the table of SunSpec models");
    expect(problem({ model: 160, point: "module.DCA" })).toContain("say which, with index");
    expect(problem({ model: 103, point: "W", index: 2 })).toContain("has 0 indexes, not 1");
    expect(problem({ model: 1, point: "Pad" })).toContain("model 1 has no point Pad");
    expect(problem({ model: 705, point: "Crv.Pt.V", index: [2, 1] })).toContain("differs between devices");
    expect(problem({ model: 103 })).toBe("say either point or offset");
    expect(problem({ model: 103, point: "W", type: "int16" })).toContain("type goes with offset");
    expect(problem({ model: 64_001, offset: 4 })).toContain("an offset needs a type");
    expect(problem({ model: 64_001, offset: 4, type: "string" })).toContain("a length goes with type string");
    expect(problem({ model: 103, point: "W" }, { type: "u16" })).toContain(
      "nothing else goes beside sunspec",
    );
    expect(problem({ model: 705, point: "Crv.Pt.V", index: [1, 9] })).toBeUndefined();
    expect(problem({ model: 704, point: "PFWAbs.PF" })).toBeUndefined();
  });

  it("knows what comes of it", () => {
    const kind = (sunspec: Record<string, unknown>) =>
      modbus.rawKind(modbus.address.parse({ sunspec }), modbus.head.parse({ addressing: "protocol" }));
    expect(kind({ model: 1, point: "Mn" })).toBe("text");
    expect(kind({ model: 103, point: "W" })).toBe("float");
    expect(kind({ model: 113, point: "W" })).toBe("float");
    expect(kind({ model: 103, point: "St" })).toBe("integer");
    expect(kind({ model: 122, point: "ActWh" })).toBe("integer");
  });

  it("can be made for every model of the table", () => {
    for (const id of knownModels)
      expect(
        modelOf(id)
          ?.points.slice(0, 2)
          .map(({ name }) => name),
      ).toEqual(["ID", "L"]);
    expect(knownModels).toContain(102);
    // The models of one family lie alike.
    for (const [first, second] of [
      [101, 103],
      [111, 112],
      [211, 214],
    ] as const)
      expect(modelOf(first)?.points).toEqual(modelOf(second)?.points);
  });
});

describe("a simulated SunSpec device", () => {
  it("has the models of the first example, with the values of the moment in them", async () => {
    const text = sunspecRegisters({ models: [inverter] }).holding![40_000] as string;
    const [request] = plan(inverterPoints);
    const profile = {
      protocolSettings: modbus.head.parse({ addressing: "protocol" }),
      points: inverterPoints,
    };
    const device = modbus.simulate!(
      profile as unknown as Parameters<NonNullable<typeof modbus.simulate>>[0],
      {
        given: [{ holding: { 40000: text } }],
        specimen: (_point, seconds, reading) =>
          reading === "power"
            ? 5000 + seconds
            : reading === "voltage"
              ? 229.46
              : reading === "state"
                ? 7
                : undefined,
        settings: { unit: 1 },
        connection,
      },
    );
    const read: ReadHolding = async (start, count) => {
      const bytes = device.answer?.(encodeTcp(1, 1, encodeRequest({ function: 3, start, count })), 30);
      const { pdu } = decodeTcp(bytes ?? new Uint8Array())!;
      return { data: pdu.slice(2), at };
    };
    const results = await new SunspecUnit().read(request!, read);
    expect(
      results.map((result) => [result.point.name, "raw" in result ? result.raw : result.problem]),
    ).toEqual(Object.entries({ ...inverterValues, power: 5030, voltage: 229.5, state: 7 }));
  });
});

function words(text: string): number[] {
  return Array.from({ length: text.length / 4 }, (_, index) =>
    Number.parseInt(text.slice(index * 4, index * 4 + 4), 16),
  );
}

// A little long: one subject per protocol, each with the telegram that it is measured on.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { compileExpression, type ExpressionValue } from "../../gateway/codec/expression/expression.ts";
import { compilePayload } from "../../gateway/codec/payload/index.ts";
import type { Point } from "../../gateway/model/device.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import { loadProtocols } from "../../gateway/southbound/index.ts";
import { resultsOf } from "../../gateway/southbound/mbus/address.ts";
import { MbusDeframer } from "../../gateway/southbound/mbus/deframer.ts";
import { mbus } from "../../gateway/southbound/mbus/protocol.ts";
import type { MbusAddress } from "../../gateway/southbound/mbus/settings.ts";
import { decodeTelegram } from "../../gateway/southbound/mbus/telegram.ts";
import type { PointResult } from "../../gateway/southbound/protocol.ts";
import { memoryPair } from "../../gateway/transport/memory.ts";
import { nmeaSentence } from "../../simulators/nmea.ts";
import { p1Telegram } from "../../simulators/p1-meter.ts";
import { type Bench, type BenchContext, compared, failed, median, type Row } from "./bench.ts";
import { southbound } from "./gateway.ts";

/** One thing that is decoded again and again. */
interface Subject extends AsyncDisposable {
  /** Decodes `times` frames, each from its bytes to the raw values of its points. */
  decode(times: number): Promise<void> | void;
  /** What one frame gave, by name. */
  result(): Readonly<Record<string, unknown>>;
}

/**
 * What it costs to turn the bytes of one frame into raw values: the whole way that a driver goes,
 * from the chunk of the line (deframing, checksum) to one result per point. Beside it, in turn,
 * JSON.parse of the same result as JSON: what a device would cost that speaks the commonest format.
 * Frames are computed, profiles are those that we ship.
 */
export const decode: Bench = {
  name: "decode",
  title: "processor time to decode one frame to raw values",
  method:
    "One frame per protocol, computed or from the examples of a shipped profile, through the whole way that a driver goes: from the chunk of the line (deframing, checksum) to one raw value per point. Batches of about 10 ms, in turn with batches of `JSON.parse` of the same values as JSON; told is the median of 101 batches (21 where quick) after a second of warming up.",
  notComparable: "`JSON.parse` reads no checksum and no frame: it is a unit of measure, not a competitor.",
  goals: {
    "decode.mbusFrame.us": { atMost: 50 },
    "decode.p1Telegram.us": { atMost: 200 },
    "decode.payloadLayout.us": { atMost: 5 },
  },
  run: async (context) => {
    const rows: Row[] = [];
    for (const [name, open] of Object.entries(subjects)) {
      const unit = name.endsWith(".ns") ? "ns" : "us";
      try {
        await using subject = await open();
        rows.push(await measured(name, unit, subject, context));
      } catch (error) {
        rows.push(failed(name, unit, error));
      }
    }
    return rows;
  },
};

const subjects: Readonly<Record<string, () => Promise<Subject> | Subject>> = {
  "decode.mbusFrame.us": mbusFrame,
  "decode.p1Telegram.us": () =>
    heard("swedish-grid/p1-meter", () => Buffer.from(p1Telegram(morning), "latin1")),
  "decode.hdlcPush.us": () => heard("aidon/6000-series", exampleFrame),
  "decode.payloadLayout.us": payloadLayout,
  "decode.serialLine.us": () =>
    heard("gill/windobserver", () =>
      Buffer.from("\x02A,121,000.08,M,+344.66,+021.76,00,\x0305\r\n", "latin1"),
    ),
  "decode.serialFrame.us": () => heard("hi-link/ld2410", exampleFrame),
  "decode.nmea.us": () =>
    heard("generic/nmea-gnss", () =>
      Buffer.from(`${nmeaSentence("GNGGA,101530.00,5919.7584,N,01804.1100,E,1,12,0.8,28.4,M,23.1,M,,")}\r\n`),
    ),
  "decode.expression.ns": expression,
};

const morning = {
  time: Date.UTC(2026, 0, 15, 7, 30, 10),
  energyImport: 12_045.318,
  energyExport: 3.204,
  reactiveImport: 2210.057,
  reactiveExport: 148.9,
  power: [0.812, 0.655, 0.267],
  reactive: [0.101, 0.084, 0.027],
  voltage: [230.4, 231.1, 229.8],
} as const;

/** In turn with JSON.parse of the same, so that a machine whose speed drifts treats both alike. */
async function measured(name: string, unit: string, subject: Subject, { quick }: BenchContext): Promise<Row> {
  await subject.decode(1);
  const json = JSON.stringify(subject.result(), (_key, value: unknown) =>
    typeof value === "bigint" ? Number(value) : value,
  );
  let parsed: unknown;
  const parse = (times: number): void => {
    for (let time = 0; time < times; time++) parsed = JSON.parse(json);
  };
  const batchMs = 10;
  const warmUpMs = quick ? 200 : 1000;
  const ofSubject = await batchSize((times) => subject.decode(times), warmUpMs, batchMs);
  const ofParse = await batchSize(parse, warmUpMs / 4, batchMs);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < (quick ? 21 : 101); round++) {
    ours.push((await time((times) => subject.decode(times), ofSubject)) / ofSubject);
    theirs.push((await time(parse, ofParse)) / ofParse);
  }
  if (parsed === undefined) throw new Error("nothing was parsed");
  const scale = unit === "ns" ? 1e6 : 1e3;
  const peer = "JSON.parse of the same result";
  return compared(name, median(ours) * scale, unit, peer, median(theirs) * scale);
}

type Work = (times: number) => Promise<void> | void;

async function time(work: Work, times: number): Promise<number> {
  const start = performance.now();
  await work(times);
  return performance.now() - start;
}

/** Warms up, and tells how many make a batch that a coarse clock can time. */
async function batchSize(work: Work, warmUpMs: number, batchMs: number): Promise<number> {
  const until = performance.now() + warmUpMs;
  let times = 1;
  for (;;) {
    const took = await time(work, times);
    if (performance.now() >= until) return Math.max(1, Math.round((times * batchMs) / took));
    if (took < batchMs / 2) times *= 2;
  }
}

/** A device of a shipped profile that speaks unasked, on a line in memory behind the real driver. */
async function heard(id: string, frameOf: (given: unknown) => Uint8Array): Promise<Subject> {
  const file = resolve(import.meta.dirname, "../../device-profiles", `${id}.yaml`);
  const { profile, examples } = loadProfile(readFileSync(file, "utf8"), file, await loadProtocols());
  const [protocol] = await loadProtocols(({ name }) => name === profile?.protocol);
  if (!profile || !protocol) throw new Error(`${id} is no profile`);
  const frame = frameOf(examples[0]?.given);
  const context = southbound();
  const [near, far] = memoryPair(context.clock);
  let count = 0;
  let last: readonly PointResult[] = [];
  const taken = Promise.resolve();
  const driver = await protocol.open(
    protocol.connection.parse({ serial: { port: "/dev/ttyS0", baud: 9600 } }),
    {
      ...context,
      connect: async () => near,
      emit: (_device, results) => {
        count++;
        last = results;
        return taken;
      },
    },
  );
  await driver.listen?.([
    {
      id: "instrument",
      profile,
      connection: "line",
      settings: protocol.device.parse({}),
      urn: "urn:dev:ops:32473-stadsnod-instrument:",
      audience: "street",
      audiences: new Map(),
      poll: { fast: 1000, normal: 1000, slow: 1000 },
    },
  ]);
  return {
    async decode(times) {
      const before = count;
      for (let time = 0; time < times; time++) {
        near.deliver(frame);
        // A driver hands on the next message when the one before is taken over.
        await taken;
      }
      if (count - before !== times) throw new Error(`${count - before} of ${times} frames gave results`);
    },
    result: () => byName(last),
    async [Symbol.asyncDispose]() {
      await driver[Symbol.asyncDispose]();
      await far[Symbol.asyncDispose]();
    },
  };
}

/** The bytes of an example that is given in hex. */
function exampleFrame(given: unknown): Uint8Array {
  const rx = typeof given === "object" && given !== null ? Reflect.get(given, "rx") : undefined;
  if (typeof rx !== "string") throw new Error("the first example is not given as hex");
  return Buffer.from(rx.replaceAll(/\s/g, ""), "hex");
}

function byName(results: readonly PointResult[]): Record<string, unknown> {
  const good = results.filter((result) => "raw" in result);
  if (good.length === 0) throw new Error("the frame gave no value");
  return Object.fromEntries(good.map(({ point, raw }) => [point.name, raw]));
}

/** A heat meter's answer with 15 records, of which 13 are points. */
function mbusFrame(): Subject {
  const frame = mbusAnswer(
    `72 78 56 34 12 2d 2c 35 04 2a 00 00 00
     0c 78 78 56 34 12  04 06 bb 1f 00 00  04 14 7c 69 00 00  04 3b 52 00 00 00  04 2d 1b 00 00 00
     02 59 6d 14  02 5d 6a 09  02 61 03 0b  04 22 59 1b 00 00  14 3b 8c 01 00 00  14 2d 7c 00 00 00
     04 6d 0a 0b 55 36  42 6c 5c 32  44 06 36 1f 00 00  44 14 84 67 00 00`,
  );
  const addresses: Readonly<Record<string, unknown>> = {
    energy: { quantity: "energy", in: "kWh" },
    volume: { quantity: "volume" },
    flow: { quantity: "volume-flow", in: "l/h" },
    power: { quantity: "power", in: "kW" },
    supply: { quantity: "flow-temperature" },
    return: { quantity: "return-temperature" },
    difference: { quantity: "temperature-difference" },
    on_time: { quantity: "on-time", in: "h" },
    flow_max: { quantity: "volume-flow", function: "maximum", in: "l/h" },
    power_max: { quantity: "power", function: "maximum", in: "kW" },
    stored_date: { quantity: "date", storage: 1 },
    energy_stored: { quantity: "energy", storage: 1, in: "kWh" },
    volume_stored: { quantity: "volume", storage: 1 },
  };
  const points = Object.entries(addresses).map(
    ([name, at]): Point<MbusAddress> => ({
      name,
      address: mbus.address.parse(at),
      scale: { numerator: 1n, denominator: 1n },
      offset: { numerator: 0n, denominator: 1n },
      kind: "gauge",
      pollClass: "normal",
      absent: [],
      personal: false,
    }),
  );
  const deframer = new MbusDeframer();
  const at = { base: "unix", ms: morning.time } as const;
  let results: readonly PointResult[] = [];
  return {
    decode(times) {
      for (let time = 0; time < times; time++) {
        const [answer] = deframer.push(frame, 0);
        if (answer?.kind !== "long") throw new Error("the frame was not found");
        results = resultsOf(points, [{ telegram: decodeTelegram(answer), at }]);
      }
    },
    result: () => {
      const values = byName(results);
      if (Object.keys(values).length !== points.length) throw new Error("the frame lacks points");
      return values;
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** The long frame around an answer (EN 13757-2, 5.5): RSP-UD of the meter with address 1. */
function mbusAnswer(hex: string): Uint8Array {
  const body = Buffer.from(`0801${hex.replaceAll(/\s/g, "")}`, "hex");
  const sum = body.reduce((total, byte) => (total + byte) & 0xff, 0);
  return Buffer.from([0x68, body.length, body.length, 0x68, ...body, sum, 0x16]);
}

/** Ten fields, a tagged record and a flagged group, as sensors pack them. */
function payloadLayout(): Subject {
  const payload = compilePayload({
    name: "bench",
    endian: "big",
    fields: [
      { name: "flags", type: "u8" },
      { name: "temperature", type: "s16", div: 100 },
      { name: "humidity", type: "u8", mult: 0.5 },
      { name: "pressure", type: "u16", div: 10 },
      { name: "battery", type: "u16", div: 1000 },
      { name: "counter", type: "u32" },
      { name: "status", type: "u8", lookup: { 0: "ok", 1: "low battery", 2: "tamper" } },
      { name: "distance", type: "u16" },
      { name: "tilt", type: "s8" },
      { name: "light", type: "u24" },
      {
        flagged: { field: "$flags", groups: [{ bit: 0, fields: [{ name: "wind", type: "u16", div: 10 }] }] },
      },
      {
        tlv: {
          length_size: 1,
          cases: { 1: [{ name: "fill", type: "u8" }], 2: [{ name: "rain", type: "u16", div: 100 }] },
        },
      },
    ],
  });
  const bytes = Buffer.from(
    "01 0845 59 2775 0e10 0001e240 00 04d2 f4 00c350 002d 02 02 0141".replaceAll(" ", ""),
    "hex",
  );
  let data: Readonly<Record<string, unknown>> = {};
  return {
    decode(times) {
      for (let time = 0; time < times; time++) {
        const decoded = payload.decode(bytes);
        if (decoded.errors.length > 0) throw new Error(decoded.errors[0]);
        data = decoded.data;
      }
    },
    result: () => {
      if (Object.keys(data).length !== 12) throw new Error(`the layout gave ${Object.keys(data).join(", ")}`);
      return data;
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** Apparent power out of two other points: what a computed point costs whenever one of them is read. */
function expression(): Subject {
  const compiled = compileExpression(
    "sqrt(p * p + q * q)",
    new Map([
      ["p", "number"],
      ["q", "number"],
    ]),
    "number",
  );
  const values: ExpressionValue[] = [0, 0];
  let value: unknown;
  let turn = 0;
  return {
    decode(times) {
      for (let time = 0; time < times; time++) {
        values[0] = 300 + (turn++ & 0xff);
        values[1] = 40;
        value = compiled.evaluate(values);
      }
    },
    result: () => ({ value }),
    async [Symbol.asyncDispose]() {},
  };
}

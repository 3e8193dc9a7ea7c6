import { describe, expect, it } from "vitest";
import { gnssSentences, nmeaSentence } from "../../../simulators/nmea.ts";
import { settle, VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { one, rational, zero } from "../../model/decimal.ts";
import type { Device } from "../../model/device.ts";
import { silentLog } from "../../model/log.ts";
import { memoryPair } from "../../transport/memory.ts";
import type { PointResult } from "../protocol.ts";
import { type NmeaPoint, type NmeaUnit, tell } from "./decode.ts";
import { openNmea } from "./driver.ts";
import { nmea } from "./protocol.ts";
import { addressSchema, connectionSchema, headSchema } from "./schema.ts";
import { parseSentence } from "./sentence.ts";

function unit(
  id: string,
  points: Readonly<Record<string, unknown>>,
  talkers?: string[],
  head = {},
): NmeaUnit {
  return {
    id,
    profile: {
      id: "test/receiver",
      version: "1.0.0",
      title: { en: "Receiver" },
      manufacturer: "Test",
      models: ["R"],
      category: "position",
      status: "draft",
      protocol: "nmea",
      protocolSettings: headSchema.parse(head),
      points: Object.entries(points).map(
        ([name, at]): NmeaPoint => ({
          name,
          address: addressSchema.parse(at),
          scale: one,
          offset: zero,
          kind: "gauge",
          pollClass: "normal",
          absent: [],
          personal: false,
        }),
      ),
      hash: id,
    },
    connection: "line",
    settings: { talkers },
    urn: `urn:dev:ops:32473-test-${id}:`,
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 1000, slow: 1000 },
  };
}

const now = Date.UTC(2026, 6, 21, 10, 15, 30);

async function line(settings: object = {}) {
  const clock = new VirtualClock({ unix: 0, trusted: false });
  const [near] = memoryPair(clock);
  const emitted: [string, string, unknown][] = [];
  const times: [number, number, string][] = [];
  const driver = await openNmea(connectionSchema.parse({ serial: { port: "/dev/ttyS0" }, ...settings }), {
    clock,
    random: () => 0.5,
    log: silentLog,
    connect: async () => near,
    emit: async (device: Device, results: readonly PointResult[]) => {
      for (const result of results)
        emitted.push([device.id, result.point.name, "raw" in result ? result.raw : result.problem]);
    },
    timeSource: (unixMs, at, source) => times.push([unixMs, at, source]),
    signal: new AbortController().signal,
  });
  const say = async (...sentences: string[]) => {
    near.deliver(Buffer.from(sentences.map((one) => `${one}\r\n`).join(""), "latin1"));
    await settle();
  };
  return { clock, driver, emitted, times, say };
}

const place = { latitude: 59.329307, longitude: 18.0685 };

describe("an NMEA line", () => {
  it("tells points what their sentences say, and counts the rest", async () => {
    const { driver, emitted, say } = await line();
    await driver.listen?.([
      unit("mast", {
        angle: { sentence: "MWV", field: "angle_relative" },
        speed: { sentence: "MWV", field: "speed_relative" },
        rpm: { sentence: "RPM", field: 3 },
        engine: { sentence: "RPM", field: 1, type: "text", when: { 2: "1" } },
        height: { sentence: "PGRMZ", field: 1, type: "integer" },
      }),
    ]);
    await say(
      nmeaSentence("WIMWV,214.8,R,36.0,K,A"),
      nmeaSentence("WIMWV,201.4,T,8.2,N,A"),
      nmeaSentence("IIRPM,E,1,1500.5,10.5,A"),
      nmeaSentence("IIRPM,E,2,900,10.5,A"),
      nmeaSentence("PGRMZ,246,f,3"),
      nmeaSentence("WIMWV,214.8,R,36.0,X,A"),
      nmeaSentence("GPGPQ,GGA"),
      "$WIMWV,214.8,R,36.0,K,A",
      "$WIMWV,214.8,R,36.0,K,A*00",
      "garbage",
    );
    expect(emitted).toEqual([
      ["mast", "angle", 214.8],
      ["mast", "speed", 10],
      ["mast", "rpm", 1500.5],
      ["mast", "engine", "E"],
      ["mast", "rpm", 900],
      ["mast", "height", 246],
      ["mast", "angle", 214.8],
      ["mast", "speed", "config-error"],
    ]);
    expect(driver.statistics).toMatchObject({
      unmatched: 2,
      "no-checksum": 1,
      "bad-checksum": 1,
      skipped: 7,
    });
  });

  it("tells several devices apart by their talkers", async () => {
    const { driver, emitted, say } = await line();
    const heading = { heading: { sentence: "HDT", field: "heading" } };
    await driver.listen?.([unit("gyro", heading, ["HE"]), unit("compass", heading, ["HC"])]);
    await say(nmeaSentence("HEHDT,218.5,T"), nmeaSentence("HCHDT,217.0,T"), nmeaSentence("GPHDT,1.0,T"));
    expect(emitted).toEqual([
      ["gyro", "heading", 218.5],
      ["compass", "heading", 217],
    ]);
  });

  it("takes sentences without a checksum only where the profile says so", async () => {
    const { driver, emitted, say } = await line();
    const depth = { depth: { sentence: "DBT", field: "depth" } };
    await driver.listen?.([unit("old", depth, undefined, { checksum: "optional" }), unit("strict", depth)]);
    await say("$SDDBT,12.8,f,3.90,M,2.1,F");
    expect(emitted).toEqual([["old", "depth", 3.9]]);
  });
});

describe("the time of a GNSS receiver", () => {
  const receiver = () => unit("gnss", { latitude: { sentence: "RMC", field: "latitude" } });

  it("is offered from the third sentence that agrees, with a fix", async () => {
    const { clock, driver, times, say } = await line();
    await driver.listen?.([receiver()]);
    const start = clock.monotonic();
    await say(...gnssSentences({ unixMs: now, ...place, fix: true }));
    expect(times).toEqual([]);
    await clock.advance(1000);
    await say(...gnssSentences({ unixMs: now + 1000, ...place, fix: true }));
    expect(times).toEqual([
      [now + 1000, start + 1000, "gnss"],
      [now + 1000, start + 1000, "gnss"],
    ]);
  });

  it("is not offered without a fix, nor long after one", async () => {
    const { clock, driver, times, emitted, say } = await line();
    await driver.listen?.([receiver()]);
    for (let second = 0; second < 10; second++) {
      await say(...gnssSentences({ unixMs: now + second * 1000, ...place, fix: false }));
      await clock.advance(1000);
    }
    expect(emitted).toEqual(Array.from({ length: 10 }, () => ["gnss", "latitude", "sentinel"]));
    const zda = (unixMs: number) => gnssSentences({ unixMs, ...place, fix: true })[2] ?? "";
    await say(...gnssSentences({ unixMs: now + 10_000, ...place, fix: true }));
    await clock.advance(6000);
    for (let second = 0; second < 5; second++) {
      await say(zda(now + 16_000 + second * 1000));
      await clock.advance(1000);
    }
    expect(times).toEqual([]);
  });

  it.each([
    ["of 1024 weeks ago", now - 1024 * 7 * 86_400_000, 1000],
    ["that runs at another speed than ours", now, 5000],
    ["that stands still", now, 0],
  ])("%s is not believed", async (_name, unixMs, step) => {
    const { clock, driver, times, say } = await line();
    await driver.listen?.([receiver()]);
    for (let second = 0; second < 10; second++) {
      await say(gnssSentences({ unixMs: unixMs + second * step, ...place, fix: true })[0] ?? "");
      await clock.advance(2500);
    }
    expect(times).toEqual([]);
  });

  it("is not taken from a simulator, an estimate, or a line that is told not to", async () => {
    for (const mode of ["S", "E", "M"]) {
      const { clock, driver, times, say } = await line();
      await driver.listen?.([receiver()]);
      for (let second = 30; second < 40; second++) {
        await say(nmeaSentence(`GPRMC,1015${second}.00,A,5919.7584,N,01804.1100,E,0.0,,210726,,,${mode}`));
        await clock.advance(1000);
      }
      expect(times, mode).toEqual([]);
    }
    const { clock, driver, times, say } = await line({ clock: false });
    await driver.listen?.([receiver()]);
    for (let second = 0; second < 10; second++) {
      await say(...gnssSentences({ unixMs: now + second * 1000, ...place, fix: true }));
      await clock.advance(1000);
    }
    expect(times).toEqual([]);
  });
});

describe("NMEA addresses", () => {
  it.each([
    [{ sentence: "RMC" }, "either field or, for XDR, transducer"],
    [{ sentence: "RMC", field: "latitud" }, 'RMC has no field "latitud"'],
    [{ sentence: "XXX", field: "a" }, "the fields of XXX have no names here"],
    [{ sentence: "MWV", transducer: "C", units: "C" }, "only XDR has transducers"],
    [{ sentence: "XDR", transducer: "C" }, "say its unit's letter"],
    [{ sentence: "RMC", field: "latitude", type: "text" }, "only a numbered field needs a type"],
    [{ sentence: "RMC", field: 1, id: "x" }, "makes sense only beside transducer"],
  ])("such as %j are refused", (written, message) => {
    expect(addressSchema.safeParse(written).error?.issues[0]?.message).toContain(message);
  });

  it("say in what their values come", () => {
    const kind = (at: object) => nmea.rawKind(addressSchema.parse(at), headSchema.parse({}));
    expect(kind({ sentence: "GGA", field: "quality" })).toBe("integer");
    expect(kind({ sentence: "GGA", field: "altitude" })).toBe("float");
    expect(kind({ sentence: "TXT", field: 4, type: "text" })).toBe("text");
    const profile = unit("a", { pressure: { sentence: "MDA", field: "pressure" } }).profile;
    const points = profile.points.map((point) => ({ ...point, unit: "Cel" }));
    expect(nmea.check({ ...profile, points })).toMatchObject([
      { path: ["points", "pressure", "unit"], message: '"pressure" comes in Pa, which is no Cel' },
    ]);
    const inHectopascals = profile.points.map((point) => ({ ...point, unit: "hPa" }));
    expect(nmea.check({ ...profile, points: inHectopascals })).toMatchObject([{ code: "unit-and-scale" }]);
    const scaled = inHectopascals.map((point) => ({ ...point, scale: rational("0.01") }));
    expect(nmea.check({ ...profile, points: scaled })).toEqual([]);
  });
});

describe("units of sentences", () => {
  it.each<[string, object, unknown]>([
    [
      "YXXDR,P,1.0149,B,Barometer",
      { sentence: "XDR", transducer: "P", units: "B", id: "Barometer" },
      101_490,
    ],
    ["YXXDR,P,1.0149,B,Barometer", { sentence: "XDR", transducer: "P", units: "P" }, "config-error"],
    ["YXXDR,P,,B,Barometer", { sentence: "XDR", transducer: "P", units: "B" }, "sentinel"],
    ["YXXDR,P,1,B,X", { sentence: "XDR", transducer: "C", units: "C" }, undefined],
    ["WIMDA,29.92,I,1.0132,B", { sentence: "MDA", field: "pressure_by_inches" }, 101_320.75888],
    ["GPVTG,220.2,T,245.1,M,009.7,N,018.0,K", { sentence: "VTG", field: "speed" }, (9.7 * 1852) / 3600],
    ["GPVTG,220.2,T,245.1,M,009.7,N,018.0,K", { sentence: "VTG", field: "speed_by_km" }, 5],
    ["GPVTG,220.2,T,,M,009.7,N,018.0,K,N", { sentence: "VTG", field: "speed" }, "sentinel"],
    ["SDDBT,10,f,3.05,M,1.67,F", { sentence: "DBT", field: "depth_by_feet" }, 3.048],
    ["HCHDG,98.3,0.0,E,12.6,W", { sentence: "HDG", field: "variation" }, -12.6],
    [
      "GNGNS,101530.00,5919.7584,N,01804.1100,W,AN,07,0.8,28,,",
      { sentence: "GNS", field: "longitude" },
      -18.0685,
    ],
    [
      "GNGNS,101530.00,5919.7584,N,01804.1100,W,NN,07,0.8,28,,",
      { sentence: "GNS", field: "longitude" },
      "sentinel",
    ],
    ["GPGLL,5919.7584,N,18004.1100,E,101530,A,A", { sentence: "GLL", field: "longitude" }, "config-error"],
  ])("%s", (body, at, expected) => {
    const sentence = parseSentence(Buffer.from(nmeaSentence(body)), true);
    if (typeof sentence === "string") throw new Error(sentence);
    const told = tell(sentence, addressSchema.parse(at));
    const got = told && ("raw" in told ? told.raw : told.problem);
    if (typeof expected === "number") expect(got).toBeCloseTo(expected, 9);
    else expect(got).toBe(expected);
  });
});

import { describe, expect, it } from "vitest";
import { openLineInstrument } from "../../../simulators/serial-line.ts";
import { settle, VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { one, zero } from "../../model/decimal.ts";
import type { Device } from "../../model/device.ts";
import { silentLog } from "../../model/log.ts";
import { memoryPair } from "../../transport/memory.ts";
import type { PointResult, SouthboundContext } from "../protocol.ts";
import { openLines } from "./driver.ts";
import type { LinePoint, LineUnit } from "./messages.ts";
import { planLines } from "./plan.ts";
import { addressSchema, connectionSchema, headSchema } from "./schema.ts";
import type { LineAddress } from "./settings.ts";

const connection = connectionSchema.parse({ serial: { port: "/dev/ttyS0", baud: 9600 } });

function unit(
  id: string,
  head: unknown,
  points: Readonly<Record<string, string | { message: string; path: string }>>,
  address?: string,
): LineUnit {
  return {
    id,
    profile: {
      id: "test/instrument",
      version: "1.0.0",
      title: { en: "Instrument" },
      manufacturer: "Test",
      models: ["I"],
      category: "weather-station",
      status: "draft",
      protocol: "serial-line",
      protocolSettings: headSchema.parse(head),
      points: Object.entries(points).map(([name, at]): LinePoint => {
        const [message = "", field = ""] = typeof at === "string" ? at.split(".") : [];
        return {
          name,
          address: addressSchema.parse(typeof at === "string" ? { message, field } : at),
          scale: one,
          offset: zero,
          kind: "gauge",
          pollClass: "normal",
          absent: [],
          personal: false,
        };
      }),
      hash: JSON.stringify([head, points]),
    },
    connection: "line",
    settings: { address },
    urn: `urn:dev:ops:32473-test-${id}:`,
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 1000, slow: 1000 },
  };
}

/** An open driver, an instrument at the other end of its line, and what the driver emitted. */
async function line(answers: Record<string, string | (() => string | undefined)> = {}) {
  const clock = new VirtualClock();
  const [near, far] = memoryPair(clock);
  const instrument = openLineInstrument(
    {
      send: (bytes) => near.deliver(bytes),
      receive: (receiver) => far.receive((chunk) => receiver(chunk)),
    },
    { answers },
  );
  const emitted: [string, string, unknown][] = [];
  const context: SouthboundContext = {
    clock,
    random: () => 0.5,
    log: silentLog,
    connect: async () => near,
    emit: async (device: Device, results: readonly PointResult[]) => {
      for (const result of results)
        emitted.push([device.id, result.point.name, "raw" in result ? result.raw : result.problem]);
    },
    signal: new AbortController().signal,
  };
  const driver = await openLines(connection, context);
  const never = new AbortController().signal;
  const readAll = async (device: LineUnit): Promise<PointResult<LineAddress>[]> => {
    const results: PointResult<LineAddress>[] = [];
    for (const request of planLines(connection, device, device.profile.points).requests)
      results.push(...((await driver.read?.(device, request, never)) ?? []));
    return results;
  };
  const values = (results: readonly PointResult<LineAddress>[]) =>
    Object.fromEntries(results.map((one) => [one.point.name, "raw" in one ? one.raw : one.problem]));
  return { clock, instrument, emitted, driver, readAll, values };
}

const mast = {
  strip: ["stx", "etx"],
  messages: {
    wind: {
      match: "W,{dir:integer?},{speed:number},{status:word},",
      checksum: { kind: "xor8", after: "stx", before: "etx" },
      valid: { status: "OK" },
    },
    air: { match: ["T {temp:number}", "TEMP={temp:number}C"] },
  },
};
const mastPoints = { dir: "wind.dir", speed: "wind.speed", temp: "air.temp" };

const polled = {
  turnaround: 10,
  pause: 100,
  messages: {
    level: {
      match: "{address}:{level:number} mm",
      request: "{address}?\\r\\n",
      timeout: "200ms",
      retries: 1,
    },
    alarm: { match: "{address}!{alarm:flag}" },
  },
};
const polledPoints = { level: "level.level", alarm: "alarm.alarm" };

describe("instruments that speak first", () => {
  it("are heard, message by message, in whatever pieces", async () => {
    const { instrument, emitted, driver } = await line();
    await driver.listen?.([unit("mast", mast, mastPoints)]);
    instrument.noise("\x02W,120,");
    instrument.noise("4.5,OK,\x03");
    await settle();
    expect(emitted).toEqual([]);
    // The exclusive or of `W,120,4.5,OK,`.
    const sum = [..."W,120,4.5,OK,"].reduce((rest, sign) => rest ^ sign.charCodeAt(0), 0);
    instrument.say(sum.toString(16).padStart(2, "0"), "T 21.5", "TEMP=-3C", "hello");
    await settle();
    expect(emitted).toEqual([
      ["mast", "dir", 120],
      ["mast", "speed", 4.5],
      ["mast", "temp", 21.5],
      ["mast", "temp", -3],
    ]);
    expect(driver.statistics).toMatchObject({ lines: 4, unmatched: 1, "bad-checksum": 0 });
  });

  it("give no value where a checksum, a status or a character is wrong", async () => {
    const { instrument, emitted, driver } = await line();
    await driver.listen?.([unit("mast", mast, mastPoints)]);
    const say = (body: string, delta = 0) => {
      const sum = [...body].reduce((rest, sign) => rest ^ sign.charCodeAt(0), delta);
      instrument.say(`\x02${body}\x03${sum.toString(16).padStart(2, "0")}`);
    };
    say("W,120,4.5,OK,", 1);
    say("W,,4.5,OK,");
    say("W,120,4.5,FAULT,");
    instrument.say("T 21.\xb5", "\x02W,120,4.5,OK,");
    await settle();
    expect(emitted).toEqual([
      ["mast", "dir", "sentinel"],
      ["mast", "speed", 4.5],
      ["mast", "dir", "sentinel"],
      ["mast", "speed", "sentinel"],
    ]);
    expect(driver.statistics).toMatchObject({ "bad-checksum": 1, "bad-character": 1, unmatched: 1 });
  });

  it("are stamped with the time of the chunk that ended their line", async () => {
    const clock = new VirtualClock({ unix: 5000, monotonic: 1000 });
    const [near] = memoryPair(clock);
    const seen: number[] = [];
    const driver = await openLines(connection, {
      clock,
      random: () => 0.5,
      log: silentLog,
      connect: async () => near,
      emit: async (_device, results) => void seen.push(...results.map(({ at }) => at.ms)),
      signal: new AbortController().signal,
    });
    await driver.listen?.([unit("mast", mast, mastPoints)]);
    await clock.advance(250);
    near.deliver(Buffer.from("T 1\r\n"));
    await settle();
    expect(seen).toEqual([5250]);
  });

  it("of two kinds share a line; two that cannot be told apart do not", async () => {
    const { instrument, emitted, driver } = await line();
    const first = unit("first", mast, mastPoints);
    const twin = unit("twin", mast, mastPoints);
    const other = unit("other", { messages: { rain: { match: "RAIN {mm:number}" } } }, { rain: "rain.mm" });
    const alien = unit(
      "alien",
      { terminator: "etx", messages: { a: { match: "A{a:number}" } } },
      { a: "a.a" },
    );
    const refused = (await driver.listen?.([first, twin, other, alien])) ?? [];
    expect(refused.map(({ device, error }) => [device.id, error.code])).toEqual([
      ["twin", "same-address"],
      ["alien", "other-framing"],
    ]);
    instrument.say("RAIN 0.2", "T 4");
    await settle();
    expect(emitted).toEqual([
      ["other", "rain", 0.2],
      ["first", "temp", 4],
    ]);
    expect(driver.statistics).toMatchObject({ unmatched: 0 });
  });
});

describe("instruments that are asked", () => {
  it("are told apart by their address, and say what else they have to say in between", async () => {
    const { clock, instrument, emitted, driver, readAll, values } = await line({
      "1?": "1:250 mm",
      "2?": "2:17.5 mm",
    });
    const one = unit("one", polled, polledPoints, "1");
    const two = unit("two", polled, polledPoints, "2");
    await driver.listen?.([one, two]);
    const first = readAll(one);
    instrument.say("2!1", "2:99 mm");
    await clock.advance(1);
    expect(values(await first)).toEqual({ level: 250 });
    const second = readAll(two);
    await clock.advance(101);
    expect(values(await second)).toEqual({ level: 17.5 });
    // What nobody asked for is no answer, and no reading either.
    expect(emitted).toEqual([["two", "alarm", true]]);
    expect(instrument.heard).toEqual(["1?", "2?"]);
    expect(driver.statistics).toMatchObject({ requests: 2, unmatched: 0, timeouts: 0 });
  });

  it("are asked again after silence, and never faster than they can bear", async () => {
    let calls = 0;
    const { clock, instrument, driver, readAll, values } = await line({
      "1?": () => (++calls === 1 ? undefined : "1:3 mm"),
    });
    const device = unit("one", polled, polledPoints, "1");
    await driver.listen?.([device]);
    const reading = readAll(device);
    await clock.advance(199);
    expect(calls).toBe(1);
    await clock.advance(90);
    expect(calls).toBe(1);
    await clock.advance(20);
    expect(calls).toBe(2);
    expect(values(await reading)).toEqual({ level: 3 });
    expect(instrument.heard).toEqual(["1?", "1?"]);
  });

  it("that stay silent fail, and an answer of another or a damaged one is none", async () => {
    const { clock, driver, readAll } = await line({ "1?": "2:99 mm" });
    const device = unit("one", { ...polled, pause: 0 }, polledPoints, "1");
    await driver.listen?.([device]);
    const reading = readAll(device).catch((error: unknown) => error);
    await clock.advance(2000);
    expect(await reading).toMatchObject({ name: "TransientError", code: "bad-reply" });
  });

  it("need the address that their profile speaks of", () => {
    const device = unit("one", polled, polledPoints);
    expect(() => planLines(connection, device, device.profile.points)).toThrow("needs the device's address");
  });

  it("cost what their characters take, and what comes by itself costs nothing", () => {
    const device = unit("one", polled, polledPoints, "1");
    const plan = planLines(connection, device, device.profile.points);
    expect(plan.heard?.map(({ name }) => name)).toEqual(["alarm"]);
    // "1?" CR LF, about 15 characters of answer, 10 bits each at 9600 baud; 10 ms and 100 ms between.
    expect(plan.requests).toHaveLength(1);
    expect(plan.requests[0]?.costMs).toBeGreaterThan(110 + 15);
    expect(plan.requests[0]?.costMs).toBeLessThan(110 + 30);
    expect(plan.requests[0]?.label).toBe('level by "1?\\r\\n"');
  });
});

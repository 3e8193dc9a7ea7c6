import { describe, expect, it } from "vitest";
import { openSdi12Line, type Sdi12SensorSettings } from "../../../simulators/sdi12-sensor.ts";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { one, zero } from "../../model/decimal.ts";
import type { Device, Point } from "../../model/device.ts";
import { ConfigError, LinkError, TransientError } from "../../model/errors.ts";
import { silentLog } from "../../model/log.ts";
import { type MemoryTransport, memoryPair } from "../../transport/memory.ts";
import type { Transport } from "../../transport/transport.ts";
import { standardCharacterMs } from "./line.ts";
import { sdi12 } from "./protocol.ts";
import type { Sdi12Address, Sdi12Device, Sdi12Head } from "./settings.ts";

const point = (name: string, at: Record<string, unknown>): Point<Sdi12Address> => ({
  name,
  address: sdi12.address.parse(at),
  scale: one,
  offset: zero,
  kind: "gauge",
  pollClass: "normal",
  absent: [],
  personal: false,
});

const points = (measure: string, count: number) =>
  Array.from({ length: count }, (_, index) => point(`v${index + 1}`, { measure, value: index + 1 }));

function deviceOf(address: string, of: readonly Point<Sdi12Address>[], head: unknown = {}) {
  const device: Device<Sdi12Address, Sdi12Device, Sdi12Head> = {
    id: `sensor${address.toLowerCase()}`,
    connection: "line",
    settings: { address },
    urn: `urn:dev:ops:32473-stadsnod-sensor${address}:`,
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
    profile: {
      id: "acme/sensor",
      version: "1.0.0",
      title: { en: "Sensor" },
      manufacturer: "Acme",
      models: [],
      category: "weather",
      status: "draft",
      protocol: "sdi12",
      protocolSettings: sdi12.head.parse(head),
      points: of,
      hash: "",
    },
  };
  return device;
}

interface BenchOptions {
  readonly connection?: Record<string, unknown>;
  readonly echo?: boolean;
  /** What the transport makes of a break, if not the real thing. */
  readonly wrap?: (transport: MemoryTransport) => Transport;
}

async function bench(sensors: readonly Sdi12SensorSettings[], options: BenchOptions = {}) {
  const clock = new VirtualClock();
  const connection = sdi12.connection.parse(options.connection ?? { serial: { port: "/dev/ttyS9" } });
  const [near, far] = memoryPair(clock, { byteMs: standardCharacterMs, chunk: 1, echo: options.echo });
  const breaks: number[] = [];
  const simulated = openSdi12Line(
    {
      send: (bytes) => void far.write(bytes).catch(() => {}),
      receive: (receiver) => far.receive(receiver),
    },
    sensors,
    (ms, callback) => clock.timer(ms, callback),
  );
  far.onBreak = (ms) => {
    breaks.push(ms);
    // What a UART receives of a break is a zero byte.
    near.deliver(Uint8Array.of(0));
    for (const sensor of simulated) sensor.wake();
  };
  const stop = new AbortController();
  const opening = sdi12.open(connection, {
    clock,
    random: () => 0.5,
    log: silentLog,
    connect: async () => options.wrap?.(near) ?? near,
    emit: async () => {},
    signal: stop.signal,
  });
  opening.catch(() => {});
  await clock.advance(100);
  const read = async (
    address: string,
    of: readonly Point<Sdi12Address>[],
    head: unknown = {},
    forMs = 120_000,
    signal = new AbortController().signal,
  ) => {
    const driver = await opening;
    const device = deviceOf(address, of, head);
    const { requests } = sdi12.plan(connection, device, of, {});
    expect(requests).toHaveLength(1);
    const began = clock.monotonic();
    let took = 0;
    const reading = driver.read!(device, requests[0]!, signal).finally(() => {
      took = clock.monotonic() - began;
    });
    reading.catch(() => {});
    await clock.advance(forMs);
    return { results: await reading, took, cost: requests[0]!.costMs, began };
  };
  return { clock, opening, near, simulated, breaks, read, stop };
}

const raws = (results: readonly object[]) =>
  results.map((result) =>
    "raw" in result ? result.raw : "problem" in result ? `${result.problem}` : undefined,
  );

const five = ["+25.50", "-3.14", "+100", "+0.001", "-999"];
const sleeper = { address: "0", sleeps: true } as const;

describe("the SDI-12 driver", () => {
  it("wakes a sensor, starts a measurement, waits for its call and fetches all pages", async () => {
    const { simulated, read, breaks } = await bench([
      { ...sleeper, measures: { M: { values: five, seconds: 3, readyMs: 1200 } }, pageCharacters: 12 },
    ]);
    const { results, took, cost } = await read("0", points("M", 5), {
      measure: { M: { wait: "1.2s", values: 5 } },
    });
    expect(raws(results)).toEqual([25.5, -3.14, 100, 0.001, -999]);
    expect(simulated[0]!.commands).toEqual(["0M", "0D0", "0D1", "0D2"]);
    // One when the port was opened, one before each command, each of 12 ms at least.
    expect(breaks).toHaveLength(5);
    expect(Math.min(...breaks)).toBeGreaterThanOrEqual(12);
    // By its call, not by the three seconds it had asked for at most.
    expect(took).toBeLessThan(2000);
    expect(Math.abs(took - cost) / took).toBeLessThan(0.25);
  });

  it("stamps the values when their last line had ended", async () => {
    const { read, clock } = await bench([{ ...sleeper, measures: { R0: { values: ["+1.5"] } } }]);
    const { results, took, began } = await read("0", points("R0", 1));
    const offset = clock.now() - clock.monotonic();
    expect(results[0]!.at.base).toBe("unix");
    expect(results[0]!.at.ms - offset).toBeCloseTo(began + took, 3);
  });

  it("asks all the same when the call does not come, and when values are there at once", async () => {
    const quiet = await bench([
      { ...sleeper, measures: { M: { values: ["+1"], seconds: 2, serviceRequest: false } } },
    ]);
    expect(raws((await quiet.read("0", points("M", 1))).results)).toEqual([1]);
    const prompt = await bench([{ ...sleeper, measures: { M: { values: ["+2"] } } }]);
    const { results, took } = await prompt.read("0", points("M", 1));
    expect(raws(results)).toEqual([2]);
    expect(took).toBeLessThan(400);
  });

  it("has no value when its question ends a measurement that takes longer than the sensor said", async () => {
    const { read, simulated } = await bench([
      { ...sleeper, measures: { M: { values: ["+7.25"], seconds: 1, readyMs: 1900 } } },
    ]);
    const { results } = await read("0", points("M", 1));
    expect(raws(results)).toEqual(["sentinel"]);
    expect(simulated[0]!.commands).toEqual(["0M", "0D0", "0D0"]);
  });

  it.each([
    ["MC", "M"],
    ["MC3", "M3"],
    ["CC", "C"],
    ["RC2", "R2"],
    ["C1", "C1"],
    ["V", "V"],
    ["R9", "R9"],
  ])("measures by %s", async (command, name) => {
    const { read } = await bench([
      { ...sleeper, measures: { [name]: { values: five.slice(0, 4), seconds: 1 } } },
    ]);
    const { results } = await read("0", points(command, 4));
    expect(raws(results)).toEqual([25.5, -3.14, 100, 0.001]);
  });

  it.each(["silent", "bad-crc", "bad-parity", "cut", "other-address"] as const)(
    "gets over a %s response by asking again",
    async (fault) => {
      const { read, simulated } = await bench([{ ...sleeper, measures: { M: { values: five } } }]);
      simulated[0]!.fault(fault);
      const first = await read("0", points("MC", 5));
      expect(raws(first.results)).toEqual([25.5, -3.14, 100, 0.001, -999]);
    },
  );

  it("never gives values whose CRC is wrong", async () => {
    const { read, simulated } = await bench([{ ...sleeper, measures: { R1: { values: five } } }]);
    simulated[0]!.fault(...Array.from({ length: 40 }, () => "bad-crc" as const));
    const reading = read("0", points("RC1", 5));
    await expect(reading).rejects.toBeInstanceOf(TransientError);
    await expect(reading).rejects.toMatchObject({ code: "bad-reply" });
  });

  it("gives up on a sensor that is not there, in less than two seconds", async () => {
    const { read, clock } = await bench([{ ...sleeper, measures: {} }]);
    const began = clock.monotonic();
    await expect(read("4", points("M", 1), {}, 2000)).rejects.toMatchObject({ code: "timeout" });
    expect(clock.monotonic() - began).toBe(2000);
  });

  it("refuses what another sensor says, and keeps sensors on one line apart", async () => {
    const { read, simulated } = await bench([
      { ...sleeper, measures: { M: { values: ["+1"] } } },
      { address: "a", sleeps: true, measures: { M: { values: ["+2"] } } },
      { address: "A", sleeps: true, measures: { M: { values: ["+3"] } } },
    ]);
    for (const [address, value] of [
      ["A", 3],
      ["0", 1],
      ["a", 2],
    ] as const)
      expect(raws((await read(address, points("M", 1))).results)).toEqual([value]);
    expect(simulated.map(({ commands }) => commands.length)).toEqual([2, 2, 2]);
  });

  it("hears the response behind its own echo", async () => {
    const { read } = await bench([{ ...sleeper, measures: { M: { values: five } } }], { echo: true });
    expect(raws((await read("0", points("M", 5))).results)).toEqual([25.5, -3.14, 100, 0.001, -999]);
  });

  it("says sentinel where the sensor gives fewer values than the profile knows", async () => {
    const { read } = await bench([{ ...sleeper, measures: { M: { values: ["+1.0"] }, M1: { values: [] } } }]);
    const { results } = await read("0", points("M", 2));
    expect(raws(results)).toEqual([1, "sentinel"]);
    expect(raws((await read("0", points("M1", 1))).results)).toEqual(["sentinel"]);
  });

  it("identifies a sensor", async () => {
    const { read } = await bench([
      {
        ...sleeper,
        measures: {},
        identity: { vendor: "ACME", model: "PROBE", version: "2.1", serial: "000123" },
      },
    ]);
    const { results } = await read("0", [
      point("serial", { identity: "serial" }),
      point("vendor", { identity: "vendor" }),
      point("standard", { identity: "standard" }),
    ]);
    expect(raws(results)).toEqual(["000123", "ACME", "1.4"]);
  });

  it("does not wait for hours because a sensor says so", async () => {
    const { read } = await bench([{ ...sleeper, measures: { M: { values: ["+1"], seconds: 999 } } }]);
    await expect(read("0", points("M", 1))).rejects.toMatchObject({ code: "too-long" });
  });

  it("stops when it is told to, in the middle of a measurement", async () => {
    const { read } = await bench([{ ...sleeper, measures: { M: { values: ["+1"], seconds: 30 } } }]);
    const stop = new AbortController();
    const reading = read("0", points("M", 1), {}, 5000, stop.signal);
    stop.abort(new Error("enough"));
    await expect(reading).rejects.toThrow("enough");
  });

  it("is lost with its link, in the middle of a measurement", async () => {
    const { read, near, clock, opening } = await bench([
      { ...sleeper, measures: { M: { values: ["+1"], seconds: 30 } } },
    ]);
    clock.timer(3000, () => near.lose());
    await expect(read("0", points("M", 1))).rejects.toBeInstanceOf(LinkError);
    expect((await opening).lost.aborted).toBe(true);
  });

  it("leaves the break to an adapter that makes it", async () => {
    const { read, breaks } = await bench([{ address: "0", measures: { M: { values: ["+1"] } } }], {
      connection: { serial: { port: "/dev/ttyUSB0", baud: 9600, parity: "none", dataBits: 8 } },
    });
    expect(raws((await read("0", points("M", 1))).results)).toEqual([1]);
    expect(breaks).toEqual([]);
  });

  it("says at once that a port cannot make a break", async () => {
    const refusing = await bench([], {
      wrap: (transport) =>
        Object.assign(transport, {
          break: () => Promise.reject(new LinkError("no", { code: "no-break" })),
        }),
    });
    await expect(refusing.opening).rejects.toBeInstanceOf(ConfigError);
    await expect(refusing.opening).rejects.toMatchObject({ code: "no-break" });
    const lacking = await bench([], {
      wrap: (transport) => Object.assign(transport, { break: undefined }),
    });
    await expect(lacking.opening).rejects.toMatchObject({ code: "no-break" });
  });
});

import { afterEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { one, zero } from "../model/decimal.ts";
import { type Device, type Point, type PollClass, pollPeriod } from "../model/device.ts";
import { ConfigError, LinkError, TransientError, UnsupportedPointError } from "../model/errors.ts";
import { type Log, silentLog } from "../model/log.ts";
import type { Reading } from "../model/reading.ts";
import type { Sink } from "./delivery.ts";
import { type ConnectionLoop, type LoopOptions, openLoop, serialReopen } from "./loop.ts";
import { learnParts } from "./modbus/learn.ts";
import { mergePeriods } from "./plan.ts";
import {
  type Driver,
  type Learned,
  type PointResult,
  type Protocol,
  type ReadRequest,
  unsent,
} from "./protocol.ts";

// One line of 19200 baud: 20 registers take about 39 ms, a unit that is silent takes the timeout.
const fixedMs = 17;
const unitMs = 1.1;
const timeoutMs = 200;

function addressOf(point: Point): number {
  return z.number().parse(point.address);
}

const learnedSchema = z.object({
  tables: z
    .object({
      input: z.object({
        cuts: z.array(z.object({ at: z.number() })),
        forbidden: z.array(z.object({ start: z.number(), end: z.number() })),
      }),
    })
    .optional(),
});

/** A line with units that can be killed, slowed and made to refuse, on virtual time. */
class Line {
  readonly clock = new VirtualClock();
  readonly dead = new Set<string>();
  readonly log: { at: number; device: string; label: string; ms: number }[] = [];
  refuses: (device: string, addresses: readonly number[]) => boolean = () => false;
  opens = 0;
  openError: Error | undefined;
  openedAt: number[] = [];
  closed = 0;
  concurrency = 1;
  active = 0;
  mostActive = 0;
  lost = new AbortController();
  /** Whether a request is never answered, while others of its unit are. */
  mute: (device: string, label: string) => boolean = () => false;
  /** Whether a request cannot be sent. */
  holds: (device: string, label: string) => boolean = () => false;
  /** How long the next read hangs. */
  stallMs = 0;

  readonly protocol: Protocol = {
    name: "fake",
    connection: z.unknown(),
    device: z.unknown(),
    head: z.unknown(),
    address: z.unknown(),
    given: z.unknown(),
    check: () => [],
    rawKind: () => "integer",
    plan: (_settings, device, points, learned) => {
      if (device.id.startsWith("bad")) throw new ConfigError("cannot be planned", { code: "bad-plan" });
      const known = learnedSchema.parse(learned).tables?.input;
      const span = (point: Point) => ({ start: addressOf(point), end: addressOf(point) + 1 });
      const forbidden = known?.forbidden ?? [];
      const isForbidden = (point: Point) =>
        forbidden.some(({ start, end }) => start <= addressOf(point) && addressOf(point) < end);
      const items = points.map((point) => ({
        ...span(point),
        value: point,
        periodMs: pollPeriod(device, point),
      }));
      const rules = { costMs: (units: number) => fixedMs + unitMs * units, maxUnits: 125, gaps: true };
      const merged = mergePeriods(
        items.filter((item) => !isForbidden(item.value)),
        { ...rules, cuts: known?.cuts.map(({ at }) => at), forbidden },
      );
      const alone = items
        .filter((item) => isForbidden(item.value))
        .map((item) => ({ ...item, items: [item] }));
      const requests = [...merged.requests, ...alone].map(
        (request): ReadRequest => ({
          points: request.items.map(({ value }) => value),
          costMs: rules.costMs(request.end - request.start),
          label: `${request.start}..${request.end - 1}`,
        }),
      );
      return { requests };
    },
    learn: (request, learned) => {
      const parts = request.points
        .map((point) => ({ start: addressOf(point), end: addressOf(point) + 1 }))
        .sort((a, b) => a.start - b.start);
      return learnParts("input", parts, learned);
    },
    replay: () => Promise.reject(new Error("not used")),
    open: async () => {
      this.opens += 1;
      this.openedAt.push(this.clock.monotonic());
      if (this.openError) throw this.openError;
      this.lost = new AbortController();
      return this.#driver();
    },
  };

  #driver(): Driver {
    return {
      concurrency: this.concurrency,
      lost: this.lost.signal,
      statistics: { frames: 7 },
      read: (device, request, signal) => this.#read(device, request, signal),
      [Symbol.asyncDispose]: async () => {
        this.closed += 1;
      },
    };
  }

  async #read(device: Device, request: ReadRequest, signal: AbortSignal): Promise<PointResult[]> {
    const at = this.clock.monotonic();
    this.active += 1;
    this.mostActive = Math.max(this.mostActive, this.active);
    try {
      if (this.holds(device.id, request.label)) throw new TransientError("not sent", { code: unsent });
      const dead = this.dead.has(device.id) || this.mute(device.id, request.label);
      const ms = (dead ? timeoutMs : request.costMs) + this.stallMs;
      this.stallMs = 0;
      this.log.push({ at, device: device.id, label: request.label, ms });
      await this.clock.sleep(ms, signal);
      if (dead) throw new TransientError("no answer", { code: "timeout" });
      if (this.refuses(device.id, request.points.map(addressOf))) {
        throw new UnsupportedPointError("illegal address", { code: "illegal-address" });
      }
      const stamp = this.clock.stamp();
      return request.points.map((point) => ({ point, at: stamp, raw: addressOf(point) }));
    } finally {
      this.active -= 1;
    }
  }

  reads(device: string, since = 0): number {
    return this.log.filter((entry) => entry.device === device && entry.at >= since).length;
  }
}

function point(address: number, pollClass: PollClass = "fast"): Point {
  return {
    name: `p${address}`,
    address,
    scale: one,
    offset: zero,
    kind: "gauge",
    pollClass,
    absent: [],
    personal: false,
  };
}

const points = (count: number, from = 0, pollClass: PollClass = "fast") =>
  Array.from({ length: count }, (_, index) => point(from + index, pollClass));

function device(id: string, list: readonly Point[], fast = 1000): Device {
  return {
    id,
    connection: "line",
    settings: {},
    urn: `urn:dev:ops:1-x-${id}:`,
    audience: "open",
    audiences: new Map(),
    poll: { fast, normal: 10_000, slow: 60_000 },
    profile: {
      id: "x/y",
      version: "1.0.0",
      title: { en: "x" },
      manufacturer: "x",
      models: [],
      category: "energy-meter",
      status: "draft",
      protocol: "fake",
      protocolSettings: {},
      points: list,
      hash: "",
    },
  };
}

const loops: ConnectionLoop[] = [];
afterEach(async () => {
  for (const loop of loops.splice(0)) await loop[Symbol.asyncDispose]();
});

interface Started {
  readonly loop: ConnectionLoop;
  readonly readings: Reading[];
  readonly saved: Map<string, Learned>;
}

async function start(
  line: Line,
  devices: readonly Device[],
  { sink, log = silentLog, ...rest }: Partial<LoopOptions> & { log?: Log; sink?: Sink } = {},
): Promise<Started> {
  const readings: Reading[] = [];
  const saved = new Map<string, Learned>();
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 0x7fffffff;
    return seed / 0x7fffffff;
  };
  const loop = await openLoop({
    connection: "line",
    protocol: line.protocol,
    settings: {},
    devices,
    context: {
      clock: line.clock,
      random,
      log,
      connect: () => Promise.reject(new Error("not used")),
      signal: new AbortController().signal,
    },
    sink: sink ?? ((_device, list) => void readings.push(...list)),
    learnedStore: { load: () => ({}), save: (of, learned) => void saved.set(of.id, learned) },
    ...rest,
  });
  loops.push(loop);
  return { loop, readings, saved };
}

describe("polling", () => {
  it("reads everything at once, then each class in its own rhythm", async () => {
    const line = new Line();
    const { readings } = await start(line, [
      device("a", [point(0), point(400, "normal"), point(800, "slow"), point(1200, "once")]),
    ]);
    await line.clock.advance(200);
    expect(new Set(readings.map(({ name }) => name))).toEqual(new Set(["p0", "p400", "p800", "p1200"]));
    await line.clock.advance(120_000);
    const count = (name: string) => readings.filter((reading) => reading.name === name).length;
    expect(count("p0")).toBeGreaterThanOrEqual(119);
    expect(count("p0")).toBeLessThanOrEqual(122);
    expect(count("p400")).toBeGreaterThanOrEqual(12);
    expect(count("p400")).toBeLessThanOrEqual(14);
    expect(count("p800")).toBeGreaterThanOrEqual(2);
    expect(count("p1200")).toBe(1);
    expect(readings.every(({ quality }) => quality === "good")).toBe(true);
  });

  it("passes a slow point that rides along on in its own rhythm", async () => {
    const line = new Line();
    const { readings } = await start(line, [
      device("a", [point(0), point(1, "normal"), point(2), point(3, "once")]),
    ]);
    await line.clock.advance(100_500);
    const count = (name: string) => readings.filter((reading) => reading.name === name).length;
    expect(count("p0")).toBeGreaterThanOrEqual(100);
    expect(count("p1")).toBeGreaterThanOrEqual(10);
    expect(count("p1")).toBeLessThanOrEqual(12);
  });

  it("uses the driver's concurrency, and no more", async () => {
    const line = new Line();
    line.concurrency = 4;
    await start(
      line,
      Array.from({ length: 12 }, (_, index) => device(`d${index}`, [point(0)])),
    );
    await line.clock.advance(5000);
    expect(line.mostActive).toBe(4);
  });

  it("stretches all periods alike when the line cannot carry the plan", async () => {
    const line = new Line();
    // 4 units of 39 ms every 100 ms and 4 every 400 ms: 1.95 times what the line has.
    const quick = ["a", "b", "c", "d"].map((id) => device(id, points(20), 100));
    const calm = ["e", "f", "g", "h"].map((id) => device(id, points(20), 400));
    const { loop } = await start(line, [...quick, ...calm]);
    await line.clock.advance(30_000);
    const since = line.clock.monotonic();
    await line.clock.advance(120_000);
    const rates = [...quick, ...calm].map(({ id }) => line.reads(id, since) / 120);
    const { stretch } = loop.status();
    expect(stretch).toBeGreaterThan(2);
    expect(stretch).toBeLessThan(2.15);
    for (const [index, rate] of rates.entries()) {
      const asked = index < 4 ? 10 : 2.5;
      expect(rate * stretch).toBeGreaterThan(asked * 0.95);
      expect(rate * stretch).toBeLessThan(asked * 1.05);
    }
  });

  it("does not catch up after a stall", async () => {
    const line = new Line();
    const { loop } = await start(line, [device("a", [point(0)]), device("b", [point(0)])]);
    await line.clock.advance(3000);
    line.stallMs = 20_000;
    await line.clock.advance(22_000);
    const since = line.clock.monotonic();
    await line.clock.advance(10_000);
    for (const id of ["a", "b"]) {
      expect(line.reads(id, since)).toBeGreaterThanOrEqual(9);
      expect(line.reads(id, since)).toBeLessThanOrEqual(11);
    }
    expect(loop.status().missed).toBeGreaterThan(30);
  });
});

describe("a request that is never answered by a unit that answers others", () => {
  it("costs a share of the line, is said once, and is read again when it answers", async () => {
    const line = new Line();
    line.mute = (id, label) => id === "a" && label === "400..419";
    const { loop, readings } = await start(line, [
      device("a", [...points(20), ...points(20, 400)], 200),
      device("b", points(20), 200),
    ]);
    await line.clock.advance(60_000);
    const since = line.clock.monotonic();
    await line.clock.advance(300_000);
    const tries = line.log.filter(({ at, ms }) => at >= since && ms === timeoutMs);
    expect(tries.length).toBeGreaterThan(10);
    expect((tries.length * timeoutMs) / 300_000).toBeLessThanOrEqual(0.035);
    expect(line.reads("b", since)).toBeGreaterThan(1450);
    const silent = readings.filter(({ name, quality }) => name === "p400" && quality === "comm-error");
    expect(silent).toHaveLength(1);
    expect(loop.status().devices[0]).toMatchObject({ availability: "available", breaker: "closed" });
    line.mute = () => false;
    await line.clock.advance(10_000);
    const back = line.clock.monotonic();
    await line.clock.advance(10_000);
    expect(line.log.filter(({ at, label }) => at >= back && label === "400..419").length).toBeGreaterThan(45);
  });

  it("and several such requests share one share", async () => {
    const line = new Line();
    line.mute = (_id, label) => label !== "0..19";
    await start(line, [
      device(
        "a",
        [0, 400, 800, 1200, 1600].flatMap((from) => points(20, from)),
        500,
      ),
    ]);
    await line.clock.advance(120_000);
    const since = line.clock.monotonic();
    await line.clock.advance(600_000);
    const tries = line.log.filter(({ at, ms }) => at >= since && ms === timeoutMs).length;
    expect(tries).toBeGreaterThan(0);
    expect((tries * timeoutMs) / 600_000).toBeLessThanOrEqual(0.04);
  });
});

describe("a request that could not be sent", () => {
  it("is no failure: it is asked again at its next turn, and nothing is held against the unit", async () => {
    const line = new Line();
    const { loop, readings } = await start(line, [device("a", points(20))]);
    await line.clock.advance(1500);
    line.holds = () => true;
    await line.clock.advance(20_000);
    const since = line.clock.monotonic();
    expect(line.reads("a", since - 20_000)).toBe(0);
    expect(loop.status().devices[0]).toMatchObject({
      availability: "available",
      breaker: "closed",
      errors: {},
    });
    expect(readings.every(({ quality }) => quality === "good")).toBe(true);
    line.holds = () => false;
    await line.clock.advance(1000);
    expect(line.reads("a", since)).toBe(1);
  });
});

describe("dead units", () => {
  it("3 of 10 dead units cost the healthy ones at most 5 % on a saturated line", async () => {
    const rate = async (dead: readonly string[]) => {
      const line = new Line();
      const ids = Array.from({ length: 10 }, (_, index) => `u${index}`);
      // The healthy seven alone fill the line.
      const healthy = ids.filter((id) => !["u2", "u5", "u8"].includes(id));
      for (const id of dead) line.dead.add(id);
      const present = dead.length > 0 ? ids : healthy;
      await start(
        line,
        present.map((id) => device(id, points(20), 100)),
      );
      await line.clock.advance(60_000);
      const since = line.clock.monotonic();
      await line.clock.advance(300_000);
      return healthy.reduce((sum, id) => sum + line.reads(id, since), 0) / 300;
    };
    const without = await rate([]);
    const withDead = await rate(["u2", "u5", "u8"]);
    expect(without).toBeGreaterThan(20);
    expect(withDead).toBeGreaterThanOrEqual(without * 0.95);
    expect(withDead).toBeLessThan(without);
  });

  it("says so once per point and once in the log, and again when the unit is back", async () => {
    const line = new Line();
    const lines: string[] = [];
    const note = (_fields: Record<string, unknown>, text: string) => void lines.push(text);
    const log: Log = { ...silentLog, info: note, warn: note, error: note, child: () => log };
    const { loop, readings } = await start(line, [device("a", points(3)), device("b", points(3))], { log });
    await line.clock.advance(2500);
    line.dead.add("a");
    readings.length = 0;
    await line.clock.advance(60_000);
    const bad = readings.filter((reading) => reading.device.id === "a");
    expect(bad.map(({ name, quality, detail }) => [name, quality, detail])).toEqual(
      ["p0", "p1", "p2"].map((name) => [name, "comm-error", "timeout"]),
    );
    const status = () => loop.status().devices.find((one) => one.device === "a")!;
    expect(status()).toMatchObject({ availability: "unavailable", breaker: "open" });
    expect(status().errors.timeout).toBeGreaterThan(3);
    expect(lines).toEqual(["the device is not available"]);
    line.dead.delete("a");
    await line.clock.advance(31_000);
    expect(status()).toMatchObject({ availability: "available", breaker: "closed" });
    expect(status().replyMs).toBeGreaterThan(0);
    expect(lines).toEqual(["the device is not available", "the device is back"]);
    expect(
      readings.filter((reading) => reading.device.id === "a" && reading.quality === "good").length,
    ).toBeGreaterThan(3);
  });
});

describe("the link", () => {
  it("is opened again with growing pauses, and the devices are told of once", async () => {
    const line = new Line();
    line.openError = new LinkError("refused", { code: "refused" });
    const { loop, readings } = await start(line, [device("a", points(2))], {
      reopen: { firstMs: 1000, longestMs: 16_000 },
    });
    await line.clock.advance(600_000);
    const pauses = line.openedAt.slice(1).map((at, index) => at - line.openedAt[index]!);
    expect(Math.max(...pauses)).toBeGreaterThan(4000);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(16_000);
    expect(line.opens).toBeLessThan(150);
    expect(readings.map(({ quality }) => quality)).toEqual(["comm-error", "comm-error"]);
    expect(loop.status()).toMatchObject({ state: "waiting", lastError: { code: "refused" } });
    line.openError = undefined;
    await line.clock.advance(17_000);
    expect(loop.status().state).toBe("open");
    expect(readings.at(-1)!.quality).toBe("good");
  });

  it("that is plugged in again is used within 3 s, after however long", async () => {
    const line = new Line();
    await start(line, [device("a", points(2))], { reopen: serialReopen });
    await line.clock.advance(1500);
    line.openError = new LinkError("no such port", { code: "no-port" });
    line.lost.abort(new LinkError("unplugged", { code: "unplugged" }));
    await line.clock.advance(3_600_000);
    expect(line.closed).toBe(1);
    line.openError = undefined;
    const since = line.clock.monotonic();
    await line.clock.advance(3000);
    expect(line.reads("a", since)).toBeGreaterThan(0);
  });

  it("that fails on every open is not tried without a pause", async () => {
    const line = new Line();
    await start(line, [device("a", points(2))], { reopen: serialReopen });
    const kill = () => line.lost.abort(new LinkError("gone", { code: "gone" }));
    for (let round = 0; round < 20; round++) {
      kill();
      await line.clock.advance(1000);
    }
    expect(line.opens).toBeLessThanOrEqual(21);
  });

  it("is given up when what was configured cannot work", async () => {
    const line = new Line();
    line.openError = new ConfigError("no such thing", { code: "no-such-thing" });
    const { loop } = await start(line, [device("a", points(2))]);
    await line.clock.advance(60_000);
    expect(line.opens).toBe(1);
    expect(loop.status()).toMatchObject({ state: "failed", lastError: { code: "no-such-thing" } });
    await expect(loop.readNow("a")).rejects.toThrow(ConfigError);
  });

  it("connects anew where nobody on a network answers, ever less often, and at once after an answer", async () => {
    const line = new Line();
    const overNetwork = { protocol: { ...line.protocol, isLocal: () => false } };
    await start(line, [device("a", [point(0)]), device("b", [point(0)])], overNetwork);
    await line.clock.advance(10_000);
    line.dead.add("a");
    await line.clock.advance(600_000);
    expect(line.opens).toBe(1);
    line.dead.add("b");
    await line.clock.advance(10_000);
    expect(line.opens).toBe(2);
    await line.clock.advance(86_400_000);
    // Every 300 s, and up to 30 s for the next probe.
    expect(line.opens).toBeGreaterThan(86_400 / 335);
    expect(line.opens).toBeLessThan(86_400 / 300 + 10);
    line.dead.delete("b");
    await line.clock.advance(60_000);
    line.dead.add("b");
    const before = line.opens;
    await line.clock.advance(10_000);
    expect(line.opens).toBe(before + 1);
  });

  it("keeps a serial port open though nobody answers: opening it again helps nobody", async () => {
    const line = new Line();
    line.dead.add("a");
    const serial = { protocol: { ...line.protocol, isLocal: () => true } };
    await start(line, [device("a", [point(0)])], serial);
    await line.clock.advance(3_600_000);
    expect(line.opens).toBe(1);
  });
});

describe("reload", () => {
  it("of one device leaves the schedule of the others as it is", async () => {
    const times = async (reload: boolean) => {
      const line = new Line();
      const { loop } = await start(line, [device("a", points(5)), device("b", points(5))]);
      await line.clock.advance(10_250);
      if (reload) {
        await loop.setDevice(device("b", points(9), 500));
        loop.removeDevice("unknown");
      }
      await line.clock.advance(10_000);
      if (reload) loop.removeDevice("b");
      await line.clock.advance(10_000);
      if (reload) expect(line.reads("b", line.clock.monotonic() - 9900)).toBe(0);
      return line.log.filter((entry) => entry.device === "a").map(({ at }) => at);
    };
    const kept = await times(false);
    const reloaded = await times(true);
    expect(reloaded).toHaveLength(kept.length);
    // At most one transaction of the other device may stand in the way.
    for (const [index, at] of kept.entries()) expect(Math.abs(reloaded[index]! - at)).toBeLessThan(30);
  });

  it("quarantines a device that cannot be planned, alone", async () => {
    const line = new Line();
    const { loop } = await start(line, [device("bad", points(2)), device("a", points(2))]);
    await line.clock.advance(3000);
    expect(line.reads("a")).toBeGreaterThan(2);
    expect(loop.status().devices[0]).toMatchObject({
      availability: "unavailable",
      problem: "bad-plan: cannot be planned",
    });
  });

  it("opens the link only when there is a device", async () => {
    const line = new Line();
    const { loop } = await start(line, []);
    await line.clock.advance(5000);
    expect(line.opens).toBe(0);
    await loop.setDevice(device("a", points(2)));
    await line.clock.advance(1000);
    expect(line.opens).toBe(1);
    expect(line.reads("a")).toBeGreaterThan(0);
  });
});

describe("a device that refuses", () => {
  it("has its bad point of 64 found in O(log n), told once, and its neighbours read together", async () => {
    const line = new Line();
    line.refuses = (_device, addresses) => addresses.includes(37);
    const { loop, readings, saved } = await start(line, [device("a", points(64))]);
    await line.clock.advance(30_000);
    const bad = readings.filter(({ quality }) => quality !== "good");
    expect(bad.map(({ name, quality }) => [name, quality])).toEqual([["p37", "config-error"]]);
    expect(loop.status().devices[0]!.errors["illegal-address"]).toBeLessThanOrEqual(8);
    expect(loop.status().devices[0]!.leftOut).toEqual(["p37"]);
    const last = new Set(line.log.slice(-10).map(({ label }) => label));
    expect(last).toEqual(new Set(["0..36", "38..63"]));
    expect(saved.get("a")).toEqual(loop.learned("a"));
    const names = new Set(readings.filter(({ quality }) => quality === "good").map(({ name }) => name));
    expect(names.size).toBe(63);
    // A reconnect gives the point one more chance.
    line.refuses = () => false;
    line.lost.abort(new LinkError("gone", { code: "gone" }));
    await line.clock.advance(40_000);
    expect(readings.at(-1)!.quality).toBe("good");
    expect(readings.some(({ name, quality }) => name === "p37" && quality === "good")).toBe(true);
  });
});

describe("readNow", () => {
  it("goes before the polls of a saturated line", async () => {
    const line = new Line();
    const devices = ["a", "b", "c"].map((id) => device(id, points(100), 100));
    const { loop } = await start(line, devices);
    await line.clock.advance(10_000);
    const asked = line.clock.monotonic();
    let took = 0;
    const answer = loop.readNow("b", ["p7"]).then((readings) => {
      took = line.clock.monotonic() - asked;
      return readings;
    });
    await line.clock.advance(1000);
    expect(await answer).toMatchObject([{ name: "p7", quality: "good", value: 7 }]);
    // One poll that was running, and itself.
    expect(took).toBeLessThanOrEqual(fixedMs + 100 * unitMs + fixedMs + unitMs + 0.001);
  });

  it("in a flood leaves polls half of the line", async () => {
    const line = new Line();
    const { loop } = await start(
      line,
      ["a", "b", "c"].map((id) => device(id, points(20), 100)),
    );
    await line.clock.advance(10_000);
    const since = line.clock.monotonic();
    let answered = 0;
    const count = (readings: readonly Reading[]) => {
      answered += readings.length;
    };
    const flood = Promise.all(Array.from({ length: 200 }, () => loop.readNow("a", ["p0"]).then(count)));
    await line.clock.advance(2000);
    const polls = line.log.filter(({ at, label }) => at >= since && label !== "0..0");
    const spent = polls.reduce((sum, { ms }) => sum + ms, 0);
    expect(spent).toBeGreaterThan(2000 * 0.35);
    await line.clock.advance(30_000);
    await flood;
    expect(answered).toBe(200);
  });

  it("tells what a silent device and a refused point give", async () => {
    const line = new Line();
    line.dead.add("a");
    line.refuses = (_device, addresses) => addresses.includes(1);
    const { loop } = await start(line, [device("a", points(2)), device("b", points(3))]);
    const silent = loop.readNow("a", ["p0"]);
    const refused = loop.readNow("b");
    await line.clock.advance(5000);
    expect(await silent).toMatchObject([{ quality: "comm-error" }]);
    const qualities = Object.fromEntries((await refused).map(({ name, quality }) => [name, quality]));
    expect(qualities).toEqual({ p0: "good", p1: "config-error", p2: "good" });
    await expect(loop.readNow("z")).rejects.toMatchObject({ code: "unknown-device" });
    await expect(loop.readNow("b", ["nope"])).rejects.toMatchObject({ code: "unknown-point" });
  });

  it("fails with the line's error while it is down", async () => {
    const line = new Line();
    line.openError = new LinkError("refused", { code: "refused" });
    const { loop } = await start(line, [device("a", points(2))]);
    const answer = expect(loop.readNow("a")).rejects.toMatchObject({ code: "refused" });
    await line.clock.advance(60_000);
    await answer;
  });
});

describe("the sink", () => {
  it("that never answers does not stop polling for ever, and what it misses is counted", async () => {
    const line = new Line();
    const release: (() => void)[] = [];
    let taken = 0;
    const { loop } = await start(line, [device("a", points(2), 100)], {
      sink: () =>
        new Promise<void>((resolve) => {
          taken += 1;
          release.push(resolve);
        }),
    });
    await line.clock.advance(60_000);
    expect(line.reads("a", line.clock.monotonic() - 5000)).toBeGreaterThan(20);
    expect(loop.status().dropped).toBeGreaterThan(100);
    expect(taken).toBeLessThan(130);
    for (const free of release.splice(0)) free();
    const dropped = loop.status().dropped;
    await line.clock.advance(1000);
    expect(loop.status().dropped).toBe(dropped);
    for (const free of release.splice(0)) free();
  });

  it("that fails is told of once", async () => {
    const line = new Line();
    const lines: string[] = [];
    const note = (_fields: Record<string, unknown>, text: string) => void lines.push(text);
    const log: Log = { ...silentLog, info: note, warn: note, error: note, child: () => log };
    await start(line, [device("a", points(2))], { log, sink: () => Promise.reject(new Error("full")) });
    await line.clock.advance(10_000);
    expect(lines).toEqual(["readings are not taken: they are lost"]);
  });
});

describe("the end", () => {
  it("comes at once, closes the link, and leaves nothing waiting", async () => {
    const line = new Line();
    const { loop } = await start(line, [device("a", points(100), 100)]);
    await line.clock.advance(500);
    const asked = loop.readNow("a");
    const refused = expect(asked).rejects.toThrow();
    await loop[Symbol.asyncDispose]();
    await refused;
    expect(line.closed).toBe(1);
    expect(line.active).toBe(0);
    expect(line.clock.nextDue).toBeUndefined();
    expect(loop.status().state).toBe("closed");
    await loop[Symbol.asyncDispose]();
    await expect(loop.readNow("a")).rejects.toThrow();
  });

  it("comes from the context's signal as well", async () => {
    const line = new Line();
    line.openError = new LinkError("refused", { code: "refused" });
    const ending = new AbortController();
    const { loop } = await start(line, [device("a", points(2))], {
      context: {
        clock: line.clock,
        random: () => 0.5,
        log: silentLog,
        connect: () => Promise.reject(new Error("not used")),
        signal: ending.signal,
      },
    });
    await line.clock.advance(500);
    ending.abort();
    await loop[Symbol.asyncDispose]();
    expect(line.clock.nextDue).toBeUndefined();
  });
});

describe("the pulse of a loop", () => {
  it("shows how long the turn under way has been, however devices and line fare", async () => {
    const line = new Line();
    const { loop } = await start(line, [device("a", [point(0)])]);
    await line.clock.advance(10_000);
    expect(loop.pulse()).toEqual({ connection: "line", brokenMs: undefined, turnMs: 0 });
    line.stallMs = 3_600_000;
    await line.clock.advance(1_900_000);
    expect(loop.pulse().turnMs).toBeGreaterThan(1_800_000);
    await line.clock.advance(1_800_000);
    expect(loop.pulse().turnMs).toBeLessThan(1000);
    line.dead.add("a");
    line.openError = new LinkError("gone", { code: "gone" });
    line.lost.abort(line.openError);
    await line.clock.advance(3_600_000);
    expect(loop.pulse()).toEqual({ connection: "line", brokenMs: undefined, turnMs: 0 });
  });

  it("counts from the oldest turn where several are under way", async () => {
    const line = new Line();
    line.concurrency = 2;
    const { loop } = await start(line, [device("a", [point(0)]), device("b", [point(0)])]);
    await line.clock.advance(10_000);
    line.stallMs = 100_000;
    await line.clock.advance(60_000);
    expect(
      line.reads("b", line.clock.monotonic() - 5000) + line.reads("a", line.clock.monotonic() - 5000),
    ).toBe(5);
    expect(loop.pulse().turnMs).toBeGreaterThan(58_000);
  });

  it("tells of a bug that ended the loop, and not of a configuration that cannot work", async () => {
    const line = new Line();
    const isLocal = () => {
      throw new TypeError("a bug");
    };
    const { loop } = await start(line, [device("a", [point(0)])], {
      protocol: { ...line.protocol, isLocal },
    });
    await line.clock.advance(300_000);
    expect(loop.status().state).toBe("failed");
    expect(loop.pulse().brokenMs).toBe(300_000);
    const wrong = new Line();
    wrong.openError = new ConfigError("no such port", { code: "no-port" });
    const { loop: refused } = await start(wrong, [device("a", [point(0)])]);
    await wrong.clock.advance(300_000);
    expect(refused.status().state).toBe("failed");
    expect(refused.pulse().brokenMs).toBeUndefined();
  });
});

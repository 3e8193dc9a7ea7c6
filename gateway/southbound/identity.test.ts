import { afterEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { one, zero } from "../model/decimal.ts";
import type { Device, Point, PollClass } from "../model/device.ts";
import { LinkError, TransientError, UnsupportedPointError } from "../model/errors.ts";
import { silentLog } from "../model/log.ts";
import type { Reading } from "../model/reading.ts";
import type { IdentifyRule } from "../model/write-rule.ts";
import { type ConnectionLoop, openLoop } from "./loop.ts";
import type { Driver, PointResult, Protocol, SouthboundContext } from "./protocol.ts";

// A line of units whose registers a test owns; one request per point, 10 ms each, 200 ms of silence.

const addressOf = (point: Point) => z.number().parse(point.address);
const silence = new Error("silence");
const refusal = new Error("refusal");

class Line {
  readonly clock = new VirtualClock();
  readonly asked: { at: number; device: string; point: string }[] = [];
  /** What a register says; an Error instead of a value is thrown. */
  says: (device: string, register: number) => number | Error = (_, register) => register;
  lost = new AbortController();
  speak: SouthboundContext["emit"] | undefined;
  /** Whether the devices speak first. */
  readonly heard: boolean;

  constructor(heard = false) {
    this.heard = heard;
  }

  readonly protocol: Protocol = {
    name: "fake",
    connection: z.unknown(),
    device: z.unknown(),
    head: z.unknown(),
    address: z.unknown(),
    given: z.unknown(),
    check: () => [],
    rawKind: () => "integer",
    silentAfter: () => 30_000,
    plan: (_settings, _device, points) => {
      if (this.heard) return { requests: [], heard: points };
      const readable = points.filter((point) => addressOf(point) < 1000);
      return {
        requests: readable.map((point) => ({ points: [point], costMs: 10, label: point.name })),
      };
    },
    learn: () => undefined,
    replay: () => Promise.reject(new Error("not used")),
    open: async (_settings, context) => {
      this.speak = context.emit;
      this.lost = new AbortController();
      return this.#driver();
    },
  };

  #driver(): Driver {
    const line = this;
    const driver: Driver = {
      concurrency: 1,
      lost: this.lost.signal,
      statistics: {},
      [Symbol.asyncDispose]: async () => {},
    };
    if (this.heard) return { ...driver, listen: () => {} };
    return {
      ...driver,
      async read(device, { points }, signal): Promise<PointResult[]> {
        line.asked.push({ at: line.clock.monotonic(), device: device.id, point: points[0]?.name ?? "" });
        const said = points.map((point) => line.says(device.id, addressOf(point)));
        await line.clock.sleep(said.includes(silence) ? 200 : 10, signal);
        const at = line.clock.stamp();
        return points.map((point, index): PointResult => {
          const raw = said[index];
          if (raw === silence) throw new TransientError("no answer", { code: "timeout" });
          if (typeof raw !== "number")
            throw new UnsupportedPointError("no such register", { code: "refused" });
          return { point, at, raw };
        });
      },
    };
  }

  names(device: string): string[] {
    return this.asked.filter((one) => one.device === device).map(({ point }) => point);
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

const is7: IdentifyRule[] = [{ point: "model", test: { in: [7] } }];
const model: Point = { ...point(900, "once"), name: "model" };

function device(id: string, identify: IdentifyRule[] = is7, identifyPoints: Point[] = [model]): Device {
  return {
    id,
    connection: "line",
    settings: {},
    urn: `urn:dev:ops:1-x-${id}:`,
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
    profile: {
      id: "acme/seven",
      version: "1.0.0",
      title: { en: "x" },
      manufacturer: "x",
      models: [],
      category: "energy-meter",
      status: "draft",
      protocol: "fake",
      protocolSettings: {},
      points: [point(1), point(2, "slow")],
      identify,
      identifyPoints,
      hash: "",
    },
  };
}

const loops: ConnectionLoop[] = [];
afterEach(async () => {
  for (const loop of loops.splice(0)) await loop[Symbol.asyncDispose]();
});

async function start(line: Line, ...devices: Device[]) {
  const readings: Reading[] = [];
  let seed = 1;
  const loop = await openLoop({
    connection: "line",
    protocol: line.protocol,
    settings: {},
    devices,
    context: {
      clock: line.clock,
      random: () => {
        seed = (seed * 48_271) % 0x7fffffff;
        return seed / 0x7fffffff;
      },
      log: silentLog,
      connect: () => Promise.reject(new Error("not used")),
      signal: new AbortController().signal,
    },
    sink: (_device, list) => void readings.push(...list),
    learnedStore: { load: () => ({}), save: () => {} },
  });
  loops.push(loop);
  const status = (id: string) => loop.status().devices.find((one) => one.device === id);
  const of = (id: string) => readings.filter((reading) => reading.device.id === id);
  return { loop, readings, status, of };
}

describe("a device that says who it is", () => {
  it("is asked once, before anything else, and shows its own points only", async () => {
    const line = new Line();
    line.says = (_, register) => (register === 900 ? 7 : register);
    const { of, status } = await start(line, device("a"));
    await line.clock.advance(20_000);
    expect(line.names("a").slice(0, 2)).toEqual(["model", "p1"]);
    expect(line.names("a").filter((name) => name === "model")).toEqual(["model"]);
    expect(new Set(of("a").map(({ name, quality }) => `${name} ${quality}`))).toEqual(
      new Set(["p1 good", "p2 good"]),
    );
    expect(status("a")).toMatchObject({ availability: "available", problem: undefined });
  });

  it("may say it with a point that is read anyway", async () => {
    const line = new Line();
    const { status, of } = await start(line, device("a", [{ point: "p1", test: { from: 1, below: 2 } }], []));
    await line.clock.advance(5000);
    expect(status("a")?.availability).toBe("available");
    expect(of("a").every(({ quality }) => quality === "good")).toBe(true);
  });

  it("is asked again after the line was away, and after it was dead itself", async () => {
    const line = new Line();
    line.says = (_, register) => (register === 900 ? 7 : register);
    const { status } = await start(line, device("a"), device("b"));
    await line.clock.advance(3000);
    line.lost.abort(new LinkError("pulled", { code: "pulled" }));
    await line.clock.advance(3000);
    const asked = () => line.names("a").filter((name) => name === "model").length;
    expect(asked()).toBe(2);
    line.says = (id, register) => (id === "a" ? silence : register === 900 ? 7 : register);
    await line.clock.advance(30_000);
    expect(status("a")?.availability).toBe("unavailable");
    line.says = (_, register) => (register === 900 ? 7 : register);
    await line.clock.advance(60_000);
    expect(asked()).toBe(3);
    expect(status("a")?.availability).toBe("available");
  });
});

describe("a device that is another model", () => {
  const wrong = (id: string, register: number) => (register === 900 ? (id === "a" ? 8 : 7) : register);

  it("gives no value, says so once, costs others nothing, and is asked again once a minute", async () => {
    const line = new Line();
    line.says = wrong;
    const { of, status } = await start(line, device("a"), device("b"));
    await line.clock.advance(310_000);
    expect(of("a").map(({ name, quality, detail }) => [name, quality, detail])).toEqual([
      ["p1", "config-error", "wrong-device"],
      ["p2", "config-error", "wrong-device"],
    ]);
    expect(new Set(line.names("a"))).toEqual(new Set(["model"]));
    expect(line.names("a").length).toBeGreaterThanOrEqual(5);
    expect(line.names("a").length).toBeLessThanOrEqual(8);
    expect(status("a")).toMatchObject({
      availability: "unavailable",
      problem: 'wrong-device: "model" is 8, and acme/seven has 7',
    });
    expect(status("b")?.availability).toBe("available");
    expect(of("b").filter(({ name }) => name === "p1").length).toBeGreaterThan(300);
  });

  it("is taken back when the right one stands there", async () => {
    const line = new Line();
    line.says = wrong;
    const { of, status } = await start(line, device("a"));
    await line.clock.advance(30_000);
    line.says = (_, register) => (register === 900 ? 7 : register);
    await line.clock.advance(70_000);
    expect(status("a")).toMatchObject({ availability: "available", problem: undefined });
    expect(of("a").at(-1)).toMatchObject({ name: "p1", quality: "good", value: 1 });
  });

  it("gives no value to who reads it on demand, before or after it is known", async () => {
    const line = new Line();
    line.says = wrong;
    const { loop } = await start(line, device("a"));
    const early = loop.readNow("a", ["p1"]);
    await line.clock.advance(5000);
    const late = loop.readNow("a");
    await line.clock.advance(1000);
    for (const { quality, value } of [...(await early), ...(await late)])
      expect([quality, value]).toEqual(["config-error", undefined]);
  });

  it("is one that refuses to tell, or cannot be asked at all", async () => {
    const line = new Line();
    line.says = (_, register) => (register === 900 ? refusal : register);
    const far = { ...model, address: 2000 };
    const { of, status } = await start(line, device("a"), device("b", is7, [far]));
    await line.clock.advance(5000);
    for (const id of ["a", "b"]) {
      expect(status(id)?.problem).toContain('wrong-device: "model" could not be read');
      expect(of(id).map(({ quality }) => quality)).toEqual(["config-error", "config-error"]);
    }
    line.says = (_, register) => (register === 900 ? 7 : register);
    await line.clock.advance(120_000);
    expect(status("a")?.availability).toBe("available");
  });

  it("is not one that is silent", async () => {
    const line = new Line();
    line.says = () => silence;
    const { of, status } = await start(line, device("a"));
    await line.clock.advance(30_000);
    expect(status("a")?.problem).toContain("timeout");
    expect(of("a").map(({ quality }) => quality)).toEqual(["comm-error", "comm-error"]);
  });
});

describe("a device that speaks first", () => {
  it("is believed from the word on that says who it is", async () => {
    const line = new Line(true);
    const a = device("a");
    const { of, status } = await start(line, a);
    await line.clock.advance(1000);
    const say = async (...words: [Point, number][]) => {
      await line.speak?.(
        a,
        words.map(([of, raw]) => ({ point: of, at: line.clock.stamp(), raw })),
      );
      await line.clock.advance(2000);
    };
    const [p1] = a.profile.points;
    if (!p1) throw new Error("no point");
    await say([p1, 5]);
    expect(of("a")).toEqual([]);
    expect(status("a")?.problem).toBe('not identified yet: waits for "model"');
    await say([model, 8], [p1, 5]);
    expect(of("a").map(({ quality }) => quality)).toEqual(["config-error", "config-error"]);
    await say([model, 7], [p1, 6]);
    expect(of("a").at(-1)).toMatchObject({ name: "p1", value: 6 });
    await say([p1, 7]);
    expect(of("a").map(({ value }) => value)).toEqual([undefined, undefined, 6, 7]);
    expect(status("a")).toMatchObject({ availability: "available", problem: undefined });
  });
});

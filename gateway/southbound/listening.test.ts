import { describe, expect, it } from "vitest";
import * as z from "zod";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { one, zero } from "../model/decimal.ts";
import type { Device, Point, PollClass } from "../model/device.ts";
import { silentLog } from "../model/log.ts";
import type { Reading } from "../model/reading.ts";
import { openLoop } from "./loop.ts";
import type { Driver, Protocol, SouthboundContext } from "./protocol.ts";

// Devices that speak first, in the loop, on virtual time.

function point(name: string, pollClass: PollClass = "normal", kind: Point["kind"] = "gauge"): Point {
  return {
    name,
    address: { heard: name !== "asked" },
    scale: one,
    offset: zero,
    kind,
    unit: "V",
    pollClass,
    absent: [],
    personal: false,
  };
}

function device(id: string, points: readonly Point[]): Device {
  return {
    id,
    connection: "line",
    profile: {
      id: "acme/talker",
      version: "1.0.0",
      title: { en: "Talker" },
      manufacturer: "Acme",
      models: ["T"],
      category: "weather-station",
      status: "draft",
      protocol: "talk",
      protocolSettings: {},
      points,
      hash: "",
    },
    settings: {},
    urn: `urn:dev:ops:32473-stadsnod-${id}:`,
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
  };
}

const isHeard = ({ address }: Point) => z.object({ heard: z.boolean() }).parse(address).heard;

class TalkLine {
  readonly clock = new VirtualClock();
  readonly taken: Reading[] = [];
  context: SouthboundContext | undefined;
  listeners: string[][] = [];
  lost = new AbortController();

  readonly protocol: Protocol = {
    name: "talk",
    connection: z.unknown(),
    device: z.unknown(),
    head: z.unknown(),
    address: z.unknown(),
    given: z.unknown(),
    check: () => [],
    rawKind: () => "integer",
    silentAfter: () => 30_000,
    plan: (_connection, _device, points) => ({
      requests: points
        .filter((one) => !isHeard(one))
        .map((one) => ({ points: [one], costMs: 5, label: "asked" })),
      heard: points.filter(isHeard),
    }),
    learn: () => undefined,
    replay: () => Promise.reject(new Error("not here")),
    open: async (_connection, context) => {
      this.context = context;
      this.lost = new AbortController();
      return {
        concurrency: 1,
        lost: this.lost.signal,
        statistics: {},
        listen: (devices) => void this.listeners.push(devices.map(({ id }) => id)),
        read: async (_device, request) =>
          request.points.map((one) => ({ point: one, at: this.clock.stamp(), raw: 7 })),
        [Symbol.asyncDispose]: async () => {},
      } satisfies Driver;
    },
  };

  open(devices: readonly Device[]) {
    return openLoop({
      connection: "line",
      protocol: this.protocol,
      settings: {},
      devices,
      context: {
        clock: this.clock,
        random: () => 0.5,
        log: silentLog,
        connect: () => Promise.reject(new Error("no wire here")),
        signal: new AbortController().signal,
      },
      sink: (_device, readings) => void this.taken.push(...readings),
      learnedStore: { load: () => ({}), save: () => {} },
    });
  }

  say(from: Device, values: Readonly<Record<string, number>>): Promise<void> {
    const results = Object.entries(values).map(([name, raw]) => ({
      point: from.profile.points.find((one) => one.name === name)!,
      at: this.clock.stamp(),
      raw,
    }));
    return this.context!.emit(from, results);
  }

  values(name: string): unknown[] {
    return this.taken
      .filter((reading) => reading.name === name)
      .map(({ quality, value }) => (quality === "good" ? value : quality));
  }
}

describe("devices that speak first", () => {
  it("are told to the driver, heard, and thinned out by class; events all pass", async () => {
    const line = new TalkLine();
    const mast = device("mast", [point("wind"), point("gust", "slow"), point("car", "normal", "event")]);
    await using loop = await line.open([mast]);
    await line.clock.advance(10);
    expect(line.listeners).toEqual([["mast"]]);
    for (let second = 0; second < 61; second++) {
      await line.say(mast, { wind: second, gust: second, car: second });
      await line.clock.advance(1000);
    }
    expect(line.values("wind")).toEqual([0, 10, 20, 30, 40, 50, 60]);
    expect(line.values("gust")).toEqual([0, 60]);
    expect(line.values("car")).toHaveLength(61);
    expect(loop.status().devices[0]).toMatchObject({ availability: "available" });
  });

  it("speak as rarely as their class or more rarely: nothing is lost to jitter", async () => {
    const line = new TalkLine();
    const mast = device("mast", [point("wind")]);
    await using _ = await line.open([mast]);
    await line.clock.advance(10);
    for (const pause of [9990, 10_020, 9970, 10_010, 10_000]) {
      await line.say(mast, { wind: pause });
      await line.clock.advance(pause);
    }
    expect(line.values("wind")).toHaveLength(5);
  });

  it("are silent: said once, with a reading of every point, until they speak again", async () => {
    const line = new TalkLine();
    const mast = device("mast", [point("wind"), point("gust")]);
    await using loop = await line.open([mast]);
    await line.clock.advance(10);
    await line.say(mast, { wind: 1, gust: 2 });
    await line.clock.advance(29_000);
    expect(loop.status().devices[0]?.availability).toBe("available");
    await line.clock.advance(120_000);
    expect(line.values("wind")).toEqual([1, "comm-error"]);
    expect(line.values("gust")).toEqual([2, "comm-error"]);
    expect(loop.status().devices[0]).toMatchObject({ availability: "unavailable", errors: { silent: 1 } });
    await line.say(mast, { wind: 3 });
    expect(line.values("wind")).toEqual([1, "comm-error", 3]);
    expect(loop.status().devices[0]?.availability).toBe("available");
    await line.clock.advance(31_000);
    expect(line.values("wind")).toEqual([1, "comm-error", 3, "comm-error"]);
  });

  it("are silent where they speak, and still asked where they answer", async () => {
    const line = new TalkLine();
    const mast = device("mast", [point("wind"), point("asked")]);
    await using loop = await line.open([mast]);
    await line.clock.advance(35_000);
    expect(line.values("wind")).toEqual(["comm-error"]);
    expect(line.values("asked")).toEqual([7, 7, 7, 7]);
    expect(loop.status().devices[0]?.availability).toBe("available");
  });

  it("are read on demand by waiting for their next word", async () => {
    const line = new TalkLine();
    const mast = device("mast", [point("wind"), point("gust"), point("asked")]);
    await using loop = await line.open([mast]);
    await line.clock.advance(10);
    const read = loop.readNow("mast");
    await line.clock.advance(500);
    await line.say(mast, { wind: 4 });
    await line.clock.advance(31_000);
    const readings = await read;
    expect(Object.fromEntries(readings.map(({ name, value, quality }) => [name, value ?? quality]))).toEqual({
      wind: 4,
      gust: "comm-error",
      asked: 7,
    });
  });

  it("belong to nobody once they are replaced", async () => {
    const line = new TalkLine();
    const mast = device("mast", [point("wind")]);
    await using loop = await line.open([mast]);
    await line.clock.advance(10);
    const other = device("mast", [point("wind")]);
    await loop.setDevice(other);
    await line.say(mast, { wind: 1 });
    expect(line.values("wind")).toEqual([]);
    await line.say(other, { wind: 2 });
    expect(line.values("wind")).toEqual([2]);
    expect(line.listeners.at(-1)).toEqual(["mast"]);
  });

  it("are told anew after the line was lost", async () => {
    const line = new TalkLine();
    const mast = device("mast", [point("wind", "once")]);
    await using _ = await line.open([mast]);
    await line.clock.advance(10);
    await line.say(mast, { wind: 1 });
    await line.say(mast, { wind: 2 });
    line.lost.abort(new Error("cut"));
    await line.clock.advance(5000);
    await line.say(mast, { wind: 3 });
    expect(line.values("wind")).toEqual([1, 3]);
    expect(line.listeners).toEqual([["mast"], ["mast"]]);
  });
});

import { describe, expect, it } from "vitest";
import { seeded } from "../../../test/fault/random.ts";
import { settle, VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { checksums, writeChecksum } from "../../codec/checksum.ts";
import { one, zero } from "../../model/decimal.ts";
import type { Point } from "../../model/device.ts";
import { LinkError } from "../../model/errors.ts";
import { silentLog } from "../../model/log.ts";
import { type MemoryTransport, memoryPair } from "../../transport/memory.ts";
import type { PointResult } from "../protocol.ts";
import { serialFrame } from "./protocol.ts";
import type { FrameTarget } from "./session.ts";
import type { FrameAddress } from "./settings.ts";

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function point(name: string, at: Record<string, unknown>): Point<FrameAddress> {
  return {
    name,
    address: serialFrame.address.parse(at),
    scale: one,
    offset: zero,
    kind: "gauge",
    pollClass: "normal",
    absent: [],
    personal: false,
  };
}

function deviceOf(
  head: unknown,
  points: readonly Point<FrameAddress>[],
  settings: Record<string, unknown> = {},
): FrameTarget {
  return {
    id: `sensor${settings.address ?? ""}`,
    connection: "line",
    settings: serialFrame.device.parse(settings),
    urn: "urn:dev:ops:32473-stadsnod-sensor:",
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
    profile: {
      id: "acme/sensor",
      version: "1.0.0",
      title: { en: "Sensor" },
      manufacturer: "Acme",
      models: [],
      category: "level",
      status: "draft",
      protocol: "serial-frame",
      protocolSettings: serialFrame.head.parse(head),
      points,
      hash: "",
    },
  };
}

/** A level sensor with an address: 31 address 06 crc, answered by 3e address 06 temperature level(2) frequency(2) crc. */
const levelHead = {
  frames: {
    current: {
      start: "3e",
      match: { 2: "06" },
      length: 9,
      address: { at: 1, type: "u8" },
      check: { "crc8-dallas": "0..7", at: 8 },
      body: "3..7",
      endian: "little",
      fields: [
        { name: "temperature", type: "s8" },
        { name: "level", type: "u16" },
        { name: "frequency", type: "u16" },
      ],
    },
  },
  requests: { current: { send: "31 {address:u8} 06 {crc8-dallas:0..}", reply: "current", timeout: 300 } },
};
const levelPoints = [point("level", { request: "current", field: "level" })];
// One profile for all of them, as the gateway loads it.
const levelProfile = deviceOf(levelHead, levelPoints).profile;
const levelSensor = (address: number): FrameTarget => ({
  ...deviceOf(levelHead, levelPoints, { address }),
  profile: levelProfile,
});

function levelAnswer(address: number, level: number): Uint8Array {
  const frame = Uint8Array.of(0x3e, address, 6, 20, level & 0xff, level >> 8, 0, 0, 0);
  writeChecksum(checksums["crc8-dallas"], frame, { start: 0, end: 8, at: 8 });
  return frame;
}

async function bench({ echo = false }: { echo?: boolean } = {}) {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const emitted: { device: string; results: readonly PointResult[] }[] = [];
  const pairs: [MemoryTransport, MemoryTransport][] = [];
  const opening = serialFrame.open(
    serialFrame.connection.parse({ serial: { port: "/dev/ttyS9", baud: 9600 } }),
    {
      clock,
      random: () => 0.5,
      log: silentLog,
      connect: async () => {
        const pair = memoryPair(clock, { echo });
        pairs.push(pair);
        return pair[0];
      },
      emit: async (device, results) => {
        emitted.push({ device: device.id, results });
      },
      signal: stop.signal,
    },
  );
  const driver = await opening;
  const far = pairs[0]![1];
  const heard: string[] = [];
  let answer: (sent: string) => Uint8Array | undefined = () => undefined;
  far.receive((chunk) => {
    heard.push(hexOf(chunk));
    const reply = answer(hexOf(chunk));
    if (reply) void far.write(reply);
  });
  const connection = serialFrame.connection.parse({ serial: { port: "/dev/ttyS9", baud: 9600 } });
  const { signal } = stop;
  return {
    clock,
    driver,
    far,
    near: () => pairs[0]![0],
    heard,
    emitted,
    answers: (next: (sent: string) => Uint8Array | undefined) => {
      answer = next;
    },
    values: () =>
      emitted.flatMap(({ device, results }) =>
        results.map((result) => [
          device,
          result.point.name,
          "raw" in result ? result.raw : `${result.problem}: ${result.detail}`,
        ]),
      ),
    /** Reads the first request; resolves with raw values, or with the error's code. */
    read: async (device: FrameTarget, waitMs = 0): Promise<unknown> => {
      const request = serialFrame.plan(connection, device, device.profile.points, {}).requests[0]!;
      const reading = driver.read!(device, request, signal).then(
        (results) => results.map((result) => ("raw" in result ? result.raw : result.problem)),
        (error: { code: string }) => error.code,
      );
      await clock.advance(waitMs);
      return reading;
    },
    /** Bytes of the device, at once. */
    send: async (...frames: Uint8Array[]) => {
      void far.write(Buffer.concat(frames));
      await clock.advance(0);
    },
  };
}

describe("several devices on one line", () => {
  it("are asked by their addresses, and each answers for itself", async () => {
    const { driver, read, answers, heard } = await bench();
    const [a, b] = [levelSensor(1), levelSensor(2)];
    await driver.listen?.([a, b]);
    answers((sent) => (sent.startsWith("3101") ? levelAnswer(1, 1111) : levelAnswer(2, 2222)));
    expect(await read(a)).toEqual([1111]);
    expect(await read(b)).toEqual([2222]);
    expect(heard).toEqual(["3101066c", "31020639"]);
  });

  it("never takes the answer of another address", async () => {
    const { driver, read, answers } = await bench();
    await driver.listen?.([levelSensor(1), levelSensor(2)]);
    answers(() => levelAnswer(2, 2222));
    expect(await read(levelSensor(1), 2000)).toBe("bad-reply");
    expect(driver.statistics).toMatchObject({ unclaimed: 1 });
  });

  it("drops a late answer, and does not ask in its form before it has come", async () => {
    const { clock, driver, read, answers, far } = await bench();
    const [a, b] = [levelSensor(1), levelSensor(2)];
    await driver.listen?.([a, b]);
    expect(await read(a, 300)).toBe("timeout");
    // The one with another address goes on, and the late answer comes right into its turn.
    answers((sent) =>
      sent.startsWith("3102") ? Buffer.concat([levelAnswer(1, 1), levelAnswer(2, 2222)]) : undefined,
    );
    expect(await read(b)).toEqual([2222]);
    expect(driver.statistics).toMatchObject({ late: 1 });
    // The debt is paid: it may be asked again.
    answers(() => levelAnswer(1, 1111));
    expect(await read(a)).toEqual([1111]);
    // A second silence: nothing in its form until the late answer cannot come any more.
    answers(() => undefined);
    expect(await read(a, 300)).toBe("timeout");
    answers(() => levelAnswer(1, 3333));
    expect(await read(a)).toBe("quarantine");
    expect(driver.statistics).toMatchObject({ quarantined: 1 });
    await clock.advance(6 * 300);
    // Whatever may lie unread is read first.
    expect(await read(a, 20)).toEqual([3333]);
    await far[Symbol.asyncDispose]();
  });

  it("asks again at once when the answer came damaged", async () => {
    const { driver, read, answers, heard } = await bench();
    const base = levelHead.requests.current;
    const device = deviceOf({ ...levelHead, requests: { current: { ...base, retries: 1 } } }, levelPoints, {
      address: 1,
    });
    await driver.listen?.([device]);
    answers(() => {
      const frame = levelAnswer(1, 1111);
      if (heard.length === 1) frame[4] = 0;
      return frame;
    });
    expect(await read(device, 2000)).toEqual([1111]);
    expect(heard.length).toBe(2);
    expect(driver.statistics).toMatchObject({ "bad-checksum": 1, late: 0 });
  });

  it("does not take its own request for an answer on a line that echoes", async () => {
    const { driver, read } = await bench({ echo: true });
    const device = deviceOf(
      {
        framing: { start: "55", length: 4, check: { xor8: "0..2" } },
        frames: { value: { fields: [{ name: "level", type: "u16" }] } },
        requests: { ask: { send: "55 00 00 {xor8:0..}", reply: "value", timeout: 100 } },
      },
      [point("level", { request: "ask", field: "level" })],
    );
    await driver.listen?.([device]);
    expect(await read(device, 500)).toBe("bad-reply");
  });
});

describe("a line of slow and noisy devices", () => {
  it.each(Array.from({ length: 12 }, (_, seed) => seed))(
    "never gives a value that answers another request (seed %i)",
    async (seed) => {
      const { clock, driver, read, near, answers } = await bench();
      const random = seeded(seed);
      const devices = [1, 2, 3].map(levelSensor);
      await driver.listen?.(devices);
      // Each device answers with the number of the request: too late, damaged, in pieces, or not at all.
      let asked = 0;
      answers((sent) => {
        const address = Number(`0x${sent.slice(2, 4)}`);
        const frame = levelAnswer(address, ++asked);
        const fate = random();
        if (fate < 0.1) return undefined;
        if (fate < 0.2) frame[5] = frame[5]! ^ 0x04;
        const noise = Uint8Array.from({ length: Math.floor(random() * 4) }, () =>
          random() < 0.5 ? 0x3e : address,
        );
        const delay = random() < 0.5 ? 20 : random() * 5 * 300;
        const bytes = Buffer.concat([noise, frame]);
        const cut = Math.floor(random() * bytes.length);
        clock.timer(delay, () => near().deliver(bytes.subarray(0, cut)));
        clock.timer(delay + 10, () => near().deliver(bytes.subarray(cut)));
        return undefined;
      });
      let good = 0;
      for (let turn = 0; turn < 150; turn++) {
        const device = devices[Math.floor(random() * devices.length)]!;
        const before = asked;
        const value = await read(device, 1300);
        if (!Array.isArray(value)) continue;
        good++;
        expect([turn, value]).toEqual([turn, [before + 1]]);
      }
      expect(good).toBeGreaterThan(20);
      expect(driver.statistics.late).toBeGreaterThan(0);
      expect(driver.statistics.quarantined).toBeGreaterThan(0);
    },
  );
});

describe("requests", () => {
  const numbered = {
    framing: { start: "55", length: 5, check: { xor8: "0..3" } },
    frames: {
      value: {
        match: { 1: "01" },
        tag: { at: 2, type: "u8" },
        body: "3..3",
        fields: [{ name: "level", type: "u8" }],
      },
      no: { match: { 1: "ee" }, tag: { at: 2, type: "u8" } },
    },
    requests: { ask: { send: "55 01 {tag:u8} 00 {xor8:0..}", reply: "value", refusal: "no", timeout: 100 } },
  };
  const answer = (kind: number, tag: number, value: number) => {
    const bytes = Uint8Array.of(0x55, kind, tag, value, 0);
    writeChecksum(checksums.xor8, bytes, { start: 0, end: 4, at: 4 });
    return bytes;
  };

  it("with a tag are told from late ones and need not wait for them", async () => {
    const { driver, read, answers } = await bench();
    const device = deviceOf(numbered, [point("level", { request: "ask", field: "level" })]);
    await driver.listen?.([device]);
    expect(await read(device, 100)).toBe("timeout");
    answers((sent) => Buffer.concat([answer(1, 0, 99), answer(1, Number(`0x${sent.slice(4, 6)}`), 42)]));
    expect(await read(device)).toEqual([42]);
    expect(driver.statistics).toMatchObject({ late: 1, quarantined: 0 });
  });

  it("that are refused fail at once, and owe nothing", async () => {
    const { driver, read, answers } = await bench();
    const device = deviceOf(numbered, [point("level", { request: "ask", field: "level" })]);
    await driver.listen?.([device]);
    answers((sent) => answer(0xee, Number(`0x${sent.slice(4, 6)}`), 1));
    expect(await read(device)).toBe("refused");
    answers((sent) => answer(1, Number(`0x${sent.slice(4, 6)}`), 7));
    expect(await read(device)).toEqual([7]);
  });

  it("end with the line", async () => {
    const { driver, read, far } = await bench();
    const device = levelSensor(1);
    await driver.listen?.([device]);
    const reading = read(device);
    await settle();
    far.lose();
    await far[Symbol.asyncDispose]();
    expect(await reading).toBe("lost");
    expect(driver.lost.reason).toBeInstanceOf(LinkError);
  });
});

describe("devices that speak by themselves", () => {
  const data = {
    start: "aa c0",
    length: 7,
    check: { sum8: "2..5", at: 6 },
    fields: [
      { name: "id", type: "u8" },
      { name: "dust", type: "u16" },
      { name: "spare", type: "u8" },
    ],
  };
  const frame = (id: number, dust: number): Uint8Array => {
    const bytes = Uint8Array.of(0xaa, 0xc0, id, dust >> 8, dust & 0xff, 0, 0);
    writeChecksum(checksums.sum8, bytes, { start: 2, end: 6, at: 6 });
    return bytes;
  };
  const points = [point("dust", { frame: "data", field: "dust" })];

  it("are told apart by their addresses; what nobody sent is counted", async () => {
    const { driver, send, values } = await bench();
    const profile = deviceOf(
      { frames: { data: { ...data, address: { at: 2, type: "u8" } } } },
      points,
    ).profile;
    const devices = [1, 2].map((address) => ({
      ...deviceOf({ frames: { data } }, points, { address }),
      profile,
    }));
    await driver.listen?.(devices);
    await send(frame(1, 100), frame(2, 200), frame(3, 300));
    expect(values()).toEqual([
      ["sensor1", "dust", 100],
      ["sensor2", "dust", 200],
    ]);
    expect(driver.statistics).toMatchObject({ frames: 3, unclaimed: 1 });
  });

  it("are stamped when their frame ended", async () => {
    const { clock, driver, send, emitted } = await bench();
    await driver.listen?.([deviceOf({ frames: { data } }, points)]);
    await clock.advance(1000);
    const sent = clock.now();
    await send(frame(1, 100));
    expect(emitted[0]?.results[0]?.at).toEqual({ base: "unix", ms: sent });
  });

  it("have no values when they say that they have none", async () => {
    const { driver, send, values } = await bench();
    await driver.listen?.([deviceOf({ frames: { data: { ...data, reject: "dust == 0" } } }, points)]);
    await send(frame(1, 0), frame(1, 5));
    expect(values()).toEqual([
      ["sensor", "dust", "sentinel: the device has nothing to say: dust == 0"],
      ["sensor", "dust", 5],
    ]);
    expect(driver.statistics).toMatchObject({ rejected: 1 });
  });

  it("are woken by their session, and not believed while they warm up", async () => {
    const { clock, driver, send, heard, answers, values } = await bench();
    const device = deviceOf(
      {
        frames: { data, done: { start: "aa c5", length: 3, check: "none" } },
        requests: {
          wake: { send: "aa b4 01", reply: "done", timeout: 100, retries: 0 },
          ping: { send: "aa b4 02", reply: "done", timeout: 100 },
        },
        session: { open: ["wake"], keepalive: { send: "ping", every: "20s" }, reopenOn: { silence: "45s" } },
        warmUp: "30s",
      },
      points,
    );
    await driver.listen?.([device]);
    await clock.advance(150);
    expect(heard).toEqual(["aab401"]);
    await send(frame(1, 1));
    expect(values()).toEqual([["sensor", "dust", "sentinel: warming up"]]);
    // The first attempt had no answer: the next one comes after a pause, and after the late answer could have come.
    answers(() => bytesOf("aa c5 00"));
    await clock.advance(5000);
    expect(heard).toEqual(["aab401", "aab401"]);
    await clock.advance(20_000);
    expect(heard.slice(2)).toEqual(["aab402"]);
    await send(frame(1, 2));
    await clock.advance(10_000);
    await send(frame(1, 3));
    expect(values().slice(1)).toEqual([
      ["sensor", "dust", "sentinel: warming up"],
      ["sensor", "dust", 3],
    ]);
    // It falls silent, as after a power cut: the session is opened anew.
    const before = heard.filter((sent) => sent === "aab401").length;
    await clock.advance(45_000);
    expect(heard.filter((sent) => sent === "aab401").length).toBe(before + 1);
    expect(driver.statistics).toMatchObject({ sessions: 2, "session-failures": 1 });
    await driver[Symbol.asyncDispose]();
  });
});

describe("a device whose receive wire is not connected", () => {
  it("is believed all the same, once it can have warmed up", async () => {
    const { clock, driver, send, values } = await bench();
    const data = {
      start: "aa c0",
      length: 4,
      check: { xor8: "2..2", at: 3 },
      fields: [{ name: "dust", type: "u8" }],
    };
    const device = deviceOf(
      {
        frames: { data, done: { start: "aa c5", length: 3, check: "none" } },
        requests: { wake: { send: "aa b4 01", reply: "done", timeout: 100, retries: 2 } },
        session: { open: ["wake"] },
        warmUp: "30s",
      },
      [point("dust", { frame: "data", field: "dust" })],
    );
    await driver.listen?.([device]);
    await send(bytesOf("aa c0 07 07"));
    await clock.advance(30_000);
    await send(bytesOf("aa c0 08 08"));
    expect(values()).toEqual([
      ["sensor", "dust", "sentinel: warming up"],
      ["sensor", "dust", 8],
    ]);
    // Three attempts at a time: an answer that says nothing may be late.
    expect(driver.statistics).toMatchObject({ sessions: 0, requests: 9, quarantined: 0 });
    await driver[Symbol.asyncDispose]();
  });
});

describe("a session of a device that is asked", () => {
  it("is opened before the first question, and again after so many failures or a notice", async () => {
    const { clock, driver, heard, answers, read, send } = await bench();
    const device = deviceOf(
      {
        frames: {
          value: {
            start: "40 01",
            length: 4,
            check: { sum8: "0..2" },
            body: "2..2",
            fields: [{ name: "level", type: "u8" }],
          },
          done: { start: "a5 a5", length: 2, check: "none" },
          reset: { start: "bb bb", length: 2, check: "none" },
        },
        requests: {
          start: { send: "68 01", reply: "done", timeout: 100 },
          ask: { send: "68 04", reply: "value", timeout: 100, late: 0 },
        },
        session: { open: ["start"], reopenOn: { failures: 2, frame: "reset" } },
      },
      [point("level", { request: "ask", field: "level" })],
    );
    await driver.listen?.([device]);
    const value = Uint8Array.of(0x40, 1, 9, 0x4a);
    answers((sent) => (sent === "6801" ? bytesOf("a5a5") : value));
    await clock.advance(10);
    expect(await read(device)).toEqual([9]);
    expect(heard).toEqual(["6801", "6804"]);
    answers((sent) => (sent === "6801" ? bytesOf("a5a5") : undefined));
    for (const _ of [1, 2]) {
      expect(await read(device, 100)).toBe("timeout");
    }
    answers((sent) => (sent === "6801" ? bytesOf("a5a5") : value));
    expect(await read(device, 10)).toEqual([9]);
    expect(heard.slice(-2)).toEqual(["6801", "6804"]);
    // The device says that it started anew.
    const before = heard.length;
    await send(bytesOf("bb bb"));
    await clock.advance(10);
    expect(heard.slice(before)).toEqual(["6801"]);
    await driver[Symbol.asyncDispose]();
  });
});

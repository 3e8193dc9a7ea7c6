import { describe, expect, it } from "vitest";
import {
  attachMeters,
  bcd,
  heatMeter,
  int,
  type MbusLineOptions,
  type MbusMeter,
} from "../../../simulators/mbus-meter.ts";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { one, zero } from "../../model/decimal.ts";
import type { Device, Point } from "../../model/device.ts";
import { TransientError } from "../../model/errors.ts";
import { silentLog } from "../../model/log.ts";
import { type MemoryTransport, memoryPair } from "../../transport/memory.ts";
import { Exchange } from "../exchange.ts";
import { MbusDeframer } from "./deframer.ts";
import { MbusMaster } from "./master.ts";
import { mbus } from "./protocol.ts";
import { scanSecondary } from "./scan.ts";
import type { MbusAddress, MbusDevice, MbusHead } from "./settings.ts";

const point = (name: string, at: Record<string, unknown>): Point<MbusAddress> => ({
  name,
  address: mbus.address.parse(at),
  scale: one,
  offset: zero,
  kind: "gauge",
  pollClass: "normal",
  absent: [],
  personal: false,
});

const points = [
  point("energy", { quantity: "energy", in: "kWh" }),
  point("supply", { quantity: "flow-temperature" }),
  point("last_month", { quantity: "energy", storage: 1, in: "kWh" }),
  point("stored_at", { quantity: "date-time", storage: 1 }),
  point("id", { header: "id" }),
];

function deviceOf(settings: unknown, head: unknown = {}): Device<MbusAddress, MbusDevice, MbusHead> {
  return {
    id: "heat1",
    connection: "line",
    settings: mbus.device.parse(settings),
    urn: "urn:dev:ops:32473-stadsnod-heat1:",
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
    profile: {
      id: "acme/heat",
      version: "1.0.0",
      title: { en: "Meter" },
      manufacturer: "Acme",
      models: [],
      category: "heat-meter",
      status: "draft",
      protocol: "mbus",
      protocolSettings: mbus.head.parse(head),
      points,
      hash: "",
    },
  };
}

const scene = {
  energyKwh: 37_351,
  volumeLitres: 561_080,
  powerW: 34_700,
  flowLitresPerHour: 543,
  supplyC: 78.25,
  returnC: 41.5,
  lastMonthKwh: 33_361,
};
const meterOf = (address: number, id: string) =>
  heatMeter({ address, id, manufacturer: "STN", version: 1 }, () => scene);

async function bench(
  meters: readonly MbusMeter[],
  line: MbusLineOptions = {},
  settings: Record<string, unknown> = {},
) {
  const clock = new VirtualClock();
  const connection = mbus.connection.parse({ serial: { port: "/dev/ttyS9" }, ...settings });
  const ends: [MemoryTransport, MemoryTransport][] = [];
  const driver = await mbus.open(connection, {
    clock,
    random: () => 0.5,
    log: silentLog,
    connect: async (endpoint) => {
      const pair = memoryPair(clock, { endpoint, byteMs: 11 / 2.4 });
      ends.push(pair);
      return pair[0];
    },
    emit: async () => {},
    signal: new AbortController().signal,
  });
  const far = ends[0]![1];
  const wire = wireOf(far);
  const heard = attachMeters(wire, meters, { after: (ms, call) => clock.timer(ms, call), ...line });
  const read = async (device: ReturnType<typeof deviceOf>) => {
    const request = mbus.plan(connection, device, points, {}).requests[0]!;
    const started = clock.monotonic();
    let tookMs = 0;
    const reading = driver.read!(device, request, new AbortController().signal).finally(() => {
      tookMs = clock.monotonic() - started;
    });
    reading.catch(() => {});
    await clock.advance(30_000);
    const results = await reading;
    const values = Object.fromEntries(
      results.map((result) => [result.point.name, "raw" in result ? result.raw : result.problem]),
    );
    return { values, results, tookMs, request };
  };
  return { clock, driver, heard, read, connection, far };
}

/** A simulated meter's side of a line in memory. */
function wireOf(far: MemoryTransport) {
  let sending = Promise.resolve();
  return {
    send: (bytes: Uint8Array) => {
      sending = sending.then(() => far.write(bytes));
    },
    receive: (receiver: (chunk: Uint8Array) => void) => far.receive((chunk) => receiver(chunk)),
  };
}

const expected = {
  energy: 37_351,
  supply: 78.25,
  last_month: 33_361,
  stored_at: "2026-06-30T23:59",
  id: "12345678",
};
const hex = (...bytes: number[]) => Buffer.from(bytes).toString("hex");
const initialise = hex(0x10, 0x40, 0x05, 0x45, 0x16);
const first = hex(0x10, 0x7b, 0x05, 0x80, 0x16);
const second = hex(0x10, 0x5b, 0x05, 0x60, 0x16);

describe("the M-Bus master", () => {
  it("reads all telegrams of a meter with a primary address, the frame count bit toggling", async () => {
    const { read, heard } = await bench([meterOf(4, "11111111"), meterOf(5, "12345678")]);
    const { values } = await read(deviceOf({ address: 5 }));
    expect(values).toEqual(expected);
    expect(heard.heard).toEqual([initialise, first, second]);
  });

  it("reads through a TCP converter, whose bus may be slow", async () => {
    const tcp = { serial: undefined, tcp: { host: "converter", port: 10_001 }, baud: 300 };
    // 330 bit times of 300 baud are more than a second.
    const { read } = await bench([meterOf(5, "12345678")], { delayMs: 1100 }, tcp);
    expect((await read(deviceOf({ address: 5 }))).values).toEqual(expected);
  });

  it("costs about what the plan says", async () => {
    const { read } = await bench([meterOf(5, "12345678")], { delayMs: 96 });
    const { tookMs, request } = await read(deviceOf({ address: 5 }, { telegrams: 1 }));
    expect(tookMs).toBeGreaterThan(request.costMs / 2);
    expect(tookMs).toBeLessThan(request.costMs * 2);
  });

  it("reads one telegram where the profile says so, and begins at the first again", async () => {
    const { read, heard } = await bench([meterOf(5, "12345678")]);
    const device = deviceOf({ address: 5 }, { telegrams: 1 });
    for (let round = 0; round < 2; round++)
      expect((await read(device)).values).toEqual({
        ...expected,
        last_month: "config-error",
        stored_at: "config-error",
      });
    expect(heard.heard).toEqual([initialise, first, initialise, first]);
  });

  it("leaves a meter of one telegram where it is: no initialisation before the second reading", async () => {
    const water: MbusMeter = {
      address: 5,
      id: "12345678",
      manufacturer: "STN",
      version: 1,
      medium: 7,
      telegrams: () => [[0x0c, 0x13, ...bcd(1234, 4)]],
    };
    const { read, heard } = await bench([water]);
    const device = deviceOf({ address: 5 });
    await read(device);
    await read(device);
    await read(device);
    expect(heard.heard).toEqual([initialise, first, second, first]);
  });

  it("reads by secondary address, and believes nobody else", async () => {
    const { read, heard } = await bench([meterOf(0, "87654321"), meterOf(0, "12345678")]);
    const { values } = await read(
      deviceOf({ secondary: { id: "12345678", manufacturer: "STN", medium: 4 } }),
    );
    expect(values).toEqual(expected);
    // 68 0B 0B 68 53 FD 52, number and manufacturer lowest byte first (STN is 4E8E), any version, heat.
    expect(heard.heard[0]).toBe("680b0b6853fd52785634128e4eff049516");
    expect(heard.heard).toHaveLength(3);
    await expect(read(deviceOf({ secondary: { id: "99999999" } }))).rejects.toMatchObject({
      code: "timeout",
    });
  });

  it("says when several meters answer to one secondary address", async () => {
    const { read } = await bench([meterOf(0, "12345678"), meterOf(0, "12345679")]);
    await expect(read(deviceOf({ secondary: { id: "1234567F" } }))).rejects.toMatchObject({
      code: "bad-reply",
    });
  });

  it("asks again with the same frame count bit when an answer is lost", async () => {
    const { read, heard } = await bench([meterOf(5, "12345678")], { loses: (answer) => answer === 2 });
    expect((await read(deviceOf({ address: 5 }))).values).toEqual(expected);
    expect(heard.heard).toEqual([initialise, first, first, second]);
  });

  it("gives up after the repeats, each after what the standard allows a meter", async () => {
    const { read, heard } = await bench([meterOf(4, "12345678")]);
    const failed = read(deviceOf({ address: 5 }));
    await expect(failed).rejects.toBeInstanceOf(TransientError);
    await expect(failed).rejects.toMatchObject({ code: "timeout" });
    expect(heard.heard).toEqual([initialise, initialise, initialise]);
  });

  it("wakes a meter before it asks", async () => {
    const { read, driver } = await bench([meterOf(5, "12345678")], { wakeBytes: 400 });
    await expect(read(deviceOf({ address: 5 }))).rejects.toMatchObject({ code: "timeout" });
    const { values, tookMs } = await read(deviceOf({ address: 5 }, { wakeUp: { for: "2.2s" } }));
    expect(values).toEqual(expected);
    expect(tookMs).toBeGreaterThan(2200);
    expect(driver.statistics["wake-ups"]).toBe(1);
  });

  it("does not spend a battery: too early a reading is not sent", async () => {
    const { read, heard, clock } = await bench([meterOf(5, "12345678")]);
    const device = deviceOf({ address: 5 }, { minInterval: "15m" });
    await read(device);
    const sent = heard.heard.length;
    await expect(read(device)).rejects.toMatchObject({ code: "quarantine" });
    expect(heard.heard.length).toBe(sent);
    await clock.advance(15 * 60_000);
    expect((await read(device)).values).toEqual(expected);
  });

  it("reads a meter that is polled exactly as often as it may be, though polls are held up", async () => {
    const { read, heard, clock } = await bench([meterOf(5, "12345678")]);
    const device = deviceOf({ address: 5 }, { minInterval: "2m" });
    const start = clock.monotonic();
    for (let turn = 0; turn < 20; turn++) {
      const heldUp = turn % 3 === 0 ? 20_000 : 0;
      await clock.advance(start + turn * 120_000 + heldUp - clock.monotonic());
      expect((await read(device)).values).toEqual(expected);
    }
    // In the long run not one reading more: half an interval early is too early after those.
    const sent = heard.heard.length;
    await clock.advance(start + 20 * 120_000 - 65_000 - clock.monotonic());
    await expect(read(device)).rejects.toMatchObject({ code: "quarantine" });
    expect(heard.heard.length).toBe(sent);
  });

  it("bears a converter that sends its own bytes back, and answers in single bytes", async () => {
    const { read } = await bench([meterOf(5, "12345678")], { echo: true, chunk: 1 });
    expect((await read(deviceOf({ address: 5 }))).values).toEqual(expected);
  });

  it("refuses a meter that says the same telegram over and over", async () => {
    const { read, far, clock } = await bench([]);
    const telegram = Uint8Array.from(
      Buffer.from("681313680805727856341224400107550000000c78785634121f", "hex"),
    );
    const body = [...telegram.subarray(4)];
    const frame = [
      0x68,
      body.length,
      body.length,
      0x68,
      ...body,
      body.reduce((sum, byte) => sum + byte, 0) & 0xff,
      0x16,
    ];
    far.receive((chunk) => {
      const answer = chunk[1] === 0x40 ? [0xe5] : frame;
      clock.timer(20, () => void far.write(Uint8Array.from(answer)));
    });
    await expect(read(deviceOf({ address: 5 }))).rejects.toMatchObject({ code: "repeated-telegram" });
  });

  it("waits for the telegram behind a late E5, and says when E5 is all", async () => {
    const { read, far, clock } = await bench([]);
    const body = [8, 5, 0x78, 0x04, 0x06, 0x01, 0, 0, 0];
    const sum = body.reduce((total, byte) => total + byte, 0) & 0xff;
    const frame = [0x68, body.length, body.length, 0x68, ...body, sum, 0x16];
    let hasData = true;
    far.receive((chunk) => {
      const answer = chunk[1] === 0x40 || !hasData ? [0xe5] : [0xe5, ...frame];
      clock.timer(20, () => void far.write(Uint8Array.from(answer)));
    });
    expect((await read(deviceOf({ address: 5 }))).values.energy).toBe(1);
    hasData = false;
    await expect(read(deviceOf({ address: 5 }))).rejects.toMatchObject({ code: "no-data" });
  });

  it("ends with the line", async () => {
    const { driver, far, connection } = await bench([]);
    const device = deviceOf({ address: 5 });
    const reading = driver.read!(
      device,
      mbus.plan(connection, device, points, {}).requests[0]!,
      new AbortController().signal,
    );
    far.lose();
    await far[Symbol.asyncDispose]();
    await expect(reading).rejects.toMatchObject({ code: "lost" });
    expect(driver.lost.aborted).toBe(true);
  });
});

describe("a scan of a line", () => {
  const numbers = ["12345678", "12345679", "12990001", "80000000", "80000123"];

  it("finds every meter through the master, collisions and all", async () => {
    const clock = new VirtualClock();
    const [near, far] = memoryPair(clock, { byteMs: 11 / 2.4 });
    const meters = numbers.map((id, index) => ({
      ...meterOf(0, id),
      version: index,
      telegrams: () => [[0x02, 0x59, ...int(2000 + index, 2)]],
    }));
    attachMeters(wireOf(far), meters, { after: (ms, call) => clock.timer(ms, call) });
    const connection = mbus.connection.parse({ serial: { port: "/dev/ttyS9" } });
    const master = new MbusMaster(new Exchange(near, new MbusDeframer(150), clock), connection, clock);
    const { signal } = new AbortController();
    let ended = false;
    const scan = scanSecondary((address) => master.probe(address, signal)).finally(() => {
      ended = true;
    });
    while (!ended) await clock.advance(10_000);
    const { found, unresolved, asked } = await scan;
    expect(found.map(({ id }) => id).toSorted()).toEqual(numbers);
    expect(found.map(({ version }) => version).toSorted()).toEqual([0, 1, 2, 3, 4]);
    expect(unresolved).toEqual([]);
    // One question at the root and ten for each of the 13 shared beginnings.
    expect(asked).toBe(131);
  });
});

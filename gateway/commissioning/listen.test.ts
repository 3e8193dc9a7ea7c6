import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createModbusUnits, type UnitSettings } from "../../simulators/modbus/device.ts";
import { crc16 } from "../../simulators/modbus/framing.ts";
import { attachP1Meter, p1Scene } from "../../simulators/p1-meter.ts";
import { sdm630 } from "../../simulators/scenes/energy-meter.ts";
import { seededRandom } from "../../simulators/scenes/nature.ts";
import { qdy30a, xyMd02 } from "../../simulators/scenes/sensors.ts";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { files } from "../cli/files.ts";
import type { CheckDone, TrafficHeard } from "../model/commissioning.ts";
import { LinkError } from "../model/errors.ts";
import { silentLog } from "../model/log.ts";
import { loadProfiles } from "../profiles/library.ts";
import { loadProtocols } from "../southbound/index.ts";
import { MemoryTransport } from "../transport/memory.ts";
import type { Endpoint } from "../transport/transport.ts";
import { type ListenContext, listenJob } from "./listen.ts";
import type { KnownConnection, ScanJobStep } from "./scan.ts";
import { listenWhat } from "./scan-input.ts";
import { isSerialName } from "./serial-name.ts";

const protocols = await loadProtocols();
const wanted = new Set([
  "eastron/sdm120",
  "eastron/sdm630",
  "xy/xy-md02",
  "generic/qdy30a",
  "senseair/s8",
  "swedish-grid/p1-meter",
]);
const profiles = Array.from(
  loadProfiles(["device-profiles"], files, protocols, wanted).profiles.values(),
).flatMap(({ profile }) => profile ?? []);
const nature = { now: () => 1_790_000_000_000, random: seededRandom(1) };

function framed(body: Uint8Array): Uint8Array {
  const crc = crc16(body);
  return Uint8Array.of(...body, crc & 0xff, crc >> 8);
}
const words = (unit: number, ...values: readonly number[]) =>
  framed(Uint8Array.of(unit, values[0]!, ...values.slice(1).flatMap((value) => [value >> 8, value & 0xff])));

interface BenchOptions {
  readonly units?: Readonly<Record<number, UnitSettings>>;
  /** What the other master asks, over and over again. */
  readonly asks?: readonly Uint8Array[];
  readonly everyMs?: number;
  /** How what was said reaches a port with these settings. */
  readonly through?: (bytes: Uint8Array, endpoint: Endpoint) => Uint8Array;
  /** Instead of a master and its devices. */
  readonly far?: (deliver: (bytes: Uint8Array) => void, clock: VirtualClock) => void;
  readonly connections?: readonly KnownConnection[];
}

/** A line with another master, on which we have one ear. */
function bench({
  units = {},
  asks = [],
  everyMs = 200,
  through = (bytes) => bytes,
  far,
  connections = [],
}: BenchOptions) {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const written: Uint8Array[] = [];
  const opened: Endpoint[] = [];
  let ear: MemoryTransport | undefined;
  const say = (bytes: Uint8Array): void => ear?.deliver(through(bytes.slice(), ear.endpoint));
  let toUnits: (chunk: Uint8Array) => void = () => {};
  createModbusUnits(units, (ms, callback) => clock.timer(ms, callback)).attach(
    {
      send: (bytes) => void clock.timer(10, () => say(bytes)),
      receive: (receiver) => {
        toUnits = receiver;
      },
    },
    "rtu",
  );
  let turn = 0;
  const poll = (): void => {
    const ask = asks[turn++ % asks.length];
    if (ask) {
      say(ask);
      toUnits(ask.slice());
    }
    clock.timer(everyMs, poll);
  };
  const context: ListenContext = {
    clock,
    random: () => 0.5,
    log: silentLog,
    connect: async (endpoint) => {
      opened.push(endpoint);
      const mine = new MemoryTransport(clock, { endpoint });
      mine.write = async (bytes) => void written.push(bytes);
      ear = mine;
      return mine;
    },
    protocols: async () => protocols,
    profiles: async () => profiles,
    connections: async () => connections,
  };
  const run = async (what: Record<string, unknown>): Promise<ScanJobStep[]> => {
    const steps: ScanJobStep[] = [];
    let ended = false;
    if (far) far(say, clock);
    else clock.timer(50, poll);
    const running = (async () => {
      for await (const step of listenJob(listenWhat(what), context, stop.signal)) steps.push(step);
    })().finally(() => {
      ended = true;
    });
    running.catch(() => {});
    while (!ended) await clock.advance(100);
    await running;
    return steps;
  };
  return { run, clock, stop, written, opened, context };
}

/** The last that was said of each unit. */
function traffic(steps: readonly ScanJobStep[]): Record<string, TrafficHeard> {
  const all = steps.flatMap(({ finding }) => (finding?.kind === "traffic" ? [finding] : []));
  return Object.fromEntries(all.map((finding) => [String(finding.settings.unit), finding]));
}
function check(steps: readonly ScanJobStep[]): CheckDone | undefined {
  return steps.map(({ finding }) => finding).find((finding) => finding?.kind === "check");
}

const meters = { 1: sdm630(nature, 42_000), 2: xyMd02(nature), 3: qdy30a(nature) };
const asks = [
  words(1, 4, 0, 72),
  words(1, 4, 0x48, 10),
  words(2, 4, 1, 2),
  words(3, 3, 2, 3),
  words(9, 3, 0, 2),
];

describe("a listening job", () => {
  it("finds the settings, tells what is asked, and proposes profiles, without a word", async () => {
    const { run, written, opened } = bench({
      units: meters,
      asks,
      // At any other speed everything is noise.
      through: (bytes, endpoint) =>
        "baud" in endpoint && endpoint.baud === 19_200 && endpoint.parity === "even"
          ? bytes
          : bytes.map((byte, index) => (byte * 31 + index * 17 + 5) & 0xff),
    });
    const steps = await run({ port: "/dev/ttyUSB0", seconds: 30 });
    const connection = { serial: { port: "/dev/ttyUSB0", baud: 19_200, parity: "even" } };
    expect(steps.map(({ finding }) => finding).find((one) => one?.kind === "settings")).toMatchObject({
      protocol: "modbus",
      connection,
    });
    const found = traffic(steps);
    expect(Object.keys(found)).toEqual(["1", "2", "3", "9"]);
    expect(found["1"]).toMatchObject({
      connection,
      settings: { unit: 1 },
      requests: ["FC4 0x0000..0x0047, every 1.0 s", "FC4 0x0048..0x0051, every 1.0 s"],
    });
    const best = (unit: string) => found[unit]?.profiles[0];
    expect(best("1")?.profile).toBe("eastron/sdm630");
    expect(best("1")?.evidence.join()).toMatch(/2\d\d\.?\d* V.*\d+ of \d+ points heard/);
    expect(best("2")?.profile).toBe("xy/xy-md02");
    expect(best("3")?.profile).toBe("generic/qdy30a");
    expect(found["9"]).toMatchObject({
      requests: [expect.stringMatching(/^FC3 0x0000\.\.0x0001, every 1\.0 s, never answered/)],
      profiles: [],
    });
    expect(check(steps)).toMatchObject({ id: "listen", subject: "/dev/ttyUSB0", result: "ok" });
    const progress = steps.flatMap((step) => step.progress ?? []);
    expect(progress.at(-1)).toMatchObject({ done: 30, total: 30, leftS: 0 });
    expect(progress.map(({ done }) => done)).toEqual(
      progress.map(({ done }) => done).toSorted((a, b) => a - b),
    );
    expect(opened.length).toBe(2);
    expect(written).toEqual([]);
  });

  it("ranks by what the other master asks when it asks for little", async () => {
    const { run } = bench({ units: meters, asks: [words(1, 4, 0, 2), words(1, 4, 0x34, 2)] });
    const found = traffic(await run({ port: "/dev/ttyUSB0", seconds: 10 }));
    const [best] = found["1"]?.profiles ?? [];
    expect(best?.by).toBe("possible");
    expect(best?.evidence).toEqual([
      expect.stringMatching(/ V$/),
      expect.stringMatching(/ W$/),
      expect.stringMatching(/^2 of \d+ points heard$/),
    ]);
  });

  it("says that nobody speaks, that there is only babble, or only a master", async () => {
    const silent = await bench({ far: () => {} }).run({ port: "/dev/ttyS0", seconds: 5 });
    expect(check(silent)).toMatchObject({
      result: "failed",
      message: { en: expect.stringContaining("Nobody spoke") },
    });
    const random = seededRandom(3);
    const noise = bench({
      far: (deliver, clock) => {
        const babble = (): void => {
          deliver(Uint8Array.from({ length: 20 }, () => Math.floor(random() * 256)));
          clock.timer(30, babble);
        };
        babble();
      },
    });
    const babbled = await noise.run({ port: "/dev/ttyS0", seconds: 10 });
    expect(check(babbled)).toMatchObject({
      result: "failed",
      message: { en: expect.stringContaining("no whole frame") },
    });
    // All usual settings had their turn.
    expect(new Set(noise.opened.map((endpoint) => JSON.stringify(endpoint))).size).toBe(8);
    expect(traffic(babbled)).toEqual({});
    const lonely = await bench({ asks: [words(4, 3, 0, 2)] }).run({ port: "/dev/ttyS0", seconds: 5 });
    expect(check(lonely)).toMatchObject({
      result: "warning",
      message: { en: expect.stringContaining("no device") },
    });
    for (const steps of [silent, babbled, lonely]) {
      const { message, fix } = check(steps)!;
      for (const text of [message, fix]) expect(text?.sv).not.toBe(text?.en);
    }
  });

  it("keeps to the settings of a connection, and says when they are wrong", async () => {
    const modbus = protocols.find(({ name }) => name === "modbus")!;
    const settings = modbus.connection.parse({ serial: { port: "/srv/line", baud: 9600 } });
    const connections = [{ id: "meters", protocol: "modbus", settings, devices: [] }];
    const right = bench({ units: meters, asks, connections });
    expect(Object.keys(traffic(await right.run({ connection: "meters", seconds: 10 })))).toEqual([
      "1",
      "2",
      "3",
      "9",
    ]);
    // The administrator gave it this name.
    const named = bench({ units: meters, asks, connections });
    expect(Object.keys(traffic(await named.run({ port: "/srv/line", seconds: 10 })))).toHaveLength(4);
    const wrong = bench({
      units: meters,
      asks,
      connections,
      through: (bytes) => bytes.map((byte) => byte ^ 0x55),
    });
    const steps = await wrong.run({ connection: "meters", seconds: 10 });
    expect(check(steps)?.fix?.en).toContain("speed or parity");
    expect(wrong.opened).toHaveLength(1);
  });

  it("hears a smart meter, which speaks by itself", async () => {
    const { run, written } = bench({
      far: (deliver, clock) =>
        attachP1Meter(
          { send: deliver, receive: () => {} },
          { state: p1Scene(nature, 9000), after: (ms, callback) => clock.timer(ms, callback) },
        ),
    });
    const steps = await run({ port: "/dev/ttyUSB0", protocol: "smart-meter", seconds: 40 });
    const found = steps.flatMap(({ finding }) => (finding?.kind === "traffic" ? [finding] : []));
    expect(found).toMatchObject([
      { protocol: "smart-meter", settings: {}, requests: ["speaks by itself: SIM5STADSNOD"] },
    ]);
    expect(found[0]?.profiles[0]?.profile).toBe("swedish-grid/p1-meter");
    expect(check(steps)).toMatchObject({ result: "ok" });
    expect(written).toEqual([]);
    const silent = bench({ far: () => {} });
    const began = silent.clock.monotonic();
    const nobody = await silent.run({ port: "/dev/ttyUSB0", protocol: "smart-meter", seconds: 20 });
    expect(check(nobody)?.message.en).toContain("Nobody spoke");
    expect(silent.clock.monotonic() - began).toBeLessThanOrEqual(20_100);
  });

  it("ends at once, and with the line", async () => {
    const { run, clock, stop } = bench({ units: meters, asks });
    const running = run({ port: "/dev/ttyUSB0", seconds: 60 });
    const began = clock.monotonic();
    clock.timer(700, () => stop.abort(new LinkError("enough", { code: "stopped" })));
    await expect(running).rejects.toMatchObject({ code: "stopped" });
    expect(clock.monotonic() - began).toBeLessThanOrEqual(800);
  });

  it("refuses what is no serial port, and what cannot be overheard", async () => {
    const { run, opened } = bench({});
    for (const port of [
      "/etc/passwd",
      "/dev/mem",
      "/dev/tty",
      "/dev/ptmx",
      "/dev/pts/3",
      "/dev/tty1",
      "/dev/serial/by-id/../../mem",
      "/dev/ttyUSB0/../mem",
      "ttyUSB0",
    ])
      await expect(run({ port }), port).rejects.toMatchObject({ code: "no-serial-port" });
    await expect(run({ connection: "nowhere" })).rejects.toMatchObject({ code: "unknown-connection" });
    await expect(run({ port: "/dev/ttyUSB0", protocol: "lorawan" })).rejects.toMatchObject({
      code: "cannot-listen",
    });
    for (const what of [
      {},
      { port: "/dev/ttyS0", connection: "x" },
      { port: "/dev/ttyS0", seconds: 0 },
      { port: "/dev/ttyS0", effort: "x" },
    ])
      await expect(run(what)).rejects.toMatchObject({ code: "bad-job" });
    expect(opened).toEqual([]);
    for (const port of [
      "/dev/ttyUSB0",
      "/dev/ttyAMA10",
      "/dev/serial0",
      "/dev/serial/by-id/usb-FTDI_FT232R-if00-port0",
      "/dev/serial/by-path/platform-3f980000.usb-usb-0:1.4:1.0-port0",
    ])
      expect(isSerialName(port), port).toBe(true);
  });

  it("never sends a byte, whatever is heard", async () => {
    const piece = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 60 }),
      fc
        .tuple(fc.nat(10), fc.constantFrom(1, 3, 4, 5, 6, 16, 17, 43, 0x83), fc.uint8Array({ maxLength: 30 }))
        .map(([unit, code, rest]) => framed(Uint8Array.of(unit, code, ...rest))),
      fc.constantFrom(...asks),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(900), piece), { minLength: 1, maxLength: 30 }),
        async (pieces) => {
          const { run, written, context } = bench({
            far: (deliver, clock) => {
              let at = 0;
              for (const [after, bytes] of pieces) {
                at += after;
                clock.timer(at, () => deliver(bytes));
              }
            },
          });
          let writes = 0;
          const { connect } = context;
          Object.assign(context, {
            connect: async (...args: Parameters<typeof connect>) => {
              const transport = await connect(...args);
              transport.write = async () => void writes++;
              transport.break = async () => void writes++;
              return transport;
            },
          });
          const steps = await run({ port: "/dev/ttyUSB0", seconds: 8 });
          expect(check(steps)).toBeDefined();
          expect([writes, written]).toEqual([0, []]);
        },
      ),
      { numRuns: 25 },
    );
  });
});

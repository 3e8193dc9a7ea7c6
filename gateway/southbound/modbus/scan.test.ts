import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createModbusUnits, type UnitSettings } from "../../../simulators/modbus/device.ts";
import { sunspecRegisters } from "../../../simulators/modbus/sunspec.ts";
import { sdm120, sdm630 } from "../../../simulators/scenes/energy-meter.ts";
import { seededRandom } from "../../../simulators/scenes/nature.ts";
import { qdy30a, xyMd02 } from "../../../simulators/scenes/sensors.ts";
import type { Wire } from "../../../simulators/wire.ts";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import type { DeviceFound } from "../../model/commissioning.ts";
import type { DeviceProfile } from "../../model/device.ts";
import { LinkError } from "../../model/errors.ts";
import { silentLog } from "../../model/log.ts";
import { loadProfile } from "../../profiles/load.ts";
import { type MemoryTransport, memoryPair } from "../../transport/memory.ts";
import type { Endpoint } from "../../transport/transport.ts";
import type { ScanInput, ScanStep } from "../protocol.ts";
import { paceOf } from "./driver.ts";
import { modbus } from "./protocol.ts";
import { addressesOf, unitIds } from "./scan-lines.ts";

const profiles = [
  "eastron/sdm120",
  "eastron/sdm630",
  "xy/xy-md02",
  "generic/qdy30a",
  "keba/p30",
  "sunspec/meter-three-phase",
].map((id): DeviceProfile => {
  const file = resolve(import.meta.dirname, `../../../device-profiles/${id}.yaml`);
  const { profile } = loadProfile(readFileSync(file, "utf8"), file, [modbus]);
  if (!profile) throw new Error(`${id} is no profile`);
  return profile;
});
const reads = new Set([1, 2, 3, 4, 17, 43]);
const nature = { now: () => 1_790_000_000_000, random: seededRandom(1) };

interface BenchOptions {
  /** By the settings of the line: who hears what comes with them. Absent: nobody. */
  readonly units?: (endpoint: Endpoint) => Readonly<Record<number, UnitSettings>>;
  /** Instead of units. */
  readonly far?: (transport: MemoryTransport, clock: VirtualClock) => void;
  readonly line?: Record<string, unknown>;
}

/** A line in memory that takes as long as a real one, and the function codes that went over it. */
function bench({ units, far, line = { serial: { port: "/dev/ttyS9", baud: 9600 } } }: BenchOptions) {
  const clock = new VirtualClock();
  const connection = modbus.connection.parse(line);
  const stop = new AbortController();
  const codes: number[] = [];
  const opened: Endpoint[] = [];
  const run = async (what: Partial<ScanInput> = {}): Promise<ScanStep[]> => {
    const input: ScanInput = { profiles, effort: "quick", ...what };
    const steps: ScanStep[] = [];
    const scanning = (async () => {
      for await (const step of modbus.scan!(connection, input, {
        clock,
        random: () => 0.5,
        log: silentLog,
        emit: async () => {},
        signal: stop.signal,
        connect: async (endpoint) => {
          opened.push(endpoint);
          const { character } = paceOf({ ...connection, endpoint });
          const [near, other] = memoryPair(clock, { byteMs: character, endpoint });
          other.receive = spied(other, codes, connection.framing === "tcp" ? 7 : 1);
          if (far) far(other, clock);
          else
            createModbusUnits(units?.(endpoint) ?? {}, (ms, callback) => clock.timer(ms, callback)).attach(
              wireOf(other),
              connection.framing,
            );
          return near;
        },
      }))
        steps.push(step);
    })();
    let ended = false;
    const end = scanning.finally(() => {
      ended = true;
    });
    end.catch(() => {});
    while (!ended) await clock.advance(500);
    await end;
    return steps;
  };
  return { clock, connection, run, stop, codes, opened };
}

/** Whole requests only: the master writes each in one go, and the line passes it on as it came. */
function spied(transport: MemoryTransport, codes: number[], at: number): MemoryTransport["receive"] {
  const receive = transport.receive.bind(transport);
  return (receiver) =>
    receive(
      receiver &&
        ((chunk, when) => {
          codes.push(chunk[at] ?? -1);
          receiver(chunk, when);
        }),
    );
}

function wireOf(transport: MemoryTransport): Wire {
  let sending = Promise.resolve();
  return {
    send: (bytes) => {
      sending = sending.then(() => transport.write(bytes)).catch(() => {});
    },
    receive: (receiver) => transport.receive((chunk) => receiver(chunk)),
  };
}

const devices = (steps: readonly ScanStep[]): DeviceFound[] =>
  steps.filter((step) => "kind" in step && step.kind === "device") as DeviceFound[];
const units = (steps: readonly ScanStep[]) => devices(steps).map(({ settings }) => settings.unit);

describe("the addresses of a scan", () => {
  it.each(["quick", "thorough"] as const)("have no broadcast unless it is asked for: %s", (effort) => {
    for (const framing of ["tcp", "rtu", "ascii"] as const) {
      const endpoint = { kind: "tcp", host: "10.0.0.1", port: 502 } as const;
      const { first, rest } = addressesOf({ endpoint, framing }, effort, undefined);
      expect([...first, ...rest]).not.toContain(0);
    }
  });
});

describe("scan of a Modbus line", () => {
  it("finds devices, says what they are, and writes nothing", async () => {
    const { run, codes } = bench({
      units: () => ({
        1: sdm120(nature, () => 900),
        2: xyMd02(nature),
        7: sdm630(nature, 42_000),
        20: qdy30a(nature),
      }),
    });
    const steps = await run();
    const best = devices(steps).map(({ settings, profiles: [match] }) => [settings.unit, match?.profile]);
    expect(best).toEqual([
      [1, "eastron/sdm120"],
      [2, "xy/xy-md02"],
      [7, "eastron/sdm630"],
      [20, "generic/qdy30a"],
    ]);
    expect(devices(steps)[1]).toMatchObject({
      connection: { serial: { port: "/dev/ttyS9", baud: 9600 } },
      profiles: [
        {
          by: "plausible",
          evidence: expect.arrayContaining([expect.stringMatching(/^temperature [\d.]+ Cel$/)]),
        },
      ],
    });
    expect(codes.filter((code) => !reads.has(code))).toEqual([]);
  });

  it("ends within what it promised, and never promises less than is left", async () => {
    const { run, clock, connection } = bench({});
    const lines = modbus.lineSettings!(connection).slice(0, 8);
    const { worstMs, asks } = modbus.scanPlan!(connection, { profiles, effort: "quick", lines });
    const from = clock.monotonic();
    const steps = await run({ lines });
    expect(clock.monotonic() - from).toBeLessThanOrEqual(worstMs + 500);
    const progress = steps.flatMap((step) => ("kind" in step ? [] : [step]));
    expect(progress.at(-1)?.asked).toBe(asks);
    for (const [index, { leftMs }] of progress.entries())
      expect(leftMs).toBeLessThanOrEqual(progress[index - 1]?.leftMs ?? worstMs);
  });

  it("keeps to the stated bound when a whole line is found, with all settings tried", async () => {
    const line = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [index + 1, xyMd02(nature)]));
    const { run, clock, connection } = bench({
      units: (endpoint) => ("baud" in endpoint && endpoint.baud === 19_200 ? line : {}),
    });
    const lines = modbus.lineSettings!(connection).slice(0, 8);
    const { worstMs } = modbus.scanPlan!(connection, { profiles, effort: "quick", lines });
    const from = clock.monotonic();
    // Both parities of 19200 hear the same units here.
    expect(new Set(units(await run({ lines })))).toEqual(new Set(Object.keys(line).map(Number)));
    expect(clock.monotonic() - from).toBeLessThanOrEqual(worstMs + 500);
  });

  it("finds each device at its own settings on a line with mixed speeds", async () => {
    const { run } = bench({
      units: (endpoint) =>
        "baud" in endpoint && endpoint.baud === 9600 && endpoint.parity === "none"
          ? { 1: xyMd02(nature) }
          : "baud" in endpoint && endpoint.baud === 19_200 && endpoint.parity === "even"
            ? { 2: xyMd02(nature), 30: sdm120(nature, () => 500) }
            : {},
    });
    const lines = modbus.lineSettings!(
      modbus.connection.parse({ serial: { port: "/dev/ttyS9", baud: 9600 } }),
    ).slice(0, 8);
    const found = devices(await run({ lines })).map(({ settings, connection }) => [
      settings.unit,
      connection,
    ]);
    const even = { serial: { port: "/dev/ttyS9", baud: 19_200, parity: "even" } };
    expect(found).toEqual([
      [1, { serial: { port: "/dev/ttyS9", baud: 9600 } }],
      [2, even],
      [30, even],
    ]);
  });

  it("does not find a device once more for every speed of a port that has none", async () => {
    const { run, opened, connection } = bench({ units: () => ({ 1: xyMd02(nature) }) });
    const steps = await run({ lines: modbus.lineSettings!(connection) });
    expect(units(steps)).toEqual([1]);
    expect(opened.length).toBeLessThan(5);
  });

  it.each([150, 400, 900])("finds a device that answers after %d ms", async (turnaroundMs) => {
    const slow = { ...xyMd02(nature), turnaroundMs };
    const { run } = bench({ units: () => ({ 3: slow, 4: sdm120(nature, () => 500) }) });
    const found = devices(await run());
    expect(found.map(({ settings }) => settings.unit).toSorted()).toEqual([3, 4]);
    expect(found.find(({ settings }) => settings.unit === 3)?.profiles[0]?.profile).toBe("xy/xy-md02");
  });

  it("finds a device that is silent to all that it does not have", async () => {
    const picky: UnitSettings = {
      ...xyMd02(nature),
      faults: ({ pdu }) => (pdu[0] === 4 ? undefined : { kind: "silence" }),
    };
    const { run } = bench({ units: () => ({ 5: picky }) });
    const [found] = devices(await run());
    expect(found).toMatchObject({ settings: { unit: 5 }, profiles: [{ profile: "xy/xy-md02" }] });
  });

  it("does not take a gateway's excuse for a device", async () => {
    const absent: UnitSettings = { faults: () => ({ kind: "exception", code: 11 }) };
    const { run } = bench({
      line: { tcp: { host: "10.0.0.1" } },
      units: () => ({
        ...Object.fromEntries([213, 187, 219, 1, 2, 4, 5].map((unit) => [unit, absent])),
        3: xyMd02(nature),
      }),
    });
    expect(units(await run({ addresses: "1-5" }))).toEqual([3]);
  });

  it("finds a TCP device that does not look at the unit id once", async () => {
    const meter = sdm120(nature, () => 900);
    const { run } = bench({
      line: { tcp: { host: "10.0.0.1" } },
      units: () => Object.fromEntries(Array.from({ length: 256 }, (_, unit) => [unit, meter])),
    });
    expect(units(await run())).toEqual([1]);
  });

  it("counts two with one id as damaged answers, and ends", async () => {
    const twice: UnitSettings = { ...xyMd02(nature), faults: () => ({ kind: "crc" }) };
    const { run } = bench({ units: () => ({ 3: twice, 4: xyMd02(nature) }) });
    const steps = await run();
    expect(units(steps)).toEqual([4]);
    expect(steps.find((step) => "kind" in step && step.kind === "settings")).toMatchObject({
      damaged: expect.any(Number),
    });
  });

  it("ends on a line that babbles", async () => {
    const { run, clock, connection } = bench({
      far: (transport, time) => {
        const babble = () => {
          if (transport.lost.aborted) return;
          void transport.write(Uint8Array.of(0x55, 0xaa, 0x11)).catch(() => {});
          time.timer(4, babble);
        };
        babble();
      },
    });
    const from = clock.monotonic();
    const { worstMs } = modbus.scanPlan!(connection, { profiles, effort: "quick" });
    expect(units(await run())).toEqual([]);
    expect(clock.monotonic() - from).toBeLessThan(worstMs);
  });

  it("reads what devices say of themselves", async () => {
    const named: UnitSettings = {
      ...sdm630(nature, 9000),
      identity: {
        objects: { 0: "Eastron", 1: "SDM630", 2: "V2.1" },
        server: Buffer.from([1, 0xff, ...Buffer.from("SDM630MCT")]),
      },
    };
    const { run } = bench({ units: () => ({ 1: named }) });
    const [found] = devices(await run());
    expect(found?.says).toBe("Eastron, SDM630, V2.1, SDM630MCT");
    expect(found?.profiles[0]).toMatchObject({
      profile: "eastron/sdm630",
      by: "identified",
      evidence: expect.arrayContaining(['says "SDM630"']),
    });
  });

  it("reads the head of a SunSpec map", async () => {
    const text = (words: string, registers: number) =>
      Buffer.from(words.padEnd(2 * registers, "\0")).toString("hex");
    const common =
      text("Acme Solar", 16) +
      text("Meter 3P", 16) +
      text("", 8) +
      text("1.0", 8) +
      text("42", 16) +
      "00018000";
    const { run } = bench({
      units: () => ({ 1: { registers: sunspecRegisters({ models: [{ id: 1, body: common }] }) } }),
    });
    expect(devices(await run())[0]?.says).toBe("Acme Solar, Meter 3P, 1.0, 42");
  });

  it("stops at once", async () => {
    const { run, stop, clock } = bench({});
    const running = run();
    clock.timer(700, () => stop.abort(new LinkError("enough", { code: "stopped" })));
    await expect(running).rejects.toMatchObject({ code: "stopped" });
    expect(clock.monotonic()).toBeLessThan(62_000);
  });

  it("refuses addresses that are none", () => {
    expect(unitIds("1-3, 7,7", false)).toEqual([1, 2, 3, 7]);
    expect(unitIds("0,255", true)).toEqual([0, 255]);
    for (const wrong of ["0", "248", "5-3", "x", "1,,2", ""])
      expect(() => unitIds(wrong, false)).toThrow(/no unit id/);
  });
});

describe("a scan asks reads only", () => {
  it("whatever comes back", async () => {
    const bytes = fc.uint8Array({ maxLength: 40 });
    const reply = fc.oneof(
      bytes.map((raw) => ({ raw, mangle: "raw" as const })),
      bytes.map((raw) => ({ raw, mangle: "framed" as const })),
      fc
        .constantFrom("exception" as const, "zeros" as const, "echo" as const)
        .map((mangle) => ({ raw: new Uint8Array(), mangle })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(reply, { minLength: 1, maxLength: 12 }), async (replies) => {
        let turn = 0;
        const { run, codes } = bench({
          far: (transport) => {
            transport.receive((request) => {
              const next = replies[turn++ % replies.length]!;
              const pdu = weird(next, request);
              void transport.write(pdu).catch(() => {});
            });
          },
        });
        await run({ addresses: "1-2" });
        expect(codes.length).toBeGreaterThan(1);
        expect(codes.filter((code) => !reads.has(code))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

/** CRC by shifting bits: not the gateway's table. */
function framed(...body: readonly number[]): Uint8Array {
  let crc = 0xffff;
  for (const byte of body) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return Uint8Array.of(...body, crc & 0xff, crc >> 8);
}

function weird(
  { raw, mangle }: { raw: Uint8Array; mangle: "raw" | "framed" | "exception" | "zeros" | "echo" },
  request: Uint8Array,
): Uint8Array {
  const [unit = 0, code = 0] = request;
  const count = ((request[4] ?? 0) << 8) | (request[5] ?? 0);
  switch (mangle) {
    case "raw":
      return raw;
    case "framed":
      return framed(unit, code, ...raw);
    case "exception":
      return framed(unit, code | 0x80, (count % 11) + 1);
    case "echo":
      return request.slice();
    case "zeros":
      return code <= 4 ? framed(unit, code, 2 * count, ...new Uint8Array(2 * count)) : framed(unit, code, 0);
  }
}

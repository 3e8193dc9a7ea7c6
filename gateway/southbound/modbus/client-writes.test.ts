import { describe, expect, it } from "vitest";
import { createModbusUnits } from "../../../simulators/modbus/device.ts";
import type { Fault } from "../../../simulators/modbus/faults.ts";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import type { Device } from "../../model/device.ts";
import { silentLog } from "../../model/log.ts";
import { memoryPair } from "../../transport/memory.ts";
import { LineClient, type LinePace } from "./line-client.ts";
import { confusable, type Request } from "./pdu.ts";
import { modbus } from "./protocol.ts";
import { rtu } from "./rtu.ts";
import type { ModbusAddress, ModbusDevice, ModbusHead } from "./settings.ts";
import { TcpClient } from "./tcp-client.ts";

const serial: LinePace = { character: 1, silence: 3.5, slack: 0, floor: 100 };
const limit = 1000;
const never = new AbortController().signal;

/** A client on a line with one simulated unit, which answers after so many ms. */
function bench(kind: "line" | "tcp", { echo = false, turnaroundMs = 5 } = {}) {
  const clock = new VirtualClock();
  const [near, far] = memoryPair(clock, { echo });
  const units = createModbusUnits(
    { 1: { registers: { coil: { 0: "00" }, holding: { 0: "0000 0000 0000" } }, turnaroundMs } },
    (ms, callback) => clock.timer(ms, callback),
  );
  const sent: Uint8Array[] = [];
  const send = (bytes: Uint8Array) => void far.write(bytes).catch(() => {});
  units.attach(
    {
      send: (bytes) => {
        sent.push(bytes);
        send(bytes);
      },
      receive: (receiver) => far.receive((chunk) => receiver(chunk)),
    },
    kind === "line" ? "rtu" : "tcp",
  );
  const client = kind === "line" ? new LineClient(near, rtu, serial, clock) : new TcpClient(near, 1, clock);
  const run = async (request: Request) => {
    const answer = client.request(1, request, limit, never).then(
      () => "done",
      (error: { code: string }) => error.code,
    );
    let outcome: string | undefined;
    void answer.then((text) => {
      outcome = text;
    });
    const began = clock.monotonic();
    while (outcome === undefined) await clock.advance(1);
    return { outcome, took: clock.monotonic() - began };
  };
  return { clock, near, client, unit: units.unit(1), run, sent, send };
}

const device: Device<ModbusAddress, ModbusDevice, ModbusHead> = {
  id: "actuator",
  connection: "line",
  settings: { unit: 1 },
  urn: "urn:dev:ops:32473-stadsnod-actuator:",
  audience: "open",
  audiences: new Map(),
  poll: { fast: 1000, normal: 10_000, slow: 60_000 },
  profile: {
    id: "acme/actuator",
    version: "1.0.0",
    title: { en: "Actuator" },
    manufacturer: "Acme",
    models: [],
    category: "io-module",
    status: "draft",
    protocol: "modbus",
    protocolSettings: modbus.head.parse({ addressing: "protocol" }),
    points: [],
    hash: "",
  },
};

const read: Request = { function: 3, start: 0, count: 1 };
const set = (value: number, address = 0): Request => ({ function: 6, address, value });

describe.each(["line", "tcp"] as const)("writes of a %s client", (kind) => {
  it("wait as long as was configured, whatever reads have taught", async () => {
    const { run, unit } = bench(kind);
    for (let round = 0; round < 10; round++) await run(read);
    unit.fault({ kind: "silence" });
    const learned = await run(read);
    expect(learned.outcome).toBe("timeout");
    expect(learned.took).toBeLessThan(600);
    expect((await run(set(1))).took).toBeGreaterThanOrEqual(limit);
  });

  it("teach nothing about reads: slow ones do not make reads wait longer", async () => {
    const { run, unit, clock } = bench(kind);
    for (let round = 0; round < 10; round++) await run(read);
    unit.fault({ kind: "late", ms: 900 });
    for (let round = 0; round < 5; round++) expect((await run(set(round))).outcome).toBe("done");
    unit.fault({ kind: "late", ms: 1200 });
    expect((await run(set(7))).outcome).toBe("timeout");
    await clock.advance(1000);
    unit.fault({ kind: "silence" });
    expect((await run(read)).took).toBeLessThan(600);
  });

  it.each<[Fault, string]>([
    [{ kind: "wrong-echo" }, "bad-echo"],
    [{ kind: "exception", code: 1 }, "exception-1"],
    [{ kind: "exception", code: 4 }, "exception-4"],
    [{ kind: "exception", code: 5 }, "busy"],
    [{ kind: "exception", code: 6 }, "busy"],
    [{ kind: "exception", code: 11 }, "exception-11"],
    [{ kind: "silence" }, "timeout"],
  ])("end by %j as %s, after one frame", async (fault, code) => {
    const { run, unit, client } = bench(kind);
    await run(read);
    unit.fault(fault);
    for (const request of [
      set(3),
      { function: 5, address: 0, on: true },
      { function: 15, start: 0, bits: [true] },
      { function: 16, start: 0, registers: Uint8Array.of(0, 9) },
      { function: 22, address: 0, and: 0xff, or: 1 },
    ] as const) {
      const before = unit.requests;
      const { outcome } = await run(request);
      expect([request.function, outcome]).toEqual([request.function, code]);
      expect(unit.requests - before).toBe(1);
    }
    expect(client.statistics.replies).toBe(1);
  });

  it("are not to arrive after the close when nobody knows what became of them; reads may", async () => {
    const lateIsAllowed = async (...steps: readonly (Request | "silence" | "answers")[]) => {
      const { run, unit, client, near } = bench(kind);
      for (const step of steps) {
        if (typeof step === "object") await run(step);
        else unit.fault(step === "silence" ? { kind: "silence" } : undefined);
      }
      await client[Symbol.asyncDispose]();
      return near.lateIsAllowed;
    };
    expect(await lateIsAllowed()).toBe(true);
    expect(await lateIsAllowed(read, "silence", read)).toBe(true);
    expect(await lateIsAllowed(set(1), "silence", read)).toBe(true);
    expect(await lateIsAllowed(read, "silence", set(1))).toBe(false);
    expect(await lateIsAllowed(read, "silence", set(1), read)).toBe(false);
    // What was sent later has been answered: so the write has arrived too.
    expect(await lateIsAllowed("silence", set(1), "answers", { ...read, count: 2 })).toBe(true);
    expect(await lateIsAllowed("silence", set(1), "answers", set(2))).toBe(true);
  });
});

describe("confusable", () => {
  it("are the same write to the same place, as nothing but the echo tells them apart", () => {
    expect(confusable(set(1), set(1))).toBe(true);
    expect(confusable(set(1), set(2))).toBe(false);
    expect(confusable(set(1), set(1, 2))).toBe(false);
    const several = (start: number, ...bytes: number[]): Request => ({
      function: 16,
      start,
      registers: Uint8Array.from(bytes),
    });
    // Function 16 repeats the place, not the values.
    expect(confusable(several(0, 0, 1), several(0, 0, 2))).toBe(true);
    expect(confusable(several(0, 0, 1), several(1, 0, 1))).toBe(false);
    expect(confusable(several(0, 0, 1), several(0, 0, 1, 0, 1))).toBe(false);
    expect(confusable(read, set(0))).toBe(false);
  });
});

describe("a line that gives our own bytes back", () => {
  async function driverOn(echo: boolean, isThere: boolean) {
    const clock = new VirtualClock();
    const [near, far] = memoryPair(clock, { echo });
    const units = createModbusUnits(
      isThere ? { 1: { registers: { holding: { 0: "0000" } }, turnaroundMs: 3 } } : {},
      (ms, callback) => clock.timer(ms, callback),
    );
    units.attach(
      {
        send: (bytes) => void far.write(bytes).catch(() => {}),
        receive: (receiver) => far.receive((chunk) => receiver(chunk)),
      },
      "rtu",
    );
    const opening = modbus.open(modbus.connection.parse({ serial: { port: "/dev/ttyS9", baud: 9600 } }), {
      clock,
      random: () => 0.5,
      log: silentLog,
      connect: async () => near,
      emit: async () => {},
      signal: never,
    });
    await clock.advance(100);
    const driver = await opening;
    const writing = driver.write!(
      device,
      { address: modbus.address.parse({ holding: 0 }), raw: 5 },
      never,
    ).then(
      () => "done",
      (error: { code: string }) => error.code,
    );
    let outcome: string | undefined;
    void writing.then((text) => {
      outcome = text;
    });
    for (let turn = 0; turn < 500 && outcome === undefined; turn++) await clock.advance(10);
    return { outcome, held: isThere ? units.unit(1).registers.get("holding", 0) : undefined };
  }

  it.each([
    [true, true, "done", 5],
    [false, true, "done", 5],
    [true, false, "timeout", undefined],
    [false, false, "timeout", undefined],
  ])(
    "(echo %s, device there %s) never takes its own write for a confirmation",
    async (echo, isThere, outcome, held) => {
      expect(await driverOn(echo, isThere)).toEqual({ outcome, held });
    },
  );
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Conduct,
  rtuAnswer,
  rtuFrame,
  type SeenRequest,
  simulateUnits,
} from "../../../test/fault/modbus-unit.ts";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { one, zero } from "../../model/decimal.ts";
import type { Device, Point } from "../../model/device.ts";
import { silentLog } from "../../model/log.ts";
import type { Reading } from "../../model/reading.ts";
import { memoryPair } from "../../transport/memory.ts";
import { openLoop } from "../loop.ts";
import { paceOf } from "./driver.ts";
import { modbus } from "./protocol.ts";
import type { ModbusAddress } from "./settings.ts";

const timeout = 1000;
const period = 1000;

/** A meter whose every register holds its own address, polled once a second over a serial line of 9600 baud. */
async function poll(
  conduct: (request: SeenRequest, turn: number) => Conduct,
  { starts = [100], read = {} }: { starts?: readonly number[]; read?: Record<string, unknown> } = {},
) {
  const clock = new VirtualClock();
  const settings = modbus.connection.parse({
    serial: { port: "/dev/ttyS9", baud: 9600 },
    timing: { timeout },
  });
  const seen: SeenRequest[] = [];
  const readings: { at: number; reading: Reading }[] = [];
  const points = starts.map(
    (address): Point<ModbusAddress> => ({
      name: `p${address}`,
      address: modbus.address.parse({ holding: address, type: "u32" }),
      scale: one,
      offset: zero,
      kind: "gauge",
      pollClass: { everyMs: period },
      absent: [],
      personal: false,
    }),
  );
  const device: Device = {
    id: "meter",
    connection: "line",
    settings: { unit: 1 },
    urn: "urn:dev:ops:32473-stadsnod-meter:",
    audience: "open",
    audiences: new Map(),
    poll: { fast: period, normal: period, slow: period },
    profile: {
      id: "acme/meter",
      version: "1.0.0",
      title: { en: "Meter" },
      manufacturer: "Acme",
      models: [],
      category: "energy-meter",
      status: "draft",
      protocol: "modbus",
      protocolSettings: modbus.head.parse({ addressing: "protocol", read }),
      points,
      hash: "",
    },
  };
  const loop = await openLoop({
    connection: "line",
    protocol: modbus,
    settings,
    devices: [device],
    context: {
      clock,
      random: () => 0.5,
      log: silentLog,
      connect: async (endpoint) => {
        const [near, far] = memoryPair(clock, { endpoint, byteMs: paceOf(settings).character });
        let turn = 0;
        simulateUnits(far, clock, "rtu", (request) => {
          seen.push(request);
          return conduct(request, turn++);
        });
        return near;
      },
      signal: new AbortController().signal,
    },
    sink: (_device, list) => {
      for (const reading of list) readings.push({ at: clock.monotonic(), reading });
    },
    learnedStore: { load: () => ({}), save: () => {} },
  });
  const good = () => readings.filter(({ reading }) => reading.quality === "good");
  const wrong = () =>
    good().filter(({ reading }) => {
      const address = Number(reading.name.slice(1));
      return Number(reading.value) !== address * 0x10000 + address + 1;
    });
  /** The longest time without a good reading, ms. */
  const longestGap = () => {
    const times = good().map(({ at }) => at);
    return Math.max(...times.slice(1).map((at, index) => at - times[index]!));
  };
  return { clock, loop, seen, readings, good, wrong, longestGap };
}

const honest = (request: SeenRequest): Conduct => ({ reply: rtuAnswer(request) });

describe("a frame that is lost on a line without transaction ids", () => {
  it("costs one period when the unit can be read in another form", async () => {
    const { clock, loop, seen, wrong, longestGap } = await poll((request, turn) =>
      turn === 5 ? {} : honest(request),
    );
    await clock.advance(20 * period);
    expect(wrong()).toEqual([]);
    expect(longestGap()).toBeLessThan(2 * period + 100);
    // While the answer is owed the reads are one register longer; then they are as planned again.
    const counts = seen.map(({ count }) => count);
    expect(counts.slice(0, 6)).toEqual([2, 2, 2, 2, 2, 2]);
    expect(counts.slice(6, 9)).toEqual([3, 3, 3]);
    expect(counts.at(-1)).toBe(2);
    expect(loop.status().devices[0]?.errors).toEqual({ timeout: 1 });
    await loop[Symbol.asyncDispose]();
  });

  it("holds the request back when the profile permits no other form", async () => {
    const { clock, loop, seen, wrong, longestGap } = await poll(
      (request, turn) => (turn === 5 ? {} : honest(request)),
      { read: { maxRegisters: 2 } },
    );
    await clock.advance(20 * period);
    expect(wrong()).toEqual([]);
    expect(longestGap()).toBeGreaterThan(7 * timeout);
    expect(longestGap()).toBeLessThan(9 * timeout + 100);
    expect(new Set(seen.map(({ count }) => count))).toEqual(new Set([2]));
    // Nothing of it is the unit's fault.
    expect(loop.status().devices[0]).toMatchObject({ errors: { timeout: 1 }, breaker: "closed" });
    await loop[Symbol.asyncDispose]();
  });

  it("does not condemn the points when the unit refuses the longer read, and asks for it only once", async () => {
    const { clock, loop, seen, wrong, good, readings } = await poll((request, turn) => {
      if (turn === 5) return {};
      return request.count > 2 ? { reply: rtuFrame(1, 0x83, 2) } : honest(request);
    });
    await clock.advance(30 * period);
    const refused = seen.filter(({ count }) => count > 2).length;
    await clock.advance(30 * period);
    expect(wrong()).toEqual([]);
    expect(refused).toBeGreaterThan(0);
    expect(seen.filter(({ count }) => count > 2)).toHaveLength(refused);
    expect(readings.every(({ reading }) => reading.quality === "good")).toBe(true);
    expect(good().length).toBeGreaterThan(45);
    expect(loop.status().devices[0]).toMatchObject({ leftOut: [], learned: [], availability: "available" });
    await loop[Symbol.asyncDispose]();
  });

  it("or late by up to 5 timeouts gives no wrong value, in whatever order and form the reads come", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(fc.double({ min: 1, max: 6, noNaN: true }), { freq: 2 }), {
          minLength: 40,
          maxLength: 40,
        }),
        async (lateness) => {
          const { clock, loop, wrong, good } = await poll(
            (request, turn) => ({
              reply: rtuAnswer(request),
              after: timeout * (lateness[turn % lateness.length] ?? 0.02),
            }),
            { starts: [100, 1000, 3000] },
          );
          await clock.advance(60 * period);
          expect(wrong()).toEqual([]);
          expect(good().length).toBeGreaterThan(0);
          await loop[Symbol.asyncDispose]();
        },
      ),
      { numRuns: 15 },
    );
  });
});

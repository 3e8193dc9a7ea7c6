import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc16 } from "../../../simulators/modbus/framing.ts";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { HeardTraffic } from "./heard-traffic.ts";

function framed(...body: readonly number[]): Uint8Array {
  const crc = crc16(Uint8Array.from(body));
  return Uint8Array.of(...body, crc & 0xff, crc >> 8);
}

/** A line on which each frame comes `after` ms after the one before. */
async function heard(talk: readonly (readonly [after: number, ...body: number[]])[]): Promise<HeardTraffic> {
  const clock = new VirtualClock();
  const traffic = new HeardTraffic(clock);
  for (const [after, ...body] of talk) {
    await clock.advance(after);
    traffic.push(framed(...body), clock.monotonic());
  }
  await clock.advance(1000);
  traffic.tick();
  return traffic;
}

const told = (traffic: HeardTraffic) =>
  Object.fromEntries(Array.from(traffic.units, ([unit, one]) => [unit, one.told()]));
const read = (unit: number) => [unit, 3, 0, 0x10, 0, 2];
const reply = (unit: number) => [unit, 3, 4, 1, 2, 3, 4];

describe("traffic of another master", () => {
  it("is requests with their periods and answers, by unit", async () => {
    const turn = (unit: number): [number, ...number[]][] => [
      [480, ...read(unit)],
      [20, ...reply(unit)],
    ];
    const traffic = await heard([1, 2, 1, 2, 1, 2].flatMap(turn));
    expect(told(traffic)).toEqual({
      1: ["FC3 0x0010..0x0011, every 1.0 s"],
      2: ["FC3 0x0010..0x0011, every 1.0 s"],
    });
    expect(traffic.pairs).toBe(6);
    const place = { table: "holding", start: 0x10, count: 2 } as const;
    expect([...traffic.units.get(1)!.registers.get(place)!]).toEqual([1, 2, 3, 4]);
    expect(traffic.units.get(1)!.registers.get({ ...place, count: 3 })).toBeUndefined();
  });

  it("shows a unit that is dead, one that refuses, and answers that are missing", async () => {
    const talk: [number, ...number[]][] = [];
    for (let round = 0; round < 10; round++) {
      talk.push([100, ...read(9)], [400, ...read(1)]);
      if (round % 2 === 0) talk.push([20, ...reply(1)]);
      talk.push([500, 4, 4, 1, 0, 0, 1], [10, 4, 0x84, 2]);
    }
    const traffic = await heard(talk);
    expect(told(traffic)).toEqual({
      9: ["FC3 0x0010..0x0011, every 1.0 s, never answered (asked 10 times)"],
      1: ["FC3 0x0010..0x0011, every 1.0 s, 4 of 10 not answered"],
      4: ["FC4 0x0100, every 1.0 s, refused (illegal data address) 10 times"],
    });
    expect(traffic.units.get(9)!.answers).toBe(0);
    expect(await traffic.units.get(4)!.read({ table: "input", start: 0x100, count: 1 })).toBe("refused");
    expect(await traffic.units.get(4)!.read({ table: "input", start: 0x101, count: 1 })).toBe("silent");
  });

  it("shows what the other master writes, and tells an echo from a repetition", async () => {
    const traffic = await heard([
      [1000, 3, 6, 0, 0x10, 0, 5],
      [20, 3, 6, 0, 0x10, 0, 5],
      [1000, 3, 6, 0, 0x10, 0, 6],
      [20, 3, 6, 0, 0x10, 0, 6],
      [1000, 8, 6, 0, 1, 0, 7],
      [1000, 8, 6, 0, 1, 0, 7],
      [1000, 3, 16, 0, 1, 0, 2, 4, 1, 2, 3, 4],
      [20, 3, 16, 0, 1, 0, 2],
      [1000, 3, 5, 0, 2, 0xff, 0],
      [20, 3, 5, 0, 2, 0xff, 0],
      [1000, 0, 6, 0, 1, 0, 1],
    ]);
    expect(told(traffic)).toEqual({
      0: ["writes FC6 0x0001 = 1, once"],
      3: [
        "writes FC16 0x0001..0x0002 = 01020304, once",
        "writes FC5 0x0002 = on, once",
        "writes FC6 0x0010 = 6, every 1.0 s",
      ],
      8: ["writes FC6 0x0001 = 7, every 1.0 s, never answered (asked 2 times)"],
    });
    expect(traffic.pairs).toBe(4);
    expect(traffic.units.get(3)!.registers.size).toBe(0);
  });

  it("takes bits, registers of function 23 and what a device says of itself", async () => {
    const traffic = await heard([
      [10, 5, 1, 3, 0, 0, 20],
      [10, 5, 1, 3, 0b101, 0, 0b1000],
      [10, 5, 23, 0, 4, 0, 1, 0, 9, 0, 1, 2, 7, 7],
      [10, 5, 23, 2, 9, 9],
      [10, 5, 17],
      [10, 5, 17, 8, 1, 255, ...Buffer.from("PUMP-2")],
    ]);
    const unit = traffic.units.get(5)!;
    expect([...unit.registers.get({ table: "coil", start: 0x300, count: 20 })!]).toEqual([0b101, 0, 0b1000]);
    expect([...unit.registers.get({ table: "holding", start: 4, count: 1 })!]).toEqual([9, 9]);
    expect(unit.texts).toEqual(["PUMP-2"]);
    expect(unit.told()).toContain("FC23 0x0004, writes 0x0009 = 0707, once");
  });

  it("gives no answer to a request that it does not fit", async () => {
    const traffic = await heard([
      [10, ...read(1)],
      [10, ...reply(2)],
      [10, ...read(1)],
      [10, 1, 3, 2, 0, 0],
      [10, 1, 4, 4, 1, 2, 3, 4],
    ]);
    expect(traffic.pairs).toBe(0);
    expect(traffic.units.get(1)!.registers.size).toBe(0);
  });

  it("stays bounded whatever comes", () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.tuple(fc.nat(255), fc.nat(0xff))), (values) => {
        const clock = new VirtualClock();
        const traffic = new HeardTraffic(clock);
        for (let count = 0; count < 3000; count++) {
          const [unit, low] = values.next().value!;
          const start = [count >> 4, low];
          traffic.push(framed(unit, 3, ...start, 0, 125), count);
          traffic.push(framed(unit, 3, 250, ...new Uint8Array(250).fill(low)), count);
        }
        const sizes = [...traffic.units.values()].map(({ registers }) => registers.size);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(65_536 + 125);
        for (const unit of traffic.units.values()) expect(unit.told().length).toBeLessThan(26);
      }),
      { numRuns: 3 },
    );
  });
});

import { expect, it } from "vitest";
import { createModbusUnits } from "../../../simulators/modbus/device.ts";
import { encode } from "../../../simulators/modbus/framing.ts";
import { createLamp, judgeLamp, type Order } from "./lamp.ts";

// The judge of the sixty faults, judged: what must never be is found.

function bench() {
  const lamp = createLamp();
  const units = createModbusUnits({ 9: lamp.settings });
  let receive: (chunk: Uint8Array) => void = () => {};
  units.attach(
    {
      send: () => {},
      receive: (to) => {
        receive = to;
      },
    },
    "tcp",
  );
  const write = (place: number, value: number) =>
    receive(encode("tcp", 9, Uint8Array.of(6, 0, place, value >> 8, value & 0xff), 1));
  return { lamp, level: (value: number) => write(0, value), strike: (value: number) => write(1, value) };
}

const order = (value: number, forMs = 60_000): Order => {
  const sentAt = performance.now();
  return { id: String(value), value, sentAt, expiresAt: sentAt + forMs };
};

it("finds nothing where a level is kept alive, falls to the safe one, and a strike comes once", () => {
  const { lamp, level, strike } = bench();
  const levels = [order(10), order(11)];
  const strikes = [order(1), order(2)];
  for (const value of [10, 10, 80, 11, 11]) level(value);
  strike(1);
  expect(judgeLamp(lamp, levels, strikes)).toEqual([]);
  expect(lamp.level).toBe(11);
});

it("finds a level that nobody wanted, one that comes back, and a strike that is late, twice, or made up", () => {
  const { lamp, level, strike } = bench();
  const levels = [order(10), order(11)];
  const strikes = [order(1), order(2, -60_000)];
  for (const value of [10, 11, 10, 55]) level(value);
  for (const value of [1, 1, 2, 7]) strike(value);
  const wrong = judgeLamp(lamp, levels, strikes);
  expect(wrong.filter((one) => !one.includes(" after its expiry"))).toEqual([
    "level 10 was written after a newer one",
    "level 55 was written, and nobody had wanted it",
    "level 55 was written after a newer one",
    "strike 7 was written, and nobody had wanted it",
    "strike 1 was written 2 times",
  ]);
  expect(wrong.filter((one) => one.includes("strike 2"))).toHaveLength(1);
});

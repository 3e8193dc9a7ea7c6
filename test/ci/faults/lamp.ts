import { createModbusActuator, type ModbusActuator } from "../../../simulators/actuators/actuator.ts";

/** The level to which the lamp falls back by itself, and the gateway when nobody commands: percent. */
export const safeLevel = 80;
/** Without a write of the level for so long the lamp falls back. */
const watchdogMs = 5_000;

export const lampProfile = `profile: test/lamp
version: 1.0.0
title: Lamp with a watchdog, and a counter of strikes
manufacturer: Test
models: [L]
category: lighting
sources: [{document: made for the tests}]
status: draft
protocol: modbus
modbus: {addressing: protocol}
points:
  level:
    at: {input: 0}
    unit: count
    range: [0, 100]
    class: fast
    write:
      at: {holding: 0}
      verify: {within: 1s, retries: 1}
      keepalive: {every: 1s}
      failsafe: {after: 30s, value: ${safeLevel}}
      restart: last
  strike: {at: {holding: 1}, unit: count, class: normal, write: {verify: {within: 1s, retries: 0}}}
`;

export interface Order {
  readonly id: string;
  readonly value: number;
  /** Of performance.now(). */
  readonly sentAt: number;
  readonly expiresAt: number;
}

/** What the lamp did, told by the lamp. */
export interface Lamp extends ModbusActuator {
  /** The level now: what was written, or the safe one. */
  readonly level: number;
  /** Whether it fell back since. */
  fellBack(since: number): boolean;
}

/** Holding 0: level wanted; holding 1: number of the last strike; input 0: level now. */
export function createLamp(): Lamp {
  const levels = () => actuator.written.filter(({ place }) => place === "holding 0");
  const levelAt = (at: number): number => {
    const last = levels()
      .filter((one) => one.at <= at)
      .at(-1);
    return last && at - last.at < watchdogMs ? last.value : safeLevel;
  };
  const actuator = createModbusActuator({
    registers: { holding: { 0: "0000 0000" }, input: { 0: 0 } },
    scene: (registers) => registers.set("input", 0, [levelAt(performance.now())]),
  });
  return Object.create(
    {},
    {
      ...Object.getOwnPropertyDescriptors(actuator),
      level: { get: () => levelAt(performance.now()) },
      fellBack: {
        value: (since: number) => {
          const until = performance.now();
          const times = levels().filter(({ at }) => at >= since);
          if (times.some(({ value }) => value === safeLevel)) return true;
          return [...times.map(({ at }) => at - 1), until].some((at) => levelAt(at) === safeLevel);
        },
      },
    },
  );
}

/** What the lamp must not have done, in words; nothing when all is well. */
export function judgeLamp(lamp: Lamp, levels: readonly Order[], strikes: readonly Order[]): string[] {
  const wrong: string[] = [];
  let newest = -1;
  for (const { place, value, at } of lamp.written) {
    if (place === "holding 0") {
      if (value === safeLevel) continue;
      const index = levels.findIndex((order) => order.value === value);
      const order = levels[index];
      if (!order || order.sentAt > at) wrong.push(`level ${value} was written, and nobody had wanted it`);
      if (index < newest) wrong.push(`level ${value} was written after a newer one`);
      newest = Math.max(newest, index);
    } else {
      const order = strikes.find((one) => one.value === value);
      if (!order || order.sentAt > at) wrong.push(`strike ${value} was written, and nobody had wanted it`);
      else if (at > order.expiresAt + graceMs)
        wrong.push(`strike ${value} was written ${Math.round(at - order.expiresAt)} ms after its expiry`);
    }
  }
  for (const { value } of strikes) {
    const times = lamp.written.filter((one) => one.place === "holding 1" && one.value === value).length;
    if (times > 1) wrong.push(`strike ${value} was written ${times} times`);
  }
  return wrong;
}

/** From the gateway's last look at the expiry to the lamp's clock, on a busy machine. */
const graceMs = 500;

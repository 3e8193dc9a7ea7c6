import type { UnitSettings } from "../modbus/device.ts";
import { bell, hourOfDay, isDark, type Nature, wanderer } from "./nature.ts";

/**
 * Temperature and humidity, sold as XY-MD02: input 1 in 0.1 degrees Celsius (signed), input 2 in 0.1 %;
 * holding 0x0101 unit address, 0x0102 baud rate, 0x0103 and 0x0104 corrections in tenths.
 */
export function xyMd02(nature: Nature): UnitSettings {
  const celsius = wanderer(nature, 8.4, { pull: 0.01, push: 0.4 });
  const humidity = wanderer(nature, 71, { pull: 0.01, push: 1.5 });
  return {
    registers: { input: { 1: "0000 0000" }, holding: { "0x0101": "0002 2580 0000 0000" } },
    turnaroundMs: 8,
    scene: (registers) => {
      const warmth = bell(hourOfDay(nature.now()), 15, 5);
      registers.setInteger("input", 1, celsius(4 + 9 * warmth) * 10);
      registers.setInteger("input", 2, Math.min(100, humidity(84 - 30 * warmth)) * 10);
    },
  };
}

/** Carbon dioxide, Senseair S8: input 0 meter status (0 = no fault), input 3 concentration in ppm. */
export function senseairS8(nature: Nature): UnitSettings {
  const ppm = wanderer(nature, 620, { pull: 0.005, push: 25 });
  return {
    registers: { input: { 0: "0000 0000 0000 0000" } },
    turnaroundMs: 20,
    scene: (registers) => {
      const people = bell(hourOfDay(nature.now()), 11, 3) + bell(hourOfDay(nature.now()), 14, 2.5);
      registers.setInteger("input", 3, ppm(430 + 520 * people));
    },
  };
}

/**
 * Water level, a QDY30A probe in a storm drain: holding 2 unit (1 = centimetres), 3 decimals, 4 level (signed).
 */
export function qdy30a(nature: Nature): UnitSettings {
  const level = wanderer(nature, 62, { pull: 0.02, push: 6 });
  return {
    registers: { holding: { 0: "0004 0003 0001 0001 0000" } },
    turnaroundMs: 15,
    scene: (registers) => registers.setInteger("holding", 4, Math.max(0, level(60)) * 10),
  };
}

/**
 * The control box of a feeder pillar, modelled on common 4-relay Modbus boxes: coils 0..3 lamp circuits,
 * holding 0 dimming in % (0..100), discrete 0 door open, 1 mains present, 2 residual-current trip,
 * input 0 lamp current in 0.01 A, 1 cabinet temperature in 0.1 degrees Celsius (signed), 2 and 3 lamp hours (32 bit, high word first).
 */
export function feederPillar(nature: Nature): UnitSettings {
  const temperature = wanderer(nature, 14, { pull: 0.005, push: 0.5 });
  let lampHours = 18_402;
  let last = nature.now();
  let dark: boolean | undefined;
  return {
    registers: {
      coil: { 0: "0000" },
      discrete: { 0: "010" },
      input: { 0: "0000 0000 0000 0000" },
      holding: { 0: 100 },
    },
    scene: (registers) => {
      const now = nature.now();
      // Its own twilight switch acts at dusk and dawn only, so that a command in between stays.
      if (isDark(now) !== dark) {
        dark = isDark(now);
        registers.set("coil", 0, Array(4).fill(Number(dark)));
        registers.set("holding", 0, [dark ? 80 : 0]);
      }
      const level = Math.min(registers.get("holding", 0), 100) / 100;
      const circuits = [0, 1, 2, 3].filter((coil) => registers.get("coil", coil) === 1).length;
      const amperes = circuits * (0.12 + 1.9 * level) * (0.99 + nature.random() * 0.02);
      if (circuits > 0) lampHours += (now - last) / 3_600_000;
      last = now;
      registers.setInteger("input", 0, amperes * 100);
      registers.setInteger("input", 1, temperature(9 + amperes) * 10);
      registers.set("input", 2, [Math.trunc(lampHours) >>> 16, Math.trunc(lampHours) & 0xffff]);
      // A technician opens the door for two minutes of every twenty.
      registers.set("discrete", 0, [Number(Math.trunc(now / 60_000) % 20 < 2)]);
    },
  };
}

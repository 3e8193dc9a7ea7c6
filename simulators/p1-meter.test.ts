import { describe, expect, it } from "vitest";
import { attachP1Meter, p1Scene, p1Telegram } from "./p1-meter.ts";
import { seededRandom } from "./scenes/nature.ts";

const state = {
  time: Date.UTC(2026, 6, 1, 22, 30, 5),
  energyImport: 896.02,
  energyExport: 48.792,
  reactiveImport: 518.309,
  reactiveExport: 23.732,
  power: [0, -0.071, 0.063],
  reactive: [-0.146, -0.135, -0.026],
  voltage: [230.1, 232.2, 230.4],
} as const;

describe("the simulated P1 meter", () => {
  it("writes the 27 objects of the Swedish list in normal time", () => {
    const telegram = p1Telegram(state);
    expect(telegram).toMatch(/^\/SIM5STADSNOD\r\n\r\n0-0:1\.0\.0\(260701233005W\)\r\n/);
    expect(telegram).toMatch(/\r\n![0-9A-F]{4}\r\n$/);
    expect(telegram.match(/^\d-\d:/gm)?.length).toBe(27);
    for (const line of [
      "1-0:1.8.0(00000896.020*kWh)",
      "1-0:2.7.0(0000.008*kW)",
      "1-0:42.7.0(0000.071*kW)",
      "1-0:24.7.0(0000.146*kVAr)",
      "1-0:72.7.0(230.4*V)",
      "1-0:51.7.0(000.7*A)",
    ])
      expect(telegram).toContain(`\r\n${line}\r\n`);
  });

  it("ends with the checksum of its standard", () => {
    // Over the whole, checksum included with its low byte first, the register is empty.
    const telegram = p1Telegram(state);
    const end = telegram.indexOf("!") + 1;
    const given = Number.parseInt(telegram.slice(end, end + 4), 16);
    let register = 0;
    for (const byte of [...Buffer.from(telegram.slice(0, end)), given & 0xff, given >> 8]) {
      register ^= byte;
      for (let bit = 0; bit < 8; bit++) register = (register >> 1) ^ ((register & 1) * 0xa001);
    }
    expect(register).toBe(0);
  });

  it("sends again and again until it is disposed", () => {
    const sent: string[] = [];
    const pending: (() => void)[] = [];
    const nature = { now: () => Date.UTC(2026, 0, 1, 12) + sent.length * 10_000, random: seededRandom(1) };
    const meter = attachP1Meter(
      { send: (bytes) => sent.push(Buffer.from(bytes).toString()), receive: () => {} },
      {
        state: p1Scene(nature, 20_000),
        after: (ms, callback) => {
          expect(ms).toBe(10_000);
          pending.push(callback);
          return { [Symbol.dispose]: () => pending.pop() };
        },
      },
    );
    pending.shift()?.();
    pending.shift()?.();
    expect(sent.length).toBe(3);
    const energies = sent.map((telegram) => Number(/1\.8\.0\(([\d.]+)/.exec(telegram)?.[1]));
    expect(energies[2]!).toBeGreaterThan(energies[0]!);
    meter[Symbol.dispose]();
    expect(pending).toEqual([]);
  });
});

import { describe, expect, it } from "vitest";
import { chance } from "./chance.ts";
import { stockholmGateways } from "./network.ts";
import { airtimeMs, dataRates, receive, settle } from "./radio.ts";

describe("the air", () => {
  it.each([
    // Figures of public time-on-air calculators: 13 bytes of header, 125 kHz, 4/5.
    [0, 51, 2793.472],
    [5, 10, 61.696],
    [5, 51, 118.016],
  ])("takes its time: DR%i, %i bytes", (dataRate, bytes, ms) => {
    expect(airtimeMs(dataRate, bytes)).toBeCloseTo(ms, 3);
  });

  it("lets the gateways hear plausibly, the best first", () => {
    const random = chance(1, "air");
    const used = new Set<number>();
    for (let device = 0; device < 300; device++) {
      const path = settle(stockholmGateways, random);
      used.add(path.dataRate);
      const heard = receive(stockholmGateways, path, 2, random);
      expect(heard.length).toBeGreaterThan(0);
      expect(heard.map(({ snr }) => snr)).toEqual(heard.map(({ snr }) => snr).toSorted((a, b) => b - a));
      for (const { rssi, snr } of heard) {
        expect(rssi).toBeGreaterThanOrEqual(-130);
        expect(rssi).toBeLessThan(-70);
        expect(snr).toBeGreaterThanOrEqual((dataRates[path.dataRate]?.floor ?? 0) - 3);
        expect(snr).toBeLessThanOrEqual(14);
      }
    }
    expect(used.size).toBeGreaterThan(2);
  });
});

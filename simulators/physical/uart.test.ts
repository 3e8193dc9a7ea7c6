import { describe, expect, it } from "vitest";
import type { LineSettings } from "../line.ts";
import { Cable, type CableOptions, type Station } from "./cable.ts";
import { asLinuxReads, bitAt, type Level, UartReceiver, waveform } from "./uart.ts";

const s = (text: string): LineSettings => {
  const [, baud, bits, parity, stop] = /^(\d+) (\d)([NEO])(\d)$/.exec(text)!;
  const parities = { N: "none", E: "even", O: "odd" } as const;
  return {
    baud: Number(baud),
    dataBits: bits === "7" ? 7 : 8,
    parity: parities[parity as "N"],
    stopBits: stop === "2" ? 2 : 1,
  };
};

/** What a receiver makes of bytes on a perfect line. */
function receive(bytes: number[], sent: string, received: string, invert = false, resync?: "start") {
  const wave = waveform(Uint8Array.from(bytes), s(sent), 10);
  const level: Level = {
    at: (ms) => {
      const bit = bitAt(wave, ms) ?? 1;
      return (bit === 1) !== invert ? 1 : 0;
    },
    steadyUntil: (ms) => ms,
  };
  return new UartReceiver(s(received), 0, { resync }).advance(level, wave.endMs + 50);
}
const bytesOf = (...args: Parameters<typeof receive>) => Array.from(asLinuxReads(receive(...args)));
const all = Array.from({ length: 256 }, (_, byte) => byte);

describe("a UART", () => {
  it("reads every byte as it was sent when the settings agree", () => {
    for (const settings of ["9600 8N1", "19200 8E1", "115200 8O1", "1200 8N2"]) {
      const found = receive(all, settings, settings);
      expect(found.map(({ byte }) => byte)).toEqual(all);
      expect(found.some(({ framing, parity }) => framing || parity)).toBe(false);
    }
  });

  it("bears clocks that are 3 % apart, and not 8 %", () => {
    expect(bytesOf(all, "9600 8N1", "9888 8N1")).toEqual(all);
    expect(bytesOf(all, "9600 8N1", "10368 8N1")).not.toEqual(all);
  });

  it("reads 8N1 of 9600 at 19200 as twice as many bits", () => {
    // Start 0, 0x55 low bit first 1 0 1 0 1 0 1 0, stop: every bit twice. The second half bit of the
    // start bit is a zero, so bits 0, then 11 00 11 0, then the second 0 is no stop bit.
    expect(receive([0x55], "9600 8N1", "19200 8N1")[0]).toMatchObject({ byte: 0b01100110, framing: true });
    expect(bytesOf([0xff], "9600 8N1", "19200 8N1")).toEqual([0xfe]);
    expect(bytesOf([0x00], "9600 8N1", "19200 8N1")).toEqual([0x00]);
    // At half the speed two characters are one.
    expect(bytesOf(all, "9600 8N1", "4800 8N1").length).toBeLessThan(200);
  });

  it("reads even parity as a stop bit where none is expected: only characters with an odd number of ones stay whole", () => {
    const [three, one] = [receive([0x03], "9600 8E1", "9600 8N1"), receive([0x01], "9600 8E1", "9600 8N1")];
    expect(three).toMatchObject([{ byte: 0x03, framing: true }]);
    expect(one).toMatchObject([{ byte: 0x01, framing: false }]);
    // A 16550 takes the parity bit for the next start bit and so finds one character more.
    expect(receive([0x03], "9600 8E1", "9600 8N1", false, "start").length).toBe(2);
  });

  it("reads 8N1 with even parity set as parity errors where the stop bit is no parity", () => {
    expect(receive([0x03], "9600 8N1", "9600 8E1")).toMatchObject([
      { byte: 0x03, parity: true, framing: false },
    ]);
    expect(receive([0x01], "9600 8N1", "9600 8E1")).toMatchObject([{ byte: 0x01, parity: false }]);
    // Without a pause the next start bit stands where the stop bit should.
    expect(receive([0x01, 0x01], "9600 8N1", "9600 8E1")[0]).toMatchObject({ framing: true });
  });

  it("needs no second stop bit, and one is no harm", () => {
    expect(bytesOf(all, "9600 8N1", "9600 8N2")).toEqual(all);
    expect(bytesOf(all, "9600 8N2", "9600 8N1")).toEqual(all);
  });

  it("hears an idle line that is the wrong way round as one break", () => {
    const found = receive([0x11, 0x22], "9600 8N1", "9600 8N1", true);
    expect(found[0]).toMatchObject({ byte: 0, isBreak: true, framing: true });
    expect(asLinuxReads(found.slice(0, 1))).toEqual(Uint8Array.of(0));
    expect(found.map(({ byte }) => byte)).not.toEqual([0x11, 0x22]);
  });
});

describe("a cable", () => {
  const station = (polarity: 1 | -1 = 1): Station => ({
    polarity,
    disturbances: [],
    deafFor: () => Number.POSITIVE_INFINITY,
  });
  const options: CableOptions = {
    lengthM: 800,
    terminated: true,
    stubsM: [],
    bias: 0.13,
    noise: 0.05,
    seed: 7,
  };
  const errors = (change: Partial<CableOptions>, settings: string): number => {
    const cable = new Cable({ ...options, ...change });
    const [from, to] = [station(), station()];
    const bytes = Uint8Array.from({ length: 2000 }, (_, index) => (index * 73) & 0xff);
    const wave = waveform(bytes, s(settings), 5);
    cable.drive(from, wave);
    const found = new UartReceiver(s(settings), 0).advance(cable.level(to), wave.endMs + 20);
    return found.filter(({ byte, framing }, index) => byte !== bytes[index] || framing).length;
  };

  it("carries everything when it is terminated", () => {
    expect(errors({}, "115200 8N1")).toBe(0);
  });

  it("without termination does harm at high speed on a long, branched cable only", () => {
    const bad = { terminated: false, stubsM: [120, 75] };
    expect(errors({ ...bad, lengthM: 1000 }, "9600 8N1")).toBe(0);
    expect(errors({ terminated: false, lengthM: 20 }, "115200 8N1")).toBe(0);
    const [slow, fast] = [
      errors({ ...bad, noise: 0.1 }, "38400 8N1"),
      errors({ ...bad, noise: 0.1 }, "115200 8N1"),
    ];
    expect(fast).toBeGreaterThan(20);
    expect(fast).toBeGreaterThan(slow);
  });

  it("lets the stronger of two drivers through", () => {
    const cable = new Cable({ ...options, noise: 0 });
    const [one, other, to] = [station(), station(), station()];
    const wave = waveform(Uint8Array.of(0x5a), s("9600 8N1"), 5);
    cable.drive(one, wave, 3);
    cable.drive(other, waveform(Uint8Array.of(0x33), s("9600 8N1"), 5), 1);
    expect(asLinuxReads(new UartReceiver(s("9600 8N1"), 0).advance(cable.level(to), 50))).toEqual(
      Uint8Array.of(0x5a),
    );
  });

  it("keeps its own sender deaf, unless its receiver stays on", () => {
    const cable = new Cable(options);
    const echoing = { ...station(), deafFor: () => 0 };
    const wave = waveform(Uint8Array.of(1, 2, 3), s("9600 8N1"), 5);
    cable.drive(echoing, wave);
    expect(new UartReceiver(s("9600 8N1"), 0).advance(cable.level(echoing), 50).length).toBe(3);
    const deaf = station();
    const other = new Cable(options);
    other.drive(deaf, wave);
    expect(new UartReceiver(s("9600 8N1"), 0).advance(other.level(deaf), 50)).toEqual([]);
  });
});

import { describe, expect, it } from "vitest";
import { Cable, type Station } from "../../../simulators/physical/cable.ts";
import { UartReceiver, waveform } from "../../../simulators/physical/uart.ts";
import { invertedQuestion } from "./inverted.ts";

const bytes = Uint8Array.of(0x01, 0x03, 0x00, 0x00, 0x00, 0x01, 0x84, 0x0a);

/** What a device makes of it over a real cable. */
function heard(polarity: 1 | -1, parity: "none" | "even", baud: number, bias: number): number[] {
  const settings = { baud, dataBits: 8, parity, stopBits: 1 } as const;
  const asked = invertedQuestion(bytes, { kind: "serial", port: "p", ...settings })!;
  const cable = new Cable({ lengthM: 300, terminated: true, stubsM: [], bias, noise: 0.05, seed: 1 });
  const station = (of: 1 | -1): Station => ({
    polarity: of,
    disturbances: [],
    deafFor: () => Number.POSITIVE_INFINITY,
  });
  const wave = waveform(asked.bytes, { baud: asked.endpoint.baud }, 10);
  cable.drive(station(polarity), wave);
  return new UartReceiver(settings, 0)
    .advance(cable.level(station(1)), wave.endMs - 0.1 / baud)
    .filter(({ at, framing, parity: wrong }) => at > 10 && !framing && !wrong)
    .map(({ byte }) => byte);
}

describe("a question the other way round", () => {
  it.each([
    [1200, "none"],
    [9600, "none"],
    [19_200, "even"],
    [115_200, "even"],
  ] as const)("is the question itself to swapped wires, %d %s", (baud, parity) => {
    for (const bias of [-0.13, 0, 0.13]) expect(heard(-1, parity, baud, bias)).toEqual([...bytes]);
  });

  it("is nothing to wires that are right", () => {
    expect(heard(1, "none", 9600, 0.13)).not.toEqual([...bytes]);
  });

  it("is not asked where the port would have to be too fast, nor behind TCP", () => {
    const serial = { kind: "serial", port: "p", dataBits: 8, parity: "none", stopBits: 1 } as const;
    expect(invertedQuestion(bytes, { ...serial, baud: 230_400 })).toBeUndefined();
    expect(invertedQuestion(bytes, { kind: "tcp", host: "h", port: 1 })).toBeUndefined();
  });
});

import { describe, expect, it } from "vitest";
import { createDoorLock } from "../../simulators/actuators/door-lock.ts";
import { goldenIsHere, readGolden } from "./golden.ts";

interface Golden {
  frames: { name: string; hex: string }[];
}

describe.skipIf(!goldenIsHere)("golden OSDP frames (needs ../shared/golden)", () => {
  const frames = goldenIsHere ? readGolden<Golden>("osdp", "frames.json").frames : [];
  /** Without the marking byte; plain frames with a one-byte checksum: neither CRC nor security block. */
  const plain = frames
    .map(({ hex }) => Buffer.from(hex.replace(/^ff/, ""), "hex"))
    .filter(
      (frame) =>
        frame[0] === 0x53 && ((frame[4] ?? 0) & 0x0c) === 0 && frame.readUInt16LE(2) === frame.length,
    );

  it("have the form and the checksum that the simulated lock has", () => {
    expect(plain.length).toBeGreaterThan(0);
    const acknowledged = plain.find((frame) => frame[5] === 0x40);
    expect(acknowledged).toBeDefined();
    const address = (acknowledged?.[1] ?? 0) & 0x7f;
    let answer = Buffer.alloc(0);
    let ask: (chunk: Uint8Array) => void = () => {};
    createDoorLock(address).attach({
      send: (bytes) => {
        answer = Buffer.from(bytes);
      },
      receive: (receiver) => {
        ask = receiver;
      },
    });
    const poll = Buffer.of(0x53, address, 7, 0, 0, 0x60);
    ask(Buffer.of(...poll, -poll.reduce((sum, byte) => sum + byte, 0) & 0xff));
    // The simulated one has no sequence numbers: that is all that differs, and the checksum by as much.
    const expected = Buffer.from(acknowledged ?? []);
    const sequence = expected[4] ?? 0;
    expected[4] = 0;
    expected[6] = ((expected[6] ?? 0) + sequence) & 0xff;
    expect(answer.toString("hex")).toBe(expected.toString("hex"));
  });
});

import { describe, expect, it } from "vitest";
import { checksums, writeChecksum } from "../../codec/checksum.ts";
import { hexBytes } from "../../codec/hex.ts";
import { cutFrames, frameFindings } from "./probe-shape.ts";
import { pairs, recordFrames } from "./record.ts";

const bytes = (...texts: string[]) => texts.map(hexBytes);
const findings = (bursts: readonly Uint8Array[]) => [...frameFindings(cutFrames(bursts))];

/** Frames of a fine dust sensor with other values in them. */
const dust = [0, 1, 2, 3].map((step) => {
  const frame = hexBytes("aa c0 7b 00 59 01 a1 b2 00 ab");
  frame[2] = 0x40 + 17 * step;
  frame[4] = 0x10 + 5 * step;
  writeChecksum(checksums.sum8, frame, { start: 2, end: 8, at: 8 });
  return frame;
});

describe("the tools of devices that speak binary frames", () => {
  it("find start, end, length and checksum of frames that come one by one", () => {
    const [framing, first] = findings(dust);
    expect(framing).toMatchObject({
      at: 'framing: {start: "aa c0", end: "ab", length: 10}',
      note: "4 frames, 4 of them different; bytes that change: 2 4 8",
    });
    expect(first).toMatchObject({ at: "check: {sum8: 2.., at: -2}", note: "fits 4 different frames" });
    expect(first!.likely).toBeGreaterThan(0.5);
  });

  it("find frames in a stream without pauses, wherever it begins", () => {
    const stream = Buffer.concat([dust[0]!.subarray(7), ...dust, ...dust, dust[1]!.subarray(0, 4)]);
    const { frames } = cutFrames([stream]);
    expect(frames.length).toBeGreaterThanOrEqual(7);
    expect(frames.every(({ length }) => length === 10)).toBe(true);
    // What is constant runs over the end: any turn of the frame is as good.
    expect(pairs(frames[1]!)).toMatch(/ab.*aa c0|^aa c0|a1 b2/);
  });

  it("part bursts of several frames", () => {
    const bursts = [dust[0]!, Buffer.concat([dust[1]!, dust[2]!]), dust[3]!];
    expect(cutFrames(bursts).frames.map(pairs)).toEqual(dust.map(pairs));
  });

  it("find a length field, and a CRC with the high byte first", () => {
    const frames = ["55 00 00 01 11", "55 00 00 03 11 22 33", "55 00 00 02 ab cd"].map((hex, index) => {
      const frame = Uint8Array.from([...hexBytes(hex), 0, 0]);
      frame[1] = 7 * index;
      const at = frame.length - 2;
      writeChecksum(checksums["crc16-modbus"], frame, { start: 0, end: at, at, order: "big" });
      return frame;
    });
    const [framing, first] = findings(frames);
    expect(framing!.at).toBe('framing: {start: "55", length: {at: 3, type: u8, adds: 6}}');
    expect(first!.at).toBe("check: {crc16-modbus: 0.., at: -2, order: big}");
    expect(first!.likely).toBeGreaterThan(0.9);
  });

  it("undo byte stuffing between delimiters", () => {
    const stuffed = bytes("7e 00 03 7d 5e fe 7e", "7e 00 03 7d 5d fd 7e 7e 00 04 01 fc 7e");
    expect(cutFrames(stuffed)).toEqual({
      stuffed: "{mark: 7d, xor: 32}",
      frames: bytes("7e 00 03 7e fe 7e", "7e 00 03 7d fd 7e", "7e 00 04 01 fc 7e"),
    });
  });

  it("say that of one frame alone nobody knows much, and that no checksum fits", () => {
    const [framing] = findings(bytes("ff 05 c8 cc", "ff 05 c8 cc"));
    expect(framing).toMatchObject({ at: 'framing: {start: "ff 05", length: 4}' });
    expect(framing!.note).toContain("a guess");
    expect(findings(bytes("f4 f3 01 02", "f4 f3 03 07", "f4 f3 90 55", "f4 f3 42 42"))[1]).toMatchObject({
      at: "check: none",
    });
    expect(findings(bytes("01"))).toEqual([]);
  });

  it("record requests with their answers, and what is heard where points are", () => {
    const dialogue = [
      { sent: hexBytes("ff 01"), received: hexBytes("ff 86 03") },
      { sent: hexBytes("aa"), received: hexBytes("") },
    ];
    const exchange = [
      { ">": "ff 01", "<": "ff 86 03" },
      { ">": "aa", "<": "" },
    ];
    const profile = (...points: object[]) => ({ points }) as unknown as Parameters<typeof recordFrames>[1];
    const polled = { address: { request: "read", field: "a" } };
    const heard = { address: { frame: "data", field: "b" } };
    expect(recordFrames(dialogue, profile(polled))).toEqual({ exchange });
    expect(recordFrames(dialogue, profile(polled, heard))).toEqual({ exchange, rx: "ff 86 03" });
    expect(recordFrames(dialogue, profile(heard))).toEqual({ rx: "ff 86 03" });
  });
});

import { describe, expect, it } from "vitest";
import { ascii, decodeAscii } from "../../gateway/southbound/modbus/ascii.ts";
import { decodeTcp } from "../../gateway/southbound/modbus/mbap.ts";
import { exceptionNames } from "../../gateway/southbound/modbus/pdu.ts";
import { decodeRtu, rtu } from "../../gateway/southbound/modbus/rtu.ts";
import { goldenIsHere, readGolden } from "./golden.ts";

interface Frame {
  hex: string;
  unit: number;
  fc: number;
  exception: number | null;
  tid?: number;
}
interface Golden {
  rtu: Frame[];
  tcp: Frame[];
  ascii: { ascii: string; lrc_ok: boolean; unit: number; fc: number }[];
  other: { hex: string }[];
}

describe.skipIf(!goldenIsHere)("golden Modbus frames (needs ../shared/golden)", () => {
  const golden: Golden = goldenIsHere
    ? readGolden<Golden>("modbus-frames", "pymodbus.json")
    : { rtu: [], tcp: [], ascii: [], other: [] };
  const bytes = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));

  const same = (frame: { unit: number; pdu: Uint8Array } | undefined, expected: Omit<Frame, "hex">) => {
    expect(frame).toBeDefined();
    expect(frame?.unit).toBe(expected.unit);
    expect(frame?.pdu[0]).toBe(expected.fc);
    if (expected.exception !== null) {
      expect(frame?.pdu[1]).toBe(expected.exception);
      expect(exceptionNames[expected.exception]).toBeDefined();
    }
  };

  it("takes every good RTU frame, and none of them as another framing", () => {
    expect(golden.rtu).toHaveLength(16);
    for (const frame of golden.rtu) {
      same(decodeRtu(bytes(frame.hex)), frame);
      expect(decodeAscii(bytes(frame.hex))).toBeUndefined();
      expect(decodeTcp(bytes(frame.hex))).toBeUndefined();
    }
  });

  it("takes every good TCP frame, and none of them as another framing", () => {
    expect(golden.tcp).toHaveLength(25);
    for (const frame of golden.tcp) {
      same(decodeTcp(bytes(frame.hex)), frame);
      expect(decodeTcp(bytes(frame.hex))?.transaction).toBe(frame.tid);
      expect(decodeRtu(bytes(frame.hex))).toBeUndefined();
      expect(decodeAscii(bytes(frame.hex))).toBeUndefined();
    }
  });

  it("takes ASCII frames exactly when their LRC is right", () => {
    expect(golden.ascii).toHaveLength(16);
    expect(golden.ascii.filter((frame) => !frame.lrc_ok)).toHaveLength(4);
    for (const frame of golden.ascii) {
      const decoded = decodeAscii(Buffer.from(frame.ascii, "latin1"));
      if (frame.lrc_ok) same(decoded, { ...frame, exception: null });
      else expect(decoded).toBeUndefined();
    }
  });

  it("takes no broken, cut or doubled one for a frame, in any framing", () => {
    expect(golden.other).toHaveLength(29);
    for (const { hex } of golden.other) {
      expect(decodeRtu(bytes(hex)), hex).toBeUndefined();
      expect(decodeAscii(bytes(hex)), hex).toBeUndefined();
      expect(decodeTcp(bytes(hex)), hex).toBeUndefined();
    }
  });

  it("finds in a broken stream only what is whole in it", () => {
    const found = (framing: typeof rtu) =>
      golden.other.flatMap(({ hex }) => {
        const stream = bytes(hex);
        const frame = framing.find(stream, 0, stream.length, 0);
        return frame ? [Buffer.from(stream.subarray(frame.start, frame.end)).toString("hex")] : [];
      });
    // A good exception reply behind a broken one, and good ASCII lines among bad ones.
    expect(new Set(found(rtu))).toEqual(new Set(["0083029131"]));
    expect(new Set(found(ascii))).toEqual(new Set([Buffer.from(":0003007C00027F\r\n").toString("hex")]));
  });

  it("takes no frame out of one flipped bit, wherever it is", () => {
    let flips = 0;
    const flip = (good: Uint8Array, decode: (bytes: Uint8Array) => unknown, framing: typeof rtu) => {
      for (let bit = 0; bit < 8 * good.length; bit++) {
        const bad = good.slice();
        bad[bit >> 3]! ^= 1 << (bit & 7);
        expect(decode(bad)).toBeUndefined();
        const found = framing.find(bad, 0, bad.length, 0);
        expect(found, `bit ${bit} of ${Buffer.from(good).toString("hex")}`).toBeUndefined();
        flips++;
      }
    };
    for (const { hex } of golden.rtu) flip(bytes(hex), decodeRtu, rtu);
    for (const { ascii: text, lrc_ok: ok } of golden.ascii)
      if (ok) flip(Uint8Array.from(Buffer.from(text, "latin1")), decodeAscii, ascii);
    expect(flips).toBeGreaterThan(2000);
  });
});

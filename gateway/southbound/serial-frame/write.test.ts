import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Device } from "../../model/device.ts";
import type { RawValue } from "../../model/value.ts";
import { loadProfile } from "../../profiles/load.ts";
import { serialFrame } from "./protocol.ts";
import type { FrameAddress, FrameDevice, FrameHead } from "./settings.ts";

const requests = `
    state: { send: "10 {address:u8} {sum8:0..}", reply: state }
    set: { send: "11 {address:u8} {level:u16le} {sum8:0..}", values: { level: 0 }, reply: done, refusal: no }
    name: { send: "12 {address:u8} {text:hex2} {sum8:0..}", values: { text: "0000" }, reply: done }
    blind: { send: "13 {address:u8} {level:s8} {sum8:0..}", values: { level: 0 } }`;

function profileText(points: string, more = requests): string {
  return `profile: test/dimmer
version: 1.0.0
title: Dimmer
manufacturer: Test
models: [D]
category: lighting
sources: [{document: made for the tests}]
status: draft
protocol: serial-frame
serial-frame:
  framing: { check: { sum8: 0.. } }
  frames:
    state: { start: "20", length: 4, body: 1..2, fields: [{name: level, type: u16}] }
    done: { start: "21", length: 4, endian: little, body: 1..2, fields: [{name: level, type: u16}] }
    no: { start: "22", length: 3, body: 1..1, fields: [{name: reason, type: u8}] }
  requests:${more}
points:
${points}
examples: [{given: {exchange: [{">": "10 01 11", "<": "20 00 05 25"}]}, expect: {level: 5}}]
`;
}

const good =
  "  level: {at: {request: state, field: level}, unit: count, write: {at: {request: set, value: level}}}";
const check = (points: string) =>
  loadProfile(profileText(points), "device-profiles/test/dimmer.yaml", [serialFrame]);

describe("a frame profile that writes", () => {
  it("is right", () => {
    expect(check(good).diagnostics).toEqual([]);
  });

  it.each([
    [
      "{at: {request: state, field: level}, unit: count, write: {}}",
      'the field "level" is what the device says',
    ],
    [
      "{at: {request: state, field: level}, unit: count, write: {at: {request: set, value: lvel}}}",
      'the request "set" has no {lvel:...}',
    ],
    [
      "{at: {request: state, field: level}, unit: count, write: {at: {request: sett, value: level}}}",
      'there is no request "sett"',
    ],
    ["{at: {request: set, value: level}, unit: count}", '"level" is where a value is written'],
    [
      "{at: {request: set, field: level}, unit: count, write: {at: {request: set, value: level}}}",
      'to read "level" would write: the request "set" carries a value',
    ],
    [
      "{at: {request: state, field: level, value: level}, unit: count}",
      "an address names either the field that is read or the value that is written",
    ],
    ["{at: {frame: state, value: level}, unit: count}", "a value goes with the request that carries it"],
    [
      "{at: {request: state, field: level}, unit: count, write: {at: {request: set, value: level}, range: [0, 70000]}}",
      "70000 does not fit the address",
    ],
  ])("%s", (point, message) => {
    const found = check(`  level: ${point}`).diagnostics.map((one) => one.message);
    expect(found.join("\n")).toContain(message);
  });

  it("has one type per value", () => {
    const text = profileText(
      good,
      `${requests}
    twice: { send: "14 {level:u8} {level:u16} {sum8:0..}", values: { level: 0 } }`,
    );
    const { diagnostics } = loadProfile(text, "device-profiles/test/dimmer.yaml", [serialFrame]);
    expect(diagnostics[0]?.message).toContain("{level} is u8 in one place and u16 in another");
  });
});

describe("encodeWrite of a frame profile", () => {
  const { profile } = check(good);
  const device = { id: "d", profile, settings: { address: 1 } } as unknown as Device<
    FrameAddress,
    FrameDevice,
    FrameHead
  >;
  const encode = (at: unknown, raw: RawValue) =>
    serialFrame.encodeWrite!(device, serialFrame.address.parse(at), raw);
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  const reply = (text: string) => {
    const bytes = [...Buffer.from(text, "hex")];
    return Uint8Array.from([...bytes, bytes.reduce((sum, byte) => sum + byte, 0) & 0xff]);
  };

  it("puts the value where the request has its place", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff }), (value) => {
        const { bytes, label } = encode({ request: "set", value: "level" }, value);
        expect(bytes).toEqual(reply(`1101${hex(Uint8Array.of(value & 0xff, value >> 8))}`));
        expect(label).toBe(`set, level = ${value}`);
      }),
    );
    expect(hex(encode({ request: "name", value: "text" }, "0aFF").bytes)).toBe("12010aff1c");
    expect(hex(encode({ request: "blind", value: "level" }, -1).bytes)).toBe("1301ff13");
  });

  it("takes its confirmation, no other value's, and the device's no", () => {
    const { answered } = encode({ request: "set", value: "level" }, 0x0102);
    expect(answered(reply("210201"))).toBe("done");
    expect(answered(reply("200102"))).toBeUndefined();
    expect(answered(Uint8Array.of(0x21, 2, 1, 0))).toBeUndefined();
    expect(() => answered(reply("210202"))).toThrow(expect.objectContaining({ code: "bad-echo" }));
    expect(() => answered(reply("2207"))).toThrow(
      expect.objectContaining({ code: "refused", message: "d refused set: reason 7" }),
    );
  });

  it("expects no answer where the profile has none", () => {
    expect(encode({ request: "blind", value: "level" }, 0).unanswered).toBe(true);
    expect(encode({ request: "set", value: "level" }, 0).unanswered).toBe(false);
  });

  it.each([
    ["set", "level", 65_536, "does-not-fit"],
    ["set", "level", -1, "does-not-fit"],
    ["set", "level", 1.5, "not-an-integer"],
    ["set", "level", "1", "wrong-kind"],
    ["set", "level", true, "wrong-kind"],
    ["name", "text", "", "does-not-fit"],
    ["name", "text", "12", "does-not-fit"],
    ["name", "text", "12345g", "does-not-fit"],
    ["name", "text", 12, "wrong-kind"],
    ["blind", "level", 128, "does-not-fit"],
  ])("refuses %s %s <- %s", (request, value, raw, code) => {
    expect(() => encode({ request, value }, raw)).toThrow(expect.objectContaining({ code }));
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { downlinkCommand, events } from "./chirpstack-messages.ts";
import { decode, encode, type Schema, seconds } from "./protobuf.ts";
import { rfc3339, toJson } from "./protobuf-json.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("protobuf in small", () => {
  it.each<[string, Schema, Parameters<typeof encode>[1], string]>([
    ["150 as the encoding guide has it", { a: [1, "int32"] }, { a: 150 }, "089601"],
    ["text", { b: [2, "string"] }, { b: "testing" }, "120774657374696e67"],
    ["a message in a message", { c: [3, { message: { a: [1, "int32"] } }] }, { c: { a: 150 } }, "1a03089601"],
    ["a negative number in ten bytes", { a: [1, "int32"] }, { a: -2 }, "08feffffffffffffffff01"],
    ["a float", { s: [7, "float"] }, { s: 10.5 }, "3d00002841"],
    ["a map", { m: [9, "map"] }, { m: { k: "v" } }, "4a060a016b120176"],
    ["an empty message, which is there", { c: [1, { message: {} }] }, { c: {} }, "0a00"],
    [
      "a struct",
      { o: [1, "struct"] },
      { o: { t: [true, null, "x"] } },
      "0a160a140a0174120f320d0a0220010a0208000a031a0178",
    ],
  ])("writes %s", (_, schema, message, bytes) => {
    expect(hex(encode(schema, message))).toBe(bytes);
  });

  it("leaves zeros out, on the wire and in JSON", () => {
    const message = {
      id: "",
      devEui: "a81758fffe051d02",
      confirmed: false,
      fPort: 0,
      data: new Uint8Array(),
    };
    expect(decode(downlinkCommand, encode(downlinkCommand, message))).toEqual({ devEui: "a81758fffe051d02" });
    expect(toJson(downlinkCommand, message)).toEqual({ devEui: "a81758fffe051d02" });
    expect(toJson(events.log, { level: "INFO", code: "UNKNOWN", context: {} })).toEqual({});
  });

  it("refuses what is of another kind, and bytes that are no message", () => {
    expect(() => encode({ a: [1, "uint32"] }, { a: -1 })).toThrow(TypeError);
    expect(() => encode(events.log, { level: "LOUD" })).toThrow("no such label: LOUD");
    for (const bytes of ["0a05ff", "80", "0b", "0affffffff0f"])
      expect(() => decode(downlinkCommand, Buffer.from(bytes, "hex"))).toThrow(RangeError);
  });

  it("reads back what it writes", () => {
    fc.assert(
      fc.property(
        fc.record({
          id: fc.uuid(),
          devEui: fc.string({ minLength: 1, unit: "grapheme" }),
          confirmed: fc.constant(true),
          fPort: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
          data: fc.uint8Array({ minLength: 1 }),
          expiresAt: fc.record({
            seconds: fc.integer({ min: 0, max: 2 ** 41 }),
            nanos: fc.integer({ min: 0, max: 999_999_999 }),
          }),
        }),
        (message) => {
          expect(decode(downlinkCommand, encode(downlinkCommand, message))).toEqual(message);
        },
      ),
    );
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (margin) => {
        expect(decode(events.status, encode(events.status, { margin })).margin ?? 0).toBe(margin);
      }),
    );
  });

  it("never runs away on any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decode(events.up, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(error instanceof TypeError ? TypeError : RangeError);
        }
      }),
    );
  });

  it("writes moments with nine digits, as network servers do", () => {
    const at = seconds(1_658_136_855_775, 23_242);
    expect(rfc3339(at, "+00:00")).toBe("2022-07-18T09:34:15.775023242+00:00");
    expect(rfc3339(seconds(1_658_136_855_000), "Z")).toBe("2022-07-18T09:34:15Z");
    expect(toJson({ d: [1, "duration"] }, { d: { seconds: 1, nanos: 0 } })).toEqual({ d: "1s" });
  });
});

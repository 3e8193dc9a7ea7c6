import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ChecksumName, checksumNames, checksums } from "../../codec/checksum.ts";
import { Line, textOf } from "./line.ts";
import { headSchema } from "./schema.ts";
import type { LineChecksum } from "./settings.ts";

const kinds = checksumNames.filter((name): name is Exclude<ChecksumName, "none"> => name !== "none");
const checksum = (more: Partial<LineChecksum> = {}): LineChecksum => ({
  kind: "xor8",
  start: undefined,
  end: undefined,
  as: "hex",
  order: undefined,
  optional: false,
  ...more,
});
const line = (text: string) => new Line(Buffer.from(text, "latin1"));
const look = (text: string, spec: LineChecksum) => {
  const { outcome, body } = line(text).checked(spec);
  return [outcome, Buffer.from(body).toString("latin1")];
};
const star = { start: { mark: "$", included: false }, end: { mark: "*", included: false } };

describe("the checksum of a line", () => {
  it.each<[string, Partial<LineChecksum>, string, string]>([
    ["$HEHDT,218.53,T*12", star, "good", "$HEHDT,218.53,T"],
    ["$HEHDT,217.61,T*1c ", star, "good", "$HEHDT,217.61,T"],
    ["$HEHDT,217.62,T*1c", star, "bad", "$HEHDT,217.62,T"],
    ["$HEHDT,217.61,T*1", star, "missing", "$HEHDT,217.61,T*1"],
    ["$HEHDT,217.61,T", star, "missing", "$HEHDT,217.61,T"],
    ["HEHDT,217.61,T*1c", star, "missing", "HEHDT,217.61,T*1c"],
    // 31h + ... + 39h = 1DDh
    ["123456789DD", { kind: "sum8" }, "good", "123456789"],
    ["123456789DD01", { kind: "sum16", order: "little" }, "good", "123456789"],
    ["123456789\x01\xdd", { kind: "sum16", as: "binary" }, "good", "123456789"],
    ["1234567897K", { kind: "crc16-modbus", as: "binary" }, "good", "123456789"],
    ["123456789K7", { kind: "crc16-modbus", as: "binary", order: "big" }, "good", "123456789"],
    [
      "12345678;9520",
      { kind: "sum16", as: "decimal", end: { mark: ";", included: true } },
      "bad",
      "12345678;",
    ],
    [
      "12345678;479",
      { kind: "sum16", as: "decimal", end: { mark: ";", included: true } },
      "good",
      "12345678;",
    ],
    [
      "12345678;x",
      { kind: "sum16", as: "decimal", end: { mark: ";", included: true } },
      "missing",
      "12345678;x",
    ],
    ["#12,DD", { start: { mark: "#", included: true }, end: { mark: ",", included: true } }, "bad", "#12,"],
    ["F", {}, "missing", "F"],
    ["", {}, "missing", ""],
  ])("%j", (text, spec, outcome, body) => {
    expect(look(text, checksum(spec))).toEqual([outcome, body]);
  });

  it.each(kinds)("by %s holds for what it was computed of, and for nothing one bit away", (kind) => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(..."0123456789,.+-ABC"), minLength: 1, maxLength: 40 }),
        fc.constantFrom<LineChecksum["as"]>("hex", "binary"),
        fc.nat(),
        (body, as, place) => {
          const { size, compute } = checksums[kind];
          const value = compute(Buffer.from(body), 0, body.length);
          const spec = checksum({ kind, as, order: "big" });
          const digits = value.toString(16).padStart(2 * size, "0");
          const sent = Buffer.concat([
            Buffer.from(body),
            as === "hex" ? Buffer.from(digits) : Buffer.from(digits, "hex"),
          ]);
          expect(new Line(sent).checked(spec).outcome).toBe("good");
          const bit = place % (8 * sent.length);
          const flipped = Uint8Array.from(sent);
          flipped[bit >> 3]! ^= 1 << (bit & 7);
          const after = new Line(flipped).checked(spec);
          // A hex digit in the other case is the same digit.
          if (after.outcome === "good") expect(Buffer.from(after.body).toString()).toBe(body);
        },
      ),
    );
  });
});

describe("the text of a line", () => {
  const messages = { m: { match: "{a:text}" } };
  const text = (bytes: number[], more: object) =>
    textOf(Uint8Array.from(bytes), headSchema.parse({ messages, ...more }));

  it("is what its encoding says, without what is stripped", () => {
    expect(text([0x02, 0x41, 0x00, 0x42, 0x03], { strip: ["stx", "etx", "nul"] })).toBe("AB");
    expect(text([0x41, 0xe5], {})).toBeUndefined();
    expect(text([0x41, 0xe5], { encoding: "latin1" })).toBe("Aå");
    expect(text([0x41, 0xc3, 0xa5], { encoding: "utf8" })).toBe("Aå");
    expect(text([0x41, 0xe5], { encoding: "utf8" })).toBeUndefined();
  });
});

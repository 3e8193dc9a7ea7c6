import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crcText, numberOf, parseIdentity, parseStarted, splitValues, withoutCrc } from "./codec.ts";
import { parseValues } from "./dialogue.ts";
import { LineDeframer } from "./lines.ts";

const valueText = fc
  .tuple(fc.constantFrom("+", "-"), fc.integer({ min: 0, max: 9_999_999 }), fc.integer({ min: -1, max: 7 }))
  .map(([sign, digits, point]) => {
    const text = String(digits).padStart(7, "0");
    return sign + (point < 0 ? String(digits) : `${text.slice(0, point)}.${text.slice(point)}`);
  });

describe("the CRC of SDI-12", () => {
  // The first is the specification's example, the others are those of a sensor maker's manual
  // (Gill MaxiMet, 1957-PS-021 issue 3, page 74).
  it.each(["0+3.14OqZ", "0+192+000.07+267+999.9+0000DQ^", "0+999+1.2+013.1A\\W", "0+168+000.02+0000GbT"])(
    "is that of %s",
    (response) => {
      expect(crcText(response.slice(0, -3))).toBe(response.slice(-3));
      expect(withoutCrc(response)).toBe(response.slice(0, -3));
    },
  );

  it("lets no single flipped bit through as another value, whatever it hits", () => {
    fc.assert(
      fc.property(fc.array(valueText, { minLength: 1, maxLength: 8 }), fc.nat(), (values, place) => {
        const body = `0${values.join("")}`;
        const bytes = Buffer.from(`${body}${crcText(body)}\r\n`, "latin1");
        const bit = place % (bytes.length * 8);
        bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7));
        for (const { text, damaged } of new LineDeframer().push(bytes)) {
          const found = damaged || text[0] !== "0" ? undefined : parseValues(text, true);
          if (found !== undefined) expect(found).toEqual(values);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("values", () => {
  it("are those that were written, exactly", () => {
    fc.assert(
      fc.property(fc.array(valueText, { maxLength: 12 }), (values) => {
        const { values: found, rest } = splitValues(values.join(""));
        expect(found).toEqual(values);
        expect(rest).toBe("");
        for (const text of values) expect(numberOf(text)).toBe(Number(text) + 0);
      }),
    );
  });

  it("that are none are left over", () => {
    expect(splitValues("+1.23ABC")).toEqual({ values: ["+1.23"], rest: "ABC" });
    expect(splitValues("+1.2.3")).toEqual({ values: ["+1.2"], rest: ".3" });
    expect(splitValues("1.2")).toEqual({ values: [], rest: "1.2" });
    expect(splitValues("+-1")).toEqual({ values: [], rest: "+-1" });
    expect(numberOf("-0.00")).toBe(0);
  });

  it("need their CRC where one was asked for, and may have one where not", () => {
    expect(parseValues("0+3.14OqZ", true)).toEqual(["+3.14"]);
    expect(parseValues("0+3.14OqZ", false)).toEqual(["+3.14"]);
    expect(parseValues("0+3.14", false)).toEqual(["+3.14"]);
    expect(parseValues("0+3.14", true)).toBeUndefined();
    expect(parseValues("0+3.14Oqz", true)).toBeUndefined();
    expect(parseValues("0+3.14Oqz", false)).toBeUndefined();
    expect(parseValues("0+3.1x", false)).toBeUndefined();
    expect(parseValues("0", false)).toEqual([]);
  });
});

describe("what a sensor says", () => {
  it("of a measurement", () => {
    expect(parseStarted("00135", false)).toEqual({ seconds: 13, count: 5 });
    expect(parseStarted("001312", true)).toEqual({ seconds: 13, count: 12 });
    for (const text of ["0", "0013", "001355", "0 135", "0+1.2", ""])
      expect(parseStarted(text, false)).toBeUndefined();
    expect(parseStarted("00135", true)).toBeUndefined();
  });

  it("of itself", () => {
    expect(parseIdentity("113METER   TER21 389631800001")).toEqual({
      standard: "1.3",
      vendor: "METER",
      model: "TER21",
      version: "389",
      serial: "631800001",
    });
    expect(parseIdentity("013short")).toBeUndefined();
  });
});

describe("lines", () => {
  const all = (chunks: readonly Uint8Array[]) => {
    const deframer = new LineDeframer();
    return chunks.flatMap((chunk) => deframer.push(chunk));
  };

  it("are the same however they are cut", () => {
    const line = fc.oneof(
      fc.string({ maxLength: 40 }).map((text) => Buffer.from(`${text}\r\n`, "latin1")),
      fc.uint8Array({ maxLength: 200 }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 8 }), (lines, cuts) => {
        const bytes = Buffer.concat(lines);
        const places = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length].sort(
          (a, b) => a - b,
        );
        const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        expect(all(chunks)).toEqual(all([bytes]));
      }),
    );
  });

  it("come after what a break leaves, after garbage, and after a line without end", () => {
    const texts = (bytes: string) => all([Buffer.from(bytes, "latin1")]).map((line) => line);
    expect(texts("\0\0" + "0+1\r\n")).toEqual([{ text: "0+1", damaged: false }]);
    expect(texts(`${"x".repeat(500)}\r\n0+1\r\n`)).toEqual([{ text: "0+1", damaged: false }]);
    expect(texts("0+1\n")).toEqual([{ text: "0+1", damaged: true }]);
    expect(texts("0+\u00b11\r\n")).toEqual([{ text: "0+\u00b11", damaged: true }]);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { placeIn, readDecoded, readEncoded } from "./answer.ts";

// A realm is not trusted: whatever text comes out of it, it becomes an outcome of the promised form.
const texts = fc.oneof(
  fc.string(),
  fc.json(),
  fc
    .record(
      {
        data: fc.jsonValue(),
        bytes: fc.oneof(fc.jsonValue(), fc.array(fc.oneof(fc.integer({ min: -2, max: 300 }), fc.double()))),
        fPort: fc.oneof(fc.jsonValue(), fc.integer({ min: -1, max: 300 })),
        errors: fc.oneof(fc.jsonValue(), fc.constant([])),
        warnings: fc.jsonValue(),
        failure: fc.oneof(fc.jsonValue(), fc.constant("threw")),
        message: fc.jsonValue(),
        stack: fc.jsonValue(),
        printed: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    .map((answer) => JSON.stringify(answer)),
);

function expectForm(outcome: {
  errors: readonly string[];
  warnings: readonly string[];
  failure?: unknown;
  printed: number;
}): void {
  expect(outcome.errors.length > 0).toBe(outcome.failure !== undefined);
  for (const text of [...outcome.errors, ...outcome.warnings]) expect(typeof text).toBe("string");
  expect(typeof outcome.printed).toBe("number");
}

describe("answers of a realm", () => {
  it("become data or a failure, never both and never anything else", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const decoded = readDecoded("c", { text });
        expectForm(decoded);
        expect(decoded.data === undefined).toBe(decoded.failure !== undefined);
        if (decoded.data) expect(JSON.parse(text).data).toEqual(decoded.data);
      }),
      { numRuns: 1000 },
    );
  });

  it("become bytes or a failure", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const encoded = readEncoded("c", { text });
        expectForm(encoded);
        expect(encoded.bytes === undefined).toBe(encoded.failure !== undefined);
        if (encoded.bytes) {
          const { bytes } = JSON.parse(text);
          expect(Array.from(encoded.bytes)).toEqual(bytes.map((byte: number) => Math.trunc(byte) + 0));
        }
        if (encoded.fPort !== undefined) expect(encoded.fPort >= 1 && encoded.fPort <= 223).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it("tell for want of memory what the engine could not", () => {
    const text = JSON.stringify({ failure: "threw", message: "null", name: "", stack: "" });
    expect(readDecoded("c", { text, full: true }).failure?.code).toBe("out-of-memory");
    expect(readDecoded("c", { text, full: false }).failure?.code).toBe("threw");
  });
});

describe("placeIn", () => {
  it("finds the script's own line, not that of what called it", () => {
    expect(placeIn("    at f (codec.js:12:5)\n    at run (prelude.js:70:3)\n")).toEqual({
      line: 12,
      column: 5,
    });
    expect(placeIn("    at run (prelude.js:70:3)\n    at codec.js:3:9")).toEqual({ line: 3, column: 9 });
    expect(placeIn("    at g (native)\n")).toBeUndefined();
  });
});

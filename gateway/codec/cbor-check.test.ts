import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeCbor } from "./cbor.ts";
import { type CborLimits, checkCbor, decodeCbor } from "./cbor-check.ts";
import { FormatError } from "./format-error.ts";

const limits: CborLimits = { maxBytes: 1000, maxDepth: 4, maxItems: 100 };

function verdict(bytes: Uint8Array, use: CborLimits = limits): string {
  try {
    checkCbor(bytes, use);
    return "fine";
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return error.code;
  }
}

describe("checkCbor", () => {
  it.each<[string, string]>([
    ["00", "fine"],
    ["a201020304", "fine"],
    ["83f4f5f6", "fine"],
    ["f93c00", "fine"],
    ["b90001616101", "fine"],
    ["", "cbor-truncated"],
    ["19ff", "cbor-truncated"],
    ["63e6b0", "cbor-truncated"],
    ["8201", "cbor-truncated"],
    ["9b000000ffffffffff", "cbor-truncated"],
    ["bbffffffffffffffff", "cbor-truncated"],
    ["5b7fffffffffffffff", "cbor-truncated"],
    ["fb00", "cbor-truncated"],
    ["0000", "cbor-trailing-bytes"],
    ["1c", "cbor-reserved"],
    ["fc", "cbor-reserved"],
    ["9f01ff", "cbor-indefinite-length"],
    ["7f6161ff", "cbor-indefinite-length"],
    ["ff", "cbor-indefinite-length"],
    ["c249010000000000000000", "cbor-tag"],
    ["d9d9f700", "cbor-tag"],
    ["a1f400", "cbor-key"],
    ["a1f93c0000", "cbor-key"],
    ["a1410000", "cbor-key"],
    ["a201000100", "cbor-duplicate-key"],
    ["a20100180100", "cbor-duplicate-key"],
    ["a2616100616100", "cbor-duplicate-key"],
    ["a2616100780161" + "6100", "cbor-duplicate-key"],
    ["a21bfffffffffffffffe001bfffffffffffffffe00", "cbor-duplicate-key"],
    ["a21bfffffffffffffffe001bffffffffffffffff00", "fine"],
    ["a2000120" + "00", "fine"],
    ["61ff", "cbor-text"],
    ["62c328", "cbor-text"],
    ["63eda080", "cbor-text"],
    ["f7", "cbor-simple-value"],
    ["e0", "cbor-simple-value"],
    ["f8ff", "cbor-simple-value"],
    ["8181818100", "fine"],
    ["818181818100", "cbor-too-deep"],
    ["8181818180", "cbor-too-deep"],
    ["a100a100a100a100a0", "cbor-too-deep"],
  ])("%s: %s", (hex, expected) => {
    expect(verdict(Buffer.from(hex, "hex"))).toBe(expected);
  });

  it("bounds bytes and items", () => {
    expect(verdict(new Uint8Array(1001))).toBe("cbor-too-large");
    expect(verdict(encodeCbor(new Array(99).fill(0)))).toBe("fine");
    expect(verdict(encodeCbor(new Array(100).fill(0)))).toBe("cbor-too-many-items");
  });

  it("takes 100,000 levels without recursion", () => {
    const bytes = new Uint8Array(100_001).fill(0x81);
    bytes[100_000] = 0;
    const large = { maxBytes: 1e6, maxItems: 1e6 };
    expect(verdict(bytes, { ...large, maxDepth: 100_000 })).toBe("fine");
    expect(verdict(bytes, { ...large, maxDepth: 99_999 })).toBe("cbor-too-deep");
  });

  it("lets through the tags that are named, and counts them as a level", () => {
    const tagged = Buffer.from("d28101", "hex");
    expect(verdict(tagged)).toBe("cbor-tag");
    expect(verdict(tagged, { ...limits, tags: [18] })).toBe("fine");
    expect(verdict(tagged, { ...limits, tags: [18], maxDepth: 1 })).toBe("cbor-too-deep");
  });

  it("accepts whatever we encode, and no beginning of it", () => {
    const value = fc.dictionary(
      fc.string(),
      fc.oneof(fc.double(), fc.string({ unit: "grapheme" }), fc.uint8Array(), fc.array(fc.maxSafeInteger())),
    );
    fc.assert(
      fc.property(value, fc.nat(), (object, cut) => {
        const bytes = encodeCbor(object);
        const use = { maxBytes: 1e6, maxItems: 1e5, maxDepth: 3 };
        expect(verdict(bytes, use)).toBe("fine");
        expect(verdict(bytes.subarray(0, cut % bytes.length), use)).toBe("cbor-truncated");
      }),
    );
  });

  it("whatever it lets through decodes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        if (verdict(bytes) === "fine") expect(decodeCbor(bytes, limits)).toBeDefined();
      }),
      { numRuns: 20_000 },
    );
  });
});

describe("decodeCbor", () => {
  it("gives maps, so that no key reaches a prototype", () => {
    const decoded = decodeCbor(encodeCbor(new Map([["__proto__", { polluted: true }]])), limits);
    expect(decoded).toBeInstanceOf(Map);
    expect(decoded instanceof Map && decoded.get("__proto__")).toEqual(new Map([["polluted", true]]));
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });

  it("copies byte strings out of the input", () => {
    const bytes = encodeCbor(Uint8Array.of(1, 2, 3));
    const decoded = decodeCbor(bytes, limits);
    bytes.fill(0);
    expect(decoded).toEqual(Uint8Array.of(1, 2, 3));
  });
});

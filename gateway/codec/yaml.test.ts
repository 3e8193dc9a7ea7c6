import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { maxYamlBytes, parseYaml } from "./yaml.ts";

const codes = (text: string): string[] => parseYaml(text, "f.yaml").diagnostics.map((one) => one.code);

describe("parseYaml", () => {
  it("knows where keys and values stand", () => {
    const { document } = parseYaml("a: 1\nb:\n  - x\n  - {c: 0.10}\n", "f.yaml");
    expect(document?.value).toEqual({ a: 1, b: ["x", { c: 0.1 }] });
    expect(document?.span(["b", 1, "c"], "key")).toEqual({ line: 4, column: 6, length: 1 });
    expect(document?.span(["b", 1, "c"], "value")).toEqual({ line: 4, column: 9, length: 4 });
    expect(document?.span(["b", 0, "gone"], "value")).toEqual({ line: 3, column: 5, length: 1 });
    expect(document?.source(["b", 1, "c"])).toBe("0.10");
    expect(document?.keys([])).toEqual(["a", "b"]);
  });

  it.each([
    ["plain", "a: p + qq * 2\n", { line: 1, column: 8, length: 2 }],
    ["in quotes", "a: 'p + qq'\n", { line: 1, column: 9, length: 2 }],
    ["in double quotes, after an escape", 'a: "\\"x\\" == p + qq"\n', { line: 1, column: 18, length: 2 }],
    ["folded", "a: >-\n  p +\n  qq\n", { line: 3, column: 3, length: 2 }],
    ["over several lines", "a: p +\n   qq\n", { line: 2, column: 4, length: 2 }],
  ])("finds a part of a text again: %s", (_how, text, place) => {
    const { document } = parseYaml(text, "f.yaml");
    const from = String(Reflect.get(Object(document?.value), "a")).indexOf("qq");
    expect(document?.span(["a"], "value", [from, from + 2])).toEqual(place);
  });

  it("underlines the whole text when its part cannot be followed, and the place behind it for what is missing", () => {
    const { document } = parseYaml('a: "\\u0071q"\nb: p +\n', "f.yaml");
    expect(document?.span(["a"], "value", [0, 1])).toEqual({ line: 1, column: 4, length: 9 });
    expect(document?.span(["b"], "value", [3, 3])).toEqual({ line: 2, column: 7, length: 1 });
  });

  it("keeps 64-bit integers exact and reads words as words", () => {
    const { document } = parseYaml("a: 0xFFFFFFFFFFFFFFFF\nb: no\nc: on\nd: 0x7F\n0x10: e\n", "f.yaml");
    expect(document?.value).toEqual({ a: 0xffffffffffffffffn, b: "no", c: "on", d: 127, 16: "e" });
  });

  it.each([
    ["a: &x 1", "anchor"],
    ["a: *x", "alias"],
    ["? *x\n: 1", "alias"],
    ["? &x a\n: 1", "anchor"],
    ["<<: {a: 1}", "merge-key"],
    ["a: !!str 1", "tag"],
    ["a: 1\na: 2", "duplicate-key"],
    ["0x10: 1\n16: 2", "duplicate-key"],
    ["? [a]\n: 1", "bad-key"],
    ["__proto__: {a: 1}", "bad-key"],
    ["1.5: a", "bad-key"],
    ["a: 1\n---\nb: 2", "several-documents"],
    ["a:\n\tb: 1", "tab"],
    ["a:\n  b: 1\n c: 2", "indentation"],
    ["a: {b: 1", "syntax"],
    ['a: "b', "syntax"],
    ["a: b: c", "indentation"],
    ["a\nb: 1", "syntax"],
    ["a: @b", "syntax"],
  ])("refuses %j: %s", (text, code) => {
    expect(codes(text)).toEqual([code]);
  });

  it("bounds size and depth before anything recurses", () => {
    expect(codes(`a: ${"x".repeat(maxYamlBytes)}`)).toEqual(["file-too-large"]);
    expect(codes("[".repeat(60_000))).toEqual(["too-deep"]);
    expect(codes("- ".repeat(30_000))).toEqual(["too-deep"]);
    expect(codes("{a: ".repeat(15_000))).toEqual(["too-deep"]);
    expect(codes(`${"[".repeat(30)}1${"]".repeat(30)}`)).toEqual([]);
  });

  it("reads an empty file as nothing", () => {
    expect(parseYaml("", "f.yaml").document?.value).toBeNull();
    expect(parseYaml("# only a comment\n", "f.yaml").document?.value).toBeNull();
  });

  const json = fc
    .jsonValue({ maxDepth: 4, noUnicodeString: true })
    .filter(
      (value) => !JSON.stringify(value).includes("__proto__") && !JSON.stringify(value).includes('"<<"'),
    );

  it("reads back whatever the library writes", () => {
    fc.assert(
      fc.property(json, (value) => {
        const { document, diagnostics } = parseYaml(
          stringify(value, { aliasDuplicateObjects: false }),
          "f.yaml",
        );
        expect(diagnostics).toEqual([]);
        const asNumber = (_key: string, one: unknown): unknown =>
          typeof one === "bigint" ? Number(one) : one;
        expect(JSON.stringify(document?.value, asNumber)).toBe(JSON.stringify(value));
      }),
    );
  });

  it("never throws, and every finding lies inside the text", () => {
    const pieces = fc.constantFrom(
      "a",
      ": ",
      "\n",
      "  ",
      "- ",
      "[",
      "]",
      "{",
      "}",
      '"',
      "'",
      "&x ",
      "*x",
      "#",
      "|",
      ">",
      "!",
      "\t",
      "?",
      ",",
      "%",
      "0x1",
      "---\n",
      "é",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        const text = parts.join("");
        const lines = text.split("\n");
        for (const { line, column, length } of parseYaml(text, "f.yaml").diagnostics) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(lines.length);
          expect(column).toBeLessThanOrEqual((lines[line - 1]?.length ?? 0) + 1);
          expect(length).toBeGreaterThanOrEqual(1);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

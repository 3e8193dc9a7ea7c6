import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cursorAt } from "./cursor.ts";

/** The cursor stands at `|`. */
function at(text: string) {
  const offset = text.indexOf("|");
  return cursorAt(text.replace("|", ""), offset);
}

describe("cursorAt", () => {
  it("finds the keys above by their indentation", () => {
    expect(at("devices:\n  lamp-1:\n    pro|file: x\n")).toMatchObject({
      parents: ["devices", "lamp-1"],
      key: "profile",
      typed: "pro",
      inValue: false,
    });
    expect(at("a:\n  b: 1\nc:\n  d|")).toMatchObject({ parents: ["c"], key: "d", typed: "d" });
  });

  it("knows a value from a key", () => {
    expect(at("local:\n  https: {port: 8443}\nlog: inf|")).toMatchObject({
      parents: [],
      key: "log",
      typed: "inf",
      inValue: true,
    });
  });

  it("takes the column of an empty line", () => {
    expect(at("devices:\n  lamp-1:\n    unit: 1\n    |\n")).toMatchObject({
      parents: ["devices", "lamp-1"],
      typed: "",
    });
    expect(at("devices:\n  lamp-1:\n    unit: 1\n  |\n")).toMatchObject({ parents: ["devices"] });
    expect(at("devices:\n  lamp-1:\n    unit: 1\n|\n")).toMatchObject({ parents: [] });
  });

  it("looks into flow maps and lists on a line", () => {
    expect(at("gateway: {id: gw-1, po|}")).toMatchObject({
      parents: ["gateway"],
      key: "po",
      typed: "po",
      inValue: false,
    });
    expect(at("gateway: {id: g|")).toMatchObject({
      parents: ["gateway"],
      key: "id",
      typed: "g",
      inValue: true,
    });
    expect(at("c:\n  x: {tcp: {host: a, port: 5|}}")).toMatchObject({
      parents: ["c", "x", "tcp"],
      key: "port",
    });
    expect(at("steps: [{round: 1}, {agg|")).toMatchObject({ parents: ["steps", "0"], key: "agg" });
  });

  it("counts items of lists as one place", () => {
    expect(at("northbounds:\n  - name: a\n    ho|")).toMatchObject({
      parents: ["northbounds", "0"],
      key: "ho",
    });
    expect(at("list:\n  - ke|")).toMatchObject({ parents: ["list", "0"], key: "ke" });
  });

  it("passes over comments and quoted braces", () => {
    expect(at('a:\n  # b: {\n  c: "x {y"\n  d|')).toMatchObject({ parents: ["a"], key: "d" });
    expect(at('a: {t: "x, {", u|')).toMatchObject({ parents: ["a"], key: "u" });
  });

  it("never throws, whatever is typed", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", ":", " ", "\n", "-", "{", "}", "[", "]", ",", '"', "#") }),
        fc.nat(200),
        (text, offset) => {
          const { parents } = cursorAt(text, Math.min(offset, text.length));
          expect(Array.isArray(parents)).toBe(true);
        },
      ),
    );
  });
});

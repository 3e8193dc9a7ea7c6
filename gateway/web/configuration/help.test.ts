import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { diffLines, excerpt } from "./diff.ts";
import { helpAt, keysAt } from "./schema.ts";

const schema = {
  type: "object",
  required: ["gateway"],
  properties: {
    gateway: { $ref: "#/$defs/gateway" },
    devices: {
      additionalProperties: {
        anyOf: [
          {
            properties: {
              unit: { type: "integer", minimum: 1, maximum: 247, description: "Modbus unit id" },
            },
          },
          { properties: { address: { type: "string" } } },
        ],
      },
    },
    loop: { $ref: "#/properties/loop" },
  },
  $defs: {
    gateway: {
      description: "About itself",
      properties: { level: { enum: ["info", "warn"], default: "info" }, on: { type: "boolean" } },
    },
  },
};

describe("help of the schema", () => {
  it("follows references, choices and maps", () => {
    expect(helpAt(schema, ["gateway"])?.descriptions).toEqual(["About itself"]);
    expect(helpAt(schema, ["gateway", "level"])).toMatchObject({
      values: ["info", "warn"],
      standard: "info",
    });
    expect(helpAt(schema, ["gateway", "on"])?.values).toEqual(["true", "false"]);
    expect(helpAt(schema, ["devices", "lamp-1", "unit"])).toMatchObject({
      descriptions: ["Modbus unit id"],
      kinds: ["integer ≥ 1 ≤ 247"],
    });
    expect(keysAt(schema, ["devices", "lamp-1"]).map(({ key }) => key)).toEqual(["unit", "address"]);
    expect(keysAt(schema, []).map(({ key }) => key)).toEqual(["gateway", "devices", "loop"]);
  });

  it("knows nothing of what is not there, and ends with a reference to itself", () => {
    expect(helpAt(schema, ["nothing"])).toBeUndefined();
    expect(helpAt(schema, ["loop", "x"])).toBeUndefined();
    expect(keysAt(undefined, [])).toEqual([]);
  });
});

describe("diffLines", () => {
  const words = fc
    .array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 12 })
    .map((lines) => lines.join("\n"));

  it("leads from the one text to the other, and says of nothing that stays that it changed", () => {
    fc.assert(
      fc.property(words, words, (before, after) => {
        const lines = diffLines(before, after);
        const of = (kind: string) => lines.filter((line) => line.kind !== kind).map(({ text }) => text);
        expect(of("added").join("\n")).toBe(before);
        expect(of("taken").join("\n")).toBe(after);
        if (before === after) expect(lines.every(({ kind }) => kind === "same")).toBe(true);
      }),
    );
  });

  it("shows what changed with the lines beside it", () => {
    const before = Array.from({ length: 40 }, (_, index) => `line ${index}`);
    const after = before.with(20, "another");
    const shown = excerpt(diffLines(before.join("\n"), after.join("\n")), 1);
    expect(shown.map((line) => line?.text)).toEqual([
      undefined,
      "line 19",
      "line 20",
      "another",
      "line 21",
      undefined,
    ]);
  });
});

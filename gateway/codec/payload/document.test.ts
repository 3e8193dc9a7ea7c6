import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../model/errors.ts";
import { compilePayload, readSchemaText, runVector } from "./index.ts";

const messageOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "no error";
};
const refused = (fields: string, head = ""): string =>
  messageOf(() => compilePayload(readSchemaText(`name: t\n${head}\nfields:\n${fields}`)));

describe("readSchemaText", () => {
  it("keeps the order and the types of keys", () => {
    const value = readSchemaText("b: 1\n0x20: x\n3: y\n'4': z\n[3, 0x67]: t");
    expect(value instanceof Map ? [...value.keys()] : value).toEqual(["b", 32, 3, "4", "[3, 103]"]);
  });

  it("follows aliases and merge keys, sharing what they name", () => {
    const value = readSchemaText("a: &x {p: 1, q: 2}\nb: *x\nc: {<<: *x, q: 3}");
    const map = value instanceof Map ? value : new Map();
    expect(map.get("b")).toBe(map.get("a"));
    expect([...map.get("c")]).toEqual([
      ["q", 3],
      ["p", 1],
    ]);
  });

  it("reads what is not quoted in a payload as it is written", () => {
    const schema =
      "name: t\nfields: [{name: v, type: u8}]\ntest_vectors:\n- {payload: 09, expected: {v: 9}}\n- {payload: 0x0A, expected: {v: 10}}\n- {payload: [11], expected: {v: 11}}\n- {input: {v: 7}, expected_payload: 07}";
    const payload = compilePayload(readSchemaText(schema));
    expect(payload.vectors.map((vector) => runVector(payload, vector).problems)).toEqual([[], [], [], []]);
  });

  it("takes the last of two equal keys, as the language's own tools do, and says so", () => {
    const payload = compilePayload(
      readSchemaText("name: t\nfields: [{name: v, type: u8, lookup: {1: a, 0x01: b}}]"),
    );
    expect(payload.decode(Uint8Array.of(1)).data).toEqual({ v: "b" });
    expect(payload.notes).toEqual([expect.stringContaining("twice")]);
  });

  it("bounds what aliases can grow to", () => {
    const levels = Array.from(
      { length: 12 },
      (_, level) => `l${level + 1}: &l${level + 1} [${`*l${level}, `.repeat(9)}*l${level}]`,
    );
    expect(messageOf(() => readSchemaText(`l0: &l0 [x]\n${levels.join("\n")}`))).toContain("aliases");
    expect(messageOf(() => readSchemaText("a: &a [*a]"))).toContain("itself");
    expect(messageOf(() => readSchemaText("a: *nothing"))).toContain("nothing");
  });

  it("bounds size and depth", () => {
    expect(messageOf(() => readSchemaText(`a: "${"x".repeat(600_000)}"`))).toContain("kB");
    expect(messageOf(() => readSchemaText("[".repeat(60_000)))).toContain("deeper");
    expect(messageOf(() => readSchemaText("a: [1"))).not.toBe("no error");
  });

  it("gives a value or a ConfigError, whatever the text", () => {
    const words = fc.constantFrom(
      "a: ",
      "- ",
      "&x ",
      "*x",
      "\n",
      "  ",
      "{",
      "}",
      "[",
      "]",
      ": ",
      "<<: ",
      "1",
      "'",
      "#",
      "fields",
      "|\n",
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 40 }), (parts) => {
        expect(messageOf(() => readSchemaText(parts.join("")))).toBeTypeOf("string");
      }),
      { numRuns: 500 },
    );
  });
});

describe("vectors", () => {
  const run = (fields: string, vector: string) => {
    const payload = compilePayload(readSchemaText(`name: t\nfields:\n${fields}\ntest_vectors:\n- ${vector}`));
    return payload.vectors.map((one) => runVector(payload, one).ok);
  };

  it.each([
    ["{payload: '0a', expected: {v: 10}}", true],
    ["{payload: '0a', expected: {v: 10.0004}}", true],
    ["{payload: '0a', expected: {v: 10.002}}", false],
    ["{payload: '0a', expected: {v: 11}}", false],
    ["{payload: '0a', expected: {v: '10'}}", false],
    ["{payload: '0a', expected: {w: 10}}", false],
    ["{payload: '01', expected: {v: true}}", true],
    ["{payload: '', expected: {}}", false],
    ["{input: {v: 3}, expected_payload: '03'}", true],
    ["{input: {v: 3}, expected_payload: '04'}", false],
    ["{input: {v: 300}, expected_payload: ''}", false],
  ])("%s", (vector, ok) => {
    expect(run("- {name: v, type: u8}", vector)).toEqual([ok]);
  });

  it("compares objects as subsets and lists in full", () => {
    const fields =
      "- {name: l, type: repeat, until: end, fields: [{name: a, type: u8}, {name: b, type: u8, div: 4}]}";
    expect(run(fields, "{payload: '01020304', expected: {l: [{a: 1}, {b: 1.0}]}}")).toEqual([true]);
    expect(run(fields, "{payload: '01020304', expected: {l: [{a: 1}]}}")).toEqual([false]);
    expect(
      run(
        "- {name: v, type: u8, valid_range: [0, 5]}",
        "{payload: '09', expected: {v: 9, _quality: {v: out_of_range}}}",
      ),
    ).toEqual([true]);
  });

  it.each([
    ["fPort: 2", true],
    ["fport: 2", true],
    ["port: 2", true],
    ["port: 3", false],
  ])("chooses the layout by %s", (port, ok) => {
    const text = `name: t\nports: {2: {fields: [{name: v, type: u8}]}}\ntest_vectors: [{payload: '01', expected: {v: 1}, ${port}}]`;
    const payload = compilePayload(readSchemaText(text));
    expect(payload.vectors.map((one) => runVector(payload, one).ok)).toEqual([ok]);
  });
});

describe("schemas that cannot be compiled", () => {
  it.each([
    ["- {name: a, type: u7}", "fields[0].type"],
    ["- {name: a, type: 'u8[3+:2]'}", "fields[0].type"],
    ["- {name: a, type: 'u8:4'}", "fields[0].type"],
    ["- {name: a, type: 'u8[4:8]'}", "fields[0].type"],
    ["- {name: a, type: 's8[0:3]'}", "fields[0].type"],
    ["- {name: a, type: u8}\n- {name: b, type: u8, formula: x * 2}", "fields[1].formula"],
    ["- {name: a, type: number, formula: x}", "fields[0].formula"],
    ["- {name: a, match_value: []}", "fields[0].match_value"],
    ["- {name: a, type: number}", "fields[0]"],
    ["- {name: a, type: number, ref: $b, polynomial: [1]}", "fields[0].polynomial"],
    ["- {name: a, type: string, length: -1}", "fields[0].length"],
    ["- {name: a, type: string, length: $n}", "fields[0].length"],
    ["- {name: a, type: hex, length: remaining}\n- {name: b, type: hex, length: remaining}", "fields"],
    ["- {name: a, div: ten}", "fields[0].div"],
    ["- {name: a, encoding: base7}", "fields[0].encoding"],
    ["- {name: a, lookup: 5}", "fields[0].lookup"],
    ["- {name: a, lookup: {x: y}}", "fields[0].lookup"],
    ["- {name: a, absent: [{}]}", "fields[0].absent"],
    ["- {name: a, time: sundial}", "fields[0].time"],
    ["- {name: __proto__}", "fields[0].name"],
    ["- byte_group: [{name: a, type: 'u16[0:3]'}]", "fields[0].byte_group[0]"],
    ["- {name: a, type: repeat, fields: []}", "fields[0]"],
    ["- {name: a, type: repeat, count: 1, until: end, fields: []}", "fields[0]"],
    ["- {name: a, type: object}", "fields[0]"],
    ["- match: {field: $a}", "fields[0].match"],
    ["- match: {field: $a, cases: {1: nothing}}", "fields[0].match.cases.1"],
    ["- flagged: {field: a, groups: [{fields: []}]}", "fields[0].flagged.groups[0]"],
    ["- tlv: {cases: {'[1, 2]': []}}", "fields[0].tlv.cases.[1, 2]"],
    ["- tlv: {tag_fields: [{name: a}, {name: b}], cases: {'[1]': []}}", "fields[0].tlv.cases.[1]"],
    ["- $ref: '#/definitions/none'", "fields[0].$ref"],
    ["- 5", "fields[0]"],
  ])("%s is refused at %s", (fields, path) => {
    expect(refused(fields)).toMatch(new RegExp(`^${path.replace(/[[\]$.]/g, "\\$&")}: `));
  });

  it("refuses definitions that contain themselves or grow without end", () => {
    const loop =
      "definitions: {a: {fields: [{$ref: '#/definitions/b'}]}, b: {fields: [{$ref: '#/definitions/a'}]}}";
    expect(refused("- $ref: '#/definitions/a'", loop)).toContain("contains itself");
    const inside =
      "definitions: {a: {fields: [{name: o, type: object, fields: [{$ref: '#/definitions/a'}]}]}}";
    expect(refused("- $ref: '#/definitions/a'", inside)).toContain("deeper");
    const bomb = Array.from(
      { length: 20 },
      (_, level) =>
        `d${level}: [${Array(10)
          .fill(`{use: d${level + 1}}`)
          .join(", ")}]`,
    );
    expect(refused("- use: d0", `definitions: {${bomb.join(", ")}, d20: []}`)).toContain("more than");
  });

  it("does not look into definitions that nobody uses", () => {
    expect(refused("- {name: a}", "definitions: {odd: {fields: [{type: array}]}}")).toBe("no error");
  });

  it.each([
    ["name: t", "fields or ports"],
    ["name: t\nheader: []\nfields: []", "header"],
    ["name: t\nports: {0: {fields: []}}", "ports.0"],
    ["name: t\nendian: middle\nfields: []", "endian"],
    ["[]", "a mapping is needed"],
    ["name: t\nfields: '>Z:a'", "compact"],
    ["name: t\nfields: []\ntest_vectors: [{payload: xyz, expected: {}}]", "test_vectors[0].payload"],
  ])("%j says %s", (text, message) => {
    expect(messageOf(() => compilePayload(readSchemaText(text)))).toContain(message);
  });
});

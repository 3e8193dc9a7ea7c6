// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${n} is the language's own way to name a variable
import { describe, expect, it } from "vitest";
import { compilePayload, readSchemaText } from "./index.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
const compile = (fields: string, head = "") =>
  compilePayload(readSchemaText(`name: t\n${head}\nfields:\n${fields}`));
const decode = (fields: string, bytes: string, head = "") => {
  const { data, errors } = compile(fields, head).decode(hex(bytes));
  expect(errors).toEqual([]);
  return data;
};

describe("numbers", () => {
  it.each([
    ["u8", "ff", 255],
    ["uint16", "0102", 258],
    ["u24", "010203", 66_051],
    ["u32", "fffffffe", 4_294_967_294],
    ["u64", "0020000000000000", "9007199254740992"],
    ["u64", "001fffffffffffff", 9_007_199_254_740_991],
    ["s64", "ffffffffffffffff", -1],
    ["s64", "8000000000000000", "-9223372036854775808"],
    ["i8", "80", -128],
    ["int24", "ffffff", -1],
    ["s32", "80000000", -2_147_483_648],
    ["f16", "3c00", 1],
    ["float", "3dcccccd", 0.10000000149011612],
    ["double", "3fb999999999999a", 0.1],
    ["le_u16", "0102", 513],
    ["u32le16", "0002 0001", 65_538],
    ["s32le16", "fffe ffff", -2],
    ["udec", "37", 3.7],
    ["sdec", "f5", -0.5],
    ["sdec", "25", 2.5],
  ])("%s reads %s as %s", (type, bytes, value) => {
    expect(decode(`- {name: v, type: ${type}}`, bytes)).toEqual({ v: value });
  });

  it("follows the schema's byte order, unless the field or its type says otherwise", () => {
    const fields =
      "- {name: a, type: s16}\n- {name: b, type: be_u16}\n- {name: c, type: u16, endian: big}\n- {name: d, type: f32}";
    expect(decode(fields, "feff 0102 0102 0000803f", "endian: little")).toEqual({
      a: -2,
      b: 258,
      c: 258,
      d: 1,
    });
  });

  it("leaves out what is no number", () => {
    expect(
      decode("- {name: a, type: f32}\n- {name: b, type: f32}\n- {name: c, type: u8}", "7fc00000 ff800000 01"),
    ).toEqual({ c: 1 });
  });

  it("has no minus zero", () => {
    expect(Object.is(decode("- {name: a, type: s8, mult: -1}", "00").a, 0)).toBe(true);
  });

  it.each([
    ["sign_magnitude", "u8", "85", -5],
    ["bcd", "u16", "1234", 1234],
    ["gray", "u8", "0d", 9],
  ])("undoes the encoding %s", (encoding, type, bytes, value) => {
    expect(decode(`- {name: v, type: ${type}, encoding: ${encoding}}`, bytes)).toEqual({ v: value });
  });

  it("refuses a nibble that is no digit", () => {
    expect(compile("- {name: v, type: u8, encoding: bcd}").decode(hex("1a")).errors).toHaveLength(1);
  });
});

describe("modifiers", () => {
  it("applies mult, div, add in this order, whatever is written first", () => {
    expect(decode("- {name: v, type: u8, add: 1, div: 4, mult: 6}", "0a")).toEqual({ v: 16 });
    expect(decode("- {name: v, type: u8, div: 0}", "0a")).toEqual({ v: 10 });
  });

  it.each([
    ["[{add: -500}, {div: 10}]", 1000, 50],
    ["[{sqrt: true}]", 144, 12],
    ["[{mult: -1}, {sqrt: true}]", 144, 0],
    ["[{mult: -1}, {abs: true}]", 7, 7],
    ["[{pow: 3}]", 4, 64],
    ["[{log10: true}]", 1000, 3],
    ["[{log: true}, {op: round, decimals: 3}]", 100, 4.605],
    ["[{floor: 10}]", 3, 10],
    ["[{ceiling: 10}]", 30, 10],
    ["[{clamp: [5, 20]}]", 30, 20],
    ["[{div: 8}, {op: floor}]", 15, 1],
    ["[{div: 8}, {op: ceil}]", 9, 2],
    ["[{div: 2}, {round: 0}]", 5, 2],
    ["[{mult: 3, div: 2, add: 1}]", 3, 5.5],
    ["[{sqrt: false}]", 9, 9],
  ])("transform %s takes %d to %d", (stages, raw, value) => {
    const bytes = raw.toString(16).padStart(4, "0");
    expect(decode(`- {name: v, type: u16, transform: ${stages}}`, bytes)).toEqual({ v: value });
  });

  it("notes an operation that it does not know", () => {
    expect(compile("- {name: v, type: u8, transform: [{op: double}]}").notes).toHaveLength(1);
  });

  it("reports a power that is no number as an error", () => {
    expect(compile("- {name: v, type: u8, transform: [{pow: -1}]}").decode(hex("00")).errors).toHaveLength(1);
  });
});

describe("labels", () => {
  it("counts a list from 0 and makes an overrun an error", () => {
    const payload = compile("- {name: v, type: u8, lookup: [off, on]}\n- {name: w, type: u8}");
    expect(payload.decode(hex("0105")).data).toEqual({ v: "on", w: 5 });
    const over = payload.decode(hex("0205"));
    expect([over.data, over.errors.length]).toEqual([{}, 1]);
  });

  it("leaves out what a map does not know, and labels what a modifier left whole", () => {
    const fields =
      "- {name: v, type: u8, lookup: {3: three, 0x10: true}}\n- {name: w, type: u8, div: 2, lookup: {2: two}}";
    expect(decode(fields, "0304")).toEqual({ v: "three", w: "two" });
    expect(decode(fields, "1005")).toEqual({ v: true, w: 2.5 });
    expect(decode(fields, "0406")).toEqual({});
  });

  it("gives an unlisted enum value its default, else a text that names it", () => {
    const fields =
      "- {name: a, type: enum, base: s8, values: {-1: low}}\n- {name: b, type: enum, values: [x, y], default: other}";
    expect(decode(fields, "ff01")).toEqual({ a: "low", b: "y" });
    expect(decode(fields, "0709")).toEqual({ a: "unknown(7)", b: "other" });
  });

  it("takes the keys of JSON, which are texts", () => {
    const payload = compilePayload({
      name: "j",
      fields: [{ name: "v", type: "u8", lookup: { "0x0a": "ten", "11": "eleven" } }],
    });
    expect(payload.decode(hex("0a")).data).toEqual({ v: "ten" });
    expect(payload.decode(hex("0b")).data).toEqual({ v: "eleven" });
  });
});

describe("bits", () => {
  it("reads ranges where the cursor stands, and moves it by consume only", () => {
    const fields =
      "- {name: a, type: 'u8[0:3]'}\n- {name: b, type: 'u8[4:7]', consume: 1}\n- {name: c, type: bool, bit: 7}\n- {name: d, type: bool, consume: 1}\n- {name: e, type: u8}";
    expect(decode(fields, "2181ff")).toEqual({ a: 1, b: 2, c: true, d: true, e: 255 });
  });

  it("reads wide ranges big-endian in every schema", () => {
    expect(decode("- {name: a, type: 'u16[4:11]', consume: 2}", "1230", "endian: little")).toEqual({
      a: 0x23,
    });
    expect(
      decode("- {name: a, type: 'u64[60:63]'}\n- {name: b, type: 'u32[0:31]'}", "f00000ff00000000"),
    ).toEqual({ a: 15, b: 0xf00000ff });
  });

  it("moves once behind a group, by its size", () => {
    const fields =
      "- byte_group: [{name: a, type: 'u16[0:7]', consume: 5}, {name: b, type: u8}, {name: _c, type: 'u16[8:15]'}]\n  size: 2\n- {name: d, type: number, ref: $_c}\n- {name: e, type: u8}";
    expect(decode(fields, "010203")).toEqual({ a: 2, b: 1, d: 1, e: 3 });
  });
});

describe("texts and bytes", () => {
  it.each([
    ["ascii, length: 4", "41ff4200", "A\ufffdB"],
    ["string, length: 3", "c3a500", "å"],
    ["hex, length: 2", "ab01", "ab01"],
    ["'hex:upper', length: 2", "ab01", "AB01"],
    ["base64, length: 2", "ab01", "qwE="],
    ["bytes, length: remaining", "ab01ff", "ab01ff"],
    ["bytes, length: remaining", "", ""],
    ["bytes, length: 2, format: 'hex:upper', separator: ':'", "ab01", "AB:01"],
    ["version_string, prefix: v", "01020a", "v1.2.10"],
    ["bitfield_string, length: 2, parts: [[8, 8], [0, 8, hex]]", "0a0b", "10.b"],
  ])("%s", (type, bytes, value) => {
    expect(decode(`- {name: v, type: ${type}}`, bytes)).toEqual({ v: value });
  });

  it("puts bitfield_string in the schema's byte order", () => {
    expect(
      decode("- {name: v, type: bitfield_string, parts: [[12, 4], [0, 12]]}", "0110", "endian: little"),
    ).toEqual({ v: "1.1" });
  });

  it("skips, even beyond the end", () => {
    expect(
      decode(
        "- {name: p, type: skip, length: 2}\n- {name: a, type: u8}\n- {type: skip, length: 9}",
        "ffff07",
      ),
    ).toEqual({ a: 7 });
  });
});

describe("computed fields", () => {
  it("computes from what came before, hidden fields included", () => {
    const fields =
      "- {name: _x, type: s8}\n- {name: p, type: number, ref: $_x, polynomial: [1, 0, -1], div: 2, transform: [{add: 10}]}\n- {name: k, type: number, value: 42}\n- {name: none, type: number, ref: $missing, add: 3}";
    expect(decode(fields, "fd")).toEqual({ p: 14, k: 42, none: 3 });
  });

  it.each([
    ["add", 7, 3, 10],
    ["sub", 7, 10, -3],
    ["mul", 7, 3, 21],
    ["div", 7, 2, 3.5],
    ["idiv", -7, 2, -4],
    ["mod", -7, 4, 1],
    ["mod", 7, -4, -1],
    ["div", 7, 0, undefined],
    ["mod", 7, 0.5, undefined],
  ])("%s of %d and %d is %s", (op, a, b, value) => {
    const data = decode(`- {name: v, type: number, compute: {op: ${op}, a: ${a}, b: ${b}}}`, "");
    expect(data.v).toBe(value);
  });

  it("keeps a guard's else as it is behind ref, and transforms it behind compute", () => {
    const guard = "guard: {when: [{field: $a, gt: 5}, {field: $a, lte: 10}], else: 1}";
    const fields = `- {name: a, type: u8}\n- {name: r, type: number, ref: $a, mult: 2, ${guard}}\n- {name: c, type: number, compute: {op: mul, a: $a, b: 2}, transform: [{mult: 10}], ${guard}}\n- {name: n, type: number, ref: $a, guard: {when: [{field: $a, ne: 7}]}}`;
    expect(decode(fields, "07")).toEqual({ a: 7, r: 14, c: 140 });
    expect(decode(fields, "0b")).toEqual({ a: 11, r: 1, c: 10, n: 11 });
  });

  it("refuses an integer with a fraction", () => {
    const payload = compile("- {name: a, type: u8}\n- {name: i, type: integer, ref: $a, div: 2}");
    expect(payload.decode(hex("04"))).toMatchObject({ data: { a: 4, i: 2 }, errors: [] });
    expect(payload.decode(hex("05"))).toMatchObject({
      data: { a: 5 },
      errors: [expect.stringContaining("i:")],
    });
  });
});

describe("constructs", () => {
  it("nests objects and hides what is hidden", () => {
    const fields =
      "- {name: pos, type: object, fields: [{name: _s, type: u8}, {type: skip}, {name: x, type: number, ref: $_s, mult: 2}, {object: in, fields: [{name: y, type: u8}]}]}";
    expect(decode(fields, "05ff09")).toEqual({ pos: { x: 10, in: { y: 9 } } });
  });

  it.each([
    ["count: 2", "0102", [{ v: 1 }, { v: 2 }]],
    ["byte_length: 3", "010203", [{ v: 1 }, { v: 2 }, { v: 3 }]],
    ["until: end", "0102", [{ v: 1 }, { v: 2 }]],
    ["until: end", "", []],
    ["until: end, max: 1", "0102", [{ v: 1 }]],
  ])("repeats by %s", (extent, bytes, list) => {
    expect(decode(`- {name: l, type: repeat, ${extent}, fields: [{name: v, type: u8}]}`, bytes)).toEqual({
      l: list,
    });
  });

  it.each([
    ["byte_length: 3", "010203"],
    ["until: end", "010203"],
    ["count: 2", "010203"],
    ["count: 1, min: 2", "0102"],
    ["count: $no", "0102"],
  ])("refuses %s where the bytes do not go up", (extent, bytes) => {
    const payload = compile(`- {name: l, type: repeat, ${extent}, fields: [{name: v, type: u16}]}`);
    expect(payload.decode(hex(bytes)).errors).toHaveLength(1);
  });

  it("bounds lists of lists, and ends those whose elements take no bytes", () => {
    const inner = "{name: m, type: repeat, count: 1000, fields: [{name: v, type: 'u8[0:0]'}]}";
    const endless = compile(`- {name: l, type: repeat, count: 1000, fields: [${inner}]}`);
    expect(endless.decode(hex("01")).errors).toEqual([expect.stringContaining("more than")]);
    expect(
      decode("- {name: l, type: repeat, until: end, fields: [{name: v, type: 'u8[0:0]'}]}", "01"),
    ).toEqual({ l: [{ v: 1 }] });
  });

  it("matches values, ranges, labels and prefixes in their order", () => {
    const fields =
      "- {name: k, type: u8, lookup: {9: nine}}\n- match: {field: $k, cases: {1: [{name: a, type: u8}], '2..5': [{name: b, type: u8}], 3: [{name: never, type: u8}], nine: [{name: c, type: u8}]}, default: skip}";
    const numbers = fields.replace(", lookup: {9: nine}", "");
    expect(decode(numbers, "0107")).toEqual({ k: 1, a: 7 });
    expect(decode(numbers, "0307")).toEqual({ k: 3, b: 7 });
    expect(decode(numbers, "0a07")).toEqual({ k: 10 });
    expect(decode(fields, "0907")).toEqual({ k: "nine", c: 7 });
    const prefix =
      "- {name: id, type: hex, length: 2}\n- match: {field: id, cases: {'ab*': [{name: a, type: u8}], default: [{name: b, type: u8}]}}";
    expect(decode(prefix, "ab0107")).toEqual({ id: "ab01", a: 7 });
    expect(decode(prefix, "ac0107")).toEqual({ id: "ac01", b: 7 });
  });

  it("matches bytes that it reads itself, in the list form too", () => {
    const fields =
      "- {type: match, length: 2, var: kind, cases: [{case: [1, 2], fields: [{name: a, type: u8}]}, {case: 0x0300, fields: []}]}\n- {name: k, type: number, ref: $kind}";
    expect(decode(fields, "020005", "endian: little")).toEqual({ a: 5, k: 2 });
    expect(compile(fields, "endian: little").decode(hex("0500")).errors).toHaveLength(1);
  });

  it("says which bigint no case fits", () => {
    const payload = compile("- match: {length: 8, cases: {1: []}}");
    expect(payload.decode(hex("ffffffffffffffff")).errors).toEqual([
      expect.stringContaining("18446744073709551615"),
    ]);
  });

  it("reads flagged groups in the order in which they are written", () => {
    const fields =
      "- {name: f, type: u8}\n- flagged: {field: $f, groups: [{bit: 7, fields: [{name: a, type: u8}, {name: d, type: number, ref: $a, mult: 2}]}, {bit: 0, fields: [{name: b, type: u8}]}]}";
    expect(decode(fields, "810304")).toEqual({ f: 0x81, a: 3, d: 6, b: 4 });
    expect(decode(fields, "0104")).toEqual({ f: 1, b: 4 });
  });

  it("splices definitions, with new names where they are asked for", () => {
    const head =
      "definitions: {d: {fields: [{name: v, type: u8}, {name: w, type: number, ref: $v, add: 1}]}, l: [{name: z, type: u8}]}";
    const fields = "- $ref: '#/definitions/d'\n- {use: d, prefix: p_, rename: {p_w: q}}\n- use: l";
    expect(decode(fields, "010509", head)).toEqual({ v: 1, w: 2, p_v: 5, q: 6, z: 9 });
  });

  it("names fields after variables", () => {
    const fields =
      "- {name: n, type: u8, var: i}\n- {name: v, type: u8, name_from: 'ch_${i}_t'}\n- {name: _h, type: u8, name_from: 'x${i}'}\n- {name: again, type: number, ref: $v}";
    expect(decode(fields, "030709")).toEqual({ n: 3, ch_3_t: 7, again: 7 });
    expect(compile("- {name: v, type: u8, name_from: 'x${no}'}").decode(hex("01")).errors).toHaveLength(1);
    const proto = compile("- {name: s, type: string, length: 9}\n- {name: v, type: u8, name_from: '${s}'}");
    expect(proto.decode(Buffer.from("__proto__\u0001")).errors).toHaveLength(1);
  });

  it("reads the compact form", () => {
    const payload = compilePayload({ name: "c", fields: "<H:a 2x b:b ?:c" });
    expect(payload.decode(hex("0100ffffff01"))).toMatchObject({ data: { a: 1, b: -1, c: true }, errors: [] });
  });
});

describe("tagged records", () => {
  const cases =
    "{'[1, 2]': [{name: a, type: u8}], '[1, !3]': [{name: b, type: u8}], '[*, 9]': [{name: c, type: u8, lookup: {1: one}}], '[0xff, 0x0b]': []}";
  const composite = `- tlv: {tag_fields: [{name: c, type: u8}, {name: k, type: u8}], tag_key: [c, k], cases: ${cases}}`;

  it("takes exact keys before exceptions and these before wildcards", () => {
    expect(decode(composite, "010205 010906 020901 ff0b")).toEqual({ a: 5, b: 6, c: "one" });
  });

  it("makes a list of a name that comes again, and leaves out labels that are unknown", () => {
    expect(decode(composite, "010205 010206 010207")).toEqual({ a: [5, 6, 7] });
    expect(decode(composite, "020907 020908")).toEqual({});
  });

  it("ends at an unknown tag without a length, but not in the middle of a known record", () => {
    expect(decode(composite, "010205 070700 010206")).toEqual({ a: 5 });
    expect(compile(composite).decode(hex("010205 0102")).errors).toHaveLength(1);
    expect(compile(composite).decode(hex("010205 01"))).toMatchObject({
      data: { a: 5 },
      errors: [expect.any(String)],
    });
  });

  it("uses lengths to pass over what it does not know, and warns of what a record holds more", () => {
    const fields =
      "- tlv: {tag_size: 2, length_size: 1, cases: {0x0102: [{name: a, type: u8}], '3..4': [{name: t, type: string, length: remaining}]}}\n";
    expect(decode(fields, "0999 02 ffff 0102 01 05 0003 02 6869")).toEqual({ a: 5, t: "hi" });
    const longer = compile(fields).decode(hex("0102 02 05ff 0102 01 06"));
    expect([longer.data, longer.warnings.length, longer.errors]).toEqual([{ a: [5, 6] }, 1, []]);
    expect(compile(fields).decode(hex("0102 00 05")).errors).toHaveLength(1);
    expect(decode(fields, "0102 01 05 01")).toEqual({ a: 5 });
  });

  it("keeps records apart under channels, with what it does not know", () => {
    const fields = "- tlv: {length_size: 1, merge: false, unknown: raw, cases: {1: [{name: a, type: u8}]}}";
    expect(decode(fields, "010105 0902abcd")).toEqual({
      channels: [
        { tag: [1], a: 5 },
        { tag: [9], raw: "abcd" },
      ],
    });
    expect(compile(fields.replace("raw", "error")).decode(hex("0902abcd")).errors).toHaveLength(1);
  });

  it("computes, groups and matches inside a record", () => {
    const fields =
      "- tlv: {cases: {1: [{name: _r, type: u8}, {name: v, type: number, ref: $_r, div: 2, valid_range: [0, 5]}, {byte_group: [{name: x, type: 'u8[0:3]'}, {name: y, type: 'u8[4:7]'}]}, {match: {field: $_r, cases: {5: [{name: m, type: u8}]}, default: skip}}]}}";
    expect(decode(fields, "01052109")).toEqual({ v: 2.5, x: 1, y: 2, m: 9 });
  });
});

describe("ports, direction and quality", () => {
  const text =
    "name: p\nports:\n  2: {direction: uplink, fields: [{name: a, type: u8}]}\n  default: {fields: [{name: b, type: u8}]}";

  it("chooses the layout by port", () => {
    const payload = compilePayload(readSchemaText(text));
    expect(payload.decode(hex("07"), { port: 2 }).data).toEqual({ a: 7 });
    expect(payload.decode(hex("07"), { port: 3 }).data).toEqual({ b: 7 });
    expect(payload.decode(hex("07"), { port: 2, direction: "downlink" })).toMatchObject({
      data: {},
      errors: [expect.any(String)],
    });
    const strict = compilePayload(readSchemaText(text.replace(/\n {2}default.*/, "")));
    expect(strict.decode(hex("07"), { port: 3 }).errors).toHaveLength(1);
    expect(payload.fields()).toEqual([
      { name: "a", type: "integer", ports: [2] },
      { name: "b", type: "integer", ports: ["default"] },
    ]);
  });

  it("marks values outside their range, everywhere, and lets them through", () => {
    const { data, quality, warnings } = compile(
      "- {name: a, type: u8, valid_range: [1, 5]}\n- {name: o, type: object, fields: [{name: b, type: u8, valid_range: [null, 5]}]}",
    ).decode(hex("0603"));
    expect([data, quality, warnings]).toEqual([
      { a: 6, o: { b: 3 } },
      { a: "out-of-range", b: "good" },
      ["a: value 6 outside valid range [1, 5]"],
    ]);
  });

  it("reports no value where the device says that it has none, nor what is computed from it", () => {
    const fields =
      "- {name: a, type: s16, div: 10, absent: [0xFFFF, 0x7fff]}\n- {name: b, type: number, ref: $a, mult: 2}\n- {name: f, type: f32, absent: [nan]}\n- {name: g, type: number, compute: {op: add, a: 1, b: 1}, guard: {when: [{field: $a, gt: 0}], else: 0}}";
    const gone = compile(fields).decode(hex("ffff 7fc00000"));
    expect([gone.data, gone.quality]).toEqual([
      {},
      { a: "sentinel", b: "sentinel", f: "sentinel", g: "sentinel" },
    ]);
    expect(compile(fields).decode(hex("0014 3f800000"))).toEqual({
      data: { a: 2, b: 4, f: 1, g: 2 },
      warnings: [],
      errors: [],
    });
  });

  it("counts times from their epoch in Unix seconds", () => {
    const fields =
      "- {name: a, type: u32, time: epoch}\n- {name: b, type: u48, time: epoch-ms}\n- {name: c, type: u32, time: epoch-2000}";
    expect(decode(fields, "00000064 0000000003e8 00000001")).toEqual({ a: 100, b: 1, c: 946_684_801 });
  });

  it("adds what the network knows, when it is given", () => {
    const schema =
      "name: m\nfields: [{name: age, type: u8}]\nmetadata:\n  include: [{name: rssi, source: '$rxMetadata[0].rssi'}, {name: no, source: $nothing}]\n  timestamps: [{name: at, mode: rx_time}, {name: measured, mode: subtract, offset_field: age}, {name: day, mode: iso8601, field: age, format: '%Y-%m-%d'}]";
    const metadata = { recvTime: "2025-01-02T03:04:05Z", rxMetadata: [{ rssi: -90 }] };
    expect(compilePayload(readSchemaText(schema)).decode(hex("05"), { metadata }).data).toEqual({
      age: 5,
      rssi: -90,
      at: "2025-01-02T03:04:05.000Z",
      measured: "2025-01-02T03:04:00.000Z",
      day: "1970-01-01",
    });
  });

  it("stops at the first error and keeps what it had", () => {
    expect(
      compile("- {name: a, type: u8}\n- {name: b, type: u16}\n- {name: c, type: u8}").decode(hex("0102")),
    ).toEqual({
      data: { a: 1 },
      warnings: [],
      errors: ["b: 2 bytes needed, 1 left"],
    });
  });

  it("names what can be reported, with unit and hints", () => {
    const fields =
      "- {name: t, type: s16, div: 10, unit: '°C', ipso: {object: 3303}, senml: {unit: Cel}, semantic: air.temperature}\n- {name: s, type: u8, lookup: [off, on]}\n- {name: _h, type: u8}\n- {name: l, type: repeat, until: end, fields: [{name: at, type: u32, time: epoch}]}";
    expect(compile(fields).fields()).toEqual([
      {
        name: "t",
        type: "number",
        unit: "°C",
        hints: { semantic: "air.temperature", ipso: { object: 3303 }, senml: { unit: "Cel" } },
      },
      { name: "s", type: "text", labels: ["off", "on"] },
      { name: "l", type: "list", fields: [{ name: "at", type: "integer", time: true }] },
    ]);
  });
});

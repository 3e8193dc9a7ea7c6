import fc from "fast-check";
import { describe, it } from "vitest";
import { ConfigError } from "../../model/errors.ts";
import { compilePayload } from "./index.ts";

// Schemas made of the language's own words put together at random: most are wrong, none may surprise.
const name = fc.constantFrom("a", "b", "_h", "n", "c");
const words = (text: string) => fc.constantFrom(...text.split(" "));
const type = words(
  "u8 s16 u24 f32 f16 u64 s64 u32le16 bool udec sdec u8[0:3] u16[4:11] u64[3:63] ascii string hex hex:upper bytes base64 enum version_string skip",
);
const number = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: -3, max: 9 }) },
  fc.constantFrom(0.5, 1000, "x"),
);
const count = fc.oneof({ weight: 9, arbitrary: fc.nat({ max: 9 }) }, fc.constantFrom("$a", "$b", 1000, -1));
const length = fc.oneof({ weight: 5, arbitrary: fc.nat({ max: 4 }) }, fc.constantFrom("remaining", "$a"));
const stage = fc.dictionary(
  words("add mult div sqrt abs pow log log10 floor round op"),
  fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(true)),
  { maxKeys: 2 },
);
const { items } = fc.letrec<{ item: unknown; items: unknown[] }>((tie) => ({
  items: fc.array(tie("item"), { maxLength: 4 }),
  item: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ name, type }),
    fc.record(
      {
        name,
        type,
        length,
        div: number,
        add: number,
        transform: fc.array(stage, { maxLength: 2 }),
        consume: fc.nat({ max: 2 }),
        var: name,
        bit: fc.nat({ max: 7 }),
        absent: fc.array(fc.constantFrom(0, 255, "nan", "00")),
        encoding: fc.constantFrom("bcd", "gray", undefined),
      },
      { requiredKeys: ["name", "type"] },
    ),
    fc.record(
      {
        name,
        type,
        lookup: fc.oneof(
          fc.array(fc.string(), { maxLength: 3 }),
          fc.dictionary(fc.constantFrom("1", "2", "default"), fc.string()),
        ),
        values: fc.constant(["x", "y"]),
        valid_range: fc.constant([0, 5]),
        name_from: fc.constant("p$" + "{a}"),
      },
      { requiredKeys: ["name", "type"] },
    ),
    fc.record(
      {
        name,
        type: fc.constantFrom("number", "integer"),
        ref: fc.constantFrom("$a", "$b", 4),
        compute: fc.record({
          op: fc.constantFrom("add", "div", "mod", "idiv", "mul"),
          a: fc.constantFrom("$a", 7),
          b: fc.constantFrom("$b", 0),
        }),
        polynomial: fc.constant([1, 2, 3]),
        guard: fc.constant({ when: [{ field: "$a", gt: 1 }], else: 5 }),
      },
      { requiredKeys: ["name", "type", "ref"] },
    ),
    fc.record({ byte_group: tie("items"), size: fc.integer({ min: 1, max: 9 }) }),
    fc.record({
      match: fc.record(
        {
          field: name,
          length: fc.integer({ min: 1, max: 8 }),
          name,
          cases: fc.dictionary(fc.constantFrom("1", "2..9", "x", "default", "a*"), tie("items"), {
            minKeys: 1,
          }),
          default: fc.constantFrom("skip", "error"),
        },
        { requiredKeys: ["field", "cases"] },
      ),
    }),
    fc.record(
      {
        name,
        type: fc.constant("repeat"),
        count,
        max: fc.nat({ max: 2000 }),
        fields: tie("items"),
      },
      { requiredKeys: ["name", "type", "count", "fields"] },
    ),
    fc.record({ name, type: fc.constant("repeat"), until: fc.constant("end"), fields: tie("items") }),
    fc.record({ name, type: fc.constant("repeat"), byte_length: count, fields: tie("items") }),
    fc.record({ object: name, fields: tie("items") }),
    fc.record({
      flagged: fc.record({
        field: name,
        groups: fc.array(fc.record({ bit: fc.integer({ min: 0, max: 9 }), fields: tie("items") }), {
          maxLength: 3,
        }),
      }),
    }),
    fc.record({
      tlv: fc.record({
        length_size: fc.integer({ min: 0, max: 2 }),
        merge: fc.boolean(),
        unknown: fc.constantFrom("skip", "raw", "error"),
        cases: fc.dictionary(fc.constantFrom("0", "1", "2", "3..9", "*", "!4"), tie("items")),
      }),
    }),
    fc.record({
      name,
      type: fc.constant("bitfield_string"),
      parts: fc.constant([
        [0, 4],
        [4, 4, "hex"],
      ]),
    }),
    fc.record({
      tlv: fc.record({
        tag_fields: tie("items"),
        tag_key: fc.constantFrom(["a", "b"], ["n", "a"]),
        cases: fc.dictionary(words("[0,1] [*,1] [!1,0] [2,2..9]"), tie("items")),
      }),
    }),
  ),
}));
const schema = fc.record({ name: fc.constant("t"), endian: fc.constantFrom("big", "little"), fields: items });

describe("any schema", () => {
  it("is refused with a ConfigError, or decodes any bytes and encodes what it decoded without throwing", () => {
    fc.assert(
      fc.property(schema, fc.uint8Array({ maxLength: 24 }), (written, bytes) => {
        let payload: ReturnType<typeof compilePayload>;
        try {
          payload = compilePayload(written);
        } catch (error) {
          if (error instanceof ConfigError) return;
          throw error;
        }
        const { data } = payload.decode(bytes);
        payload.encode(data);
        payload.fields();
      }),
      { numRuns: 800 },
    );
  });

  it("may be anything at all", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything({ withMap: true }),
          fc.record(
            { fields: fc.anything(), definitions: fc.anything(), ports: fc.anything() },
            { requiredKeys: [] },
          ),
        ),
        (written) => {
          try {
            compilePayload(written).decode(new Uint8Array(8));
          } catch (error) {
            if (!(error instanceof ConfigError)) throw error;
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

import { describe, expect, it } from "vitest";
import * as z from "zod";
import { checkSchema } from "./check.ts";
import { parseYaml } from "./yaml.ts";

function check(schema: z.ZodType, text: string): string[] {
  const { document, diagnostics } = parseYaml(text, "f.yaml");
  if (!document) throw new Error(JSON.stringify(diagnostics));
  return checkSchema(document, schema).diagnostics.map(
    ({ line, column, message, hint }) => `${line}:${column} ${message}${hint ? ` | ${hint}` : ""}`,
  );
}

describe("checkSchema", () => {
  it("gives the schema's output when all is well", () => {
    const { document } = parseYaml("a: 3\n", "f.yaml");
    expect(document && checkSchema(document, z.strictObject({ a: z.number().transform(String) }))).toEqual({
      value: { a: "3" },
      diagnostics: [],
    });
  });

  it("lets only the nearest alternative speak", () => {
    const shape = z.union([
      z.strictObject({ serial: z.string(), baud: z.number() }),
      z.strictObject({ tcp: z.string(), port: z.number() }),
    ]);
    expect(check(shape, "tcp: host\nport: x\n")).toEqual(['2:7 "port" must be a number, but is "x"']);
    expect(check(shape, "tcp: host\nprot: 1\n")).toEqual(['2:1 unknown key "prot" | did you mean "port"?']);
    expect(check(shape, "- 1\n")).toEqual(["1:1 the file must be a mapping, but is a list"]);
  });

  it("chooses by the discriminator", () => {
    const shape = z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("cat"), lives: z.int() }),
      z.strictObject({ kind: z.literal("dog") }),
    ]);
    expect(check(shape, "kind: cat\nlives: 1.5\n")).toEqual([
      '2:8 "lives" must be a whole number, but is the number 1.5',
    ]);
    expect(check(shape, "kind: dgo\n")).toEqual([
      '1:7 "kind" cannot be "dgo" | did you mean "dog"? (one of cat or dog)',
    ]);
    expect(check(shape, "lives: 1\n")).toEqual(['1:1 the key "kind" is missing']);
  });

  it("names all kinds of value that would do", () => {
    const shape = z.strictObject({ a: z.union([z.number(), z.string(), z.enum(["x"])]) });
    expect(check(shape, "a: [1]\n")).toEqual(['1:4 "a" must be a number, text or "x", but is a list']);
    expect(check(shape, "a:\n")).toEqual(['1:1 "a" must be a number, text or "x", but is empty']);
  });

  it("says limits with the number that broke them", () => {
    const shape = z.strictObject({
      n: z.number().gt(0).max(5).optional(),
      list: z.array(z.string()).min(2).max(3).optional(),
      pair: z.tuple([z.number(), z.number()]).optional(),
    });
    expect(check(shape, "n: 0\nlist: [a]\npair: [1, 2, 3]\n")).toEqual([
      '1:4 "n" must be more than 0, but is 0',
      '2:7 "list" must have at least 2 entries, but has 1',
      '3:7 "pair" must have at most 2 entries, but has 3',
    ]);
    expect(check(shape, "list: [a, 5]\n")).toEqual([
      '1:11 entry 2 of "list" must be text, but is the number 5 | put it in quotes: "5"',
    ]);
  });

  it("takes code and hint from a schema's own check", () => {
    const shape = z.strictObject({
      a: z.string().refine(() => false, { error: "is odd", params: { code: "odd", hint: "be even" } }),
    });
    const { document } = parseYaml("a: x\n", "f.yaml");
    expect(document && checkSchema(document, shape).diagnostics[0]).toMatchObject({
      code: "odd",
      message: '"a": is odd',
      hint: "be even",
    });
  });

  it("leaves out echoes of one mistake", () => {
    const shape = z
      .strictObject({
        in: z.number().optional(),
        type: z
          .string()
          .regex(/^[a-z]+$/)
          .refine((text) => text === "u", { error: "only u" }),
      })
      .superRefine((value, context) => {
        if (value.in === undefined) context.addIssue({ code: "custom", message: "no place" });
      });
    expect(check(shape, "inn: 1\ntype: u\n")).toEqual(['1:1 unknown key "inn" | did you mean "in"?']);
    expect(check(shape, "in: 1\ntpye: u\n")).toEqual(['2:1 unknown key "tpye" | did you mean "type"?']);
    expect(check(shape, "type: u\n")).toEqual(["1:1 the file: no place"]);
    expect(check(shape, "in: 1\ntype: U\n")).toEqual(['2:7 "type": only u']);
  });

  it("finds a key that lost its indentation, at any level", () => {
    const shape = z.strictObject({
      head: z.strictObject({ title: z.string().optional() }),
      points: z.record(z.string(), z.strictObject({ at: z.number(), unit: z.string().optional() })),
    });
    expect(check(shape, "head: {}\ntitle: x\npoints: {}\n")).toEqual([
      '2:1 unknown key "title" | it is a key of "head": indent it one level deeper',
    ]);
    expect(check(shape, "head: {}\npoints:\n  v:\n    at: 1\nunit: V\n")).toEqual([
      '5:1 unknown key "unit" | it is a key of the entries of "points": indent it to stand inside "v"',
    ]);
    expect(check(shape, "head: {}\npoints:\n  v:\n    at: 1\n  unit: V\n")).toEqual([
      '5:3 "unit" stands one level too far left: it is a key of an entry of "points", not an entry | indent it to stand inside "v"',
    ]);
    expect(check(shape, "head:\n  points: {v: {at: 1}}\n")).toEqual([
      '1:1 the key "points" is missing',
      '2:3 unknown key "points" | it stands at the left margin: check its indentation',
    ]);
  });

  it("checks a part and knows the keys beside it", () => {
    const { document } = parseYaml("lines:\n  one: {kind: tcp, hots: x}\n", "f.yaml");
    const checked =
      document &&
      checkSchema(document, z.strictObject({ host: z.string() }), {
        path: ["lines", "one"],
        value: { knid: "tcp", host: "x" },
        beside: z.strictObject({ kind: z.string() }),
      });
    expect(checked?.diagnostics).toMatchObject([{ code: "unknown-key", hint: 'did you mean "kind"?' }]);
  });
});

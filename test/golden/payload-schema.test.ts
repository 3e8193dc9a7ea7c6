import { existsSync, readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compilePayload,
  type Payload,
  readSchemaText,
  runVector,
} from "../../gateway/codec/payload/index.ts";
import { goldenIsHere, goldenPath } from "./golden.ts";

// Published schemas of real devices with their vectors, and the executable examples of the language reference.
const files = goldenIsHere
  ? readdirSync(goldenPath("payload-schema"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".yaml"))
      .sort()
  : [];
const compile = (file: string): Payload =>
  compilePayload(readSchemaText(readFileSync(goldenPath("payload-schema", file), "utf8")));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const options = (port: number | undefined) => (port === undefined ? {} : { port });

describe.skipIf(!goldenIsHere)("golden payload schemas (needs ../shared/golden)", () => {
  it("has every schema and vector", () => {
    const payloads = files.map(compile);
    const vectors = payloads.flatMap((payload) => payload.vectors);
    expect(payloads).toHaveLength(44);
    expect(vectors).toHaveLength(116);
    expect(vectors.filter(({ kind }) => kind === "encode")).toHaveLength(5);
    expect(payloads.flatMap((payload) => payload.notes)).toEqual([]);
  });

  it.each(files)("meets every vector of %s", (file) => {
    const payload = compile(file);
    const failed = payload.vectors.map((vector) => runVector(payload, vector)).filter(({ ok }) => !ok);
    expect(failed.map(({ vector, problems }) => [vector.name, problems])).toEqual([]);
  });

  it("names every value that its vectors decode to", () => {
    for (const file of files) {
      const payload = compile(file);
      const named = new Set(payload.fields().map(({ name, pattern }) => (pattern ? "pattern" : name)));
      for (const vector of payload.vectors) {
        if (vector.kind !== "decode") continue;
        const { data } = payload.decode(vector.payload, options(vector.port));
        const unnamed = Object.keys(data).filter((name) => !named.has(name) && !named.has("pattern"));
        expect([file, unnamed]).toEqual([file, []]);
      }
    }
  });

  it("gives back the bytes of what it decoded, except where the schema lets bits get lost", () => {
    const lost = files.flatMap((file) => {
      const payload = compile(file);
      return payload.vectors
        .filter(({ kind }) => kind === "decode")
        .filter(({ payload: bytes, port }) => {
          const { data } = payload.decode(bytes, options(port));
          return toHex(payload.encode(data, options(port)).bytes) !== toHex(bytes);
        })
        .map((vector) => vector.name);
    });
    expect(lost.sort()).toEqual([
      // Bits 0 to 2 of the last byte belong to no field, and the vector sets them.
      "keepalive_max_values",
      // Default labels stand for every number that has none of its own.
      "lookup_default",
      "ps_067_and_ps_068",
      // Rounded values.
      "round_half_to_even",
      // Skipped bytes that are not zero.
      "skip_type",
      // sqrt, pow, log and abs have no way back.
      "transform_maths",
    ]);
  });

  it("never throws, whatever the bytes", () => {
    for (const file of files) {
      const payload = compile(file);
      fc.assert(
        fc.property(
          fc.uint8Array({ maxLength: 80 }),
          fc.option(fc.integer({ min: 1, max: 255 })),
          (bytes, port) => {
            const { data, errors } = payload.decode(bytes, options(port ?? undefined));
            expect(typeof data).toBe("object");
            expect(Array.isArray(errors)).toBe(true);
            expect(JSON.stringify(data)).not.toMatch(/null|NaN|Infinity/);
          },
        ),
        { numRuns: 200 },
      );
    }
  });

  it("yields nothing that the whole vector does not have when bytes are missing", () => {
    for (const file of files) {
      const payload = compile(file);
      for (const vector of payload.vectors) {
        const whole = payload.decode(vector.payload, options(vector.port));
        for (let length = 0; length < vector.payload.length; length += 1) {
          const { data } = payload.decode(vector.payload.subarray(0, length), options(vector.port));
          for (const name of Object.keys(data)) expect(whole.data).toHaveProperty([name]);
        }
      }
    }
  });
});

const reference = goldenPath("..", "design", "payload-schema.md");

interface Example {
  readonly schema: string;
  readonly lines: readonly string[];
}

/** The fenced blocks of the reference that carry `# in`, `# err`, `# out` and `# outerr` lines. */
function examples(): Example[] {
  return [...readFileSync(reference, "utf8").matchAll(/^```yaml\n(.*?)^```/gms)].map(([, block = ""]) => {
    const lines = block.split("\n");
    const endian = lines.find((line) => line.startsWith("# endian:"))?.slice(2) ?? "endian: big";
    const body = lines.filter((line) => !line.startsWith("# "));
    const isDocument = body.some((line) => line.startsWith("name:"));
    return {
      schema: isDocument ? body.join("\n") : `name: example\n${endian}\nfields:\n${body.join("\n")}`,
      lines: lines.filter((line) => /^# (port \d+ )?(in|err|out|outerr) /.test(line)),
    };
  });
}

describe.skipIf(!goldenIsHere || !existsSync(reference))("examples of the language reference", () => {
  const found =
    goldenIsHere && existsSync(reference) ? examples().filter(({ lines }) => lines.length > 0) : [];

  it("are all there", () => {
    expect(found.flatMap(({ lines }) => lines)).toHaveLength(23);
  });

  it.each(found.flatMap(({ schema, lines }) => lines.map((line) => [line, schema] as const)))(
    "%s",
    (line, schema) => {
      const payload = compilePayload(readSchemaText(schema));
      const [, port, kind, rest = ""] = /^# (?:port (\d+) )?(in|err|out|outerr) (.*)$/.exec(line) ?? [];
      const [from = "", to = ""] = rest.split(" -> ");
      const at = options(port === undefined ? undefined : Number(port));
      if (kind === "in") {
        const { data, errors } = payload.decode(Buffer.from(from.replaceAll(" ", ""), "hex"), at);
        expect([data, errors]).toEqual([JSON.parse(to), []]);
      } else if (kind === "err") {
        expect(payload.decode(Buffer.from(from.replaceAll(" ", ""), "hex"), at).errors).not.toEqual([]);
      } else {
        const { bytes, errors } = payload.encode(JSON.parse(from), at);
        if (kind === "outerr") expect(errors).not.toEqual([]);
        else expect([toHex(bytes), errors]).toEqual([to, []]);
      }
    },
  );
});

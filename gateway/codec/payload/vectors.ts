import type { Payload } from "./payload.ts";
import { describe, isMapping, Section, schemaError } from "./section.ts";

/** A decimal of an expectation that was written with a fraction, such as 51.0: compared with tolerance. */
export class Approximate {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** One entry of `test_vectors`: bytes that must decode to values, or values that must encode to bytes. */
export type Vector = {
  readonly name: string;
  readonly source: string | undefined;
  readonly port: number | undefined;
  /** A label only: it is not checked. */
  readonly direction: string | undefined;
  readonly metadata: Readonly<Record<string, unknown>> | undefined;
} & (
  | { readonly kind: "decode"; readonly payload: Uint8Array; readonly expected: unknown }
  | {
      readonly kind: "encode";
      readonly input: Readonly<Record<string, unknown>>;
      readonly payload: Uint8Array;
    }
);

export interface VectorResult {
  readonly vector: Vector;
  readonly ok: boolean;
  /** What is wrong, for people. */
  readonly problems: readonly string[];
}

/** Half the distance at which an expected fraction is still met. */
const tolerance = 0.001;

/** Throws ConfigError for an entry that is neither kind. */
export function compileVectors(schema: Section): readonly Vector[] {
  return (schema.list("test_vectors") ?? []).map((item, index) => {
    const one = new Section(item, `test_vectors[${index}]`);
    const port = one.number("fPort") ?? one.number("fport") ?? one.number("port");
    const metadata = one.get("input_metadata");
    const common = {
      name: one.text("name") ?? `vector ${index + 1}`,
      source: one.text("source"),
      port,
      direction: one.text("direction"),
      metadata: isMapping(metadata) ? plain(metadata) : undefined,
    };
    if (one.has("input") || one.has("expected_payload")) {
      const input = one.section("input");
      if (!input) throw schemaError(one.path, "an encode vector needs input and expected_payload");
      return {
        ...common,
        kind: "encode",
        input: plain(one.get("input")),
        payload: bytesOf(one, "expected_payload"),
      };
    }
    const expected = one.section("expected");
    if (!expected)
      throw schemaError(one.path, "a vector needs payload and expected, or input and expected_payload");
    return { ...common, kind: "decode", expected: one.get("expected"), payload: bytesOf(one, "payload") };
  });
}

/** Runs one vector. Never throws. */
export function runVector(payload: Payload, vector: Vector): VectorResult {
  const port = vector.port === undefined ? {} : { port: vector.port };
  const problems: string[] = [];
  if (vector.kind === "encode") {
    const { bytes, errors } = payload.encode(vector.input, port);
    problems.push(...errors);
    const [is, should] = [hexOf(bytes), hexOf(vector.payload)];
    if (problems.length === 0 && is !== should) problems.push(`encoded ${is}, expected ${should}`);
  } else {
    const options = { ...port, ...(vector.metadata && { metadata: vector.metadata }) };
    const { data, errors, quality } = payload.decode(vector.payload, options);
    problems.push(...errors);
    const qualities = Object.entries(quality ?? {}).map(
      ([key, word]) => [key, word.replaceAll("-", "_")] as const,
    );
    compare(
      { ...data, ...(quality && { _quality: Object.fromEntries(qualities) }) },
      vector.expected,
      "",
      problems,
    );
  }
  return { vector, ok: problems.length === 0, problems };
}

/** Notes where `actual` is not what is expected: objects as subsets, lists in full, fractions within 0.001. */
function compare(actual: unknown, expected: unknown, path: string, problems: string[]): void {
  const wrong = (): void => {
    problems.push(`${path}: ${JSON.stringify(actual)}, expected ${describe(expected)}`);
  };
  if (expected instanceof Approximate || typeof expected === "number") {
    const value = typeof expected === "number" ? expected : expected.value;
    const exact = typeof expected === "number" && Number.isInteger(expected);
    const number = typeof actual === "boolean" ? Number(actual) : actual;
    if (typeof number !== "number" || (exact ? number !== value : !(Math.abs(number - value) <= tolerance)))
      wrong();
  } else if (typeof expected === "boolean") {
    if (actual !== expected && actual !== Number(expected)) wrong();
  } else if (typeof expected === "bigint") {
    if (String(actual) !== String(expected)) wrong();
  } else if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) wrong();
    else
      for (const [index, one] of expected.entries())
        compare(actual[index], one, `${path}[${index}]`, problems);
  } else if (isMapping(expected)) {
    const found = isMapping(actual) ? new Section(actual, path) : undefined;
    if (!found) wrong();
    else
      for (const [key, one] of new Section(expected, path).entries())
        compare(found.get(String(key)), one, found.at(String(key)), problems);
  } else if (actual !== (expected ?? undefined)) wrong();
}

/** Hex text (spaces, commas and 0x are passed over) or a list of octets. */
function bytesOf(section: Section, key: string): Uint8Array {
  const written = section.get(key);
  if (Array.isArray(written)) {
    if (!written.every((octet) => Number.isInteger(octet) && octet >= 0 && octet <= 255))
      throw schemaError(section.at(key), "a list of bytes holds numbers from 0 to 255");
    return Uint8Array.from(written);
  }
  // A number is a hex text whose quotes are missing; its digits are what was meant.
  const digits = String(written ?? "")
    .replace(/0x/gi, "")
    .replace(/[\s,:]/g, "");
  if (!/^([0-9a-f]{2})*$/i.test(digits))
    throw schemaError(section.at(key), `${describe(written)} is not hex`);
  return Uint8Array.from(Buffer.from(digits, "hex"));
}

/** Maps as plain objects, for what people hand to the encoder. */
function plain(value: unknown): Record<string, unknown> {
  const entries = new Section(value, "").entries();
  return Object.fromEntries(entries.map(([key, one]) => [String(key), inner(one)]));
}

function inner(value: unknown): unknown {
  if (value instanceof Approximate) return value.value;
  if (Array.isArray(value)) return value.map(inner);
  return isMapping(value) ? plain(value) : value;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

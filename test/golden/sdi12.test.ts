import { describe, expect, it } from "vitest";
import {
  crcText,
  numberOf,
  parseStarted,
  splitValues,
  withoutCrc,
} from "../../gateway/southbound/sdi12/codec.ts";
import { parseValues } from "../../gateway/southbound/sdi12/dialogue.ts";
import { goldenIsHere, readGolden } from "./golden.ts";

interface Responses {
  readonly measurement_responses: readonly {
    readonly response: string;
    readonly kind: string;
    readonly asserts: { readonly wait_seconds?: string; readonly value_count: string };
  }[];
  readonly data_values: readonly {
    readonly data: string;
    readonly count: string;
    readonly values: readonly string[];
  }[];
  readonly crc: { readonly spec_example: string };
}

describe.skipIf(!goldenIsHere)("golden SDI-12 responses (needs ../shared/golden)", () => {
  const { measurement_responses, data_values, crc } = goldenIsHere
    ? readGolden<Responses>("sdi12", "responses.json")
    : { measurement_responses: [], data_values: [], crc: { spec_example: "" } };

  it("all say how long they take and how many values there will be", () => {
    expect(measurement_responses).toHaveLength(4);
    for (const { response, kind, asserts } of measurement_responses) {
      const started = parseStarted(response, kind === "CONCURRENT");
      expect(started?.count, response).toBe(Number(asserts.value_count));
      if (asserts.wait_seconds !== undefined)
        expect(started?.seconds, response).toBe(Number(asserts.wait_seconds));
    }
  });

  it("all have their values, as written", () => {
    expect(data_values).toHaveLength(5);
    for (const { data, count, values } of data_values) {
      const found = splitValues(data);
      expect(found.values, data).toEqual(values);
      expect(found.values).toHaveLength(Number(count));
      expect(values.join("") + found.rest).toBe(data);
      for (const text of values) expect(numberOf(text)).toBe(Number(text));
      const response = `0${values.join("")}`;
      expect(parseValues(response + crcText(response), true)).toEqual(values);
    }
  });

  it("have the CRC of the specification's example", () => {
    const [, example = ""] = /-> (\S+)/.exec(crc.spec_example) ?? [];
    expect(example).toBe("0+3.14OqZ");
    expect(withoutCrc(example)).toBe("0+3.14");
    expect(parseValues(example, true)).toEqual(["+3.14"]);
  });

  it("with one flipped bit give the same values or none", () => {
    for (const { values } of data_values) {
      const body = `0${values.join("")}`;
      const bytes = Buffer.from(body + crcText(body), "latin1");
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7));
        expect(parseValues(flipped.toString("latin1"), true)).toBeUndefined();
      }
    }
  });
});

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { goldenIsHere, goldenPath } from "../../../test/golden/golden.ts";
import { readSchemaText } from "../../codec/payload/index.ts";
import { loadProfile } from "../../profiles/load.ts";
import { misspeltKeys } from "./layout-lint.ts";
import { lorawan } from "./protocol.ts";

describe("keys of a payload layout", () => {
  it.each([
    [{ fields: [{ name: "a", type: "u8", dvi: 10 }] }, ["fields", 0, "dvi"], "div"],
    [{ endain: "little", fields: [] }, ["endain"], "endian"],
    [{ ports: { 5: { feilds: [] } } }, ["ports", "5", "feilds"], "fields"],
    [
      { fields: [{ match: "$k", cases: { 1: [{ name: "a", tpye: "u8" }] } }] },
      ["fields", 0, "cases", "1", 0, "tpye"],
      "type",
    ],
    [
      new Map([
        [
          "fields",
          [
            new Map([
              ["name", "a"],
              ["valid-range", "x"],
            ]),
          ],
        ],
      ]),
      ["fields", 0, "valid-range"],
      "valid_range",
    ],
  ])("%j: says what was meant", (layout, path, meant) => {
    expect(misspeltKeys(layout)).toEqual([{ path, key: path.at(-1), meant }]);
  });

  it("are left alone where they are names, remarks, or far from anything", () => {
    const layout = {
      definitions: { tipe: { fields: [{ name: "nmae", type: "u8", remark: "x", _tpye: 1 }] } },
      fields: [
        { name: "a", type: "u8", lookup: { vlaue: "x" }, unit: "Cel" },
        { name: "b", type: "u8", manufacturer_note: "y" },
      ],
      test_vectors: [{ payload: "00", expected: { tpye: 1 } }],
    };
    expect(misspeltKeys(layout)).toEqual([]);
  });

  it("are warned of with their line by profile check", () => {
    const { diagnostics } = loadProfile(
      `profile: test/x
version: 1.0.0
title: X
manufacturer: Test
models: [X]
category: climate
sources: [{document: made for the tests}]
status: draft
protocol: lorawan
lorawan:
  payload:
    fields:
      - name: temperature
        type: s16
        dvi: 10
points:
  temperature: {at: {field: temperature}, unit: Cel}
examples: [{given: {payload: "00d7"}, expect: {temperature: 215}}]
`,
      "device-profiles/test/x.yaml",
      [lorawan],
    );
    expect(diagnostics).toMatchObject([
      { severity: "warning", code: "misspelt-key", line: 15, hint: 'did you mean "div"?' },
    ]);
  });

  it.skipIf(!goldenIsHere)("golden schemas have none (needs ../shared/golden)", () => {
    const folder = goldenPath("payload-schema");
    const schemas = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
      /\.ya?ml$/.test(name),
    );
    const found = schemas.flatMap((name) => {
      try {
        return misspeltKeys(readSchemaText(readFileSync(`${folder}/${name}`, "utf8"))).map(
          ({ path, meant }) => `${name}: ${path.join(".")} -> ${meant}`,
        );
      } catch {
        return [];
      }
    });
    expect(schemas.length).toBeGreaterThan(10);
    expect(found).toEqual([]);
  });
});

import { expect, it } from "vitest";
import { shareSchemas } from "./shared-schema.ts";

const place = {
  type: "object",
  properties: {
    register: { type: "integer", minimum: 0, maximum: 65_535, description: "Number of the register" },
    type: { type: "string", enum: ["u16", "s16", "u32", "s32", "f32", "bool", "ascii"], maxLength: 20 },
  },
  required: ["register"],
  additionalProperties: false,
};

it("moves what occurs twice to the definitions, once", () => {
  const meter = {
    type: "object",
    properties: { at: place, write: { type: "object", properties: { at: place } } },
  };
  const shared = shareSchemas({ $ref: "#/definitions/meter" }, { meter });
  expect(shared).toEqual({
    $ref: "#/definitions/meter",
    definitions: {
      at: place,
      meter: {
        type: "object",
        properties: {
          at: { $ref: "#/definitions/at" },
          write: { type: "object", properties: { at: { $ref: "#/definitions/at" } } },
        },
      },
    },
  });
});

it("keeps what is said at each place, and gives two parts of one name two names", () => {
  const other = {
    ...place,
    properties: { ...place.properties, register: { type: "string", pattern: "^x+$" } },
  };
  const root = {
    anyOf: [
      { properties: { at: { ...place, description: "Where it is read" } } },
      { properties: { at: { ...place, description: "Where it is written" } } },
      { properties: { at: other } },
      { items: { properties: { from: other } } },
    ],
  };
  const { anyOf, definitions } = shareSchemas(root, {});
  expect(anyOf).toEqual([
    { properties: { at: { description: "Where it is read", allOf: [{ $ref: "#/definitions/at" }] } } },
    { properties: { at: { description: "Where it is written", allOf: [{ $ref: "#/definitions/at" }] } } },
    { properties: { at: { $ref: "#/definitions/at-2" } } },
    { items: { properties: { from: { $ref: "#/definitions/at-2" } } } },
  ]);
  expect(Object.keys(Object(definitions))).toEqual(["at", "at-2"]);
});

it("leaves alone what is shorter than a reference, and words that look like schemas", () => {
  const root = {
    properties: { a: { type: "string" }, b: { type: "string" }, c: { enum: [{ long: place }, place] } },
  };
  expect(shareSchemas(root, {})).toEqual({ ...root, definitions: {} });
});

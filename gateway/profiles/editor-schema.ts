import * as z from "zod";
import type { Protocol } from "../southbound/protocol.ts";
import { anyProtocolSchema, editorSchemaOf } from "./schema.ts";
import { type JsonSchema, shareSchemas } from "./shared-schema.ts";

/**
 * JSON Schema (draft-7) of what people may write, for editors. The protocol decides about everything else, so
 * there is one if and then for each: an editor offers, and complains about, the words of that protocol alone.
 */
export function profileSchema(protocols: readonly Protocol[]): JsonSchema {
  const names = protocols.map(({ name }) => name);
  const definitions = Object.fromEntries(
    protocols.map((protocol): [string, JsonSchema] => [protocol.name, draft(editorSchemaOf(protocol))]),
  );
  const root = {
    type: "object",
    properties: { protocol: { enum: names, description: "How the device speaks" } },
    allOf: [
      // A used profile brings these along.
      { if: { required: ["use"] }, else: { required: ["manufacturer", "category", "protocol", "points"] } },
      { if: { required: ["protocol"] }, else: { $ref: "#/definitions/new-profile" } },
      ...names.map((name) => ({
        if: { properties: { protocol: { const: name } }, required: ["protocol"] },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { $ref: `#/definitions/${name}` },
      })),
    ],
  };
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Stadsnod device profile",
    ...shareSchemas(root, { ...definitions, "new-profile": draft(anyProtocolSchema(names)) }),
  };
}

/** The same as the text of device-profiles/profile.schema.json. */
export function profileSchemaText(protocols: readonly Protocol[]): string {
  return `${JSON.stringify(profileSchema(protocols), null, 1)}\n`;
}

/** One part, as what people write. */
export function draft(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...plain } = z.toJSONSchema(schema, {
    target: "draft-7",
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      // YAML has one sort of whole number, however large.
      if (zodSchema._zod.def.type === "bigint") jsonSchema.type = "integer";
    },
  });
  return plain;
}

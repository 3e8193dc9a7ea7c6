import type { NorthboundKind } from "../northbound/northbound.ts";
import { draft } from "../profiles/editor-schema.ts";
import { type JsonSchema, shareSchemas } from "../profiles/shared-schema.ts";
import type { Protocol } from "../southbound/protocol.ts";
import { derivedPointSchema } from "./derived-points.ts";
import { scheduleSchema } from "./schedule-schema.ts";
import { configSchema, deviceSchema } from "./schema.ts";
import { helpOf } from "./schema-help.ts";

/**
 * JSON Schema (draft-7) of gateway.yaml, for editors. A connection is checked by its protocol and a far side by its
 * type; which protocol a device speaks only its connection says, so that it may have the words of any.
 */
export function configEditorSchema(
  protocols: readonly Protocol[],
  northbounds: readonly NorthboundKind[],
): JsonSchema {
  const { properties, ...top } = draft(configSchema);
  const root = {
    ...top,
    properties: {
      ...(isObject(properties) ? properties : {}),
      connections: named(
        chosen(
          "protocol",
          protocols.map(({ name, connection }) => [name, draft(connection)]),
        ),
      ),
      northbound: named(
        chosen(
          "type",
          northbounds.map(({ name, settings }) => [name, draft(settings)]),
        ),
      ),
      devices: named(deviceEntry(protocols)),
      derivedPoints: named(draft(derivedPointSchema)),
      schedules: named(draft(scheduleSchema)),
    },
  };
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Stadsnod gateway.yaml",
    ...shareSchemas(withHelp(root, []), {}),
  };
}

/** The same as the text of gateway.schema.json. */
export function configEditorSchemaText(
  protocols: readonly Protocol[],
  northbounds: readonly NorthboundKind[],
): string {
  return `${JSON.stringify(configEditorSchema(protocols, northbounds), null, 1)}\n`;
}

/** Entries under names that people choose. */
function named(entry: JsonSchema): JsonSchema {
  return {
    type: "object",
    propertyNames: { pattern: "^[a-z0-9][a-z0-9-]{0,62}$" },
    additionalProperties: entry,
  };
}

/** One schema for each value of a key. */
function chosen(key: string, schemas: readonly (readonly [string, JsonSchema])[]): JsonSchema {
  return {
    type: "object",
    properties: { [key]: { enum: schemas.map(([name]) => name) } },
    required: [key],
    allOf: schemas.map(([name, schema]) => ({
      if: { properties: { [key]: { const: name } } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: withProperties(schema, { [key]: {} }),
    })),
  };
}

/** An object's schema with more properties; where it is one of several, each of them. */
function withProperties(schema: JsonSchema, more: JsonSchema): JsonSchema {
  const { properties, anyOf } = schema;
  return {
    ...schema,
    ...(isObject(properties) ? { properties: { ...more, ...properties } } : {}),
    ...(Array.isArray(anyOf)
      ? { anyOf: anyOf.map((one) => (isObject(one) ? withProperties(one, more) : one)) }
      : {}),
  };
}

function deviceEntry(protocols: readonly Protocol[]): JsonSchema {
  const own = draft(deviceSchema);
  const words = new Map<string, JsonSchema[]>();
  const collect = (schema: JsonSchema): void => {
    for (const [key, one] of Object.entries(isObject(schema.properties) ? schema.properties : {})) {
      if (!isObject(one)) continue;
      const known = words.get(key) ?? [];
      if (!known.some((other) => JSON.stringify(other) === JSON.stringify(one)))
        words.set(key, [...known, one]);
    }
    for (const keyword of ["anyOf", "oneOf", "allOf"]) {
      const parts = schema[keyword];
      for (const part of Array.isArray(parts) ? parts : []) if (isObject(part)) collect(part);
    }
  };
  for (const { device } of protocols) collect(draft(device));
  const theirs = Object.fromEntries(
    Array.from(words, ([key, schemas]) => [key, schemas.length === 1 ? schemas[0] : { anyOf: schemas }]),
  );
  return { ...own, properties: { ...theirs, ...(isObject(own.properties) ? own.properties : {}) } };
}

/** With a description for every key that has none. */
function withHelp(schema: JsonSchema, path: readonly string[]): JsonSchema {
  const inner = (part: unknown, at: readonly string[]): unknown =>
    Array.isArray(part) ? part.map((one) => inner(one, at)) : isObject(part) ? withHelp(part, at) : part;
  return Object.fromEntries(
    Object.entries(schema).map(([keyword, part]): [string, unknown] => {
      if (keyword === "properties" && isObject(part))
        return [
          keyword,
          Object.fromEntries(Object.entries(part).map(([key, one]) => [key, described(one, [...path, key])])),
        ];
      if (keyword === "additionalProperties") return [keyword, inner(part, [...path, "*"])];
      return [
        keyword,
        ["items", "anyOf", "oneOf", "allOf", "then"].includes(keyword) ? inner(part, path) : part,
      ];
    }),
  );
}

function described(part: unknown, path: readonly string[]): unknown {
  if (!isObject(part)) return part;
  const help = "description" in part ? undefined : helpOf(path);
  return { ...(help === undefined ? {} : { description: help }), ...withHelp(part, path) };
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

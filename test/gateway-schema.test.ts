import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { configEditorSchema, configEditorSchemaText } from "../gateway/config/editor-schema.ts";
import { describedPaths } from "../gateway/config/schema-help.ts";
import { northbounds } from "../gateway/northbound/index.ts";
import { loadProtocols } from "../gateway/southbound/index.ts";
import { breaches } from "./json-schema.ts";

const protocols = await loadProtocols();
const root = join(import.meta.dirname, "..");
const schema = configEditorSchema(protocols, northbounds);

it("gateway.schema.json is what the gateway checks (vitest --update writes it again)", async () => {
  const text = configEditorSchemaText(protocols, northbounds);
  await expect(text).toMatchFileSnapshot(join(root, "gateway.schema.json"));
  expect(text.length).toBeLessThan(150_000);
});

describe("the schema of gateway.yaml", () => {
  const sample = () => parse(readFileSync(join(root, "gateway.sample.yaml"), "utf8"));

  it("takes the sample", () => {
    expect(breaches(schema, sample())).toEqual([]);
  });

  it.each<[string, (config: ReturnType<typeof sample>) => void]>([
    ["an unknown section", (config) => Object.assign(config, { device: {} })],
    ["an unknown protocol", (config) => Object.assign(config.connections, { x: { protocol: "modbuss" } })],
    ["a word of another protocol", (config) => Object.assign(config.connections.roof, { tenant: "x" })],
    ["a word that no protocol has", (config) => Object.assign(config.devices["meter-main"], { unti: 1 })],
    ["a broker without an address", (config) => Object.assign(config.northbound, { x: { type: "mqtt" } })],
    [
      "a name that is none",
      (config) => Object.assign(config.devices, { "Meter 1": config.devices["meter-main"] }),
    ],
    ["no id", (config) => Object.assign(config, { gateway: {} })],
  ])("refuses %s", (_what, change) => {
    const config = sample();
    change(config);
    expect(breaches(schema, config)).not.toEqual([]);
  });

  it("explains every key, and nothing that is no key", () => {
    const keys = new Set<string>();
    const silent: string[] = [];
    const definitions: Record<string, unknown> = Object(schema.definitions);
    const visit = (part: unknown, path: string, depth = 0): void => {
      if (typeof part !== "object" || part === null || depth > 40) return;
      if (Array.isArray(part)) {
        for (const one of part) visit(one, path, depth + 1);
        return;
      }
      for (const [keyword, one] of Object.entries(part)) {
        if (keyword === "$ref")
          visit(definitions[String(one).slice("#/definitions/".length)], path, depth + 1);
        else if (keyword === "properties")
          for (const [key, inner] of Object.entries<Record<string, unknown>>(one)) {
            const at = path === "" ? key : `${path}.${key}`;
            keys.add(at);
            // Told at the one place that chooses among them.
            if (Object.keys(inner).length > 0 && !textOf(inner)) silent.push(at);
            visit(inner, at, depth + 1);
          }
        else if (keyword === "additionalProperties") visit(one, `${path}.*`, depth + 1);
        else if (["items", "anyOf", "oneOf", "allOf", "then"].includes(keyword)) visit(one, path, depth + 1);
      }
    };
    const textOf = (part: Record<string, unknown>): boolean =>
      "description" in part ||
      ("$ref" in part && textOf(Object(definitions[String(part.$ref).slice("#/definitions/".length)]))) ||
      (Array.isArray(part.anyOf) && part.anyOf.every((one) => textOf(one)));
    visit(schema, "");
    expect([...new Set(silent)]).toEqual([]);
    expect(describedPaths.filter((path) => !keys.has(path))).toEqual([]);
  });
});

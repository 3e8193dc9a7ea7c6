import * as z from "zod";
import { version } from "../model/version.ts";
import { access } from "./access.ts";
import * as answers from "./answers.ts";
import { routes } from "./openapi-routes.ts";

// The OpenAPI 3.1 document of the API, made from the schemas that check its requests. Loaded when asked for.

type Json = Record<string, unknown>;

export function openApiDocument(): Json {
  const components: Record<string, unknown> = {};
  const paths: Record<string, Json> = {};
  const schemaOf = (schema: z.ZodType, io: "input" | "output"): Json => {
    const {
      $schema: _dialect,
      $defs,
      ...rest
    } = z.toJSONSchema(schema, {
      target: "draft-2020-12",
      io,
      unrepresentable: "any",
    });
    for (const [name, one] of Object.entries($defs ?? {})) components[name] = referring(one);
    const { id, ...own } = rest;
    if (typeof id !== "string") return referring(own);
    components[id] = referring(own);
    return { $ref: `#/components/schemas/${id}` };
  };
  const refused = (description: string) => ({
    description,
    content: { "application/json": { schema: schemaOf(answers.error, "output") } },
  });
  for (const [key, described] of Object.entries(routes)) {
    const [method = "", path = ""] = key.split(" ");
    const needed = Reflect.get(access, key);
    const { answer, status = [200] } = described;
    const content =
      typeof answer === "string"
        ? { [answer]: { schema: { type: "string" } } }
        : { "application/json": { schema: schemaOf(answer, "output") } };
    const operation: Json = {
      operationId: operationId(method, path),
      summary: described.summary,
      ...(needed === "anyone" ? { security: [] } : { "x-stadsnod-role": needed }),
      responses: {
        ...Object.fromEntries(
          status.map((code) => [code, { description: code < 300 ? "Done" : "Refused", content }]),
        ),
        ...(needed === "anyone"
          ? {}
          : { 401: refused("Not logged in"), 403: refused("Not allowed for this role") }),
        default: refused("Refused, with a stable code"),
      },
    };
    const parameters = [
      ...parametersOf("path", described.params, schemaOf),
      ...parametersOf("query", described.query, schemaOf),
    ];
    if (parameters.length > 0) operation.parameters = parameters;
    if (described.body)
      operation.requestBody = {
        required: true,
        content: { "application/json": { schema: schemaOf(described.body, "input") } },
      };
    const place = path.replaceAll(/:(\w+)/g, "{$1}");
    paths[place] = { ...paths[place], [method.toLowerCase()]: operation };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Stadsnod local API",
      version,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      description: "See docs/local-api.md. On the Unix socket nobody needs to log in.",
    },
    security: [{ bearer: [] }, { cookie: [] }],
    paths,
    components: {
      schemas: components,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "An API token, or the token of a login" },
        cookie: {
          type: "apiKey",
          in: "cookie",
          name: "__Host-stadsnod",
          description: "What changes something also needs the header x-stadsnod: 1",
        },
      },
    },
  };
}

function parametersOf(
  place: "path" | "query",
  schema: z.ZodObject | undefined,
  schemaOf: (schema: z.ZodType, io: "input") => Json,
): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemaOf(schema, "input");
  const needed: readonly unknown[] = Array.isArray(required) ? required : [];
  return Object.entries(properties ?? {}).map(([name, one]) => ({
    name,
    in: place,
    required: place === "path" || needed.includes(name),
    schema: one,
  }));
}

/** References of zod lead to `$defs` of one schema; here all are beside each other. */
function referring<T>(value: T): T {
  return JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/'));
}

function operationId(method: string, path: string): string {
  const words = path
    .replace(/^\/v1/, "")
    .split(/[^A-Za-z]+/)
    .filter(Boolean);
  return [method.toLowerCase(), ...words.map((word) => word[0]!.toUpperCase() + word.slice(1))].join("");
}

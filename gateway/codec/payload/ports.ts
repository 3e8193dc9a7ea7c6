import { fieldsUnder } from "./construct/fields.ts";
import type { Compiling } from "./context/compiling.ts";
import type { Node } from "./node.ts";
import { PayloadError } from "./payload-error.ts";
import { integerKey, Section, schemaError } from "./section.ts";

/** The layout of one port. */
export interface Port {
  /** Undefined for a schema without ports. */
  readonly key: number | "default" | undefined;
  readonly direction: string | undefined;
  readonly fields: Node;
}

/** `ports: {1: {...}, default: {...}}`. Throws ConfigError. */
export function compilePorts(schema: Section, context: Compiling): readonly Port[] {
  const section = schema.section("ports")!;
  return section.entries().map(([key, value]) => {
    const one = new Section(value, `ports.${String(key)}`);
    const number = integerKey(key);
    if (key !== "default" && (number === undefined || number < 1 || number > 255))
      throw schemaError(one.path, "a port is a number from 1 to 255, or the word default");
    return {
      key: number ?? "default",
      direction: one.text("direction"),
      fields: fieldsUnder(one, "fields", context),
    };
  });
}

/** Throws PayloadError where the schema has no layout for the port. */
export function portFor(ports: readonly Port[], port: number | undefined): Port {
  const found =
    ports.find(({ key }) => key === undefined || (port !== undefined && key === port)) ??
    ports.find(({ key }) => key === "default");
  if (found) return found;
  throw new PayloadError(
    port === undefined ? "the port is not given" : `there is no layout for port ${port}`,
    {
      code: "no-port",
    },
  );
}

import { GatewayError } from "../../model/errors.ts";
import type { Quality } from "../../model/quality.ts";
import { type Command, commandNamed, commandOf, compileCommands } from "./commands.ts";
import { expandCompact } from "./compact.ts";
import { listCompiler, onceRemaining } from "./construct/fields.ts";
import { compileItem } from "./construct/item.ts";
import { Compiling, type Endian } from "./context/compiling.ts";
import { Decoding } from "./context/decoding.ts";
import { Encoding, maxPayloadBytes } from "./context/encoding.ts";
import { compileMetadata, type NetworkMetadata } from "./metadata.ts";
import type { Input, Node, Output, OutputField } from "./node.ts";
import { badValue, PayloadError } from "./payload-error.ts";
import { compilePorts, type Port, portFor } from "./ports.ts";
import { Section, schemaError } from "./section.ts";
import { compileVectors, type Vector } from "./vectors.ts";

export type Direction = "uplink" | "downlink" | "both";

export interface PayloadOptions {
  /** LoRaWAN port, for schemas with `ports`. */
  readonly port?: number;
  /** Checked against the schema's own only when it is given. */
  readonly direction?: Direction;
  /** What the network says about an uplink, for the schema's `metadata`. */
  readonly metadata?: NetworkMetadata;
}

export interface Decoded {
  /** What was decoded before the first error. */
  readonly data: Record<string, unknown>;
  readonly warnings: string[];
  /** Empty exactly when all was decoded. */
  readonly errors: string[];
  /** By output name: `sentinel` (no value), `out-of-range`, or `good` for fields with a valid_range. */
  readonly quality?: Record<string, Quality>;
}

export interface Encoded {
  /** Empty when there are errors: half a payload is none. */
  readonly bytes: Uint8Array;
  readonly warnings: string[];
  readonly errors: string[];
}

/** A compiled schema: both directions, and what it says about itself. */
export interface Payload {
  readonly name: string;
  /** What is written in the schema but has no effect, for people. */
  readonly notes: readonly string[];
  readonly vectors: readonly Vector[];
  readonly commands: readonly Command[];
  /** Never throws, whatever the bytes. */
  decode(bytes: Uint8Array, options?: PayloadOptions): Decoded;
  /** Never throws, whatever the values. */
  encode(values: Input, options?: PayloadOptions): Encoded;
  encodeCommand(name: string, values: Input): Encoded;
  decodeCommand(bytes: Uint8Array): Decoded;
  /** Every name that decoding can report. */
  fields(): readonly OutputField[];
}

/**
 * Compiles a Payload Schema v0.5 into closures. Takes what `readSchemaText` or JSON.parse give.
 * Throws ConfigError `bad-payload-schema` with the path of what cannot be compiled.
 */
export function compilePayload(schema: unknown): Payload {
  const section = new Section(schema, "");
  const name = section.text("name") ?? "payload";
  if (section.has("header"))
    throw schemaError("header", "a header is not in the language", "share fields with $ref");
  const whole = !section.has("ports") && typeof section.get("fields") === "string";
  const compact = whole ? expandCompact(section.text("fields") ?? "", "fields") : undefined;
  const endian: Endian = compact?.endian ?? section.word("endian", ["big", "little"]) ?? "big";
  const context = new Compiling(endian, section.section("definitions"), listCompiler(compileItem));
  context.notes.push(...section.notes);
  const ports = section.has("ports")
    ? compilePorts(section, context)
    : [onePort(section, compact?.items ?? section.list("fields"), context)];
  const commands = compileCommands(section, context);
  const enrich = compileMetadata(section, context.notes);
  const vectors = compileVectors(section);

  const decodeWith = (bytes: Uint8Array, act: (state: Decoding, data: Output) => void): Decoded => {
    const data: Output = {};
    const state = new Decoding(bytes, context.slots);
    const errors: string[] = [];
    try {
      if (bytes.length > maxPayloadBytes)
        throw badValue(`${bytes.length} bytes are more than a payload may have`);
      act(state, data);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      errors.push(error.message);
    }
    const { warnings, quality } = state;
    return { data, warnings, errors, ...(quality && { quality }) };
  };
  const encodeWith = (act: (state: Encoding) => void): Encoded => {
    const state = new Encoding(context.slots);
    state.attempt(name, () => act(state));
    const { warnings, errors } = state;
    return { bytes: errors.length > 0 ? new Uint8Array(0) : state.bytes, warnings, errors };
  };
  return {
    name,
    notes: context.notes,
    vectors,
    commands,
    decode: (bytes, options = {}) =>
      decodeWith(bytes, (state, data) => {
        chosenPort(ports, options).fields.decode(state, data);
        if (enrich && options.metadata) enrich(data, options.metadata);
      }),
    encode: (values, options = {}) =>
      encodeWith((state) => {
        const { fields } = chosenPort(ports, options);
        fields.prepare?.(state, values);
        fields.encode(state, values);
      }),
    encodeCommand: (command, values) =>
      encodeWith((state) => commandNamed(commands, command).encode(state, values)),
    decodeCommand: (bytes) =>
      decodeWith(bytes, (state, data) => commandOf(commands, bytes).decode(state, data)),
    fields: () => fieldsOf(ports),
  };
}

function onePort(section: Section, items: readonly unknown[] | undefined, context: Compiling): Port {
  if (!items) throw schemaError("", "a schema needs fields or ports");
  onceRemaining(items, "fields");
  const fields: Node = context.fields(items, "fields");
  return { key: undefined, direction: section.text("direction"), fields };
}

function chosenPort(ports: readonly Port[], { port, direction }: PayloadOptions): Port {
  const chosen = portFor(ports, port);
  const allowed = chosen.direction;
  if (direction !== undefined && allowed !== undefined && allowed !== "both" && allowed !== direction)
    throw new PayloadError(`this payload is for the direction ${allowed}, not ${direction}`, {
      code: "direction",
    });
  return chosen;
}

function fieldsOf(ports: readonly Port[]): readonly OutputField[] {
  const found = new Map<string, OutputField>();
  for (const { key, fields } of ports) {
    for (const output of fields.outputs) {
      const before = found.get(output.name);
      const on = [...(before?.ports ?? []), ...(key === undefined ? [] : [key])];
      const type = before && before.type !== output.type ? "any" : output.type;
      found.set(output.name, {
        ...output,
        ...before,
        type,
        ...(on.length > 0 && { ports: [...new Set(on)] }),
      });
    }
  }
  return [...found.values()];
}

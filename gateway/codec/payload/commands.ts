import { ConfigError } from "../../model/errors.ts";
import type { Compiling } from "./context/compiling.ts";
import type { Decoding } from "./context/decoding.ts";
import type { Encoding } from "./context/encoding.ts";
import type { Input, Node, Output, OutputField } from "./node.ts";
import { badValue, PayloadError } from "./payload-error.ts";
import { isMapping, numberOf, Section, schemaError } from "./section.ts";

/** One named command of `downlink_commands`: an id byte, then plain fields. */
export interface Command {
  readonly name: string;
  /** 0 to 255, the first byte. */
  readonly id: number;
  readonly description: string | undefined;
  readonly fields: readonly OutputField[];
  /** Writes the command into the state. */
  encode(state: Encoding, input: Input): void;
  decode(state: Decoding, out: Output): void;
}

/** A command that cannot be compiled is left out, with a note. */
export function compileCommands(schema: Section, context: Compiling): readonly Command[] {
  const section = schema.section("downlink_commands");
  if (!section) return [];
  return section.entries().flatMap(([key, value]) => {
    try {
      return [compileCommand(String(key), value, section, context)];
    } catch (error) {
      // Commands are an extension of the language's tools: one that cannot be read must not keep uplinks from being read.
      if (!(error instanceof ConfigError)) throw error;
      context.notes.push(`${error.message}; the command is left out`);
      return [];
    }
  });
}

function compileCommand(name: string, value: unknown, section: Section, context: Compiling): Command {
  const one = new Section(value, `${section.path}.${name}`);
  const id = numberOf(one.get("command_id"));
  if (id === undefined || !Number.isInteger(id) || id < 0 || id > 255)
    throw schemaError(one.at("command_id"), "the id of a command is a byte, 0 to 255");
  // Hidden fields take no bytes in a command, unlike everywhere else.
  const items = (one.list("fields") ?? []).filter((item) => !isHidden(item));
  const fields: Node = context.fields(items, one.at("fields"));
  return {
    name,
    id,
    description: one.text("description"),
    fields: fields.outputs,
    encode: (state, input) => {
      state.put(Uint8Array.of(id), undefined, true);
      fields.prepare?.(state, input);
      fields.encode(state, input);
    },
    decode: (state, out) => {
      state.take(1, "command");
      out._command = name;
      out._command_id = id;
      fields.decode(state, out);
    },
  };
}

function isHidden(item: unknown): boolean {
  if (!isMapping(item)) return false;
  const name = new Section(item, "").get("name");
  return typeof name === "string" && name.startsWith("_");
}

/** Throws PayloadError for a name that the schema does not have. */
export function commandNamed(commands: readonly Command[], name: string): Command {
  const found = commands.find((one) => one.name === name);
  if (!found) throw badValue(`there is no command "${name}"`);
  return found;
}

/** The command that the first byte stands for. Throws PayloadError. */
export function commandOf(commands: readonly Command[], bytes: Uint8Array): Command {
  const found = commands.find((one) => one.id === bytes[0]);
  if (!found) throw new PayloadError(`there is no command with the id ${bytes[0]}`, { code: "no-command" });
  return found;
}

import type { Compiling } from "../context/compiling.ts";
import type { Node } from "../node.ts";
import { isMapping, Section, schemaError } from "../section.ts";
import { expandReference } from "./reference.ts";

type CompileItem = (section: Section, context: Compiling) => Node;

/** A list of fields as one node. `compileItem` knows what an item can be. */
export function listCompiler(
  compileItem: CompileItem,
): (items: readonly unknown[], path: string, context: Compiling) => Node {
  const nodesOf = (
    items: readonly unknown[],
    path: string,
    context: Compiling,
    open: readonly string[],
  ): Node[] =>
    items.flatMap((item, index) => {
      const section = new Section(item, `${path}[${index}]`);
      context.count(section.path);
      const spliced = expandReference(section, context, open);
      if (!spliced) return [compileItem(section, context)];
      return nodesOf(spliced.items, spliced.path, context, [...open, spliced.name]);
    });
  return (items, path, context) => join(nodesOf(items, path, context, []));
}

/** A field list under a key. Throws ConfigError. */
export function fieldsUnder(section: Section, key: string, context: Compiling): Node {
  const items = section.list(key);
  if (!items) throw schemaError(section.path, `${key} is missing`);
  onceRemaining(items, section.at(key));
  return context.fields(items, section.at(key));
}

/** `length: remaining` may stand once in a list: a second one could never get a byte. */
export function onceRemaining(items: readonly unknown[], path: string): void {
  const open = items.filter(
    (item) => isMapping(item) && new Section(item, path).get("length") === "remaining",
  );
  if (open.length > 1) throw schemaError(path, "length: remaining can stand only once in a list of fields");
}

/** Several nodes in their order as one. */
export function join(nodes: readonly Node[]): Node {
  const decoders = nodes.map((node) => node.decode);
  const preparers = nodes.flatMap((node) => (node.prepare ? [node.prepare] : []));
  return {
    decode: (state, out) => {
      for (let index = 0; index < decoders.length; index += 1) decoders[index]!(state, out);
    },
    ...(preparers.length > 0 && {
      prepare: (state, input) => {
        for (const prepare of preparers) prepare(state, input);
      },
    }),
    encode: (state, input) => {
      for (const node of nodes) node.encode(state, input);
    },
    outputs: nodes.flatMap((node) => node.outputs),
    claims: nodes.flatMap((node) => node.claims),
    weight: nodes.reduce((sum, node) => sum + node.weight, 0),
  };
}

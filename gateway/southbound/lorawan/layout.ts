import { compilePayload, type OutputField, type Payload, readSchemaText } from "../../codec/payload/index.ts";
import { alternatives, suggest } from "../../codec/suggest.ts";
import { ConfigError } from "../../model/errors.ts";
import { AddressProblem } from "../protocol.ts";
import type { AttachedFile, FieldType, HistoryList, LoraHead } from "./settings.ts";

export type FieldKind = "integer" | "float" | "boolean" | "text";

/** What a head means, compiled once. */
export interface CompiledHead {
  readonly payload?: Payload | undefined;
  readonly script?: AttachedFile | undefined;
  /** What the layout yields, by path, with `[]` for every element of a list; undefined without a layout. */
  readonly kinds?: ReadonlyMap<string, FieldKind> | undefined;
  /** Names that only the payload itself tells may follow. */
  readonly open: boolean;
  readonly history: readonly HistoryList[];
  /** Why the layout cannot be used. */
  readonly problem?: ConfigError | undefined;
}

const compiled = new WeakMap<LoraHead, CompiledHead>();

/** Never throws: what is wrong is in `problem`. */
export function compileHead(head: LoraHead): CompiledHead {
  const known = compiled.get(head);
  if (known) return known;
  const made = compile(head);
  compiled.set(head, made);
  return made;
}

function compile({ decoding, history }: LoraHead): CompiledHead {
  if (decoding.kind === "none") return { open: true, history };
  if (decoding.kind === "script") return { open: true, history, script: decoding.file };
  if (decoding.kind === "unread") {
    const problem = new ConfigError(`the file ${decoding.file} was not read`, {
      code: "file-unread",
      hint: "it must lie in the profile's own folder",
    });
    return { open: true, history, problem };
  }
  try {
    const schema = decoding.kind === "layout" ? decoding.schema : readSchemaText(decoding.file.text);
    const payload = compilePayload(schema);
    const fields = payload.fields();
    const kinds = new Map<string, FieldKind>();
    let open = false;
    walk(fields, "", (path, field) => {
      if (field.pattern) open = true;
      const kind = kindOf(field);
      if (kind) kinds.set(path, kind);
    });
    return { payload, kinds, open, history: [...history, ...timedLists(fields, history)] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { open: true, history, problem: error };
  }
}

function walk(
  fields: readonly OutputField[],
  prefix: string,
  visit: (path: string, field: OutputField) => void,
): void {
  for (const field of fields) {
    const path = `${prefix}${field.name}${field.type === "list" || field.repeats ? "[]" : ""}`;
    visit(path, field);
    if (field.fields) walk(field.fields, `${path}.`, visit);
  }
}

function kindOf({ type }: OutputField): FieldKind | undefined {
  if (type === "integer" || type === "boolean" || type === "text") return type;
  if (type === "bytes") return "text";
  return type === "number" || type === "any" ? "float" : undefined;
}

/** Lists, and records that may stand alone, in which a member is marked as a time. */
function timedLists(fields: readonly OutputField[], said: readonly HistoryList[]): HistoryList[] {
  return fields.flatMap(({ name, type, fields: members }) => {
    if ((type !== "list" && type !== "object") || said.some(({ list }) => list === name)) return [];
    const time = members?.find((member) => member.time);
    return time ? [{ list: name, when: { by: "time", field: time.name, format: "epoch" } }] : [];
  });
}

/** The raw kind at a path. Throws AddressProblem for a field that the layout does not have. */
export function fieldKind(field: string, type: FieldType | undefined, head: CompiledHead): FieldKind {
  const said = type === undefined ? undefined : type === "number" ? "float" : type;
  if (!head.kinds) return said ?? "float";
  const found = kindAt(field, head.kinds);
  if (found === undefined && !head.open) {
    const names = [...head.kinds.keys()];
    const near = suggest(field, names);
    const hint = near === undefined ? `one of ${alternatives(names)}` : `did you mean "${near}"?`;
    throw new AddressProblem("field", `the payload layout has no field "${field}"`, hint);
  }
  return said ?? found ?? "float";
}

/** `log[2].temp` and `log[].temp` are both of the kind of `log[].temp`; so is `log.temp` where one record stands alone. */
function kindAt(field: string, kinds: ReadonlyMap<string, FieldKind>): FieldKind | undefined {
  const plain = (path: string): string => path.replace(/\[\d*\]/g, "");
  const direct = kinds.get(field) ?? kinds.get(field.replace(/\[\d+\]/g, "[]"));
  if (direct !== undefined) return direct;
  for (const [path, kind] of kinds) if (plain(path) === plain(field)) return kind;
  return undefined;
}

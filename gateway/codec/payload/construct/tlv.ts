import type { Compiling } from "../context/compiling.ts";
import type { Decoding } from "../context/decoding.ts";
import { endianOf } from "../field/number.ts";
import type { Node, Output, OutputField } from "../node.ts";
import { PayloadError, tooShort } from "../payload-error.ts";
import { describe, Section, schemaError } from "../section.ts";
import { readWhole } from "./match.ts";
import { tagFinder, tagKey } from "./tag-key.ts";
import type { Tag, TagCase } from "./tlv-case.ts";
import { compileRecordWriter } from "./tlv-encode.ts";

/** `tlv`: tagged records up to the end of the payload. Throws ConfigError. */
export function compileTlv(section: Section, context: Compiling): Node {
  const body = section.section("tlv")!;
  const little = endianOf(body, context) === "little";
  const tag = body.has("tag_fields") ? compositeTag(body, context) : simpleTag(body, little);
  const lengthSize = body.whole("length_size", 0, 4) ?? 0;
  const unknown = body.word("unknown", ["skip", "error", "raw"]) ?? "skip";
  const merge = body.get("merge") !== false;
  const cases = compileCases(body, tag, context);
  const find = tagFinder(cases.map((one) => ({ key: one.key, value: one })));
  const outputs = cases.flatMap((one) => one.fields.outputs);
  const weight = cases.reduce((most, one) => Math.max(most, one.fields.weight), 1);
  return {
    decode: (state, out) => {
      const collected = merge ? new Merged(out) : new Channels(out);
      while (state.pos < state.end) {
        const start = state.pos;
        const found = tag.read(state);
        if (!found) break;
        if (lengthSize > state.end - state.pos) break;
        const length = lengthSize === 0 ? undefined : Number(readWhole(state, lengthSize, little, "length"));
        state.spend(weight);
        const one = find(found);
        if (!one) {
          if (unknown === "error")
            throw new PayloadError(`unknown tag ${show(found)}`, { code: "unknown-tag" });
          if (!passOver(state, found, length, unknown === "raw" ? collected : undefined)) break;
        } else collected.add(found, readRecord(state, one, length, found));
        if (state.pos <= start) break;
      }
    },
    ...compileRecordWriter({ cases, tag, lengthSize, little, merge }),
    outputs: merge ? merged(outputs) : channelOutputs(outputs),
    claims: [],
    weight,
  };
}

function simpleTag(body: Section, little: boolean): Tag {
  const size = body.whole("tag_size", 1, 6) ?? 1;
  return {
    elements: 1,
    read: (state) => (state.pos + size > state.end ? undefined : [readWhole(state, size, little, "tag")]),
    write: (state, values) => {
      const value = BigInt(values[0] ?? 0);
      if (value < 0n || value >> BigInt(size * 8) !== 0n)
        throw new PayloadError(`the tag ${value} does not fit ${size} bytes`, { code: "bad-value" });
      const bytes = Buffer.from(value.toString(16).padStart(size * 2, "0"), "hex");
      state.put(little ? bytes.toReversed() : bytes, undefined, true);
    },
  };
}

function compositeTag(body: Section, context: Compiling): Tag {
  const fields = context.fields(body.list("tag_fields") ?? [], body.at("tag_fields"));
  const key = body.get("tag_key");
  const written = Array.isArray(key)
    ? key
    : key === undefined
      ? fields.outputs.map(({ name }) => name)
      : [key];
  const slots = written.map((name) => {
    if (typeof name !== "string")
      throw schemaError(body.at("tag_key"), `${describe(name)} is no field of the tag`);
    return { name, slot: context.slot(name) };
  });
  if (slots.length === 0) throw schemaError(body.at("tag_key"), "a tag has at least one field");
  const read =
    slots.length === 2
      ? (vars: readonly unknown[]) => [vars[slots[0]!.slot], vars[slots[1]!.slot]]
      : (vars: readonly unknown[]) => slots.map(({ slot }) => vars[slot]);
  return {
    elements: slots.length,
    read: (state) => {
      fields.decode(state, {});
      return read(state.vars);
    },
    write: (state, values) => {
      for (const [index, { slot }] of slots.entries()) state.forced.set(slot, values[index]);
      fields.encode(state, {});
      for (const { slot } of slots) state.forced.delete(slot);
    },
  };
}

function compileCases(body: Section, tag: Tag, context: Compiling): TagCase[] {
  const section = body.section("cases");
  if (!section) throw schemaError(body.path, "a tlv has cases");
  return section.entries().map(([key, fields]) => {
    const path = `${section.path}.${String(key)}`;
    const list =
      fields === null || fields === undefined
        ? []
        : Array.isArray(fields)
          ? fields
          : new Section(fields, path).list("fields");
    if (!list) throw schemaError(path, "a case has a list of fields");
    return { key: tagKey(key, tag.elements, path), fields: context.fields(list, path), path };
  });
}

/** Reads the fields of a known tag. A length is the end that they may not pass; what they leave is skipped. */
function readRecord(
  state: Decoding,
  one: TagCase,
  length: number | undefined,
  tag: readonly unknown[],
): Output {
  const out: Output = {};
  if (length === undefined) {
    one.fields.decode(state, out);
    return out;
  }
  const outer = state.end;
  const end = state.pos + length;
  if (end > outer) throw tooShort(`tag ${show(tag)}`, length, outer - state.pos);
  state.end = end;
  one.fields.decode(state, out);
  state.end = outer;
  if (state.pos !== end)
    state.warnings.push(`tag ${show(tag)}: ${length} bytes long, ${end - state.pos} of them not read`);
  state.pos = end;
  return out;
}

/** Skips what an unknown tag holds; false where nothing says how long that is. */
function passOver(
  state: Decoding,
  tag: readonly unknown[],
  length: number | undefined,
  keep: Collected | undefined,
): boolean {
  if (length === undefined) return false;
  const end = Math.min(state.end, state.pos + length);
  if (end < state.pos + length)
    state.warnings.push(`unknown tag ${show(tag)} is cut off by the end of the payload`);
  keep?.addRaw(tag, state.buffer.toString("hex", state.pos, end));
  state.pos = end;
  return true;
}

function show(tag: readonly unknown[]): string {
  return tag.length === 1 ? String(tag[0]) : `[${tag.join(", ")}]`;
}

interface Collected {
  add(tag: readonly unknown[], record: Output): void;
  addRaw(tag: readonly unknown[], raw: string): void;
}

/** Records flat in the output: a name that comes again becomes a list in order of appearance. */
class Merged implements Collected {
  readonly #out: Output;
  readonly #count = new Map<string, number>();

  constructor(out: Output) {
    this.#out = out;
  }

  add(_: readonly unknown[], record: Output): void {
    for (const name of Object.keys(record)) {
      const count = this.#count.get(name) ?? 0;
      const present = this.#out[name];
      if (count === 0) this.#out[name] = record[name];
      else if (count === 1) this.#out[name] = [present, record[name]];
      else if (Array.isArray(present)) present.push(record[name]);
      this.#count.set(name, count + 1);
    }
  }

  addRaw(): void {
    // Flat keys have no place for what has no name.
  }
}

/** `merge: false`: records one by one under `channels`. */
class Channels implements Collected {
  readonly #list: Output[] = [];

  constructor(out: Output) {
    out.channels = this.#list;
  }

  add(tag: readonly unknown[], record: Output): void {
    this.#list.push({ tag: [...tag], ...record });
  }

  addRaw(tag: readonly unknown[], raw: string): void {
    this.#list.push({ tag: [...tag], raw });
  }
}

/** Several cases may report the same name; each name may come several times. */
function merged(outputs: readonly OutputField[]): OutputField[] {
  return outputs.map((output) => ({ ...output, repeats: true as const }));
}

function channelOutputs(outputs: readonly OutputField[]): OutputField[] {
  return [{ name: "channels", type: "list", fields: [{ name: "tag", type: "list" }, ...outputs] }];
}

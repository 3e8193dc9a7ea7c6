import { GatewayError } from "../../../model/errors.ts";
import { Decoding } from "../context/decoding.ts";
import type { Encoding } from "../context/encoding.ts";
import type { Claim, Input, Node, Output } from "../node.ts";
import { badValue } from "../payload-error.ts";
import { given } from "../value/report.ts";
import { asInput } from "./object.ts";
import { sameValue } from "./same-value.ts";
import { exactTag } from "./tag-key.ts";
import type { Tag, TagCase } from "./tlv-case.ts";

/** Records that one payload may be encoded into. */
const maxRecords = 4096;

export interface RecordLayout {
  readonly cases: readonly TagCase[];
  readonly tag: Tag;
  readonly lengthSize: number;
  readonly little: boolean;
  readonly merge: boolean;
}

interface Candidate {
  readonly one: TagCase;
  readonly order: number;
  /** Names of the input that the case can hold. */
  readonly claimed: readonly Claim[];
  /** Place in the input of the first of them. */
  readonly first: number;
  readonly exact: boolean;
}

/** Rebuilds tagged records from flat values, or from `channels`. */
export function compileRecordWriter(layout: RecordLayout): Pick<Node, "encode"> {
  const { cases, merge } = layout;
  if (!merge)
    return { encode: (state, input) => state.attempt("channels", () => writeChannels(state, input, layout)) };
  return {
    encode: (state, input) => {
      const spent = new Set<string>();
      let written = 0;
      const all = candidates(state, input, cases);
      for (const candidate of all) {
        const { claimed } = candidate;
        const left = claimed.filter(({ name }) => !spent.has(name));
        if (left.length === 0) continue;
        for (const { name } of claimed) spent.add(name);
        for (const record of recordsOf(input, claimed)) {
          written += 1;
          if (written > maxRecords) return void state.errors.push(`more than ${maxRecords} records`);
          writeRecord(state, caseFor(state, record, candidate, all), record, layout);
        }
      }
    },
  };
}

/** The elements of one list may come from several cases: each is written by the first that loses nothing of it. */
function caseFor(state: Encoding, record: Input, chosen: Candidate, all: readonly Candidate[]): TagCase {
  if (chosen.exact || chosen.claimed.length > 1) return chosen.one;
  const name = chosen.claimed[0]?.name;
  const rivals = all.filter(({ claimed }) => claimed.length === 1 && claimed[0]?.name === name);
  if (rivals.length === 1) return chosen.one;
  return (rivals.find((rival) => reproduces(state, record, rival)) ?? chosen).one;
}

/**
 * The cases that can hold a value of the input, in the order in which they are taken: by the place of
 * their first value in the input, then those that reproduce every value exactly, then those that hold
 * more, then as written.
 */
function candidates(state: Encoding, input: Input, cases: readonly TagCase[]): Candidate[] {
  const places = new Map(Object.keys(input).map((name, index) => [name, index]));
  const found = cases.flatMap((one, order): Candidate[] => {
    const claimed = one.fields.claims.filter(({ name }) => given(input, name) !== undefined);
    if (claimed.length === 0) return [];
    const first = Math.min(...claimed.map(({ name }) => places.get(name) ?? 0));
    return [{ one, order, claimed, first, exact: false }];
  });
  const contested = new Map<number, number>();
  for (const { first } of found) contested.set(first, (contested.get(first) ?? 0) + 1);
  return found
    .map((one) =>
      (contested.get(one.first) ?? 0) > 1
        ? { ...one, exact: recordsOf(input, one.claimed).every((record) => reproduces(state, record, one)) }
        : one,
    )
    .sort(
      (a, b) =>
        a.first - b.first ||
        Number(b.exact) - Number(a.exact) ||
        b.claimed.length - a.claimed.length ||
        a.order - b.order,
    );
}

/** Whether the case can write every value of a record that it claims, and reads the same from its bytes. */
function reproduces(state: Encoding, record: Input, { one, claimed }: Candidate): boolean {
  const trial = state.trial();
  one.fields.prepare?.(trial, record);
  one.fields.encode(trial, record);
  if (trial.errors.length > 0 || trial.inexact) return false;
  const again = new Decoding(trial.bytes, state.slots);
  const out: Output = {};
  try {
    one.fields.decode(again, out);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return false;
  }
  return claimed.every(({ name }) => sameValue(out[name], record[name]));
}

/** The records that hold the claimed values: one, or one per element where a value came several times. */
function recordsOf(input: Input, claimed: readonly Claim[]): Input[] {
  const repeated = (claim: Claim): readonly unknown[] | undefined => {
    const value = given(input, claim.name);
    if (!Array.isArray(value)) return undefined;
    return claim.holds(value) ? undefined : value;
  };
  const lists = claimed.map((claim) => ({ name: claim.name, list: repeated(claim) }));
  const count = Math.max(...lists.map(({ list }) => list?.length ?? 1));
  return Array.from({ length: Math.min(count, maxRecords + 1) }, (_, index) => {
    const record: Record<string, unknown> = { ...input };
    for (const { name, list } of lists) {
      if (list) record[name] = list[index];
      else if (index > 0) delete record[name];
    }
    return record;
  });
}

function writeRecord(state: Encoding, one: TagCase, record: Input, layout: RecordLayout): void {
  state.attempt(one.path, () => {
    const tag = exactTag(one.key);
    if (!tag) throw badValue("a case with a range, ! or * stands for several tags and cannot be written");
    layout.tag.write(state, tag);
    writeBody(state, layout, () =>
      state.record(() => {
        one.fields.prepare?.(state, record);
        one.fields.encode(state, record);
      }),
    );
  });
}

/** Writes a record's content, its length in front of it. */
function writeBody(state: Encoding, { lengthSize, little }: RecordLayout, content: () => void): void {
  const at = state.pos;
  state.put(new Uint8Array(lengthSize), undefined, true);
  const start = state.pos;
  content();
  if (lengthSize === 0) return;
  const end = Math.max(state.pos, state.length);
  const length = end - start;
  if (length >= 256 ** lengthSize) throw badValue(`${length} bytes are more than the length field can say`);
  const bytes = Buffer.alloc(lengthSize);
  if (little) bytes.writeUIntLE(length, 0, lengthSize);
  else bytes.writeUIntBE(length, 0, lengthSize);
  state.pos = at;
  state.put(bytes, undefined, true);
  state.moveTo(end);
}

/** `merge: false`: each entry of `channels` names its tag. */
function writeChannels(state: Encoding, input: Input, layout: RecordLayout): void {
  const channels = given(input, "channels");
  if (channels === undefined) return;
  if (!Array.isArray(channels) || channels.length > maxRecords)
    throw badValue("channels is a list of records");
  for (const channel of channels) {
    const record = asInput(channel, "channel");
    const given = Array.isArray(record.tag) ? record.tag : [record.tag];
    const tag = given.filter((value) => typeof value === "number" || typeof value === "string");
    if (tag.length !== layout.tag.elements) throw badValue("a record of channels needs its tag");
    const one = layout.cases.find(({ key }) => exactTag(key)?.every((value, index) => value === tag[index]));
    if (one) writeRecord(state, one, record, layout);
    else if (typeof record.raw === "string" && /^([0-9a-f]{2})*$/i.test(record.raw)) {
      const raw = Buffer.from(record.raw, "hex");
      layout.tag.write(state, tag);
      writeBody(state, layout, () => state.put(raw, undefined, true));
    } else throw badValue(`there is no case for the tag ${tag.join(", ")}`);
  }
}

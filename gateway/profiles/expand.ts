import { alternatives, suggest } from "../codec/suggest.ts";
import type { Finding } from "../codec/syntax-error.ts";
import { diagnose, type Path, parseYaml, type YamlDocument } from "../codec/yaml.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import { Origins, relocated } from "./origins.ts";
import { expandRepeats, type RepeatedPoint } from "./repeat.ts";

// What a profile is before it is checked: `repeat` carried out, and a profile named by `use` taken in.
// Whatever is found later still points at the line that a person wrote, in this file or in the other.

/** A profile that another one may use. */
export interface BaseFile {
  readonly file: string;
  readonly text: string;
}

/** Where `use` looks. */
export interface Bases {
  /** Undefined when there is no such profile. Throws when it cannot be read. */
  find(id: string): BaseFile | undefined;
  /** Every id there is, for suggestions. */
  readonly ids: readonly string[];
  /** The file of that name in the folder of a profile's file. Throws when it cannot be read. */
  beside?(profile: string, name: string): BaseFile;
}

export const noBases: Bases = { find: () => undefined, ids: [] };

export interface Expanded {
  /** The profile, and for every path of it the line that it comes from. */
  readonly document: YamlDocument;
  /** Text of the used profile; undefined without `use`. */
  readonly base?: BaseFile | undefined;
}

type Mapping = Readonly<Record<string, unknown>>;

/** Taken over from the used profile where this one does not say them. */
const inherited = ["manufacturer", "category", "protocol", "options", "setup", "identify"];

/** Expands a profile; undefined when what is found makes that impossible. `found` takes the findings. */
export function expandProfile(
  document: YamlDocument,
  bases: Bases,
  found: Diagnostic[],
): Expanded | undefined {
  const { value } = document;
  if (!isMapping(value)) return { document };
  const sayOf =
    (of: YamlDocument) =>
    (path: Path, part: "key" | "value", finding: Finding): void => {
      found.push(diagnose(of, path, part, finding));
    };
  const say = sayOf(document);
  const before = found.length;
  const own = isMapping(value.points) ? expandRepeats(document, value.points, say, found) : undefined;
  const whole = (head: Mapping, points: unknown, origins: Origins, base?: BaseFile): Expanded => ({
    document: relocated(document, { ...head, points }, origins),
    base,
  });
  if (!("use" in value)) {
    if (!own) return { document };
    if (found.length > before) return undefined;
    if (own.every((one) => one.name === one.key)) return { document };
    const origins = new Origins(document);
    return whole(value, takeAll(own, document, origins), origins);
  }
  const base = baseOf(value.use, value.protocol, bases, say);
  if (!base) return undefined;
  const theirs = expandRepeats(base.document, asMapping(base.value.points), sayOf(base.document), found);
  if (found.length > before) return undefined;
  const origins = new Origins(document);
  const points = takeAll(theirs, base.document, origins);
  override(points, own ?? [], document, origins, say);
  if (found.length > before) return undefined;
  const { use: _, ...head } = value;
  const merged: Record<string, unknown> = { ...head };
  for (const key of inherited) {
    if (!(key in base.value)) continue;
    if (key === "options") mergeKeys(merged, key, base, document, origins);
    else if (!(key in merged)) {
      merged[key] = base.value[key];
      origins.set([key], base.document, [key]);
    }
  }
  const protocol = String(merged.protocol);
  const sameProtocolHead = !(protocol in head);
  mergeKeys(merged, protocol, base, document, origins);
  if (sameProtocolHead) {
    const kept = theirs.map((one) => one.name).filter((name) => !own?.some((two) => two.name === name));
    addExamples(merged, new Set(kept), base, origins);
  }
  return whole(merged, points, origins, base.file);
}

interface Base {
  readonly file: BaseFile;
  readonly document: YamlDocument;
  readonly value: Mapping;
}

type Say = (path: Path, part: "key" | "value", finding: Finding) => void;

function baseOf(id: unknown, protocol: unknown, bases: Bases, say: Say): Base | undefined {
  const refuse = (code: string, message: string, hint?: string): undefined => {
    say(["use"], "value", { code, message, hint });
    return undefined;
  };
  if (typeof id !== "string")
    return refuse("wrong-type", '"use" names one profile', "write its id, such as use: acme/meter");
  let file: BaseFile | undefined;
  try {
    file = bases.find(id);
  } catch (error) {
    return refuse(
      "unreadable",
      `the profile "${id}" cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (!file) {
    const near = suggest(id, bases.ids) ?? bases.ids.find((one) => one.endsWith(`/${id}`));
    const hint =
      near !== undefined
        ? `did you mean "${near}"?`
        : bases.ids.length > 0
          ? `a profile is named by its path: ${alternatives(bases.ids, 6)}`
          : "a profile is named by its path below the profile folders";
    return refuse("unknown-profile", `there is no profile "${id}" to use`, hint);
  }
  const { document, diagnostics } = parseYaml(file.text, file.file);
  const [bad] = diagnostics;
  if (!document || bad)
    return refuse(
      "bad-profile",
      `the profile "${id}" has errors`,
      bad && `${bad.file}:${bad.line}: ${bad.message}`,
    );
  const value = asMapping(document.value);
  if ("use" in value)
    return refuse(
      "use-of-use",
      `the profile "${id}" uses another one itself`,
      `use "${String(value.use)}" and write here what "${id}" changes in it`,
    );
  if (protocol !== undefined && protocol !== value.protocol)
    return refuse(
      "protocol-mismatch",
      `the profile "${id}" speaks ${String(value.protocol)}, this one ${String(protocol)}`,
      "use a profile of the same protocol, or leave `protocol` out",
    );
  return { file, document, value };
}

function takeAll(
  points: readonly RepeatedPoint[],
  document: YamlDocument,
  origins: Origins,
): Record<string, unknown> {
  const taken: Record<string, unknown> = {};
  for (const { name, key, value } of points) {
    taken[name] = value;
    origins.set(["points", name], document, ["points", key]);
  }
  return taken;
}

/** Point by point, key by key; null takes a point, or a key of it, away. */
function override(
  points: Record<string, unknown>,
  own: readonly RepeatedPoint[],
  document: YamlDocument,
  origins: Origins,
  say: Say,
): void {
  const theirs = Object.keys(points);
  for (const { name, key, value } of own) {
    const before = points[name];
    const known = theirs.includes(name);
    const isNew = isMapping(value) && ("at" in value || "from" in value || "write" in value);
    if (!known && !isNew) {
      const near = suggest(name, theirs);
      say(["points", key], "key", {
        code: "unknown-point",
        message: `the used profile has no point "${name}" to change`,
        hint:
          near !== undefined
            ? `did you mean "${near}"?`
            : value === null
              ? "it is not there: remove this line"
              : "give it an `at` to make it a new one",
      });
    } else if (value === null) delete points[name];
    else if (!isMapping(value) || !isMapping(before)) {
      points[name] = value;
      origins.set(["points", name], document, ["points", key]);
    } else {
      const changed = { ...before, ...value };
      // The point is this file's now; what it keeps stands in the other one.
      const there = origins.of(["points", name]);
      origins.set(["points", name], document, ["points", key]);
      for (const field of Object.keys(before))
        origins.set(["points", name, field], there.document, [...there.path, field]);
      for (const [field, one] of Object.entries(value)) {
        if (one === null) delete changed[field];
        origins.set(["points", name, field], document, ["points", key, field]);
      }
      points[name] = changed;
    }
  }
}

/** A mapping of the head whose keys are taken over one by one. */
function mergeKeys(
  merged: Record<string, unknown>,
  key: string,
  base: Base,
  document: YamlDocument,
  origins: Origins,
): void {
  const theirs = base.value[key];
  const ours = merged[key];
  if (theirs === undefined || (ours !== undefined && (!isMapping(ours) || !isMapping(theirs)))) return;
  merged[key] = isMapping(ours) ? { ...asMapping(theirs), ...ours } : theirs;
  origins.set([key], base.document, [key]);
  for (const field of Object.keys(asMapping(ours))) origins.set([key, field], document, [key, field]);
}

/** The used profile's examples count for the points that stand as they are. */
function addExamples(
  merged: Record<string, unknown>,
  kept: ReadonlySet<string>,
  base: Base,
  origins: Origins,
): void {
  const theirs = Array.isArray(base.value.examples) ? base.value.examples : [];
  const examples: unknown[] = Array.isArray(merged.examples) ? [...merged.examples] : [];
  if (merged.examples !== undefined && !Array.isArray(merged.examples)) return;
  theirs.forEach((example: unknown, index) => {
    const part = partOf(example, kept);
    if (part === undefined) return;
    origins.set(["examples", examples.length], base.document, ["examples", index]);
    examples.push(part);
  });
  merged.examples = examples.length > 0 ? examples : undefined;
}

function partOf(example: unknown, kept: ReadonlySet<string>): unknown {
  if (!isMapping(example)) return undefined;
  const isKept = (reading: string): boolean => kept.has(reading.split("/")[0] ?? reading);
  if (isMapping(example.write)) return Object.keys(example.write).every(isKept) ? example : undefined;
  if (!isMapping(example.expect)) return undefined;
  const expect = Object.entries(example.expect).filter(([reading]) => isKept(reading));
  return expect.length > 0 ? { ...example, expect: Object.fromEntries(expect) } : undefined;
}

function asMapping(value: unknown): Mapping {
  return isMapping(value) ? value : {};
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

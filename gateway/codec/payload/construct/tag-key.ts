import { describe, integerKey, schemaError } from "../section.ts";
import { rangeKey } from "./case-key.ts";

/** One element of a tag: a value, anything but a number, or anything. */
export type KeyElement =
  | { readonly kind: "exact"; readonly value: number | string }
  | { readonly kind: "range"; readonly low: number; readonly high: number }
  | { readonly kind: "not"; readonly value: number }
  | { readonly kind: "any" };

/** Reads the key of a tagged record: `3`, `"2..5"`, `"[3, 0x67]"`, `"[1, !103]"`, `"[2, *]"`. Throws ConfigError. */
export function tagKey(key: unknown, elements: number, path: string): readonly KeyElement[] {
  const text = typeof key === "string" ? key.trim() : key;
  const listed =
    typeof text === "string" && /^[[(].*[\])]$/.test(text) ? text.slice(1, -1).split(",") : [text];
  if (listed.length !== elements)
    throw schemaError(path, `${describe(key)} has ${listed.length} of the ${elements} elements of a tag`);
  return listed.map((element) => elementOf(element, path));
}

function elementOf(element: unknown, path: string): KeyElement {
  const number = integerKey(element);
  if (number !== undefined) return { kind: "exact", value: number };
  if (typeof element !== "string") throw schemaError(path, `${describe(element)} cannot be a tag`);
  const text = element.trim().replace(/^(["'])(.*)\1$/, "$2");
  if (text === "*") return { kind: "any" };
  if (text.startsWith("!")) {
    const other = integerKey(text.slice(1));
    if (other === undefined) throw schemaError(path, `"${text}" is no number to leave out`);
    return { kind: "not", value: other };
  }
  const range = rangeKey(text);
  if (range) return { kind: "range", ...range };
  const quoted = integerKey(text);
  return { kind: "exact", value: quoted ?? text };
}

/** The tag that a key stands for; undefined when it stands for several. */
export function exactTag(key: readonly KeyElement[]): readonly (number | string)[] | undefined {
  const values = key.flatMap((element) => (element.kind === "exact" ? [element.value] : []));
  return values.length === key.length ? values : undefined;
}

function fits(element: KeyElement, value: unknown): boolean {
  switch (element.kind) {
    case "exact":
      return element.value === value;
    case "range":
      return typeof value === "number" && value >= element.low && value <= element.high;
    case "not":
      return element.value !== value;
    case "any":
      return true;
  }
}

/** Exact keys come before ranges, these before keys with `!`, these before keys with `*`. */
function rank(key: readonly KeyElement[]): number {
  const kinds = key.map((element) => element.kind);
  if (kinds.includes("any")) return 3;
  if (kinds.includes("not")) return 2;
  return kinds.includes("range") ? 1 : 0;
}

type Branch<T> = Map<unknown, Branch<T> | { readonly found: T }>;

/** Finds the case of a tag: exact keys by one table per element, the others in their precedence. */
export function tagFinder<T>(cases: readonly { readonly key: readonly KeyElement[]; readonly value: T }[]) {
  const root: Branch<T> = new Map();
  for (const { key, value } of cases) {
    const tag = exactTag(key);
    if (tag) plant(root, tag, value);
  }
  const loose = cases.filter((one) => rank(one.key) > 0).sort((a, b) => rank(a.key) - rank(b.key));
  return (tag: readonly unknown[]): T | undefined => {
    let branch: Branch<T> | { readonly found: T } | undefined = root;
    for (let index = 0; branch instanceof Map && index < tag.length; index += 1)
      branch = branch.get(tag[index]);
    if (branch && !(branch instanceof Map)) return branch.found;
    return loose.find((one) => one.key.every((element, index) => fits(element, tag[index])))?.value;
  };
}

function plant<T>(root: Branch<T>, tag: readonly unknown[], value: T): void {
  let branch = root;
  for (const element of tag.slice(0, -1)) {
    const next = branch.get(element);
    const inner: Branch<T> = next instanceof Map ? next : new Map();
    branch.set(element, inner);
    branch = inner;
  }
  const last = tag.at(-1);
  if (!branch.has(last)) branch.set(last, { found: value });
}

import type { Random } from "../../gateway/model/clock.ts";
import { below, pick } from "./target.ts";

/** What JSON and CBOR have in common, and bytes. */
export type Tree = unknown;

const odd: readonly (() => Tree)[] = [
  () => null,
  () => true,
  () => 0,
  () => -0,
  () => -1,
  () => 1.5,
  () => 2 ** 31,
  () => 2 ** 53,
  () => -(2 ** 63),
  () => 1e308,
  () => 5e-324,
  () => "",
  () => "\u0000",
  () => "💡".repeat(70),
  () => "a".repeat(5000),
  () => "../../etc/shadow",
  () => "9".repeat(400),
  () => "2026-02-30T25:61:00Z",
  () => "constructor",
  () => [],
  () => ({}),
  () => [[]],
  () => Array(300).fill(0),
  () => Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`k${index}`, index])),
  () => nested(40),
  () => nested(1500),
];
const names = ["__proto__", "constructor", "toString", "length", "", "id", "value", "0", "-1", "a_", "then"];

function nested(depth: number): Tree {
  let tree: Tree = 1;
  for (let left = depth; left > 0; left--) tree = left % 2 === 0 ? [tree] : { a: tree };
  return tree;
}

const isMap = (tree: Tree): tree is Readonly<Record<string, Tree>> =>
  typeof tree === "object" && tree !== null && !Array.isArray(tree) && !(tree instanceof Uint8Array);

/** An object that has this key of its own, `__proto__` too. */
function withKey(map: Readonly<Record<string, Tree>>, key: string, value: Tree): Tree {
  const copy = { ...map };
  Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
  return copy;
}

/** Copies of copies of copies would not fit any string. */
const mostWeight = 4e6;

/** About so many characters as JSON. */
function weightOf(tree: Tree): number {
  if (typeof tree === "string" || tree instanceof Uint8Array) return tree.length + 2;
  if (Array.isArray(tree)) return tree.reduce((sum: number, one) => sum + weightOf(one), 2);
  if (!isMap(tree)) return 5;
  return Object.entries(tree).reduce((sum, [key, value]) => sum + key.length + weightOf(value), 2);
}

/** The tree with one place in it changed. */
export function changedTree(tree: Tree, random: Random): Tree {
  const deeper = random() < 0.75;
  if (Array.isArray(tree) && tree.length > 0 && deeper) {
    const at = below(random, tree.length);
    return tree.map((one, index) => (index === at ? changedTree(one, random) : one));
  }
  if (isMap(tree) && Object.keys(tree).length > 0 && deeper) {
    const key = pick(random, Object.keys(tree));
    return withKey(tree, key, changedTree(tree[key], random));
  }
  switch (below(random, 6)) {
    case 0:
      if (isMap(tree)) return withKey(tree, pick(random, names), pick(random, odd)());
      return [tree];
    case 1:
      if (isMap(tree)) {
        const gone = pick(random, [...Object.keys(tree), ""]);
        return Object.fromEntries(Object.entries(tree).filter(([key]) => key !== gone));
      }
      return { a: tree };
    case 2: {
      const copies = 1 + below(random, 200);
      return copies * weightOf(tree) > mostWeight ? [tree] : Array(copies).fill(tree);
    }
    case 3:
      if (typeof tree === "number") return pick(random, [-tree, tree + 1, tree * 1e9, tree / 3, `${tree}`]);
      if (typeof tree === "string")
        return pick(random, [
          tree.slice(1),
          `${tree} `,
          tree.length > mostWeight ? tree : tree.repeat(20),
          tree.toUpperCase(),
          `${tree}\u0000`,
        ]);
      return pick(random, odd)();
    default:
      return pick(random, odd)();
  }
}

export function changedOften(tree: Tree, random: Random, most = 3): Tree {
  let changed = tree;
  for (let left = 1 + below(random, most); left > 0; left--) changed = changedTree(changed, random);
  return changed;
}

/** As JSON, however deep; bytes in base64. */
export function jsonOf(tree: Tree): Uint8Array {
  return Buffer.from(written(tree));
}

function written(tree: Tree): string {
  if (tree instanceof Uint8Array) return JSON.stringify(Buffer.from(tree).toString("base64"));
  if (Array.isArray(tree)) return `[${tree.map(written).join()}]`;
  if (!isMap(tree)) return JSON.stringify(tree) ?? "null";
  const members = Object.entries(tree).filter(([, value]) => value !== undefined);
  return `{${members.map(([key, value]) => `${JSON.stringify(key)}:${written(value)}`).join()}}`;
}

import { existsSync, readFileSync } from "node:fs";
import { join, normalize, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { mutations } from "./mutations/mutations.ts";
import { canaries, outlets } from "./system/canaries.ts";

// docs/security.md says which test proves what. It must not say so of tests that are not there.

const root = resolve(import.meta.dirname, "..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");
const text = read("docs/security.md");

interface Proof {
  readonly title: string;
  readonly file: string;
}

/** Links whose text is a title in quotes: `["is refused"](../test/x.test.ts)`. */
function proofsIn(markdown: string): Proof[] {
  return Array.from(
    markdown.matchAll(/\["((?:[^"\]]|\](?!\())+)"\]\(([^)\s]+)\)/g),
    ([, title = "", target = ""]) => ({
      title,
      file: normalize(join("docs", target)),
    }),
  );
}

/** Whether a test or a group of tests has this title in the source: not only a comment, nor a part of another title. */
function has(source: string, title: string): boolean {
  const quoted = title.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  return new RegExp(
    `(?:\\b(?:it|describe)\\b[^"\`\\n]*|^\\s*|\\))\\(\\s*(?:"${quoted}"|\`${quoted}\`)`,
    "m",
  ).test(source);
}

const proofs = proofsIn(text);
const threats = text.split(/^### (?=\d+\. )/m).slice(1);

describe("docs/security.md", () => {
  it("has 15 threats and more, numbered through", () => {
    expect(threats.length).toBeGreaterThanOrEqual(15);
    expect(threats.map((one) => Number.parseInt(one, 10))).toEqual(threats.map((_, index) => index + 1));
  });

  it.each(threats.map((one) => [one.split("\n", 1)[0] ?? "", one] as const))(
    "proves something of: %s",
    (_, threat) => {
      expect(proofsIn(threat.split(/^## /m)[0] ?? "").length).toBeGreaterThanOrEqual(2);
    },
  );

  it.each(proofs)('names a test that is there: $file "$title"', ({ title, file }) => {
    expect(file).toMatch(/\.test\.ts$/);
    expect(existsSync(join(root, file))).toBe(true);
    expect(has(read(file), title)).toBe(true);
  });

  it("refers to threats that it has", () => {
    const named = Array.from(text.matchAll(/\bthreats? ([\d, and]+)/g), ([, numbers = ""]) =>
      Array.from(numbers.matchAll(/\d+/g), Number),
    ).flat();
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((number) => number < 1 || number > threats.length)).toEqual([]);
  });

  it("has evidence for every yes", () => {
    const rows = text.split("\n").filter((line) => /^\|.*\| yes \|/.test(line));
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.filter((row) => !/threat|\]\(|this document/.test(row.split("|").at(-2) ?? ""))).toEqual([]);
  });

  it("gives figures that are true", () => {
    expect(text).toContain(`plants ${mutations.length} bugs`);
    expect(text).toContain(
      `${canaries.length} canaries in and around the real daemon, in ${outlets.length} outlets`,
    );
  });
});

describe("the look at a test's title", () => {
  const source =
    'it("is refused", () => {});\nit.each(x)("of %s", () => {});\n])("late %s", y);\n// "only said"\n';
  it.each([
    ["is refused", true],
    ["of %s", true],
    ["late %s", true],
    ["refused", false],
    ["only said", false],
    ["is not there", false],
  ])("%s: %s", (title, there) => expect(has(source, title)).toBe(there));
});

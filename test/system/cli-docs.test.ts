import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root, run } from "./daemon.ts";

const page = readFileSync(join(root, "docs", "cli.md"), "utf8");

interface Help {
  readonly name: string;
  readonly text: string;
  readonly options: readonly string[];
}

/** Every command, as the program itself tells: name and long options, --help and --version aside. */
async function commands(path: readonly string[] = []): Promise<Help[]> {
  const { code, out } = await run([...path, "--help"]);
  expect(code).toBe(0);
  const section = (title: string) =>
    new RegExp(`^${title}:\\n((?:  .*\\n|\\n(?=  ))*)`, "m").exec(out)?.[1] ?? "";
  const options = Array.from(
    section("Options").matchAll(/^ {2}(?:-\w, )?(--[a-z0-9-]+)/gm),
    ([, option]) => option!,
  ).filter((option) => option !== "--help" && option !== "--version");
  const names = Array.from(section("Commands").matchAll(/^ {2}([a-z-]+)/gm), ([, name]) => name!).filter(
    (name) => name !== "help",
  );
  const below = await Promise.all(names.map((name) => commands([...path, name])));
  return [{ name: ["stadsnod", ...path].join(" "), text: out, options }, ...below.flat()];
}

/** Of the page: heading -> text up to the next command's heading. */
const described = new Map(
  Array.from(
    page.matchAll(/^#+ (stadsnod [a-z -]+)\n([\s\S]*?)(?=^#+ stadsnod |(?![\s\S]))/gm),
    ([, name, text]) => [name!, text!],
  ),
);

describe("docs/cli.md", async () => {
  const found = (await commands()).slice(1);

  it("describes every command and no other", () => {
    expect(found.length).toBeGreaterThanOrEqual(17);
    expect([...described.keys()].toSorted()).toEqual(found.map(({ name }) => name).toSorted());
  });

  it.each(found)("describes every option of $name and no other", ({ name, options }) => {
    const named = Array.from(described.get(name)!.matchAll(/--[a-z][a-z0-9-]*/g), ([option]) => option);
    const examplesAside = described
      .get(name)!
      .split("\n")
      .filter((line) => /^- `|^ {4}stadsnod /.test(line))
      .join("\n");
    const promised = Array.from(examplesAside.matchAll(/--[a-z][a-z0-9-]*/g), ([option]) => option);
    expect([...new Set(promised)].toSorted()).toEqual(options.toSorted());
    for (const option of options) expect(named).toContain(option);
  });

  it.each(found)("$name shows an example with --help", ({ name, text }) => {
    expect(text).toMatch(/\nExamples:\n {2}\$ /);
    expect(text.split("\n")[0]).toContain(`Usage: ${name}`);
  });

  it("lists the exit codes that the program tells", async () => {
    const { out } = await run(["--help"]);
    expect(out).toContain(
      "Exit codes: 0 fine, 1 failed, 2 wrong command line or file, 3 no running gateway.",
    );
    for (const code of [0, 1, 2, 3]) expect(page).toMatch(new RegExp(`^\\| ${code} \\| `, "m"));
  });
});

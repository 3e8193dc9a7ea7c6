import { generateKeyPairSync } from "node:crypto";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runCli } from "../gateway/cli/index.ts";
import { parseYaml } from "../gateway/codec/yaml.ts";
import { loadConfig } from "../gateway/config/load.ts";
import type { Diagnostic } from "../gateway/model/diagnostic.ts";
import { LinkError } from "../gateway/model/errors.ts";
import { silentLog } from "../gateway/model/log.ts";
import { northbounds } from "../gateway/northbound/index.ts";
import { runExample } from "../gateway/profiles/example.ts";
import type { Bases } from "../gateway/profiles/expand.ts";
import { loadProfiles } from "../gateway/profiles/library.ts";
import { loadProfile } from "../gateway/profiles/load.ts";
import { loadProtocols } from "../gateway/southbound/index.ts";
import type { Protocol, SouthboundContext } from "../gateway/southbound/protocol.ts";
import { VirtualClock } from "./fault/virtual-clock.ts";

// What the documents show must be true: profiles, gateway.yaml, right and wrong pairs, commands, links.

const publicKey = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }).toString();
const root = resolve(import.meta.dirname, "..");
const guide = "docs/write-a-profile.md";
const pages = ["README.md", "device-profiles/README.md", ...globSync("docs/*.md", { cwd: root }).toSorted()];
const textOf = (page: string): string => readFileSync(join(root, page), "utf8");

interface Block {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

const blocks = pages.flatMap((page) =>
  Array.from(
    textOf(page).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm),
    (match): Block => ({
      page,
      line: textOf(page).slice(0, match.index).split("\n").length,
      language: match[1] ?? "",
      text: match[2] ?? "",
    }),
  ),
);
const yaml = blocks.filter(({ language }) => language === "yaml");

// --- Profiles

interface Shown extends Block {
  readonly id: string;
}
const shown = yaml.flatMap((block): Shown[] => {
  const id = /^(?:#[^\n]*\n)*profile: (\S+)/.exec(block.text)?.[1];
  return id === undefined ? [] : [{ ...block, id }];
});

/** A protocol that names no sample line gets one here: examples have no line of their own. */
const sample = { connection: { tcp: { host: "localhost" } }, device: { unit: 1 } };
const real = await loadProtocols();
const protocols = real.map((one): Protocol => ({ ...one, sample: one.sample ?? sample }));

const libraryIds = globSync("*/*.yaml", { cwd: join(root, "device-profiles") }).map((name) =>
  name.replaceAll("\\", "/").replace(/\.yaml$/, ""),
);
const library = join(root, "device-profiles");
const bases: Bases = {
  ids: [...shown.map(({ id }) => id), ...libraryIds],
  find: (id) => {
    const own = shown.find((one) => one.id === id);
    if (own) return { file: `device-profiles/${id}.yaml`, text: own.text };
    return libraryIds.includes(id)
      ? { file: `device-profiles/${id}.yaml`, text: readFileSync(join(library, `${id}.yaml`), "utf8") }
      : undefined;
  },
};
const load = (id: string, text: string) => loadProfile(text, `device-profiles/${id}.yaml`, protocols, bases);

const context: SouthboundContext = {
  clock: new VirtualClock(),
  random: () => 0.5,
  log: silentLog,
  connect: async () => {
    throw new LinkError("an example has no line", { code: "no-line" });
  },
  emit: async () => {},
  signal: new AbortController().signal,
};

describe("profiles in the documents", () => {
  it("has one of every protocol, and one that uses another", () => {
    const named = shown.map(({ text }) => /^protocol: (\S+)/m.exec(text)?.[1] ?? "use");
    const documented = new Set([...named, "lorawan"]);
    for (const { name } of real) expect(documented, `no profile with protocol: ${name}`).toContain(name);
    expect(named).toContain("use");
  });

  it.each(shown)("$id ($page:$line) passes its check and its examples", async ({ id, text }) => {
    const { profile, examples, diagnostics } = load(id, text);
    expect(diagnostics).toEqual([]);
    const protocol = protocols.find(({ name }) => name === profile?.protocol);
    if (!profile || !protocol) throw new Error("not loaded");
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const results = await runExample(profile, example, protocol, context);
      expect(
        results.filter(({ passed }) => !passed),
        example.name,
      ).toEqual([]);
    }
  });
});

it("README.md counts the profiles of each protocol", () => {
  const counts = new Map<string, number>();
  for (const id of libraryIds) {
    const text = readFileSync(join(library, `${id}.yaml`), "utf8");
    const name = loadProfile(text, `${id}.yaml`, protocols, bases).profile?.protocol ?? "";
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const rows = Array.from(textOf("README.md").matchAll(/^\| `([\w-]+)` \| .* \| (\d+) \|$/gm));
  expect(rows.length).toBeGreaterThanOrEqual(7);
  for (const [, name = "", count] of rows) expect(`${name} ${counts.get(name)}`).toBe(`${name} ${count}`);
});

// --- Right and wrong

interface Pair {
  readonly page: string;
  readonly line: number;
  readonly section: string;
  readonly wrong: string;
  readonly right: string;
  readonly says: string;
}

const checkedHead = "| Wrong | Right | `profile check` says |";

/** Rows of the tables whose wrong side `profile check` must find. A cell is one piece of code. */
function pairsOf(page: string): Pair[] {
  let section = "";
  let inside = false;
  return textOf(page)
    .split("\n")
    .flatMap((line, index): Pair[] => {
      const heading = /^#+ (.*)$/.exec(line)?.[1];
      if (heading !== undefined) section = heading;
      if (!line.startsWith("|")) inside = false;
      if (line === checkedHead) inside = true;
      if (!inside || line === checkedHead || line.startsWith("|---")) return [];
      const [, wrong, right, says] = /^\| `(.+)` \| `(.+)` \| (.+) \|$/.exec(line) ?? [];
      if (wrong === undefined || right === undefined || says === undefined)
        throw new Error(`${page}:${index + 1} is no row of wrong, right and message`);
      return [{ page, line: index + 1, section, wrong, right, says }];
    });
}
const pairs = pages.flatMap(pairsOf);

describe("right and wrong", () => {
  it("has pairs for every protocol", () => {
    const sections = new Set(pairs.map(({ section }) => section));
    for (const { name } of real.filter((one) => one.name !== "lorawan")) expect(sections).toContain(name);
    expect(pairs.length).toBeGreaterThan(80);
  });

  it.each(pairs)("$page:$line: $wrong", ({ section, wrong, right, says }) => {
    const isProtocol = real.some(({ name }) => name === section);
    const base = shown.find(
      ({ text }) => text.includes(right) && (!isProtocol || text.includes(`\nprotocol: ${section}\n`)),
    );
    if (!base) throw new Error(`no profile in the documents has ${right}`);
    const found = load(
      base.id,
      base.text.replace(right, () => wrong),
    ).diagnostics;
    expect(found.map(whole).join("\n")).not.toBe("");
    // What the table prints is what a person will read; " ... " leaves something out.
    const parts = says.replaceAll("\\|", "|").split(/ → | \.\.\.(?: |$)/);
    const fits = found.some((one) => parts.every((part) => whole(one).includes(part)));
    expect(fits, `the table says ${says}, the check\n${found.map(whole).join("\n")}`).toBe(true);
  });
});

function whole({ message, hint }: Diagnostic): string {
  return `${message}${hint === undefined ? "" : ` ${hint}`}`;
}

// --- gateway.yaml

const tops = new Set(["gateway", "connections", "devices", "northbound", "storage", "audiences"]);
const configs = yaml.filter(({ text, language }) => {
  const { value } = parseYaml(text, language).document ?? {};
  return typeof value === "object" && value !== null && Object.keys(value).some((key) => tops.has(key));
});

describe("gateway.yaml in the documents", () => {
  const texts = new Map([
    ...libraryIds.map((id): [string, string] => [
      `device-profiles/${id}.yaml`,
      readFileSync(join(library, `${id}.yaml`), "utf8"),
    ]),
    ...shown.map(({ id, text }): [string, string] => [`device-profiles/${id}.yaml`, text]),
  ]);
  const named = new Set(
    configs.flatMap(({ text }) => Array.from(text.matchAll(/profile: ([\w/-]+)/g), ([, id]) => id!)),
  );
  const profiles = loadProfiles(
    ["device-profiles"],
    {
      list: () => [...texts.keys()].map((path) => relative("device-profiles", path)),
      read: (path) => texts.get(relative(process.cwd(), resolve(path))) ?? texts.get(path) ?? "",
    },
    real,
    named,
  );

  it("is there", () => {
    expect(configs.length).toBeGreaterThanOrEqual(2);
  });

  it.each(configs)("$page:$line passes its check", async ({ text }) => {
    const complete = /^gateway:/m.test(text)
      ? text
      : `gateway: {id: docs, pen: 32474}\naudiences: {operations: {personal: true}}\n${text}`;
    const { diagnostics } = await loadConfig(complete, "gateway.yaml", {
      protocols: real,
      northbounds,
      profiles,
      env: {},
      readFile: (path) => (path.endsWith(".pem") ? publicKey : "00112233445566778899aabbccddeeff"),
    });
    expect(diagnostics).toEqual([]);
  });
});

// --- Commands

async function run(cwd: string, args: readonly string[]): Promise<{ code: number; said: string }> {
  let said = "";
  const code = await runCli(args, {
    cwd,
    env: {},
    signal: new AbortController().signal,
    onReload: () => {},
    out: (text) => {
      said += text;
    },
    err: (text) => {
      said += text;
    },
    columns: undefined,
    rows: undefined,
  });
  return { code, said };
}

const helps = new Map<string, Promise<string>>();
function helpOf(path: readonly string[]): Promise<string> {
  const key = path.join(" ");
  const known =
    helps.get(key) ?? run(root, [...path, "--help"]).then(({ code, said }) => (code === 0 ? said : ""));
  helps.set(key, known);
  return known;
}

/** The names below a command. */
function commandsIn(help: string): string[] {
  const section = /^Commands:\n((?: {2}.*\n|\n(?= {2}))*)/m.exec(help)?.[1] ?? "";
  return Array.from(section.matchAll(/^ {2}([a-z][a-z-]*)/gm), ([, name]) => name!);
}

interface Line {
  readonly page: string;
  readonly line: number;
  readonly command: string;
}

/** Every command line of the documents, in blocks and in the text; `a|b` are two. */
const commandLines = pages.flatMap((page) => {
  const found: Line[] = [];
  textOf(page)
    .split("\n")
    .forEach((text, index) => {
      const inText = Array.from(
        text.matchAll(/`((?:stadsnod|npm run -s stadsnod --) [^`]*)`/g),
        ([, one]) => one!,
      );
      const alone = /^\s*(?:\$ )?((?:\S+ \| )?(?:stadsnod|npm run -s stadsnod --) [^`]+)$/.exec(text)?.[1];
      for (const one of [...inText, ...(alone === undefined ? [] : [alone])])
        for (const part of one.split(/ (?:&&|\|) /))
          if (/^(stadsnod|npm run -s stadsnod --) /.test(part))
            found.push({ page, line: index + 1, command: part.replace(/\s+#.*$/, "") });
    });
  return found;
});

describe("commands in the documents", () => {
  it("finds them", () => {
    expect(commandLines.length).toBeGreaterThan(60);
  });

  it.each(commandLines)("$page:$line: $command", async ({ command }) => {
    const words = command.replace(/^(stadsnod|npm run -s stadsnod --) /, "").split(/\s+/);
    await followed(command, [], words);
  });

  /** The names that are left are commands below, then options that the command has. */
  async function followed(command: string, path: readonly string[], rest: readonly string[]): Promise<void> {
    const [first = "", ...others] = rest;
    const help = await helpOf(path);
    const below = commandsIn(help);
    if (below.length > 0 && /^[a-z][a-z|-]*$/.test(first)) {
      for (const name of first.split("|")) {
        expect(below, `${command}: there is no ${name}`).toContain(name);
        await followed(command, [...path, name], others);
      }
      return;
    }
    expect(help, command).not.toBe("");
    for (const option of rest.filter((word) => /^\[?--?[a-z]/.test(word)))
      expect(help, command).toMatch(new RegExp(`(^|[ ,])${/--?[a-z0-9]+/.exec(option)?.[0]}\\b`, "m"));
  }
});

// --- What commands print

/** ```console blocks: `$ stadsnod ...` and what it says; `<!-- where `a` is `b` -->` before one changes the profiles. */
const consoles = pages.flatMap((page) =>
  Array.from(
    textOf(page).matchAll(/(?:<!-- where `(.+?)` is `(.+?)` -->\n)?^```console\n([\s\S]*?)^```$/gm),
    ({ index, 1: right, 2: wrong, 3: text = "" }) => ({
      page,
      line: textOf(page).slice(0, index).split("\n").length,
      right,
      wrong,
      text,
    }),
  ),
);

describe("what commands print", () => {
  const folders: string[] = [];
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  it("is shown in the guide", () => {
    expect(consoles.filter(({ page }) => page === guide).length).toBeGreaterThanOrEqual(7);
  });

  it.each(consoles)("$page:$line is what they print", async ({ page, right, wrong, text }) => {
    const folder = mkdtempSync(join(tmpdir(), "stadsnod-docs-"));
    folders.push(folder);
    const write = (path: string, content: string): void => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    };
    const here = shown.filter((one) => one.page === page);
    if (right !== undefined) expect(here.some((one) => one.text.includes(right))).toBe(true);
    for (const one of here)
      write(
        `device-profiles/${one.id}.yaml`,
        one.text.replaceAll(right ?? "\0", () => wrong ?? ""),
      );
    const config = configs.find((one) => one.page === page);
    if (config) write("gateway.yaml", config.text);
    const [before, ...turns] = text.split(/^\$ stadsnod /m);
    expect(before).toBe("");
    expect(turns.length).toBeGreaterThan(0);
    for (const turn of turns) {
      const end = turn.indexOf("\n");
      const { said } = await run(folder, wordsOf(turn.slice(0, end)));
      expect(said).toBe(turn.slice(end + 1));
    }
  });
});

/** A command line's words; double quotes keep blanks. */
function wordsOf(line: string): string[] {
  return Array.from(line.matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, plain]) => quoted ?? plain ?? "");
}

// --- Links

const links = pages.flatMap((page) =>
  Array.from(textOf(page).matchAll(/\]\(([^)\s]+)\)/g), ([, target]) => ({ page, target: target! })).filter(
    ({ target }) => !/^[a-z]+:/.test(target),
  ),
);

describe("links in the documents", () => {
  it.each(links)("$page: $target", ({ page, target }) => {
    const [path = "", anchor] = target.split("#");
    const file = path === "" ? page : join(dirname(page), path);
    expect(existsSync(join(root, file)), `${file} does not exist`).toBe(true);
    if (anchor === undefined) return;
    const anchors = Array.from(textOf(file).matchAll(/^#+ (.*)$/gm), ([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\- ]/gu, "")
        .replaceAll(" ", "-"),
    );
    expect(anchors).toContain(anchor);
  });
});

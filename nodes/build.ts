import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build, type Metafile } from "esbuild";
import { bundledPackages, thirdPartyFile, thirdPartyText } from "../scripts/third-party.ts";

// Makes nodes/dist, which Node-RED loads: `<name>.js` (CommonJS, whole), `<name>.html` with the editor's code in
// it, locales and icons. Every folder with `<name>.ts` and `<name>.html` is one node, `stadsnod-<name>`.

const folder = import.meta.dirname;
export const languages = ["en-US", "sv"] as const;

/** Names of the nodes, sorted. */
export async function nodeNames(): Promise<string[]> {
  const folders = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const names = await Promise.all(
    folders.map(async ({ name }) => {
      const files = await readdir(join(folder, name));
      return files.includes(`${name}.ts`) && files.includes(`${name}.html`) ? [name] : [];
    }),
  );
  return names.flat().sort();
}

/** What `node-red: {nodes: ...}` of package.json must be for these nodes. */
export function nodeMap(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [`stadsnod-${name}`, `dist/${name}.js`]));
}

/** Builds into a folder that holds nothing else. Rejects when package.json does not list exactly the nodes there are. */
export async function buildNodes(out = join(folder, "dist")): Promise<void> {
  const names = await nodeNames();
  await checkListed(names);
  await rm(out, { recursive: true, force: true });
  await mkdir(join(out, "icons"), { recursive: true });
  const { metafile } = await build({
    entryPoints: names.map((name) => ({ in: join(folder, name, `${name}.ts`), out: name })),
    outdir: out,
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node22.9",
    absWorkingDir: folder,
    metafile: true,
    legalComments: "none",
    logLevel: "warning",
  });
  const inputs = [metafile, ...(await Promise.all(names.map((name) => writePage(name, out))))];
  const packages = bundledPackages(
    inputs.flatMap((one) => Object.keys(one.inputs)),
    folder,
  );
  await writeFile(join(out, thirdPartyFile), thirdPartyText(packages));
  await Promise.all([
    ...languages.map((language) => writeLocale(names, language, out)),
    ...(await readdir(join(folder, "icons"))).map((icon) =>
      copyFile(join(folder, "icons", icon), join(out, "icons", icon)),
    ),
  ]);
  // The last file: whoever looks whether a build is whole looks for it.
  await writeFile(join(out, "package.json"), '{"type":"commonjs"}\n');
}

async function checkListed(names: readonly string[]): Promise<void> {
  const listed = JSON.parse(await readFile(join(folder, "package.json"), "utf8"))["node-red"].nodes;
  const wanted = nodeMap(names);
  const wrong = [...new Set([...Object.keys(wanted), ...Object.keys(listed)])].filter(
    (type) => wanted[type] !== listed[type],
  );
  if (wrong.length > 0)
    throw new Error(
      `nodes/package.json: "node-red": {"nodes": ...} is wrong for ${wrong.join(", ")}; it must be ${JSON.stringify(wanted, null, 2)}`,
    );
}

async function writePage(name: string, out: string): Promise<Metafile> {
  const page = await readFile(join(folder, name, `${name}.html`), "utf8");
  const { outputFiles, metafile } = await build({
    entryPoints: [join(folder, name, "editor.ts")],
    bundle: true,
    write: false,
    absWorkingDir: folder,
    metafile: true,
    platform: "browser",
    format: "iife",
    target: "es2020",
    legalComments: "none",
    logLevel: "warning",
  });
  const code = outputFiles[0]?.text ?? "";
  await writeFile(join(out, `${name}.html`), `${page}\n<script type="text/javascript">\n${code}</script>\n`);
  return metafile;
}

/** Words that all nodes share stand once in the sources, and in every node's catalogue. */
async function writeLocale(names: readonly string[], language: string, out: string): Promise<void> {
  const target = join(out, "locales", language);
  await mkdir(target, { recursive: true });
  const common = JSON.parse(await readFile(join(folder, "locales", language, "common.json"), "utf8"));
  for (const name of names) {
    const source = join(folder, name, "locales", language, name);
    const own = JSON.parse(await readFile(`${source}.json`, "utf8"));
    await writeFile(join(target, `${name}.json`), JSON.stringify({ ...common, ...own }));
    await copyFile(`${source}.html`, join(target, `${name}.html`));
  }
}

if (import.meta.main) await buildNodes();

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { layOutProgram, pruneModules } from "../install/program.ts";
import type { Board } from "./boards/board.ts";
import { closure, type LockedPackage, type PackageLock } from "./npm-lock.ts";
import { ImageError, run } from "./process.ts";

/** What only development and demonstration need, and what is a layer of its own. */
const leftOut = ["aedes", "node-red"];

/** Node-RED looks where npm is, for installing nodes from its editor, which a gateway does not do: only its package.json stays. */
const npmItself = /^node_modules\/npm(\/|$)/;

export interface AppOptions {
  /** The checkout. */
  readonly root: string;
  readonly cache: string;
  readonly board: Board;
  readonly lock: PackageLock;
  /** Names of optional layers, e.g. node-red. */
  readonly layers: readonly string[];
  /** The folder of Node's npm package. */
  readonly node: string;
}

interface PackageJson {
  readonly overrides: Readonly<Record<string, unknown>>;
}

/** Packages of npm in the image, by their path in package-lock.json. */
export function appPackages({ lock, board, layers }: Pick<AppOptions, "lock" | "board" | "layers">): {
  readonly wanted: Readonly<Record<string, string>>;
  readonly packages: ReadonlyMap<string, LockedPackage>;
} {
  const root = lock.packages[""];
  const wanted = Object.fromEntries(
    Object.entries(root?.dependencies ?? {}).filter(
      ([name]) => !leftOut.includes(name) || layers.includes(name),
    ),
  );
  const packages = closure(lock, Object.keys(wanted), { cpu: board.npmCpu });
  return { wanted, packages: new Map([...packages].filter(([path]) => !npmItself.test(path))) };
}

/** Lays out /opt/stadsnod in `target`: program, profiles, production packages for the board, Node. */
export async function layOutApp(options: AppOptions, target: string): Promise<void> {
  const { root, node, layers } = options;
  rmSync(target, { recursive: true, force: true });
  if (!existsSync(join(root, "dist", "stadsnod.js")))
    throw new ImageError("the program is not built", "npm run build");
  const modules = await productionPackages(options);
  layOutProgram(
    { root, modules, node: join(node, "bin", "node"), nodes: layers.includes("node-red") },
    target,
  );
}

/** node_modules for the board, from package-lock.json alone; kept in the cache until that changes. */
async function productionPackages(options: AppOptions): Promise<string> {
  const { board, cache } = options;
  const { wanted } = appPackages(options);
  // npm wants a lock for every machine, and the overrides that it was made with, before it looks at --cpu.
  const packages = closure(options.lock, Object.keys(wanted), {});
  const { overrides }: PackageJson = JSON.parse(readFileSync(join(options.root, "package.json"), "utf8"));
  const pinned = Object.entries(overrides).filter(([, version]) => typeof version === "string");
  const root = {
    name: "stadsnod",
    version: "0.0.0",
    dependencies: wanted,
    overrides: Object.fromEntries(pinned),
  };
  const lock = JSON.stringify({
    name: "stadsnod",
    version: "0.0.0",
    lockfileVersion: 3,
    requires: true,
    packages: { "": root, ...Object.fromEntries(packages) },
  });
  const key = createHash("sha256")
    .update(lock)
    .update(readFileSync(import.meta.filename))
    .update(readFileSync(join(import.meta.dirname, "../install/program.ts")))
    .digest("hex")
    .slice(0, 12);
  const folder = join(cache, `node-modules-${board.npmCpu}-${key}`);
  if (existsSync(folder)) return join(folder, "node_modules");
  const draft = `${folder}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  writeFileSync(join(draft, "package.json"), JSON.stringify(root));
  writeFileSync(join(draft, "package-lock.json"), lock);
  await run(
    "npm",
    [
      "ci",
      "--omit=dev",
      "--os=linux",
      `--cpu=${board.npmCpu}`,
      "--libc=glibc",
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
    ],
    { cwd: draft },
  );
  pruneModules(join(draft, "node_modules"), board.npmCpu);
  renameSync(draft, folder);
  return join(folder, "node_modules");
}

import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Board } from "./boards/board.ts";
import { closure, type LockedPackage, type PackageLock } from "./npm-lock.ts";
import { ImageError, run } from "./process.ts";

/** What only development and demonstration need, and what is a layer of its own. */
const leftOut = ["aedes", "node-red"];

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
  return { wanted, packages: closure(lock, Object.keys(wanted), { cpu: board.npmCpu }) };
}

/** Lays out /opt/stadsnod in `target`: program, profiles, production packages for the board, Node. */
export async function layOutApp(options: AppOptions, target: string): Promise<void> {
  const { root, node } = options;
  rmSync(target, { recursive: true, force: true });
  mkdirSync(join(target, "bin"), { recursive: true });
  const program = join(root, "dist", "stadsnod.js");
  if (!existsSync(program)) throw new ImageError("the program is not built", "npm run build");
  cpSync(join(root, "dist"), join(target, "dist"), {
    recursive: true,
    filter: (name) => !name.endsWith(".map"),
  });
  cpSync(join(root, "device-profiles"), join(target, "device-profiles"), { recursive: true });
  // The units name the documents, and the page shows some.
  cpSync(join(root, "docs"), join(target, "docs"), {
    recursive: true,
    filter: (name) => !name.endsWith("/images"),
  });
  for (const name of ["LICENSE", "NOTICE", "gateway.sample.yaml"])
    cpSync(join(root, name), join(target, name));
  if (options.layers.includes("node-red"))
    cpSync(join(root, "nodes", "dist"), join(target, "nodes"), { recursive: true });
  cpSync(await productionPackages(options), join(target, "node_modules"), { recursive: true });
  cpSync(join(node, "bin", "node"), join(target, "bin", "node"));
  const [first = ""] = readFileSync(program, "utf8").split("\n", 1);
  const flags = first.split(" ").filter((word) => word.startsWith("--"));
  writeFileSync(
    join(target, "bin", "stadsnod"),
    `#!/bin/sh\nexec /opt/stadsnod/bin/node ${flags.join(" ")} /opt/stadsnod/dist/stadsnod.js "$@"\n`,
    { mode: 0o755 },
  );
  writeFileSync(join(target, "package.json"), `{"name":"stadsnod","type":"module","private":true}\n`);
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
  prune(join(draft, "node_modules"), board.npmCpu);
  renameSync(draft, folder);
  return join(folder, "node_modules");
}

/** Removes what no running gateway reads: other machines' binaries, sources, type declarations, source maps. */
function prune(modules: string, cpu: string): void {
  const useless = [
    "**/prebuilds/*-*",
    "**/*.map",
    "**/*.d.{ts,mts,cts}",
    "**/*.md",
    "@serialport/bindings-cpp/{src,build-tmp*}",
    ".package-lock.json",
    ".bin",
    "**/node_modules/.bin",
  ];
  for (const name of globSync(useless, { cwd: modules })) {
    if (name.endsWith(`/prebuilds/linux-${cpu}`)) continue;
    rmSync(join(modules, name), { recursive: true, force: true });
  }
  for (const name of globSync(`**/prebuilds/linux-${cpu}/*.musl.node`, { cwd: modules }))
    rmSync(join(modules, name));
}

import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// /opt/stadsnod, as the image and the plain install have it.

/** What no running gateway reads: other machines' binaries, sources, type declarations, source maps. */
const useless = [
  "node-linux-*",
  "node-red-contrib-stadsnod",
  "**/prebuilds/*-*",
  "**/*.map",
  "**/*.d.{ts,mts,cts}",
  "**/*.md",
  "@serialport/bindings-cpp/{src,build-tmp*}",
  // Node-RED looks where npm is, for installing nodes from its editor, which a gateway does not do.
  "npm/!(package.json)",
  ".package-lock.json",
  ".bin",
  "**/node_modules/.bin",
];

/** Removes from node_modules what a machine does not need. @param cpu Node's name of its architecture */
export function pruneModules(modules: string, cpu: string): void {
  for (const name of globSync(useless, { cwd: modules })) {
    if (name.endsWith(`/prebuilds/linux-${cpu}`)) continue;
    rmSync(join(modules, name), { recursive: true, force: true });
  }
  for (const name of globSync(`**/prebuilds/linux-${cpu}/*.musl.node`, { cwd: modules }))
    rmSync(join(modules, name));
}

export interface ProgramParts {
  /** The checkout, built. */
  readonly root: string;
  /** Folder of production packages for the machine. */
  readonly modules: string;
  /** The machine's Node, a file. */
  readonly node: string;
  /** With our nodes for Node-RED. */
  readonly nodes: boolean;
}

/** Lays out program, profiles, documents, production packages and Node in `target`. Throws where the checkout is not built. */
export function layOutProgram({ root, modules, node, nodes }: ProgramParts, target: string): void {
  const program = join(root, "dist", "stadsnod.js");
  if (!existsSync(program)) throw new Error("the program is not built: npm run build");
  mkdirSync(join(target, "bin"), { recursive: true });
  const parts = ["dist", "device-profiles", "LICENSE", "NOTICE", "gateway.sample.yaml"];
  // The units name the documents, and the page shows some.
  parts.push("docs");
  if (nodes) parts.push(...["dist", "examples", "package.json"].map((part) => join("nodes", part)));
  for (const part of parts)
    cpSync(join(root, part), join(target, part), {
      recursive: true,
      filter: (name) => !name.endsWith(".map") && !name.endsWith("/docs/images"),
    });
  cpSync(modules, join(target, "node_modules"), { recursive: true, verbatimSymlinks: true });
  cpSync(node, join(target, "bin", "node"));
  // With the flags of Node that the program's first line names.
  const [first = ""] = readFileSync(program, "utf8").split("\n", 1);
  const flags = first.split(" ").filter((word) => word.startsWith("--"));
  writeFileSync(
    join(target, "bin", "stadsnod"),
    `#!/bin/sh\nexec /opt/stadsnod/bin/node ${flags.join(" ")} /opt/stadsnod/dist/stadsnod.js "$@"\n`,
    { mode: 0o755 },
  );
  writeFileSync(join(target, "package.json"), `{"name":"stadsnod","type":"module","private":true}\n`);
}

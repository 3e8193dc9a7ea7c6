// Makes the package of the plain install: node scripts/install/pack.ts [amd64|arm64] [folder]
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { layOutProgram, pruneModules } from "./program.ts";

const root = resolve(import.meta.dirname, "../..");
/** Debian's name of an architecture to Node's. */
const cpus = { amd64: "x64", arm64: "arm64" } as const;
export type Architecture = keyof typeof cpus;

/** Units that only an image has: they run what is not in this package. */
const ofImages = /^stadsnod-(trial|wifi|configuration)\./;

/**
 * Packs the built checkout with its production packages and Node for one architecture, into `out`:
 * `stadsnod-<version>-linux-<architecture>.tar.gz`, and its checksum in SHA256SUMS. Two runs on one commit make the
 * same bytes. Needs `npm run build` before it, and the npm registry.
 * @param version other than package.json's, for tests
 * @returns the path of the package
 */
export function pack(architecture: Architecture, out: string, version = versionOfCheckout()): string {
  if (!existsSync(join(root, "dist", "stadsnod.js")))
    throw new Error("the program is not built: npm run build");
  const work = mkdtempSync(join(tmpdir(), "stadsnod-pack-"));
  try {
    const name = `stadsnod-${version}-linux-${architecture}`;
    const target = join(work, name);
    layOut(target, architecture, productionPackages(join(work, "npm"), cpus[architecture]), version);
    mkdirSync(out, { recursive: true });
    const tarball = join(out, `${name}.tar.gz`);
    execFileSync(
      "tar",
      [
        ...["--sort=name", "--owner=0", "--group=0", "--numeric-owner", `--mtime=@${builtAt()}`],
        ...["--mode=u=rwX,go=rX", "--format=gnu", "-I", "gzip -n -6", "-C", work, "-cf", tarball, name],
      ],
      { stdio: ["ignore", "ignore", "inherit"] },
    );
    const sums = readdirSync(out)
      .filter((file) => file.endsWith(".tar.gz"))
      .sort()
      .map((file) => `${sha256(join(out, file))}  ${file}\n`);
    writeFileSync(join(out, "SHA256SUMS"), sums.join(""));
    return tarball;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function layOut(target: string, architecture: Architecture, modules: string, version: string): void {
  const cpu = cpus[architecture];
  const binary = join(modules, `node-linux-${cpu}`, "bin", "node");
  const node = join(dirname(modules), "node");
  cpSync(binary, node);
  pruneModules(modules, cpu);
  layOutProgram({ root, modules, node, nodes: true }, target);
  const own = join(root, "scripts/install");
  const copy = (from: string, to: string) => cpSync(join(own, from), join(target, to));
  mkdirSync(join(target, "install", "units"), { recursive: true });
  for (const unit of readdirSync(join(own, "units")).filter((name) => !ofImages.test(name)))
    copy(join("units", unit), join("install/units", unit));
  for (const file of readdirSync(join(own, "files"))) copy(join("files", file), join("install", file));
  for (const script of ["install.sh", "uninstall.sh"]) copy(script, script);
  writeFileSync(join(target, "VERSION"), `${version}\n`);
  writeFileSync(join(target, "ARCHITECTURE"), `${architecture}\n`);
  const files = readdirSync(target, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(target, join(entry.parentPath, entry.name)))
    .sort();
  writeFileSync(
    join(target, "SHA256SUMS"),
    files.map((file) => `${sha256(join(target, file))}  ${file}\n`).join(""),
  );
}

/** node_modules as package-lock.json has it, Node for the architecture included, each package held against its hash. */
function productionPackages(folder: string, cpu: string): string {
  mkdirSync(join(folder, "nodes"), { recursive: true });
  for (const file of ["package.json", "package-lock.json", "nodes/package.json"])
    cpSync(join(root, file), join(folder, file));
  const flags = ["--omit=dev", "--os=linux", `--cpu=${cpu}`, "--libc=glibc", "--ignore-scripts"];
  execFileSync("npm", ["ci", ...flags, "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
  return join(folder, "node_modules");
}

function versionOfCheckout(): string {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;
}

/** Unix seconds: of the commit, so that its package is always the same. */
function builtAt(): string {
  const told = process.env.SOURCE_DATE_EPOCH;
  return told ?? execFileSync("git", ["log", "-1", "--format=%ct"], { cwd: root, encoding: "utf8" }).trim();
}

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

function isArchitecture(word: string): word is Architecture {
  return word in cpus;
}

if (import.meta.main) {
  const [architecture = "arm64", out = join(root, "release")] = process.argv.slice(2);
  if (isArchitecture(architecture)) {
    const tarball = pack(architecture, resolve(out));
    console.log(`${basename(tarball)} and SHA256SUMS are in ${resolve(out)}`);
  } else {
    console.error(`no package for ${architecture}: ${Object.keys(cpus).join(" or ")}`);
    process.exitCode = 2;
  }
}

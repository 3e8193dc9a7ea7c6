import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { appPackages, layOutApp } from "./app.ts";
import type { Board } from "./boards/board.ts";
import { readDebianPackages } from "./debian.ts";
import type { SigningKeys } from "./keys.ts";
import { lintRaw, lintTree } from "./lint.ts";
import { checkLock, type DriftRule, lockOf } from "./lock.ts";
import { bundleManifest } from "./manifest.ts";
import { nodeBinary } from "./node-binary.ts";
import { readPackageLock } from "./npm-lock.ts";
import { readList } from "./packages.ts";
import { diskSize, hybridMbr, partitionTable } from "./partitions.ts";
import { ImageError, run } from "./process.ts";
import { billOfMaterials, type Contents } from "./sbom.ts";
import { type Archive, inToolRoot, sourcesOf, toolRoot } from "./tool-root.ts";

export interface BuildOptions {
  readonly board: Board;
  readonly version: string;
  /** Optional layers: node-red. */
  readonly layers: readonly string[];
  /** The checkout that is built. */
  readonly root: string;
  readonly out: string;
  readonly cache: string;
  readonly archive: Archive;
  readonly keys: SigningKeys;
  /** Seconds since 1970: the time of every file in the image. */
  readonly epoch: number;
  /** What happens when packages are not those of the board's lock. */
  readonly drift: DriftRule;
  readonly say: (text: string) => void;
}

/** Files of a built image in its folder. */
export const made = {
  disk: "disk.img",
  compressed: "disk.img.zst",
  map: "disk.bmap",
  bundle: "bundle.raucb",
  ca: "ca.cert.pem",
  files: "files.txt",
  sbom: "sbom.cdx.json",
  manifest: "manifest.json",
} as const;

/** Builds everything of an image into `out`: root, initrd, partitions, disk, bundle. */
export async function buildImage(options: BuildOptions): Promise<void> {
  const { board, root, out, cache, archive, keys, say } = options;
  const tools = await toolRoot(cache, archive, say);
  const packageLock = readPackageLock(join(root, "package-lock.json"));
  const locked = packageLock.packages[`node_modules/${board.nodePackage}`];
  if (!locked) throw new ImageError(`package-lock.json has no ${board.nodePackage}`);
  const node = await nodeBinary(cache, board.nodePackage, locked);

  const work = join(cache, `work-${board.name}`);
  const given = join(work, "in");
  rmSync(work, { recursive: true, force: true });
  for (const folder of [join(given, "etc"), join(work, "out"), out]) mkdirSync(folder, { recursive: true });
  await layOutApp(
    { root, cache, board, lock: packageLock, layers: options.layers, node },
    join(given, "app"),
  );
  cpSync(import.meta.dirname, join(given, "image"), { recursive: true });
  cpSync(join(root, "scripts", "install", "units"), join(given, "units"), { recursive: true });
  const write = (name: string, text: string | Uint8Array) => writeFileSync(join(given, name), text);
  const compatible = `stadsnod-${board.name}`;
  mkdirSync(join(given, "etc", "rauc"));
  write("etc/rauc/system.conf", raucConfiguration(board, compatible));
  cpSync(keys.ca, join(given, "etc", "rauc", "ca.cert.pem"));
  cpSync(keys.ca, join(given, "ca.cert.pem"));
  cpSync(keys.cert, join(given, "sign.cert.pem"));
  cpSync(keys.key, join(given, "sign.key.pem"));
  write("sources", `${sourcesOf(archive, "main non-free-firmware").join("\n")}\n`);
  write("partitions", partitionTable(board.sizes));
  write("manifest.raucm", bundleManifest(compatible, options.version));
  write("mbr", hybridMbr(board.sizes));
  write("boot.cmd", bootScript(board));
  write("os-release", osRelease(options));
  write("settings", shellSettings(options, unitsOf(join(given, "units"), options.layers)));
  const nodeParts = { version: locked.version, integrity: locked.integrity ?? "" };
  const npm = appPackages({ lock: packageLock, board, layers: options.layers }).packages;
  try {
    await inToolRoot(tools, work, ["bash", "/work/in/image/inside/build.sh"], options.epoch, (line) => {
      if (line.startsWith("step ")) say(line);
      if (line !== "contents") return undefined;
      takeStock(options, join(work, "out"), { node: nodeParts, npm });
      return "go on\n";
    });
  } finally {
    // The signer's key has no business in a folder that stays.
    rmSync(join(given, "sign.key.pem"), { force: true });
  }
  await refuseFindings(tools, work, options);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(dirname(out), { recursive: true });
  await run("mv", [join(work, "out"), out]);
  cpSync(keys.ca, join(out, made.ca));
  writeManifest(options, compatible);
}

/** When all packages are there: holds them against the lock, and writes the bill of materials. */
function takeStock(options: BuildOptions, folder: string, parts: Pick<Contents, "node" | "npm">): void {
  const { board, archive, drift, say } = options;
  const at = (name: string) => join(folder, name);
  const debian = readDebianPackages({
    status: at("dpkg-status"),
    extracted: at("extracted-status"),
    sums: at("sums"),
  });
  const node = { name: board.nodePackage, ...parts.node };
  const kernel = readFileSync(at("kernel-release"), "utf8").trim();
  checkLock(board.name, lockOf({ suite: archive.suite, node, kernel }, debian), drift, say);
  const licences = new Map<string, string[]>();
  for (const line of readFileSync(at("licences"), "utf8").split("\n").filter(Boolean)) {
    const [name = "", licence = ""] = line.split("\t");
    licences.set(name, [...(licences.get(name) ?? []), licence]);
  }
  const { version, epoch } = options;
  const contents = { board: board.name, version, suite: archive.suite, epoch, debian, licences, ...parts };
  writeFileSync(at(made.sbom), billOfMaterials(contents));
  say(`bill of materials: ${debian.length} packages of Debian, ${parts.npm.size} of npm, Node`);
}

/** Throws ImageError when the image, as it would be written to a card, holds what it must not. */
async function refuseFindings(tools: string, work: string, options: BuildOptions): Promise<void> {
  const tree = join(work, "tree");
  rmSync(tree, { recursive: true, force: true });
  const extract = ["fsck.erofs", "--extract=/work/tree", "--preserve", "/work/out/root.img"];
  await inToolRoot(tools, work, extract, options.epoch, () => undefined);
  const findings = [
    ...lintTree(tree),
    ...["gwboot.img", "boot.img", "bootstate.img", "data.img"].flatMap((name) =>
      lintRaw(name, readFileSync(join(work, "out", name))),
    ),
  ];
  rmSync(tree, { recursive: true });
  if (findings.length > 0)
    throw new ImageError(
      `the image holds what no image may:\n  ${findings.map(({ rule, where }) => `${rule}: ${where}`).join("\n  ")}`,
      "scripts/image/lint.ts says why; the image was not written",
    );
  options.say("lint: nothing found");
}

/** Sizes and sums of all that was made, and what it is. */
function writeManifest(options: BuildOptions, compatible: string): void {
  const { board, version, epoch, keys, out } = options;
  const files = Object.fromEntries(
    readdirSync(out)
      .sort()
      .map((name) => {
        const bytes = readFileSync(join(out, name));
        return [name, { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") }];
      }),
  );
  const manifest = {
    format: 1,
    board: board.name,
    compatible,
    version,
    build: keys.development ? "development" : "release",
    commitTime: new Date(epoch * 1000).toISOString(),
    // The one file that differs between two builds: its payload is root.img and boot.img.
    notReproducible: [made.bundle],
    files,
  };
  writeFileSync(join(out, made.manifest), `${JSON.stringify(manifest, null, 2)}\n`);
}

function raucConfiguration(board: Board, compatible: string): string {
  const slot = (kind: string, index: number, lines: string[]) =>
    [
      `[slot.${kind}.${index}]`,
      `device=/dev/disk/by-partlabel/${lines[0]}`,
      "type=raw",
      ...lines.slice(1),
      "",
    ].join("\n");
  return `[system]
compatible=${compatible}
bootloader=${board.bootloader}
data-directory=/var/lib/rauc
bundle-formats=-plain
mountprefix=/run/rauc
boot-attempts=3
boot-attempts-primary=3

[keyring]
path=/etc/rauc/ca.cert.pem

${slot("rootfs", 0, ["root_a", "bootname=A"])}
${slot("boot", 0, ["boot_a", "parent=rootfs.0"])}
${slot("rootfs", 1, ["root_b", "bootname=B"])}
${slot("boot", 1, ["boot_b", "parent=rootfs.1"])}`;
}

function bootScript(board: Board): string {
  const words: Record<string, string> = {
    DEVICE: board.bootDevice,
    CONSOLES: board.consoles.join(" "),
    ARGUMENTS: board.kernelArguments.join(" "),
  };
  const text = readFileSync(join(import.meta.dirname, "boot", "boot.cmd"), "utf8");
  // The explanation at the top keeps its signs.
  return text.replace(/@([A-Z]+)@/g, (all, word: string) => words[word] ?? all);
}

function osRelease({ board, version, keys }: BuildOptions): string {
  return [
    `STADSNOD_VERSION=${version}`,
    `STADSNOD_BOARD=${board.name}`,
    `STADSNOD_BUILD=${keys.development ? "development" : "release"}`,
    "",
  ].join("\n");
}

function shellSettings(options: BuildOptions, units: readonly string[]): string {
  const { board, archive } = options;
  const include = [board, ...options.layers].flatMap((layer) =>
    typeof layer === "string" ? optionalList(layer) : layer.layers.flatMap(readList),
  );
  const settings: Record<string, string | number> = {
    ARCH: board.debianArch,
    TRIPLET: board.triplet,
    SUITE: archive.suite,
    INCLUDE: [...readList("base"), ...include].join(","),
    EXTRACT: board.extract.join(" "),
    ENABLE: units.join(" "),
    INITRD_MODULES: board.initrdModules.join(" "),
    BOARD: board.name,
    LAYERS: options.layers.join(" "),
    HYBRID: board.hybridMbr ? "yes" : "no",
    GWBOOT_MIB: board.sizes.gwboot,
    BOOT_MIB: board.sizes.boot,
    DATA_MIB: board.sizes.data,
    DISK_MIB: diskSize(board.sizes),
    ZSTD_LEVEL: 10,
    ROOT_UUID: "b1f6a2ce-5f0c-4a39-9f43-726f6f740001",
    DATA_UUID: "b1f6a2ce-5f0c-4a39-9f43-646174610001",
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join("");
}

function optionalList(layer: string): string[] {
  return existsSync(join(import.meta.dirname, "packages", `${layer}.txt`)) ? readList(layer) : [];
}

/** Units that an image starts by itself: those with an [Install] section; Node-RED's only where it is. */
function unitsOf(folder: string, layers: readonly string[]): string[] {
  return globSync("*.{service,timer,path,socket}", { cwd: folder })
    .sort()
    .filter((name) => layers.includes("node-red") || !name.includes("node-red"))
    .filter((name) => /^\[Install\]/m.test(readFileSync(join(folder, name), "utf8")));
}

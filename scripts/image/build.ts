import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { layOutApp } from "./app.ts";
import type { Board } from "./boards/board.ts";
import type { SigningKeys } from "./keys.ts";
import { nodeBinary } from "./node-binary.ts";
import { readPackageLock } from "./npm-lock.ts";
import { readList } from "./packages.ts";
import { diskSize, partitionTable } from "./partitions.ts";
import { ImageError } from "./process.ts";
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
  const write = (name: string, text: string) => writeFileSync(join(given, name), text);
  const compatible = `stadsnod-${board.name}`;
  mkdirSync(join(given, "etc", "rauc"));
  write("etc/rauc/system.conf", raucConfiguration(board, compatible));
  cpSync(keys.ca, join(given, "etc", "rauc", "ca.cert.pem"));
  cpSync(keys.ca, join(given, "ca.cert.pem"));
  cpSync(keys.cert, join(given, "sign.cert.pem"));
  cpSync(keys.key, join(given, "sign.key.pem"));
  write("sources", `${sourcesOf(archive, "main non-free-firmware").join("\n")}\n`);
  write("partitions", partitionTable(board.sizes));
  write("boot.cmd", bootScript(board));
  write("os-release", osRelease(options));
  write("settings", shellSettings(options, compatible));
  try {
    await inToolRoot(tools, work, ["bash", "/work/in/image/inside/build.sh"], options.epoch, (line) => {
      if (line.startsWith("step ")) say(line);
    });
  } finally {
    // The signer's key has no business in a folder that stays.
    rmSync(join(given, "sign.key.pem"), { force: true });
  }
  rmSync(out, { recursive: true, force: true });
  cpSync(join(work, "out"), out, { recursive: true });
  rmSync(join(work, "out"), { recursive: true });
  cpSync(keys.ca, join(out, made.ca));
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

function shellSettings(options: BuildOptions, compatible: string): string {
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
    ENABLE: unitsOf(join(options.root, "scripts", "install", "units")).join(" "),
    INITRD_MODULES: board.initrdModules.join(" "),
    BOARD: board.name,
    VERSION: options.version,
    COMPATIBLE: compatible,
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

/** Units that an image starts by itself: those with an [Install] section, Node-RED's only on demand. */
function unitsOf(folder: string): string[] {
  return globSync("*.{service,timer,path,socket}", { cwd: folder })
    .map((name) => join(folder, name))
    .sort()
    .filter((path) => /^\[Install\]/m.test(readFileSync(path, "utf8")))
    .map((path) => basename(path));
}

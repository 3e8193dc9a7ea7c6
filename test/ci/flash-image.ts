import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { runCli } from "../../gateway/cli/index.ts";

// A small image as `npm run image` makes them, cards as loop devices, and the command line on them.

export const run = (command: string, ...args: string[]): Buffer =>
  execFileSync(command, args, {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, MTOOLS_SKIP_CHECK: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 64 * 1024 * 1024,
  });

export const mebibyte = 1024 * 1024;

export interface TestImage {
  /** The .img.zst; bmap and manifest lie beside it. */
  readonly zst: string;
  readonly img: string;
  readonly bmap: string;
  readonly manifest: string;
}

/** 48 MiB: a FAT partition of 34 with what boots, one of 4 with data and holes, one that is empty. */
export function makeImage(folder: string, name = "stadsnod-test"): TestImage {
  const img = join(folder, `${name}.img`);
  const fat = join(folder, "fat.img");
  const file = join(folder, "kernel.img");
  writeFileSync(img, "");
  truncateSync(img, 48 * mebibyte);
  execFileSync("/usr/sbin/sfdisk", ["--quiet", img], {
    input:
      "label: gpt\nfirst-lba: 2048\nstart=2048, size=69632, type=ebd0a0a2-b9e5-4433-87c0-68b6b72699c7, name=gwboot\nstart=71680, size=8192, type=linux\nstart=79872, size=8192, type=linux\n",
    stdio: ["pipe", "ignore", "pipe"],
  });
  writeFileSync(fat, "");
  truncateSync(fat, 34 * mebibyte);
  run("mkfs.vfat", "-F", "32", "-s", "1", "-n", "GWBOOT", fat);
  writeFileSync(file, randomBytes(3 * mebibyte));
  run("mcopy", "-i", fat, file, "::kernel.img");
  writeFileSync(file, "arm_64bit=1\nkernel=u-boot.bin\n");
  run("mcopy", "-i", fat, file, "::config.txt");
  run("dd", `if=${fat}`, `of=${img}`, "bs=1M", "seek=1", "conv=notrunc", "status=none");
  const descriptor = openSync(img, "r+");
  writeSync(descriptor, randomBytes(mebibyte), 0, mebibyte, 35 * mebibyte);
  writeSync(descriptor, randomBytes(300_000), 0, 300_000, 37 * mebibyte + 8192);
  closeSync(descriptor);
  const bmap = join(folder, `${name}.img.bmap`);
  writeFileSync(bmap, run("bmaptool", "create", img));
  run("zstd", "--quiet", "--force", "-3", "--check", img);
  const zst = `${img}.zst`;
  const manifest = join(folder, `${name}.manifest.json`);
  const sha256 = createHash("sha256").update(readFileSync(zst)).digest("hex");
  writeFileSync(
    manifest,
    JSON.stringify({ version: "0.1.0", board: "test", image: `${name}.img.zst`, sha256 }),
  );
  return { zst, img, bmap, manifest };
}

/** First and last byte of each range that a bmap lists, and what is behind the last. */
export function mappedRanges(bmap: string): { start: number; end: number }[] {
  return Array.from(
    readFileSync(bmap, "utf8").matchAll(/<Range [^>]*>\s*(\d+)(?:-(\d+))?\s*</g),
    ([, first, last]) => ({
      start: Number(first) * 4096,
      end: (Number(last ?? first) + 1) * 4096,
    }),
  );
}

/** A card full of what somebody had on it, as a loop device. */
export class LoopCard implements Disposable {
  readonly file: string;
  readonly path: string;
  constructor(folder: string, name: string, size: number, ...options: string[]) {
    this.file = join(folder, name);
    writeFileSync(this.file, Buffer.alloc(size, randomBytes(65536)));
    this.path = run("losetup", "--find", "--show", ...options, this.file)
      .toString()
      .trim();
  }
  get name(): string {
    return this.path.replace("/dev/", "");
  }
  bytes(): Buffer {
    return readFileSync(this.file);
  }
  [Symbol.dispose](): void {
    run("losetup", "--detach", this.path);
  }
}

export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The command line as somebody types it who cannot be asked; `watch` sees everything as it is said. */
export async function flash(
  cwd: string,
  args: readonly string[],
  {
    signal = new AbortController().signal,
    watch = () => {},
  }: { signal?: AbortSignal; watch?: (text: string) => void } = {},
): Promise<Said> {
  const said = { out: "", err: "" };
  const code = await runCli(["flash", ...args], {
    cwd,
    env: {},
    signal,
    onReload: () => {},
    out: (text) => {
      said.out += text;
      watch(text);
    },
    err: (text) => {
      said.err += text;
      watch(text);
    },
    columns: undefined,
    rows: undefined,
  });
  return { code, ...said };
}

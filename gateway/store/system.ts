import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, open, readdir, readlink, realpath, stat, statfs } from "node:fs/promises";
import { arch, platform } from "node:os";
import { join } from "node:path";

/**
 * What the machine says of itself: files, folders, and programs that only look. Nothing here changes anything,
 * no shell is involved, and everything that is read is bounded. What is not there, or may not be read, is undefined.
 */
export interface System {
  /** Who this process is. */
  readonly user: { readonly uid: number; readonly gids: readonly number[] };
  readonly node: { readonly version: string; readonly platform: string; readonly arch: string };
  /** The text of a regular file (also of /proc and /sys), its end cut off after `most` bytes (64 kB unless said). */
  read(path: string, most?: number): Promise<string | undefined>;
  /** Names in a folder, sorted; empty where there is none. */
  list(path: string): Promise<readonly string[]>;
  /** Where a path leads when all links are followed. */
  realpath(path: string): Promise<string | undefined>;
  /** What one link says. */
  readlink(path: string): Promise<string | undefined>;
  /** Of what a path leads to. */
  stat(path: string): Promise<FileFacts | undefined>;
  /** Whether this process may read or write it. */
  may(path: string, what: "read" | "write"): Promise<boolean>;
  /** Of the file system that a path is on. */
  space(path: string): Promise<Space | undefined>;
  /** Runs a program that only looks. Undefined where it is not installed. */
  run(program: LookingProgram, args: readonly string[]): Promise<Ran | undefined>;
}

export interface FileFacts {
  readonly kind: "file" | "folder" | "device" | "socket" | "other";
  readonly uid: number;
  readonly gid: number;
  /** Permission bits, as chmod writes them in octal. */
  readonly mode: number;
  readonly size: number;
  /** Unix ms. */
  readonly changed: number;
}

export interface Space {
  readonly totalBytes: number;
  /** For users who are not root. */
  readonly freeBytes: number;
  /** 0 where the file system has no fixed number of them. */
  readonly inodes: number;
  readonly freeInodes: number;
}

export interface Ran {
  /** Undefined: it took too long, said too much or could not be started. */
  readonly code: number | undefined;
  readonly out: string;
}

/** Programs that may be run, each with the first arguments that only look. */
const looking = {
  systemctl: ["is-active", "is-enabled", "show"],
  journalctl: ["--no-pager"],
  timedatectl: ["show"],
  chronyc: ["-n"],
  vcgencmd: ["get_throttled", "pmic_read_adc"],
} as const;
export type LookingProgram = keyof typeof looking;

/** Where they are: never looked for in PATH, which others may have set. */
const folders = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];
const runMs = 5000;
const runBytes = 1024 * 1024;
const readBytes = 64 * 1024;
/** Of one folder. */
const mostNames = 10_000;

/** The real machine. */
export function openSystem(): System {
  return {
    user: { uid: process.getuid?.() ?? -1, gids: process.getgroups?.() ?? [] },
    node: { version: process.version, platform: platform(), arch: arch() },
    read: (path, most = readBytes) => orNothing(readBounded(path, most)),
    list: async (path) => (await orNothing(readdir(path)))?.toSorted().slice(0, mostNames) ?? [],
    realpath: (path) => orNothing(realpath(path)),
    readlink: (path) => orNothing(readlink(path)),
    stat: (path) => orNothing(factsOf(path)),
    may: (path, what) =>
      access(path, what === "read" ? constants.R_OK : constants.W_OK).then(
        () => true,
        () => false,
      ),
    space: (path) => orNothing(spaceOf(path)),
    run,
  };
}

/** A file that is not there, may not be read, or whose device says no, has nothing to say. */
function orNothing<T>(work: Promise<T>): Promise<T | undefined> {
  return work.catch(() => undefined);
}

async function readBounded(path: string, most: number): Promise<string | undefined> {
  // Not blocking: a pipe or a serial port would else be waited for.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await file.stat()).isFile()) return undefined;
    const bytes = Buffer.alloc(most);
    let length = 0;
    // Files of /proc have no size and come in pieces.
    while (length < most) {
      const { bytesRead } = await file.read(bytes, length, most - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.toString("utf8", 0, length);
  } finally {
    await file.close();
  }
}

async function factsOf(path: string): Promise<FileFacts> {
  const found = await stat(path);
  return {
    kind: found.isFile()
      ? "file"
      : found.isDirectory()
        ? "folder"
        : found.isCharacterDevice() || found.isBlockDevice()
          ? "device"
          : found.isSocket()
            ? "socket"
            : "other",
    uid: found.uid,
    gid: found.gid,
    mode: found.mode & 0o7777,
    size: found.size,
    changed: found.mtimeMs,
  };
}

async function spaceOf(path: string): Promise<Space> {
  const { bsize, blocks, bavail, files, ffree } = await statfs(path);
  return {
    totalBytes: bsize * blocks,
    freeBytes: bsize * bavail,
    inodes: files,
    freeInodes: ffree,
  };
}

async function run(program: LookingProgram, args: readonly string[]): Promise<Ran | undefined> {
  const allowed: readonly string[] = looking[program];
  if (!allowed.includes(args[0] ?? "")) throw new RangeError(`${program} ${args[0]} does not only look`);
  for (const folder of folders) {
    const path = join(folder, program);
    const there = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (there) return await execute(path, args);
  }
  return undefined;
}

function execute(path: string, args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { timeout: runMs, maxBuffer: runBytes, env: { LC_ALL: "C", PATH: folders.join(":") } };
    execFile(path, [...args], options, (error, out) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : undefined;
      resolve({ code, out });
    });
  });
}

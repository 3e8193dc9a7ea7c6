import { readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { StorageError } from "../model/errors.ts";
import type { Disk } from "./disk.ts";
import { readText, replaceText } from "./documents.ts";
import { openFolderDisk } from "./folder-disk.ts";

const maxTextBytes = 1024 * 1024;

/** One file that people write as well. */
export interface TextFile {
  /** Rejects with StorageError. */
  read(): Promise<string>;
  /** Replaces it whole: after a power cut there is the old text or the new one. Rejects with StorageError. */
  replace(text: string): Promise<void>;
}

/** A file of the real file system. It keeps its owner and its mode; where its name is a link, the link stays. */
export function openTextFile(path: string): TextFile {
  return {
    async read() {
      try {
        const { size } = await stat(path);
        if (size > maxTextBytes)
          throw new StorageError(`${path} has ${size} bytes`, { code: "file-too-large" });
        return await readFile(path, "utf8");
      } catch (cause) {
        if (cause instanceof StorageError) throw cause;
        throw unreadable(path, cause);
      }
    },
    async replace(text) {
      const { target, mode, uid, gid } = await lookOf(path);
      const disk = await openFolderDisk(dirname(target), { mode, owner: { uid, gid } });
      await replaceText(disk, basename(target), text);
    },
  };
}

/** A file of a disk. */
export function textFileOf(disk: Disk, name: string): TextFile {
  return {
    async read() {
      const text = await readText(disk, name, maxTextBytes);
      if (text === undefined) throw new StorageError(`${name} is not there`, { code: "disk-missing" });
      return text;
    },
    replace: (text) => replaceText(disk, name, text),
  };
}

async function lookOf(path: string): Promise<{ target: string; mode: number; uid: number; gid: number }> {
  try {
    const target = await realpath(path);
    const { mode, uid, gid } = await stat(target);
    return { target, mode, uid, gid };
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): StorageError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unreadable";
  return new StorageError(`${path} cannot be read (${code})`, {
    code: code === "ENOENT" ? "disk-missing" : "disk-io",
    hint: code === "EACCES" ? "let the gateway's user read it" : "is it where the gateway was started with?",
    cause,
  });
}

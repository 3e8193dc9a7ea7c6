import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { ProfileList } from "../../local/commissioning.ts";
import { StorageError } from "../../model/errors.ts";
import { version } from "../../model/version.ts";
import type { ProfileQuestion } from "./profile-worker.ts";

/** Of the thread, MB: hundreds of profiles as YAML documents. */
const heapLimits = { maxOldGenerationSizeMb: 384, maxYoungGenerationSizeMb: 16 };
/** Of one list, gzipped. */
const mostBytes = 4 * 1024 * 1024;
/** Files that are looked at. */
const mostFiles = 20_000;

/** Where the thread starts: beside this file in the sources, in the bundle's folder when built (see tsup.config.ts). */
function workerFile(from: string): URL {
  return new URL(from.endsWith(".ts") ? "./profile-worker.ts" : "./profile-worker.js", from);
}

/**
 * Every profile of some folders, in short. Read in a thread of its own, which takes its 200 MB along when it ends;
 * what stays here is the answer, gzipped.
 */
export class ProfileLists {
  readonly #folders: () => readonly string[];
  #kept: ProfileList | undefined;
  #reading: Promise<ProfileList> | undefined;

  /** @param folders absolute, in order of precedence; asked anew each time */
  constructor(folders: () => readonly string[]) {
    this.#folders = folders;
  }

  /** Undefined where the list still is what `known` names. Rejects with StorageError `profiles-unreadable`. */
  async list(known?: string): Promise<ProfileList | undefined> {
    const folders = this.#folders();
    const tag = tagOf(folders);
    if (tag === known) return undefined;
    if (this.#kept?.tag === tag) return this.#kept;
    // Whoever asks meanwhile waits for the same answer.
    this.#reading ??= read(folders, tag).finally(() => {
      this.#reading = undefined;
    });
    this.#kept = await this.#reading;
    return this.#kept;
  }
}

/** Changes when any file of the folders does. */
export function tagOf(folders: readonly string[]): string {
  const hash = createHash("sha256").update(version);
  let files = 0;
  for (const folder of folders) {
    hash.update(`\0${folder}`);
    for (const entry of entriesOf(folder)) {
      if (++files > mostFiles) break;
      try {
        const { size, mtimeMs } = statSync(entry);
        hash.update(`\0${entry}\0${size}\0${mtimeMs}`);
      } catch {
        // It went while we looked: the next look sees another list.
        hash.update(`\0${entry}`);
      }
    }
  }
  return hash.digest("base64url");
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted();
  } catch {
    // A folder that is not there has no profiles; the configuration's own check says so.
    return [];
  }
}

export function profileThread(question: ProfileQuestion): Worker {
  return new Worker(workerFile(import.meta.url), {
    name: "profiles",
    workerData: question,
    resourceLimits: heapLimits,
    env: {},
    argv: [],
    execArgv: [],
  });
}

function read(folders: readonly string[], tag: string): Promise<ProfileList> {
  return new Promise((resolve, reject) => {
    const worker = profileThread({ folders, as: "list" });
    const fail = (cause: unknown) =>
      reject(new StorageError("the profiles cannot be read", { code: "profiles-unreadable", cause }));
    worker.once("message", (gzip: unknown) => {
      if (gzip instanceof Uint8Array && gzip.length <= mostBytes) resolve({ tag, gzip });
      else fail(new Error("the list is too long"));
    });
    worker.once("error", fail);
    // After an answer this changes nothing.
    worker.once("exit", (code) => fail(new Error(`the thread ended with ${code}`)));
    worker.unref();
  });
}

import { setImmediate as turn } from "node:timers/promises";
import type { DeviceProfile } from "../../model/device.ts";
import { StorageError } from "../../model/errors.ts";
import { loadProfiles } from "../../profiles/library.ts";
import { loadProtocols } from "../../southbound/index.ts";
import { files } from "../profile-files.ts";
import type { ScanAnswer } from "./profile-worker.ts";
import { profileThread, tagOf } from "./profiles.ts";

interface Reading {
  readonly tag: string;
  readonly profiles: Promise<readonly DeviceProfile[]>;
}

/**
 * The profiles that a scan compares with, read in a thread: all of them at once would hold up every poll and
 * command for seconds. Kept no longer than somebody uses them.
 */
export class ScanProfiles {
  readonly #folders: () => readonly string[];
  #reading: Reading | undefined;
  #kept: { readonly tag: string; readonly profiles: WeakRef<readonly DeviceProfile[]> } | undefined;

  /** @param folders absolute, in order of precedence; asked anew each time */
  constructor(folders: () => readonly string[]) {
    this.#folders = folders;
  }

  /** Rejects with StorageError `profiles-unreadable`, or the signal's reason. */
  async all(signal?: AbortSignal): Promise<readonly DeviceProfile[]> {
    const folders = this.#folders();
    const tag = tagOf(folders);
    const kept = this.#kept?.tag === tag ? this.#kept.profiles.deref() : undefined;
    if (kept) return kept;
    // Whoever asks meanwhile waits for the same answer.
    if (this.#reading?.tag !== tag) {
      const reading: Reading = { tag, profiles: read(folders) };
      this.#reading = reading;
      const ended = () => {
        if (this.#reading === reading) this.#reading = undefined;
      };
      reading.profiles.then((profiles) => {
        this.#kept = { tag, profiles: new WeakRef(profiles) };
        ended();
      }, ended);
    }
    return unlessAborted(this.#reading.profiles, signal);
  }
}

async function read(folders: readonly string[]): Promise<readonly DeviceProfile[]> {
  const answers = await answersOf(folders);
  const protocols = await loadProtocols();
  const profiles: DeviceProfile[] = [];
  for (const answer of answers) {
    if ("profile" in answer) profiles.push(answer.profile);
    else {
      // A handful; between two of them everything else has its turn.
      await turn();
      const { profile } =
        loadProfiles(folders, files, protocols, new Set([answer.id])).profiles.get(answer.id) ?? {};
      if (profile) profiles.push(profile);
    }
  }
  return profiles;
}

function answersOf(folders: readonly string[]): Promise<readonly ScanAnswer[]> {
  return new Promise((resolve, reject) => {
    const worker = profileThread({ folders, as: "scan" });
    const answers: ScanAnswer[] = [];
    const fail = (cause: unknown) =>
      reject(new StorageError("the profiles cannot be read", { code: "profiles-unreadable", cause }));
    worker.on("message", (answer: ScanAnswer) => answers.push(answer));
    worker.once("error", fail);
    worker.once("exit", (code) =>
      code === 0 ? resolve(answers) : fail(new Error(`the thread ended with ${code}`)),
    );
    worker.unref();
  });
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  signal.throwIfAborted();
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, stopped.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

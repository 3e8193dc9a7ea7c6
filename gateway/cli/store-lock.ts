import { readFileSync } from "node:fs";
import { link, mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "../model/errors.ts";

/**
 * Keeps a second gateway away from a store: two would cut each other's log. Rejects with ConfigError
 * (`already-running`). A folder that takes no file needs no lock, because it takes no log either.
 *
 * The lock is a file that names its process by boot, process id and start time, so that what a power
 * cut or kill left behind is known for what it is. Processes of other containers cannot be seen.
 */
export async function lockStore(folder: string): Promise<AsyncDisposable> {
  const file = join(folder, "lock");
  const own = identity(process.pid) ?? String(process.pid);
  const draft = join(folder, `lock.${process.pid}`);
  try {
    await mkdir(folder, { recursive: true });
    await write(draft, own);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    await rm(draft, { force: true }).catch(() => {});
    return { [Symbol.asyncDispose]: async () => {} };
  }
  try {
    // A link either makes the whole lock or fails: nobody ever sees half of one.
    while (!(await linked(draft, file))) {
      const owner = await readFile(file, "utf8").catch(() => "");
      if (owner !== own && isAlive(owner)) {
        throw new ConfigError(`another gateway uses the store ${folder}`, {
          code: "already-running",
          hint: "stop it first, or give this one its own `storage: {folder: ...}` and `local: {socket: ...}`",
        });
      }
      await rm(file, { force: true });
    }
  } finally {
    await rm(draft, { force: true }).catch(() => {});
  }
  return { [Symbol.asyncDispose]: () => rm(file, { force: true }).catch(() => {}) };
}

/** Whether a process that lives holds the lock of a folder. */
export async function isLocked(folder: string): Promise<boolean> {
  return isAlive(await readFile(join(folder, "lock"), "utf8").catch(() => ""));
}

async function write(file: string, text: string): Promise<void> {
  const handle = await open(file, "w", 0o640);
  try {
    await handle.writeFile(text);
  } finally {
    await handle.close();
  }
}

async function linked(draft: string, file: string): Promise<boolean> {
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if (isSystemError(error) && error.code === "EEXIST") return false;
    // File systems without links (FAT, some network ones): the lock is then the best that they can.
    await open(file, "wx", 0o640).then(
      async (handle) => {
        await handle.writeFile(await readFile(draft, "utf8"));
        await handle.close();
      },
      (cause: unknown) => {
        if (!isSystemError(cause) || cause.code !== "EEXIST") throw cause;
      },
    );
    return (await readFile(file, "utf8")) === (await readFile(draft, "utf8"));
  }
}

function isAlive(owner: string): boolean {
  const pid = Number(owner.split(" ").at(-1));
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  const known = identity(pid);
  if (known !== undefined || owner.includes(" ")) return known === owner;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isSystemError(error) && error.code === "EPERM";
  }
}

/** `<boot id> <start time> <pid>`; undefined where /proc does not tell or there is no such process. */
function identity(pid: number): string | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    // The command's name in parentheses may hold spaces: proc(5), field 22 counts behind it.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const started = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return `${boot} ${started} ${pid}`;
  } catch {
    return undefined;
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}

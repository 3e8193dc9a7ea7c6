import { copyFile, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "../../model/errors.ts";

/** A flows file that was deployed. */
export interface Backup {
  /** `flows-2026-11-22T05-49-07-123Z`. */
  readonly name: string;
  readonly time: Date;
  readonly nodes: number;
}

const folderName = "backups";
const pattern = /^flows-(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\d)-(\d{3}Z)\.json$/;

/** Copies the flows that were just saved, with their (encrypted) credentials, and drops the oldest beyond `most`. */
export async function keepBackup(userDir: string, time: Date, most: number): Promise<void> {
  const folder = join(userDir, folderName);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = `flows-${time.toISOString().replaceAll(/[:.]/g, "-")}`;
  await copyIfThere(join(userDir, "flows_cred.json"), join(folder, `${name}.cred`));
  await copyIfThere(join(userDir, "flows.json"), join(folder, `${name}.json`));
  const names = (await readdir(folder)).filter((file) => pattern.test(file)).sort();
  for (const old of names.slice(0, -most)) {
    await rm(join(folder, old), { force: true });
    await rm(join(folder, old.replace(/\.json$/, ".cred")), { force: true });
  }
}

/** What can be restored, the newest first. */
export async function listBackups(userDir: string): Promise<Backup[]> {
  const files = await readdir(join(userDir, folderName)).catch(() => []);
  const found = files
    .sort()
    .reverse()
    .flatMap((file) => {
      const parts = pattern.exec(file);
      const time = parts && new Date(`${parts[1]}:${parts[2]}:${parts[3]}.${parts[4]}`);
      return time ? [{ name: file.replace(/\.json$/, ""), time }] : [];
    });
  return Promise.all(
    found.map(async (one) => ({
      ...one,
      nodes: await nodesIn(join(userDir, folderName, `${one.name}.json`)),
    })),
  );
}

/** Makes a backup the flows that Node-RED starts with. Rejects with ConfigError `unknown-backup`. */
export async function restoreBackup(userDir: string, name: string): Promise<void> {
  const backups = await listBackups(userDir);
  if (!backups.some((one) => one.name === name)) {
    throw new ConfigError(`there is no backup ${name}`, {
      code: "unknown-backup",
      hint: "`stadsnod node-red flows list` shows what there is",
    });
  }
  const source = join(userDir, folderName, name);
  await copyIfThere(`${source}.cred`, join(userDir, "flows_cred.json"));
  await copyIfThere(`${source}.json`, join(userDir, "flows.json"));
}

async function copyIfThere(from: string, to: string): Promise<void> {
  const draft = `${to}.new`;
  try {
    await copyFile(from, draft);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
    throw error;
  }
  await rename(draft, to);
}

async function nodesIn(file: string): Promise<number> {
  try {
    const flows: unknown = JSON.parse(await readFile(file, "utf8"));
    return Array.isArray(flows) ? flows.length : 0;
  } catch {
    // Still listed, so that people see that it is not whole.
    return 0;
  }
}

import { readFileSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";

/** What the supervisor says about Node-RED, for `stadsnod status` and itself after a restart. */
export const nodeRedStatus = z.object({
  /** Of the supervisor. */
  pid: z.int(),
  state: z.enum(["starting", "running", "safe-mode", "restarting", "stopped"]),
  /** Flows are loaded but not started, until somebody deploys. */
  safe: z.boolean(),
  url: z.string(),
  /** Since the supervisor started. */
  crashes: z.int(),
  lastCrash: z.object({ code: z.string(), text: z.string(), time: z.string() }).optional(),
  memoryMB: z.number().optional(),
  since: z.string(),
});
export type NodeRedStatus = z.output<typeof nodeRedStatus>;

const fileName = "supervisor.json";

export async function writeStatus(folder: string, status: NodeRedStatus): Promise<void> {
  const file = join(folder, fileName);
  await writeFile(`${file}.new`, `${JSON.stringify(status)}\n`, { mode: 0o644 });
  await rename(`${file}.new`, file);
}

/** Undefined when there is none, or it cannot be read. */
export async function readStatus(folder: string): Promise<NodeRedStatus | undefined> {
  try {
    const found = nodeRedStatus.safeParse(JSON.parse(await readFile(join(folder, fileName), "utf8")));
    if (!found.success) return undefined;
    return found.data.state === "stopped" || isAlive(found.data.pid)
      ? found.data
      : { ...found.data, state: "stopped" };
  } catch {
    return undefined;
  }
}

/** Whether a process with this id is a supervisor of ours. */
export function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes("node-red");
  } catch {
    return false;
  }
}

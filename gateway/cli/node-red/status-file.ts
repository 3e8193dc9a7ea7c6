import { chmod, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { isLocked } from "../store-lock.ts";

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
  await writeFile(`${file}.new`, `${JSON.stringify(status)}\n`);
  // For everybody, whatever the umask.
  await chmod(`${file}.new`, 0o644);
  await rename(`${file}.new`, file);
}

/** Undefined when there is none, or it cannot be read. */
export async function readStatus(folder: string): Promise<NodeRedStatus | undefined> {
  try {
    const found = nodeRedStatus.safeParse(JSON.parse(await readFile(join(folder, fileName), "utf8")));
    if (!found.success) return undefined;
    // A supervisor that was killed could not say so.
    return (await isLocked(folder)) ? found.data : { ...found.data, state: "stopped" };
  } catch {
    return undefined;
  }
}

/** One line for people. */
export function nodeRedLine(status: NodeRedStatus): string {
  const { state, url, since, memoryMB, crashes, lastCrash } = status;
  const parts = [
    `Node-RED ${state} since ${since}`,
    url,
    ...(memoryMB === undefined ? [] : [`${memoryMB} MB`]),
    ...(crashes === 0 ? [] : [`${crashes} crashes`]),
    ...(lastCrash ? [`last ${lastCrash.time}: ${lastCrash.text}`] : []),
  ];
  return parts.join(", ");
}

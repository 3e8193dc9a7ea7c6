import { existsSync } from "node:fs";
import { updaterSocket } from "../../updates/helper-words.ts";

/** There on our images, and nowhere else. */
const imageMark = "/etc/rauc/system.conf";

/** Where the updater listens, if this machine has one. */
export function updaterSocketHere(env: Readonly<Record<string, string | undefined>>): string | undefined {
  return env.STADSNOD_UPDATER ?? (existsSync(imageMark) ? updaterSocket : undefined);
}

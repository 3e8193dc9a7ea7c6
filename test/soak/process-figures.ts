import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";

/** What Linux says of a process. */
export interface ProcessFigures {
  /** Bytes: all resident pages; those, with shared ones in part; of the anonymous ones among them. */
  readonly rss: number;
  readonly pss: number;
  readonly anonymous: number;
  readonly threads: number;
  /** Open file descriptors by kind: socket, pipe, file, eventpoll, ... */
  readonly fds: Readonly<Record<string, number>>;
  /** CPU time of all threads, ms. */
  readonly cpuMs: number;
}

/** Clock ticks per second, as proc(5) counts them; 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Throws when there is no such process, or no /proc. */
export function processFigures(pid: number): ProcessFigures {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const field = (text: string, name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1]);
  // The name in brackets may hold spaces; utime and stime are the 14th and 15th field.
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return {
    rss: field(rollup, "Rss") * 1024,
    pss: field(rollup, "Pss") * 1024,
    anonymous: field(rollup, "Anonymous") * 1024,
    threads: field(status, "Threads"),
    fds: descriptors(pid),
    cpuMs: ((Number(stat[11]) + Number(stat[12])) * 1000) / ticksPerSecond,
  };
}

function descriptors(pid: number): Record<string, number> {
  const kinds: Record<string, number> = {};
  const folder = `/proc/${pid}/fd`;
  for (const name of readdirSync(folder)) {
    let target: string;
    try {
      target = readlinkSync(join(folder, name));
    } catch {
      // Closed since the folder was read.
      continue;
    }
    const kind = /^anon_inode:\[?(\w+)/.exec(target)?.[1] ?? /^(socket|pipe):/.exec(target)?.[1] ?? "file";
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return kinds;
}

/** Bytes that the wanted files of a folder take on the disk, and how many there are. */
export function folderFigures(
  folder: string,
  wanted: (name: string) => boolean,
): { readonly bytes: number; readonly files: number } {
  let [bytes, files] = [0, 0];
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!wanted(name)) continue;
    const stat = statSync(join(folder, name), { throwIfNoEntry: false });
    if (!stat?.isFile()) continue;
    files++;
    bytes += stat.blocks * 512;
  }
  return { bytes, files };
}

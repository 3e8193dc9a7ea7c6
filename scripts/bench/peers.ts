// What the benches compare with: how it is installed, and in which version it is here.
import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { failed, type Row } from "./bench.ts";

const run = promisify(execFile);

/** Kept between runs, beside the benches' other data; .data/ is not part of the repository. */
export const installed = resolve(import.meta.dirname, "../../.data/bench-peers");

/** Installs the peers of npm's registry unless they are there. Rejects with npm's own words. */
export async function installPeers(): Promise<void> {
  const wanted = join(import.meta.dirname, "peers", "package.json");
  const stamp = join(installed, "installed.json");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === readFileSync(wanted, "utf8")) return;
  mkdirSync(installed, { recursive: true });
  copyFileSync(wanted, join(installed, "package.json"));
  try {
    const flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
    await run("npm", ["install", ...flags], { cwd: installed, maxBuffer: 1 << 24 });
  } catch (error) {
    const text = error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
    throw new Error(`cannot install the peers: ${text.trim().split("\n").slice(0, 3).join(" ")}`);
  }
  copyFileSync(wanted, stamp);
}

/** The Modbus masters beside modbus-serial, by the end of their rows' names. */
const masters = { jsmodbus: "jsmodbus.ts", mbpoll: "mbpoll.ts" } as const;

/** Rows of each further master. One that is not here, or fails, is one row that says why: `<name>.<master>`. */
export async function besideOthers(
  name: string,
  unit: string,
  measure: (peer: string, script: (typeof masters)[keyof typeof masters]) => Promise<Row[]>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [peer, script] of Object.entries(masters)) {
    try {
      if (script === "jsmodbus.ts") await installPeers();
      rows.push(...(await measure(peer, script)));
    } catch (error) {
      rows.push(failed(`${name}.${peer}`, unit, error));
    }
  }
  return rows;
}

/** Versions of the peers as they are here, by name; those that are not here are left out. */
export async function peerVersions(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const root = resolve(import.meta.dirname, "../..");
  for (const [folder, names] of [
    [root, ["modbus-serial"]],
    [installed, ["jsmodbus", "node-red-contrib-modbus", "node-red"]],
  ] as const) {
    for (const name of names) {
      const file = join(folder, "node_modules", name, "package.json");
      if (existsSync(file)) found.set(name, JSON.parse(readFileSync(file, "utf8")).version);
    }
  }
  try {
    const { stdout } = await run("dpkg-query", ["-W", "mbpoll", "libmodbus5*"]);
    const version = (name: string) => new RegExp(`^${name}(?::\\S+)?\\t(\\S+)`, "m").exec(stdout)?.[1];
    const mbpoll = version("mbpoll");
    const libmodbus = version("libmodbus5\\S*?");
    if (mbpoll && libmodbus) found.set("mbpoll", `${mbpoll} with libmodbus ${libmodbus}`);
  } catch {
    // Not from Debian, or not here.
  }
  return found;
}

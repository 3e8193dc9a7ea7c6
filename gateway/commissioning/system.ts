import { posix } from "node:path";
import type { System } from "../store/system.ts";

// What is asked of the machine again and again, in the words of Linux and systemd.

export type { FileFacts, LookingProgram, Ran, Space, System } from "../store/system.ts";

/** A file of one line, as /sys and /proc have many. Undefined where it is not there or empty. */
export async function readLine(system: System, path: string): Promise<string | undefined> {
  const text = (await system.read(path, 4096))?.replaceAll("\0", "").trim();
  return text === "" ? undefined : text;
}

export async function readNumber(system: System, path: string): Promise<number | undefined> {
  const text = await readLine(system, path);
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
}

/** Whether systemd runs a unit; undefined where there is no systemd to ask. */
export async function isActive(system: System, unit: string): Promise<boolean | undefined> {
  const ran = await system.run("systemctl", ["is-active", unit]);
  const state = ran?.out.trim();
  // Without systemd as init it says "offline" or nothing.
  if (!ran || state === undefined || state === "" || state === "offline") return undefined;
  return state === "active" || state === "activating" || state === "reloading";
}

/** Properties of a unit, or of the machine's time, as `show` prints them. */
export async function propertiesOf(
  system: System,
  program: "systemctl" | "timedatectl",
  args: readonly string[] = [],
): Promise<ReadonlyMap<string, string>> {
  const out = (await system.run(program, ["show", ...args]))?.out ?? "";
  return new Map(
    out.split("\n").flatMap((line): [string, string][] => {
      const at = line.indexOf("=");
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)]] : [];
    }),
  );
}

/** Whether a process of this id is there. */
export async function isAlive(system: System, pid: number): Promise<boolean> {
  return (await system.stat(`/proc/${pid}`)) !== undefined;
}

/** An account of this machine. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gids: readonly number[];
}

/** Who the gateway runs as. */
export interface GatewayUser extends Account {
  /** `running`: the running service; `unit`: what its unit says; `self`: nobody knows, so whoever asks. */
  readonly by: "running" | "unit" | "self";
  readonly pid?: number | undefined;
}

const unit = "stadsnod.service";

/** The user of the gateway: of the running service, else of its unit, else of this process. */
export async function gatewayUser(system: System): Promise<GatewayUser> {
  const properties = await propertiesOf(system, "systemctl", [
    unit,
    "--property=MainPID,User,SupplementaryGroups,LoadState",
  ]);
  const pid = Number(properties.get("MainPID") ?? 0);
  const running = pid > 0 ? await accountOfProcess(system, pid) : undefined;
  if (running) return { ...running, by: "running", pid };
  if (properties.get("LoadState") === "loaded") {
    const named = await accountNamed(system, properties.get("User") || "root");
    if (named) {
      const groups = await groupsOf(system);
      const more = (properties.get("SupplementaryGroups") ?? "").split(/\s+/).flatMap((name) => {
        const found = groups.find((group) => group.name === name);
        return found ? [found.gid] : [];
      });
      return { ...named, gids: [...new Set([...named.gids, ...more])], by: "unit" };
    }
  }
  const { uid, gids } = system.user;
  return { name: await userName(system, uid), uid, gids, by: "self" };
}

async function accountOfProcess(system: System, pid: number): Promise<Account | undefined> {
  const status = await system.read(`/proc/${pid}/status`);
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(status ?? "")?.[1];
  const gid = /^Gid:\s+\d+\s+(\d+)/m.exec(status ?? "")?.[1];
  if (uid === undefined || gid === undefined) return undefined;
  const groups = /^Groups:[ \t]*(.*)$/m.exec(status ?? "")?.[1] ?? "";
  const gids = [Number(gid), ...groups.split(/\s+/).filter(Boolean).map(Number)];
  return { name: await userName(system, Number(uid)), uid: Number(uid), gids: [...new Set(gids)] };
}

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

async function passwd(system: System): Promise<readonly PasswdEntry[]> {
  const text = (await system.read("/etc/passwd", 1024 * 1024)) ?? "";
  return text.split("\n").flatMap((line) => {
    const [name, , uid, gid] = line.split(":");
    return name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
  });
}

export interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

export async function groupsOf(system: System): Promise<readonly Group[]> {
  const text = (await system.read("/etc/group", 1024 * 1024)) ?? "";
  return text.split("\n").flatMap((line) => {
    const [name, , gid, members = ""] = line.split(":");
    return name && gid ? [{ name, gid: Number(gid), members: members.split(",").filter(Boolean) }] : [];
  });
}

async function accountNamed(system: System, name: string): Promise<Account | undefined> {
  const found = (await passwd(system)).find((one) => one.name === name || String(one.uid) === name);
  if (!found) return undefined;
  const member = (await groupsOf(system)).filter(({ members }) => members.includes(found.name));
  return {
    name: found.name,
    uid: found.uid,
    gids: [...new Set([found.gid, ...member.map(({ gid }) => gid)])],
  };
}

/** The number where the name is not known. */
export async function userName(system: System, uid: number): Promise<string> {
  return (await passwd(system)).find((one) => one.uid === uid)?.name ?? String(uid);
}

export async function groupName(system: System, gid: number): Promise<string> {
  return (await groupsOf(system)).find((one) => one.gid === gid)?.name ?? String(gid);
}

/** Whether permission bits let somebody read (4), write (2) or both (6). Root may always. */
export function permits(
  file: { readonly uid: number; readonly gid: number; readonly mode: number },
  who: Pick<Account, "uid" | "gids">,
  bits: number,
): boolean {
  if (who.uid === 0) return true;
  const shift = file.uid === who.uid ? 6 : who.gids.includes(file.gid) ? 3 : 0;
  return ((file.mode >> shift) & bits) === bits;
}

/** The file system that a path is on, as /proc/self/mounts tells it. */
export interface Mount {
  readonly device: string;
  readonly folder: string;
  readonly type: string;
  readonly readOnly: boolean;
}

export async function mountOf(system: System, path: string): Promise<Mount | undefined> {
  const text = (await system.read("/proc/self/mounts", 1024 * 1024)) ?? "";
  const mounts = text.split("\n").flatMap((line): Mount[] => {
    const [device, folder, type, options] = line.split(" ");
    if (!device || !folder || !type || !options) return [];
    // Blanks in names are written in octal (getmntent(3)).
    const plain = folder.replaceAll(/\\(\d{3})/g, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 8)),
    );
    return [{ device, folder: plain, type, readOnly: options.split(",").includes("ro") }];
  });
  const over = ({ folder }: Mount) => folder === "/" || path === folder || path.startsWith(`${folder}/`);
  // The longest one, and of equal ones the last, lies on top.
  return mounts.filter(over).reduce<Mount | undefined>((best, one) => {
    return best === undefined || one.folder.length >= best.folder.length ? one : best;
  }, undefined);
}

/** The path itself, or the nearest folder above it that is there. */
export async function nearest(system: System, path: string): Promise<string> {
  let at = path;
  while (at !== "/" && at !== "." && (await system.stat(at)) === undefined) at = posix.dirname(at);
  return at;
}

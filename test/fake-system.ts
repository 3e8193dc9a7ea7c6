import { posix } from "node:path";
import type { FileFacts, LookingProgram, Ran, Space, System } from "../gateway/store/system.ts";

/** What is at a path: a text file, or a file, folder, link, device or socket with owner and mode. */
export type FakeEntry = string | ({ readonly link: string } | { readonly text: string } | FakeNode);
interface FakeNode {
  readonly kind?: FileFacts["kind"];
  readonly text?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly mode?: number;
  readonly size?: number;
}

export interface FakeMachine {
  /** By absolute path; folders above come by themselves. */
  readonly tree: Readonly<Record<string, FakeEntry>>;
  readonly user?: System["user"];
  readonly node?: Partial<System["node"]>;
  /** By the whole command line; what is missing is not installed, unless the program is named in another line. */
  readonly programs?: Readonly<Record<string, string | Ran>>;
  /** By mount folder or path. */
  readonly space?: Readonly<Record<string, Partial<Space>>>;
}

/** A machine made of a table. Every command line that was asked for is in `ran`. */
export function fakeSystem(machine: FakeMachine): System & { readonly ran: string[] } {
  const { tree, programs = {} } = machine;
  const ran: string[] = [];
  const resolve = (path: string, links = 0): string | undefined => {
    if (links > 20) return undefined;
    const parts = posix.normalize(path).split("/").filter(Boolean);
    let at = "";
    for (const [index, part] of parts.entries()) {
      at += `/${part}`;
      const entry = tree[at];
      if (typeof entry === "object" && "link" in entry) {
        const rest = parts.slice(index + 1).join("/");
        return resolve(posix.resolve(posix.dirname(at), entry.link, rest), links + 1);
      }
    }
    return at === "" ? "/" : at;
  };
  const children = (path: string): string[] => {
    const prefix = path === "/" ? "/" : `${path}/`;
    const names = Object.keys(tree)
      .filter((one) => one.startsWith(prefix))
      .map((one) => one.slice(prefix.length).split("/")[0] ?? "");
    return [...new Set(names)].filter(Boolean).toSorted();
  };
  const isThere = (path: string) => tree[path] !== undefined || children(path).length > 0 || path === "/";
  const facts = (path: string): FileFacts | undefined => {
    const real = resolve(path);
    if (real === undefined || !isThere(real)) return undefined;
    const entry = tree[real];
    const plain = { uid: 0, gid: 0, changed: 0 };
    if (entry === undefined) return { ...plain, kind: "folder", mode: 0o755, size: 0 };
    if (typeof entry === "string") return { ...plain, kind: "file", mode: 0o644, size: entry.length };
    if ("link" in entry) return undefined;
    const node: FakeNode = entry;
    const kind = node.kind ?? "file";
    const size = node.size ?? node.text?.length ?? 0;
    return { ...plain, kind, mode: node.mode ?? 0o644, size, uid: node.uid ?? 0, gid: node.gid ?? 0 };
  };
  const user = machine.user ?? { uid: 1000, gids: [1000] };
  return {
    ran,
    user,
    node: { version: "v24.4.0", platform: "linux", arch: "arm64", ...machine.node },
    async read(path, most = 65_536) {
      const entry = tree[resolve(path) ?? ""];
      const text = typeof entry === "string" ? entry : entry && "text" in entry ? entry.text : undefined;
      return text?.slice(0, most);
    },
    list: async (path) => children(resolve(path) ?? ""),
    async realpath(path) {
      const real = resolve(path);
      return real !== undefined && isThere(real) ? real : undefined;
    },
    async readlink(path) {
      const entry = tree[path];
      return typeof entry === "object" && "link" in entry ? entry.link : undefined;
    },
    stat: async (path) => facts(path),
    async may(path, what) {
      const found = facts(path);
      if (!found) return false;
      if (user.uid === 0) return true;
      const shift = found.uid === user.uid ? 6 : user.gids.includes(found.gid) ? 3 : 0;
      return ((found.mode >> shift) & (what === "read" ? 4 : 2)) !== 0;
    },
    async space(path) {
      const spaces = Object.entries(machine.space ?? {}).filter(
        ([folder]) => path === folder || folder === "/" || path.startsWith(`${folder}/`),
      );
      const [, found] = spaces.toSorted(([a], [b]) => b.length - a.length)[0] ?? [];
      const gigabyte = 1e9;
      return {
        totalBytes: 32 * gigabyte,
        freeBytes: 20 * gigabyte,
        inodes: 2e6,
        freeInodes: 1.8e6,
        ...found,
      };
    },
    async run(program: LookingProgram, args) {
      const line = [program, ...args].join(" ");
      ran.push(line);
      const found = programs[line];
      if (found !== undefined) return typeof found === "string" ? { code: 0, out: found } : found;
      const installed = Object.keys(programs).some((one) => one.startsWith(`${program} `));
      return installed ? { code: 3, out: program === "systemctl" ? "inactive\n" : "" } : undefined;
    },
  };
}

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

export interface Ran {
  readonly code: number;
  readonly out: string;
}

/** A small Debian in a folder, with a systemd that can be its first process. */
export async function makeDebian(suite: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "stadsnod-debian-"));
  const root = join(folder, "root");
  const packages = "systemd,systemd-sysv,udev,dbus,libstdc++6,libatomic1,iproute2,procps";
  await execute(
    "mmdebstrap",
    [
      ...["--quiet", "--variant=minbase", `--include=${packages}`, "--format=directory"],
      ...["--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*"],
      ...[suite, root],
    ],
    { maxBuffer: 16 * 1024 * 1024 },
  );
  // Empty: this machine is new, and yet has had its first boot, which would turn on whatever is installed.
  writeFileSync(join(root, "etc/machine-id"), "");
  return root;
}

/** A real systemd as the first process of namespaces of its own: see machine-in-namespaces.sh. */
export class Machine implements AsyncDisposable {
  readonly root: string;
  readonly #process: ChildProcess;
  readonly #cgroup: string;
  readonly #leader: number;

  private constructor(root: string, process: ChildProcess, cgroup: string, leader: number) {
    this.root = root;
    this.#process = process;
    this.#cgroup = cgroup;
    this.#leader = leader;
  }

  /** Resolves when it has booted. */
  static async boot(root: string): Promise<Machine> {
    const cgroup = join(cgroupFolder(), `stadsnod-test-${process.pid}`);
    mkdirSync(cgroup, { recursive: true });
    const child = spawn(join(import.meta.dirname, "machine-in-namespaces.sh"), [root, cgroup], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    const leader = await until(async () => {
      if (child.exitCode !== null) throw new Error(`the machine ended with code ${child.exitCode}`);
      const pid = childOf(child.pid!);
      return pid !== undefined && nameOf(pid) === "systemd" ? pid : undefined;
    });
    const machine = new Machine(root, child, cgroup, leader);
    await until(async () => {
      const { out } = await machine.run("systemctl", "is-system-running");
      return /^(running|degraded)$/.test(out.trim()) || undefined;
    });
    return machine;
  }

  /** Runs a program inside, as root. */
  async run(program: string, ...args: string[]): Promise<Ran> {
    const enter = ["--target", String(this.#leader), "--all", "--", "/usr/bin/env", "-i"];
    const env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "LC_ALL=C.UTF-8", "HOME=/root"];
    return await new Promise((resolve) => {
      execFile(
        "nsenter",
        [...enter, ...env, program, ...args],
        { maxBuffer: 64 * 1024 * 1024 },
        (error, stdout, stderr) =>
          resolve({ code: error ? Number(error.code ?? 1) : 0, out: `${stdout}${stderr}` }),
      );
    });
  }

  /** Likewise; what fails is an error. Its output without the last end of line. */
  async must(program: string, ...args: string[]): Promise<string> {
    const { code, out } = await this.run(program, ...args);
    if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${code}: ${out}`);
    return out.trimEnd();
  }

  /** Where a path inside is outside, what lies in memory included. */
  outside(path: string): string {
    return `/proc/${this.#leader}/root${path}`;
  }

  /** A property of a unit. */
  async property(unit: string, name: string): Promise<string> {
    return await this.must("systemctl", "show", "--value", "--property", name, unit);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#process.exitCode === null ? once(this.#process, "exit") : undefined;
    await this.run("systemctl", "poweroff", "--force");
    await ended;
    await until(async () => {
      try {
        removeCgroup(this.#cgroup);
        return true;
      } catch {
        return undefined;
      }
    });
  }
}

/** Looks until there is something. Bounded by the test's own time limit. */
export async function until<T>(look: () => Promise<T | undefined>, everyMs = 100): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Where this machine has its cgroups of version 2. */
function cgroupFolder(): string {
  const line = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .find((one) => / - cgroup2 /.test(one));
  const folder = line?.split(" ")[4];
  if (folder === undefined) throw new Error("no cgroups of version 2 are mounted: systemd needs them");
  return folder;
}

function removeCgroup(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeCgroup(join(folder, entry.name));
  rmdirSync(folder);
}

function childOf(pid: number): number | undefined {
  const children = textOf(`/proc/${pid}/task/${pid}/children`).trim();
  return children === "" ? undefined : Number(children.split(" ")[0]);
}

function nameOf(pid: number): string {
  return textOf(`/proc/${pid}/comm`).trim();
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

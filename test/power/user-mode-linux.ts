import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { have, run } from "./machine.ts";

// A Linux kernel as a process (Debian's user-mode-linux): its memory, page cache and processes go at once when that is killed.

/** Throws, with what to install, when no such machine can be started here. Nothing is skipped for it. */
export function needUserModeLinux(): void {
  const packages = { "linux.uml": "user-mode-linux", cc: "gcc and libc6-dev", "mkfs.ext4": "e2fsprogs" };
  const missing = Object.entries(packages).filter(([name]) => !have(name));
  const hints = missing.map(([name, of]) => `${name} (package ${of})`);
  if (process.arch !== "x64") hints.push("a processor of the kind x64: user-mode-linux has no other");
  if (hints.length > 0)
    throw new Error(`the power of whole machines cannot be cut here, missing: ${hints.join(", ")}`);
}

/** What is loaded into every machine's kernel, built once: see wide-registers.c. */
export class Preload implements Disposable {
  // Not in memory: libraries cannot be loaded from everywhere there.
  readonly #folder = mkdtempSync(join(tmpdir(), "stadsnod-uml-"));
  readonly file = join(this.#folder, "wide-registers.so");

  constructor() {
    run("cc", "-shared", "-fPIC", "-O2", "-o", this.file, join(import.meta.dirname, "wide-registers.c"));
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export interface MachineOptions {
  readonly preload: Preload;
  /** Image of its data disk. */
  readonly disk: string;
  /** Its first process, on this machine's root. */
  readonly init: string;
  /** For the first process's environment: no spaces. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A machine that was turned on. */
export class Machine {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  /** The end of what its kernel and programs said. */
  #said = "";

  constructor({ preload, disk, init, environment }: MachineOptions) {
    const parameters = [
      ...["mem=192M", "root=/dev/root", "rootfstype=hostfs", "ro", `ubda=${disk}`, `init=${init}`],
      ...["con=null", "con0=null,fd:1", "quiet"],
      ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    ];
    this.#process = spawn("linux.uml", parameters, {
      // A group of its own: all its processes are ended at once.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, LD_PRELOAD: preload.file },
    });
    this.#ended = once(this.#process, "close");
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on("data", (bytes) => {
        this.#said = (this.#said + bytes).slice(-20_000);
      });
    process.once("exit", this.#atExit);
  }

  /** Resolves when it stops by itself, with what it said last. */
  async stopped(): Promise<string> {
    await this.#ended;
    return `the machine stopped by itself:\n${this.#said}`;
  }

  /** Resolves when nothing of it is left. */
  async cutPower(): Promise<void> {
    this.#kill();
    await this.#ended;
    while (someoneOf(this.#process.pid!)) await new Promise((resolve) => setImmediate(resolve));
    process.off("exit", this.#atExit);
  }

  readonly #atExit = () => this.#kill();

  #kill(): void {
    try {
      process.kill(-this.#process.pid!, "SIGKILL");
    } catch {
      // It has gone.
    }
  }
}

/** Whether a process of this group still runs. One that nobody has buried yet does not. */
function someoneOf(group: number): boolean {
  return readdirSync("/proc").some((name) => {
    if (!/^\d+$/.test(name)) return false;
    let stat: string;
    try {
      stat = readFileSync(`/proc/${name}/stat`, "utf8");
    } catch {
      return false;
    }
    // Behind the name, which may hold anything: state, parent, group.
    const [state, , of] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(of) === group && state !== "Z" && state !== "X";
  });
}

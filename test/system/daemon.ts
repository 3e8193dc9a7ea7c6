import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { afterAll } from "vitest";
import type { GatewayStatus } from "../../gateway/local/surface.ts";

export const root = resolve(import.meta.dirname, "../..");
export const program = join(root, "dist", "stadsnod.js");

/** A line of the daemon's log: what pino writes, or `{text}` for a line that is no JSON. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: string; readonly text?: string };

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Between the signal and the end. */
  readonly ms: number;
}

/** The built daemon as a process of its own, and its folder. */
export interface Daemon extends AsyncDisposable {
  readonly folder: string;
  readonly socket: string;
  readonly pid: number;
  readonly log: readonly LogLine[];
  /** Everything that it wrote, as it was written. */
  readonly output: string;
  /** The first line of the log, past or future, that matches. Rejects when the daemon ends before. */
  logged(matches: (line: LogLine) => boolean): Promise<LogLine>;
  status(): Promise<GatewayStatus>;
  /** Looks at the status until it holds. */
  until(holds: (status: GatewayStatus) => boolean): Promise<GatewayStatus>;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Ended>;
  /** Waits for the end. */
  readonly ended: Promise<Ended>;
  kill(signal: NodeJS.Signals): void;
  /** Writes gateway.yaml anew. */
  write(yaml: string): void;
}

export interface DaemonOptions {
  /** The text of gateway.yaml; `local` and `clock` are added when they are not in it. */
  readonly yaml: string;
  /** Files beside it, by name. */
  readonly files?: Readonly<Record<string, string>> | undefined;
  /** Where it runs; a new folder unless given. */
  readonly folder?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Command in front of node, e.g. setpriv. */
  readonly through?: readonly string[] | undefined;
  /** Do not wait until the local API listens. */
  readonly nowait?: boolean | undefined;
}

/** Below the tests' own time limit, so that a failure can say what it saw. */
const patienceMs = 25_000;

const folders: string[] = [];
const sweep = () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
};
// Without vitest, which scripts/proof does without, there is no end of tests but that of the process.
if (process.env.VITEST) afterAll(sweep);
else process.once("exit", sweep);

/** A folder that goes when the tests of the file are over. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "stadsnod-"));
  folders.push(folder);
  return folder;
}

/** Starts `stadsnod run gateway.yaml`; resolves when its local API listens. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const folder = options.folder ?? newFolder();
  const write = (yaml: string) => writeFileSync(join(folder, "gateway.yaml"), completed(yaml));
  write(options.yaml);
  for (const [name, text] of Object.entries(options.files ?? {})) writeFileSync(join(folder, name), text);
  const [command = process.execPath, ...args] = [
    ...(options.through ?? []),
    process.execPath,
    program,
    "run",
    "gateway.yaml",
  ];
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "stadsnod-compile-cache"), ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const daemon = new Process(child, folder, write);
  if (options.nowait) return daemon;
  try {
    if (/level: (warn|error)/.test(options.yaml)) await daemon.answers();
    else await daemon.logged(({ msg }) => msg === "the local API listens");
    return daemon;
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw error;
  }
}

class Process implements Daemon {
  readonly folder: string;
  readonly socket: string;
  readonly log: LogLine[] = [];
  readonly ended: Promise<Ended>;
  readonly write: (yaml: string) => void;
  output = "";
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #over = false;
  #signalledAt = 0;

  constructor(child: ChildProcess, folder: string, write: (yaml: string) => void) {
    this.#child = child;
    this.folder = folder;
    this.socket = join(folder, "s.sock");
    this.write = write;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.output += text;
    });
    if (child.stderr) createInterface({ input: child.stderr }).on("line", (line) => this.#line(line));
    this.ended = once(child, "close").then(([code, signal]) => {
      this.#over = true;
      for (const look of [...this.#waiting]) look();
      return { code, signal, ms: performance.now() - this.#signalledAt };
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  kill(signal: NodeJS.Signals): void {
    this.#signalledAt = performance.now();
    this.#child.kill(signal);
  }

  end(signal: NodeJS.Signals): Promise<Ended> {
    this.kill(signal);
    return this.ended;
  }

  logged(matches: (line: LogLine) => boolean): Promise<LogLine> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.log.find(matches);
        if (!found && !this.#over) return;
        this.#waiting.delete(look);
        if (found) resolve(found);
        else reject(new Error(`the daemon ended without that line:\n${this.output}`));
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** For a daemon whose log does not tell that it listens. */
  async answers(): Promise<void> {
    while (!this.#over) {
      const answer = await ask(this.socket, "GET", "/v1/status").catch(() => undefined);
      if (answer?.status === 200) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`the daemon ended:\n${this.output}`);
  }

  async status(): Promise<GatewayStatus> {
    return (await ask<GatewayStatus>(this.socket, "GET", "/v1/status")).body;
  }

  async until(holds: (status: GatewayStatus) => boolean): Promise<GatewayStatus> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      if (this.#over) throw new Error(`the daemon ended:\n${this.output}`);
      const status = await this.status();
      if (holds(status)) return status;
      if (performance.now() > deadline)
        throw new Error(`the status never became so: ${JSON.stringify(status)}\n${this.output}`);
      // Nobody tells of a change of the status: each look costs a request, so there is a breath between two.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) await this.end("SIGKILL");
  }

  #line(line: string): void {
    this.output += `${line}\n`;
    let parsed: LogLine = { text: line };
    if (line.startsWith("{")) {
      try {
        parsed = JSON.parse(line);
      } catch {
        // Not from the log.
      }
    }
    this.log.push(parsed);
    for (const look of [...this.#waiting]) look();
  }
}

function completed(yaml: string): string {
  const parts = [yaml.trimEnd()];
  if (!/^local:/m.test(yaml)) parts.push("local: {socket: s.sock}");
  if (!/^clock:/m.test(yaml)) parts.push("clock: {trust: always}");
  return `${parts.join("\n")}\n`;
}

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

/** A request to the local API, with nothing of the gateway's own client. */
export function ask<T = unknown>(
  socketPath: string,
  method: string,
  path: string,
  body?: string,
): Promise<Answer<T>> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
      response.on("error", reject);
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs one command of the built program to its end. */
export async function run(
  args: readonly string[],
  {
    cwd = root,
    env = {},
    input = "",
  }: { cwd?: string; env?: Readonly<Record<string, string>>; input?: string | Buffer } = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "stadsnod-compile-cache"), ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const texts = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    texts.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    texts.err += text;
  });
  // A command that does not read its input closes it.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const [code] = await once(child, "close");
  return { code, ...texts };
}

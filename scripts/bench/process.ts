import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Processor seconds (user and system, all threads) that a process has used. Linux only. */
export function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field is a name in parentheses that may hold anything; utime and stime are fields 14 and 15.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / clockTicks;
}

/** USER_HZ: 100 on every Linux that Node runs on. */
const clockTicks = 100;

/** Resident memory of a process in MB (10^6 bytes). */
export function rssMb(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return (Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1]) * 1024) / 1e6;
}

/** Milliseconds of a clock that all processes of this machine share. */
export function commonMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** A script of ours in a process of its own, that answers questions over IPC. */
export interface Child<Ready, Answers> extends AsyncDisposable {
  readonly pid: number;
  readonly ready: Ready;
  /** One question at a time. */
  ask<Question extends keyof Answers & string>(question: Question): Promise<Answers[Question]>;
}

/** Starts `children/<script>`; resolves with what it says first. Rejects when it ends instead. */
export async function startChild<Ready, Answers = Record<never, never>>(
  script: string,
  settings: unknown,
): Promise<Child<Ready, Answers>> {
  const child = fork(join(import.meta.dirname, "children", script), [JSON.stringify(settings)], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot start ${script}`);
  const ready: Ready = await message(child, script);
  return {
    pid,
    ready,
    ask: (question) => {
      const answer = message(child, script);
      child.send(question);
      // The other end is a script of this folder, typed by the same interface.
      return answer as Promise<never>;
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function message<T>(child: ChildProcess, script: string): Promise<T> {
  const leaving = new AbortController();
  try {
    const { signal } = leaving;
    return await Promise.race([
      once(child, "message", { signal }).then(([first]) => {
        if (first && typeof first === "object" && "problem" in first) throw new Error(String(first.problem));
        return first;
      }),
      once(child, "exit", { signal }).then(([code]) => {
        throw new Error(`${script} ended with ${code}`);
      }),
    ]);
  } finally {
    leaving.abort();
  }
}

import { execFile } from "node:child_process";

export interface ProgramResult {
  /** Undefined: it took too long, said too much or could not be started. */
  readonly code: number | undefined;
  readonly out: string;
  readonly err: string;
}

/** Runs one of few programs, by its whole path and with arguments of ours, never through a shell. */
export type RunProgram = (
  path: string,
  args: readonly string[],
  options: { readonly timeoutMs: number; readonly onText?: (text: string) => void },
) => Promise<ProgramResult>;

/** Of what a program says. */
const mostBytes = 1024 * 1024;

export const runProgram: RunProgram = (path, args, { timeoutMs, onText }) =>
  new Promise((resolve) => {
    const env = { LC_ALL: "C", PATH: "/usr/bin:/bin:/usr/sbin:/sbin" };
    const child = execFile(
      path,
      [...args],
      { timeout: timeoutMs, maxBuffer: mostBytes, env },
      (error, out, err) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : undefined;
        resolve({ code, out, err });
      },
    );
    if (onText) child.stdout?.on("data", (text) => onText(String(text)));
  });

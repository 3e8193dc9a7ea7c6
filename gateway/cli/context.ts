import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { ConfigError, GatewayError } from "../model/errors.ts";

/** What a command is given from the process, so that a test can run it as well. */
export interface CliContext {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** Calls back on SIGHUP. */
  onReload(callback: () => void): void;
  /** What is typed, where somebody may be asked. */
  readonly input?: NodeJS.ReadableStream | undefined;
  out(text: string): void;
  err(text: string): void;
  /** Columns of the terminal, or undefined when the output is not one. */
  readonly columns: number | undefined;
  /** Its lines, likewise. */
  readonly rows: number | undefined;
}

/** Exit codes, the same for every command; docs/cli.md lists them. */
export const exit = {
  ok: 0,
  /** The command ran and what it looked at is wrong: a failed check, a failed example, missing data. */
  failed: 1,
  /** The command line or a file it names is wrong. */
  usage: 2,
  /** No running daemon answers. */
  unreachable: 3,
} as const;

/** Ends a command with an exit code, after it has said what there was to say. */
export class ExitError extends Error {
  readonly exitCode: number;
  constructor(exitCode: number) {
    super(`exit ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** One line for people, with the hint below it. */
export function explainError(error: unknown): string {
  if (error instanceof GatewayError) {
    return `stadsnod: ${error.message} [${error.code}]${error.hint ? `\nhint: ${error.hint}` : ""}`;
  }
  return `stadsnod: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

/** The bytes of a file that the command line names; `-` is standard input. Throws ConfigError. */
export function readNamed(context: CliContext, path: string): Buffer {
  try {
    return readFileSync(path === "-" ? 0 : inFolder(context, path));
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unreadable";
    throw new ConfigError(`${path} cannot be read (${code})`, { code: "unreadable-file", cause });
  }
}

export function inFolder(context: Pick<CliContext, "cwd">, path: string): string {
  return resolve(context.cwd, path);
}

import { spawn } from "node:child_process";

/** A step of the build that went wrong, with what helps. */
export class ImageError extends Error {
  override readonly name = "ImageError";
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Told every line that the program writes, on either output. What it returns is the program's input; what it throws ends it. */
  readonly onLine?: (line: string) => string | undefined;
}

/** Runs a program to its end and returns its standard output. Throws ImageError with the last lines when it fails. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let out = "";
    const last: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      let rest = "";
      stream.setEncoding("utf8").on("data", (text: string) => {
        if (stream === child.stdout) out += text;
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          last.push(line);
          if (last.length > 40) last.shift();
          try {
            const answer = options.onLine?.(line);
            if (typeof answer === "string") child.stdin.write(answer);
          } catch (error) {
            reject(error);
            child.kill();
          }
        }
      });
    }
    child.once("error", (error) =>
      reject(
        new ImageError(`cannot run ${command}: ${error.message}`, `apt-get install what holds ${command}`),
      ),
    );
    child.once("close", (code, signal) => {
      if (code === 0) resolve(out);
      else
        reject(
          new ImageError(`${command} ${args[0] ?? ""} ended with ${code ?? signal}:\n${last.join("\n")}`),
        );
    });
    // A program that reads nothing may be gone before.
    child.stdin.on("error", () => {});
    if (options.onLine === undefined) child.stdin.end();
  });
}

#!/usr/bin/env -S node --optimize-for-size --single-threaded-gc --no-separate-gc-phases --no-maglev --no-sparkplug --invocation-count-for-turbofan=50000
// The flags above suit small machines: they keep about 28 MB of memory free (of 96 when idle). Hot code is
// still optimised, but not what runs only while starting: the optimiser alone is 9 MB. Whoever starts
// this file with `node` passes them by hand, as docs/cli.md says.
import { enableCompileCache } from "node:module";

// Parsed code is kept between starts: about a third of the start-up time.
enableCompileCache();

const { runCli } = await import("./cli/index.ts");
const ending = new AbortController();
// The first signal ends things in order; a second one does not wait.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => (ending.signal.aborted ? process.exit(130) : ending.abort(new Error(signal))));
}

// A pipe whose reader is gone (`stadsnod watch | head`) ends the command, as it does every other.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

process.exitCode = await runCli(process.argv.slice(2), {
  cwd: process.cwd(),
  env: process.env,
  signal: ending.signal,
  onReload: (callback) => process.on("SIGHUP", callback),
  input: process.stdin.isTTY ? process.stdin : undefined,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  columns: process.stdout.isTTY ? process.stdout.columns : undefined,
  rows: process.stdout.isTTY ? process.stdout.rows : undefined,
});

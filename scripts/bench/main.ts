// Entry of `npm run bench`: --help says what it takes.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { failed, type Row } from "./bench.ts";
import { benches } from "./benches.ts";
import { peerVersions } from "./peers.ts";
import { type BenchReport, figure, report } from "./report.ts";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    only: { type: "string" },
    report: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (options.help) {
  console.log(`npm run bench [-- --quick] [--json] [--only <name>] [--report <file>]

  --quick          shorter runs: minutes instead of twenty, and figures that spread more
  --json           one object per line: {"name", "value", "unit", "ratioTo", "ratio"}
  --only <name>    one bench, or the figures whose names begin so
  --report <file>  writes the report there; a whole run writes docs/benchmarks.md

npm run bench -- --quick --only daemon.rss

Benches: ${benches.map(([name]) => name).join(", ")}`);
  process.exit(0);
}
const { quick, json, only } = options;
const root = resolve(import.meta.dirname, "../..");
const chosen = benches.filter(([name]) => !only || name.startsWith(only) || only.startsWith(name));
if (chosen.length === 0) {
  console.error(`no bench is called ${only}; there are ${benches.map(([name]) => name).join(", ")}`);
  process.exit(2);
}
const file =
  options.report === undefined
    ? only === undefined && !quick
      ? join(root, "docs/benchmarks.md")
      : undefined
    : resolve(process.env.INIT_CWD ?? ".", options.report);

// Not in the temporary folder: that may be memory, and a bench of a disk needs one.
const data = join(root, ".data");
mkdirSync(data, { recursive: true });
const started = performance.now();
const rows: Row[] = [];
const reports: BenchReport[] = [];
for (const [name, load] of chosen) {
  const folder = mkdtempSync(join(data, "bench-"));
  const begun = performance.now();
  let found: Row[];
  let about: Omit<BenchReport, "rows"> = { name, title: name, method: "It could not be loaded.", goals: {} };
  try {
    const { title, method, notComparable, goals = {}, run } = await load();
    about = { name, title, method, notComparable, goals };
    if (!json) console.error(`${name}: ${title} ...`);
    found = await run({ quick, folder });
  } catch (error) {
    found = [failed(name, "", error)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (!json) console.error(`  ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  reports.push({ ...about, rows: found });
  for (const row of found) {
    if (only && !row.name.startsWith(only) && name !== only && !name.startsWith(only)) continue;
    rows.push(row);
    if (json) console.log(JSON.stringify(row));
  }
}
if (!json) table(rows);
if (file !== undefined) {
  const minutes = (performance.now() - started) / 60_000;
  writeFileSync(file, report({ ...(await facts()), minutes, quick }, reports));
  if (!json) console.error(`\nwritten: ${file}`);
}
process.exitCode = rows.some(({ error }) => error !== undefined) ? 1 : 0;

async function facts() {
  return {
    date: new Date().toISOString().slice(0, 16).replace("T", " "),
    commit: commit(),
    node: process.version,
    cpu: cpus()[0]?.model ?? "unknown",
    cpus: cpus().length,
    memoryMb: Math.round(totalmem() / 1e6),
    kernel: `${type()} ${release()}`,
    peers: await peerVersions(),
  };
}

function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const dirty = git("status", "--porcelain", "--", ".", ":!docs/benchmarks.md") !== "";
    return `${git("rev-parse", "--short", "HEAD")}${dirty ? "-dirty" : ""}`;
  } catch {
    return "unknown";
  }
}

function table(all: readonly Row[]): void {
  console.log(
    `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? "?"}${quick ? ", quick" : ""}\n`,
  );
  const lines = all.map(({ name, value, unit, ratio, ratioTo, error }) => [
    name,
    value === null ? "-" : `${figure(value)} ${unit}`.trim(),
    ratio === undefined ? "" : `${figure(ratio)} x ${ratioTo}`,
    error ? `FAILED: ${error}` : "",
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column]!.length)));
  for (const line of lines) {
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
  }
}

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { inputAt, type Outcome, run } from "../../test/hostile/run.ts";
import { targets } from "../../test/hostile/targets.ts";
import { watched } from "../../test/hostile/watchdog.ts";

// Hostile inputs to every reader of strangers' bytes: `node scripts/proof/hostile.ts --inputs 10000000`.
// One of them again: `--target <name> --seed <n> --index <n>`, or `--target <name> --file <path>`; with
// `--keep <name>` it goes into the corpus and is replayed first from then on.

const corpus = resolve(import.meta.dirname, "../../test/hostile/corpus");

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
    target: { type: "string" },
    index: { type: "string" },
    file: { type: "string" },
    keep: { type: "string" },
  },
});
const seed = Number(values.seed);
const chosen = values.target === undefined ? targets : targets.filter(({ name }) => name === values.target);
if (chosen.length === 0)
  throw new Error(`no target ${values.target}: ${targets.map(({ name }) => name).join(", ")}`);

if (values.index !== undefined || values.file !== undefined) await again();
else await all();
// Whatever a target left open does not hold the report up.
process.exit();

async function again(): Promise<void> {
  const target = await chosen[0]?.open();
  if (!target) return;
  const input =
    values.file === undefined
      ? inputAt(target, seed, Number(values.index))
      : readFileSync(fileOf(target.name, values.file));
  console.log(`${input.length} bytes: ${Buffer.from(input.subarray(0, 512)).toString("hex")}`);
  console.log(JSON.stringify(Buffer.from(input.subarray(0, 2048)).toString("latin1")));
  const started = performance.now();
  const crash = await watched(target, input, `--target ${target.name} ${values.index ?? values.file}`);
  console.log(`${(performance.now() - started).toFixed(1)} ms`, crash ?? "taken");
  if (values.keep !== undefined) {
    mkdirSync(join(corpus, target.name), { recursive: true });
    writeFileSync(join(corpus, target.name, basename(values.keep)), input);
  }
  if (crash !== undefined && !target.errors.some((one) => crash instanceof one)) process.exitCode = 1;
  await target.close?.();
}

function fileOf(target: string, name: string): string {
  return name.includes("/") ? name : join(corpus, target, name);
}

async function all(): Promise<void> {
  const outcomes = await run(chosen, {
    inputs: Number(values.inputs),
    seed,
    progress: (line) => process.stderr.write(`${line}\n`),
  });
  console.log(table(outcomes));
  const findings = outcomes.flatMap((one) => one.findings);
  for (const { target, kind, what, replay } of findings)
    console.log(`${target}: ${kind}: ${what}\n  ${replay}`);
  if (findings.length > 0) process.exitCode = 1;
}

function table(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ target, inputs, taken, findings, slowestMs, totalMs }) => [
    target,
    String(inputs),
    String(taken),
    String(findings.length),
    slowestMs.toFixed(1),
    (totalMs / 1000).toFixed(1),
  ]);
  const sum = (of: (one: Outcome) => number) => outcomes.reduce((total, one) => total + of(one), 0);
  const total = [
    "all",
    String(sum(({ inputs }) => inputs)),
    String(sum(({ taken }) => taken)),
    String(sum(({ findings }) => findings.length)),
    Math.max(0, ...outcomes.map(({ slowestMs }) => slowestMs)).toFixed(1),
    (sum(({ totalMs }) => totalMs) / 1000).toFixed(1),
  ];
  const lines = [["target", "inputs", "taken", "findings", "slowest ms", "s"], ...rows, total];
  const widths =
    lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  return lines
    .map((line) =>
      line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  "),
    )
    .join("\n");
}

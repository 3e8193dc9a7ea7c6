import { existsSync, globSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import type { Command } from "commander";
import { ConfigError } from "../../model/errors.ts";
import { type CliContext, ExitError, exit, inFolder, readNamed } from "../context.ts";
import { command } from "../daemon.ts";
import { showDiagnostics } from "../files.ts";
import type { FlowNode, StepResult } from "./messages.ts";
import { runFlow } from "./run-flow.ts";
import { readScenario } from "./scenario.ts";

export function flowCommand(context: CliContext): Command {
  return command("flow", "work on Node-RED flows without an editor", [
    "stadsnod flow test nodes/examples/street-lighting.json",
  ]).addCommand(testCommand(context));
}

function testCommand(context: CliContext): Command {
  return command(
    "test",
    "run flows through what their .test.yaml says, on simulated devices, in simulated time",
    ["stadsnod flow test street-lighting.json", "stadsnod flow test nodes/examples --json"],
  )
    .argument("<paths...>", "flows (flow.json, with flow.test.yaml beside it), or folders of them")
    .option("--nodes <folder>", "of node-red-contrib-stadsnod, built (default: the one that is installed)")
    .option("--json", "one result per flow as JSON")
    .action(async (paths: string[], options: { json?: boolean; nodes?: string }) => {
      const nodes = options.nodes === undefined ? undefined : inFolder(context, options.nodes);
      let failed = 0;
      for (const path of flowsIn(context, paths)) {
        const report = await test(context, path, nodes);
        if (!report.passed) failed++;
        if (options.json) context.out(`${JSON.stringify({ flow: path, ...report })}\n`);
        else show(context, path, report);
      }
      if (failed > 0) throw new ExitError(exit.failed);
    });
}

interface Report {
  readonly passed: boolean;
  readonly results: readonly (StepResult & { readonly line: number })[];
  readonly problems: readonly string[];
  /** Why it could not be run at all. */
  readonly failure?: string;
}

async function test(context: CliContext, path: string, nodes: string | undefined): Promise<Report> {
  const scenarioPath = path.replace(/\.json$/, ".test.yaml");
  const flow = flowOf(path, readNamed(context, path).toString("utf8"));
  const { scenario, diagnostics, lines } = readScenario(
    readNamed(context, scenarioPath).toString("utf8"),
    inFolder(context, scenarioPath),
  );
  showDiagnostics(context, diagnostics);
  if (!scenario)
    return { passed: false, results: [], problems: [], failure: `${scenarioPath} cannot be used` };
  const answer = await runFlow(flow, scenario, {
    ...context,
    nodes,
    profiles: [inFolder(context, "device-profiles")],
  });
  if (answer.kind === "failed") return { passed: false, results: [], problems: [], failure: answer.message };
  const results = answer.results.map((result) => ({ ...result, line: lines[result.step] ?? 0 }));
  if (results.length === 0)
    return { passed: false, results, problems: answer.problems, failure: "no step expects anything" };
  return { passed: results.every(({ passed }) => passed), results, problems: answer.problems };
}

/** Throws ConfigError for what is no export of Node-RED. */
function flowOf(path: string, text: string): FlowNode[] {
  const wrong = (cause?: unknown) =>
    new ConfigError(`${path} is no flow`, {
      code: "bad-flow",
      hint: "export it in the editor as JSON: a list of nodes",
      cause,
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw wrong(cause);
  }
  if (!Array.isArray(value) || !value.every(isNode)) throw wrong();
  return value;
}

function isNode(value: unknown): value is FlowNode {
  return (
    typeof value === "object" &&
    value !== null &&
    "id" in value &&
    "type" in value &&
    typeof value.id === "string" &&
    typeof value.type === "string"
  );
}

function flowsIn(context: CliContext, paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const full = inFolder(context, path);
    if (!statSync(full, { throwIfNoEntry: false })?.isDirectory()) return [path];
    const found = globSync("**/*.json", { cwd: full })
      .filter((name) => existsSync(join(full, name.replace(/\.json$/, ".test.yaml"))))
      .sort();
    return found.map((name) => relative(context.cwd, join(full, name)));
  });
}

function show(context: CliContext, path: string, { passed, results, problems, failure }: Report): void {
  const good = results.filter((one) => one.passed).length;
  const count = `${good} of ${results.length} expectations met`;
  context.out(`${passed ? "passed" : "FAILED"}  ${path}: ${failure ?? count}\n`);
  if (passed) return;
  const scenario = path.replace(/\.json$/, ".test.yaml");
  for (const { at, line, expected, got } of results.filter((one) => !one.passed)) {
    context.out(`  ${scenario}:${line} at ${at / 1000}s: expected ${expected}\n`);
    if (got.length === 0) context.out("    nothing of the kind came\n");
    for (const one of got.slice(0, 10)) context.out(`    came ${one}\n`);
    if (got.length > 10) context.out(`    and ${got.length - 10} more\n`);
  }
  for (const problem of problems) context.out(`  problem ${problem}\n`);
}

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Mutation, mutations } from "../../test/mutations/mutations.ts";

// Plants one bug after the other in a copy of the sources and looks whether the suite turns red:
//   node scripts/proof/mutations.ts [NAME...]
// First the same tests must be green without any bug. Ends with 1 when one survives.

const root = resolve(import.meta.dirname, "../..");
/** What the tests of the list read. */
const copied = [
  ..."device-profiles gateway nodes scripts simulators test docs".split(" "),
  ..."package.json tsconfig.json gateway.schema.json gateway.sample.yaml".split(" "),
];
/** An endless loop is no finding: it must be cut to something that ends. On a busy machine all tests together take minutes. */
const patienceMs = 20 * 60_000;

interface Report {
  readonly numTotalTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

function copySources(): string {
  const folder = mkdtempSync(join(tmpdir(), "stadsnod-mutations-"));
  for (const name of copied) {
    cpSync(join(root, name), join(folder, name), {
      recursive: true,
      filter: (path) => !/[/\\](node_modules|dist)$/.test(path),
    });
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return folder;
}

function runTests(folder: string, tests: readonly string[], bail: boolean): Report | undefined {
  const output = join(folder, "report.json");
  rmSync(output, { force: true });
  spawnSync(
    process.execPath,
    [
      join(root, "node_modules", "vitest", "vitest.mjs"),
      "run",
      ...["--config", "test/mutations/vitest.config.ts", "--reporter", "json", "--outputFile", output],
      ...(bail ? ["--bail", "1"] : []),
      ...tests,
    ],
    {
      cwd: folder,
      stdio: "ignore",
      timeout: patienceMs,
      killSignal: "SIGKILL",
      env: {
        ...process.env,
        // Enough to find what is planted, and a tenth of the time.
        OUTBOX_CRASHES: "10000",
        STADSNOD_DESK_HISTORIES: "100",
        STADSNOD_GOLDEN: process.env.STADSNOD_GOLDEN ?? resolve(root, "../shared/golden"),
      },
    },
  );
  try {
    return JSON.parse(readFileSync(output, "utf8"));
  } catch {
    return undefined;
  }
}

/** The first test that failed, and what it said: whoever doubts a catch sees whether it was for the right reason. */
function failedIn(report: Report | undefined): string | undefined {
  const found = report?.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .find(({ status }) => status === "failed");
  if (!found) return undefined;
  const [said = ""] = (found.failureMessages?.[0] ?? "").split("\n");
  return `"${found.fullName}": ${said.slice(0, 160)}`;
}

/** The test that turned red, or undefined. A file that could not even be loaded has found nothing. */
function plant(folder: string, { file, from, to, tests }: Mutation): string | undefined {
  const path = join(folder, file);
  const text = readFileSync(path, "utf8");
  if (text.split(from).length !== 2) throw new Error(`${file} does not hold this exactly once: ${from}`);
  writeFileSync(
    path,
    text.replace(from, () => to),
  );
  try {
    return failedIn(runTests(folder, tests, true));
  } finally {
    writeFileSync(path, text);
  }
}

function main(names: readonly string[]): number {
  const unknown = names.filter((name) => !mutations.some((one) => one.name === name));
  if (unknown.length > 0) {
    console.error(
      `no such mutation: ${unknown.join(", ")}; there are ${mutations.map(({ name }) => name).join(", ")}`,
    );
    return 2;
  }
  const chosen = mutations.filter(({ name }) => names.length === 0 || names.includes(name));
  const folder = copySources();
  try {
    const files = [...new Set(chosen.flatMap(({ tests }) => tests))].sort();
    const before = runTests(folder, files, false);
    const red = failedIn(before) ?? before?.testResults.find(({ message }) => message)?.message;
    if (!before || before.numTotalTests === 0 || red !== undefined) {
      console.error(`without a bug the tests must be green: ${red ?? "they did not run"}`);
      return 1;
    }
    console.log(`${before.numTotalTests} tests in ${files.length} files are green without a bug`);
    const survivors = chosen.filter((one) => {
      const caught = plant(folder, one);
      console.log(
        `${caught === undefined ? "SURVIVED" : "caught  "} ${one.name}${caught === undefined ? `: ${one.harm}` : ` by ${caught}`}`,
      );
      return caught === undefined;
    });
    console.log(`caught ${chosen.length - survivors.length} of ${chosen.length}`);
    return survivors.length === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = main(process.argv.slice(2));

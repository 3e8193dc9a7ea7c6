import type { Reporter, SerializedError, TestModule } from "vitest/node";
import { plantedIn } from "../test/system/canaries.ts";

type Printed = Parameters<NonNullable<Reporter["onUserConsoleLog"]>>[0];

/**
 * Prints what failed, a line each that begins with `FAILED`, and last `N passed, N failed` alone on a line, which
 * CI reads whatever the runner's own summary looks like. What any test prints is searched for the secrets that
 * tests plant: one that shows up is a failure. (What programs print that tests start, those tests search themselves.)
 */
export default class TestSummary implements Reporter {
  readonly #leaked = new Set<string>();

  onUserConsoleLog({ content, type }: Pick<Printed, "content" | "type">): void {
    for (const name of plantedIn(content)) this.#leaked.add(`${name} came out of a test's ${type}`);
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    let passed = 0;
    let skipped = 0;
    const failed = unhandled.map((error) => `outside of every test: ${inOneLine(error)}`);
    failed.push(...this.#leaked);
    if (this.#leaked.size > 0) process.exitCode = 1;
    for (const module of modules) {
      if (module.state() === "failed" && module.children.size === 0)
        failed.push(`${module.relativeModuleId}: ${module.errors().map(inOneLine).join("; ")}`);
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result();
        if (state === "passed") passed++;
        else if (state === "failed")
          failed.push(`${module.relativeModuleId} > ${test.fullName}: ${errors?.map(inOneLine).join("; ")}`);
        else skipped++;
      }
    }
    process.stdout.write(
      `\n${failed.map((line) => `FAILED ${line}\n`).join("")}${passed} passed, ${failed.length} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`,
    );
  }
}

/** The message, and where in our own files it happened. */
function inOneLine({ message, stack }: Pick<SerializedError, "message" | "stack">): string {
  const own = stack?.split("\n").find((line) => /^\s+at /.test(line) && !/node_modules|node:/.test(line));
  return `${message}${own ? ` (${own.trim()})` : ""}`.replaceAll(/\s+/g, " ").slice(0, 600);
}

import { afterEach, expect, it, vi } from "vitest";
import TestSummary from "../scripts/test-summary.ts";
import { canaries } from "./system/canaries.ts";

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

function summaryAfter(...printed: readonly string[]): { text: string; code: unknown } {
  let text = "";
  vi.spyOn(process.stdout, "write").mockImplementation((piece) => {
    text += String(piece);
    return true;
  });
  const summary = new TestSummary();
  for (const content of printed) summary.onUserConsoleLog({ content, type: "stderr" });
  summary.onTestRunEnd([], []);
  vi.restoreAllMocks();
  return { text, code: process.exitCode };
}

it.each(canaries.flatMap((one) => ("value" in one ? [one] : [])))(
  "the suite fails when a test prints: $name",
  ({ name, value }) => {
    const { text, code } = summaryAfter("harmless", `level 30, ${value}, and so on`);
    expect(text).toBe(`\nFAILED ${name} came out of a test's stderr\n0 passed, 1 failed\n`);
    expect(code).toBe(1);
  },
);

it("the suite fails when a test prints a canary of another test, once", () => {
  const { text } = summaryAfter("canary-of-the-file", "canary-of-the-file");
  expect(text).toBe("\nFAILED a canary of another test came out of a test's stderr\n0 passed, 1 failed\n");
});

it("the suite does not mind anything else", () => {
  expect(summaryAfter("a canary sings", "no password")).toEqual({
    text: "\n0 passed, 0 failed\n",
    code: undefined,
  });
});

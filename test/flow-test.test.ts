import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { runFlow } from "../gateway/cli/flow/run-flow.ts";
import { readScenario } from "../gateway/cli/flow/scenario.ts";
import { runCli } from "../gateway/cli/index.ts";

// `stadsnod flow test` with real Node-RED processes.

const root = resolve(import.meta.dirname, "..");

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: "", err: "" };
  const code = await runCli(["flow", "test", ...args], {
    cwd: join(root, "test", "flows"),
    env: process.env,
    signal: new AbortController().signal,
    onReload: () => {},
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    columns: undefined,
    rows: undefined,
  });
  return { code, ...said };
}

/** Of commands, which are never the same twice. */
const ids = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

describe("stadsnod flow test", () => {
  it.each([
    ["lamp.json", 5],
    ["night.json", 7],
    ["pump.json", 8],
  ])("passes %s", async (flow, count) => {
    expect(await run(flow)).toEqual({
      code: 0,
      out: `passed  ${flow}: ${count} of ${count} expectations met\n`,
      err: "",
    });
  });

  it("says which step was not met, where it stands, and what came instead", async () => {
    expect(await run("wrong.json")).toEqual({
      code: 1,
      out: [
        "FAILED  wrong.json: 1 of 2 expectations met",
        "  wrong.test.yaml:4 at 12s: expected command lamp-1/level = 100",
        "    came at 12s command lamp-1/level = 60",
        "",
      ].join("\n"),
      err: "",
    });
  });

  it("tells the same as JSON, per flow", async () => {
    const { code, out } = await run("wrong.json", "lamp.json", "--json");
    const [wrong, lamp] = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(code).toBe(1);
    expect(wrong).toMatchObject({
      flow: "wrong.json",
      passed: false,
      results: [
        { step: 0, line: 4, at: 12_000, passed: false, got: ["at 12s command lamp-1/level = 60"] },
        { step: 1, passed: true },
      ],
    });
    expect(lamp).toMatchObject({ flow: "lamp.json", passed: true, problems: [] });
  });

  it("is the same every time", async () => {
    const outs = [];
    for (let time = 0; time < 3; time++)
      outs.push((await run("night.json", "pump.json", "--json")).out.replaceAll(ids, "id"));
    expect(new Set(outs).size).toBe(1);
  });

  it("refuses a flow whose nodes are not there", async () => {
    const { code, out } = await run("excluded.json");
    expect(code).toBe(1);
    expect(out).toBe('FAILED  excluded.json: the flow does not start: missing-types ["exec"]\n');
  });

  it("ends a flow that never comes to rest", async () => {
    const read = (name: string) => readFileSync(join(root, "test", "flows", name), "utf8");
    const { scenario } = readScenario(read("endless.test.yaml"), "endless.test.yaml");
    const signal = new AbortController().signal;
    const answer = await runFlow(JSON.parse(read("endless.json")), scenario!, {
      env: process.env,
      signal,
      longestMs: 8000,
    });
    expect(answer).toMatchObject({ kind: "failed", message: expect.stringContaining("loop for ever") });
  });

  it("says what is wrong with a scenario, with line and column", () => {
    const { scenario, diagnostics } = readScenario(
      "steps:\n  - at: 10s\n    raeding: {device: a, point: b}\n  - at: 5s\n    expect: no-command\n",
      "x.test.yaml",
    );
    expect(scenario).toBeUndefined();
    expect(diagnostics).toMatchObject([
      { code: "unknown-key", line: 3, column: 5, hint: expect.stringContaining("reading") },
    ]);
    const late = readScenario(
      "steps:\n  - {at: 10s, expect: no-command}\n  - {at: 5s, expect: no-command}\n",
      "x",
    );
    expect(late.diagnostics).toMatchObject([{ code: "steps-out-of-order", line: 3 }]);
  });

  it("knows a flow from other JSON", async () => {
    expect(await run("../../package.json")).toMatchObject({
      code: 2,
      err: expect.stringContaining("is no flow"),
    });
    expect(await run("nothing.json")).toMatchObject({ code: 2 });
  });
});

import { globSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { runCli } from "../gateway/cli/index.ts";

// Every example that Node-RED's import menu offers does what its .test.yaml says.

const root = resolve(import.meta.dirname, "..");
const flows = globSync("nodes/examples/*.json", { cwd: root }).sort();

describe("example flows", () => {
  it("are there", () => {
    expect(flows.length).toBeGreaterThanOrEqual(4);
  });

  it.each(flows)("%s does what its test says", async (flow) => {
    let said = "";
    const say = (text: string) => {
      said += text;
    };
    const code = await runCli(["flow", "test", join(root, flow)], {
      cwd: root,
      env: process.env,
      signal: new AbortController().signal,
      onReload: () => {},
      out: say,
      err: say,
      columns: undefined,
      rows: undefined,
    });
    expect({ code, said }).toEqual({ code: 0, said: expect.stringMatching(/^passed /) });
  });
});

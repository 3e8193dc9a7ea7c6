import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "tsup";
import { describe, expect, it } from "vitest";
import config from "../../tsup.config.ts";
import { workerFile } from "./thread.ts";

const root = resolve(import.meta.dirname, "../..");

/** A program around the built sandbox: one codec that decodes, one that hangs in native code, then the first again. */
const program = (folder: string) => `
  const { openSandbox } = await import(${JSON.stringify(pathToFileURL(join(folder, "sandbox.js")).href)});
  const clock = { now: Date.now, monotonic: () => performance.now(), timer(ms, callback) {
    const timer = setTimeout(callback, ms); return { [Symbol.dispose]: () => clearTimeout(timer) }; } };
  const sandbox = openSandbox({ clock, callMs: 500 });
  const codec = await sandbox.load("good", "function decodeUplink(i) { return { data: { sum: i.bytes[0] + i.bytes[1] } } }");
  const stuck = await sandbox.load("stuck", "function decodeUplink(i) { new Array(1e9).join('x') }");
  const uplink = { bytes: Uint8Array.from([40, 2]), fPort: 1, recvTime: 0 };
  const outcomes = [await codec.decodeUplink(uplink), await stuck.decodeUplink(uplink), await codec.decodeUplink(uplink)];
  console.log(JSON.stringify([...outcomes.map(({ data, failure }) => data ?? failure.code), sandbox.starts]));`;

describe("the sandbox, built", () => {
  it("has its thread's entry beside the program", () => {
    expect(workerFile("file:///opt/stadsnod/dist/chunk-ABC123.js").href).toBe(
      "file:///opt/stadsnod/dist/codec-worker.js",
    );
    expect(workerFile(import.meta.url).href).toBe(new URL("./worker.ts", import.meta.url).href);
    expect(existsSync(join(root, "dist", "codec-worker.js"))).toBe(true);
  });

  it("decodes, survives a codec that hangs, and lets the process end", async () => {
    mkdirSync(join(root, ".data"), { recursive: true });
    const folder = mkdtempSync(join(root, ".data", "sandbox-"));
    try {
      if (Array.isArray(config) || typeof config === "function")
        throw new Error("one configuration is expected");
      const entry = { "codec-worker": "gateway/sandbox/worker.ts", sandbox: "gateway/sandbox/sandbox.ts" };
      // What the whole program's build does at its end is about the whole program.
      await build({
        ...config,
        config: false,
        entry,
        outDir: folder,
        metafile: false,
        onSuccess: async () => {},
      });
      // It ends although the sandbox was not disposed: an idle thread does not keep a process.
      const args = ["--input-type=module", "--eval", program(folder)];
      const said = execFileSync(process.execPath, args, { cwd: root, encoding: "utf8", timeout: 25_000 });
      expect(JSON.parse(said)).toEqual([{ sum: 42 }, "timeout", { sum: 42 }, 2]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { capMemory, pageBytes } from "./memory-cap.ts";

const engine = readFileSync(createRequire(import.meta.url).resolve("quickjs-wasi/quickjs.wasm"));
const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
/** A module that exports a memory of `initial` pages and no maximum. */
const bare = (initial: number) =>
  Uint8Array.from([...header, 5, 3, 1, 0, initial, 7, 10, 1, 6, ...Buffer.from("memory"), 2, 0]);

function memoryOf(binary: Uint8Array): WebAssembly.Memory {
  const { memory } = new WebAssembly.Instance(new WebAssembly.Module(binary), {}).exports;
  return memory as WebAssembly.Memory;
}

describe("capMemory", () => {
  it("keeps a memory from growing beyond the cap, and lets it grow to it", () => {
    for (const pages of [3, 127, 128, 300]) {
      const memory = memoryOf(capMemory(bare(3), pages));
      expect(memory.buffer.byteLength).toBe(3 * pageBytes);
      expect(() => memory.grow(pages - 3 + 1)).toThrow(RangeError);
      memory.grow(pages - 3);
      expect(memory.buffer.byteLength).toBe(pages * pageBytes);
    }
  });

  it("changes nothing else of the engine", () => {
    const capped = capMemory(engine, 256);
    expect(capped.length).toBe(engine.length + 2);
    expect(() => new WebAssembly.Module(capped)).not.toThrow();
  });

  it("refuses a cap below what the module starts with, and what is no module", () => {
    expect(() => capMemory(bare(3), 2)).toThrow("does not fit the cap");
    expect(() => capMemory(Uint8Array.from(header), 2)).toThrow("no memory of its own");
    expect(() => capMemory(Uint8Array.from([...header, 5]), 2)).toThrow("not a WebAssembly binary");
  });
});

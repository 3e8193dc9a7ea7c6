import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

// For scripts/proof/mutations.ts, which runs this in a copy of the sources. Nothing is built: the tests that it names read the sources.
export default defineConfig({
  test: {
    root: resolve(import.meta.dirname, "../.."),
    include: ["gateway/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["test/ci/**", "test/image/**", "**/node_modules/**"],
    pool: "forks",
    // Some of them are long work: side by side on a small machine they would run into each other's limits.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

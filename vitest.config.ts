import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: [
      "gateway/**/*.test.ts",
      "nodes/**/*.test.ts",
      "simulators/**/*.test.ts",
      "scripts/**/*.test.ts",
      "test/**/*.test.ts",
    ],
    exclude: ["test/ci/**", "test/image/**", "**/node_modules/**"],
    pool: "forks",
    // Many tests wait more than they work; two at a time, too, where vitest would leave one of two cores alone.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Not a second, as is usual: a busy machine is late, not wrong.
    expect: { poll: { timeout: 20_000 } },
    globalSetup: ["test/system/build.ts"],
    reporters: ["default", "./scripts/test-summary.ts"],
  },
});

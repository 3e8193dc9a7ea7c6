import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

// Tests that need Debian packages, root or time; CI installs what they need. They fail, and never skip,
// when something is missing.
export default defineConfig({
  test: {
    root: resolve(import.meta.dirname, "../.."),
    include: ["test/ci/**/*.test.ts"],
    pool: "forks",
    // Browsers, brokers and daemons mostly wait for one another: one test file alone would leave a core idle.
    maxWorkers: 2,
    // Not a second, as is usual: a busy machine is late, not wrong.
    expect: { poll: { timeout: 20_000 } },
    globalSetup: ["test/system/build.ts"],
    reporters: ["default", resolve(import.meta.dirname, "../../scripts/test-summary.ts")],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

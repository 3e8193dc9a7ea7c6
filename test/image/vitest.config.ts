import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

// Whole machines: an image that boots in QEMU, a Debian with its own systemd. As root, with Debian packages, minutes each.
export default defineConfig({
  test: {
    root: resolve(import.meta.dirname, "../.."),
    include: ["test/image/**/*.test.ts"],
    pool: "forks",
    // The machine in QEMU mostly waits; meanwhile the other one has a core.
    maxWorkers: 2,
    // Not a second, as is usual: a busy machine is late, not wrong.
    expect: { poll: { timeout: 20_000 } },
    globalSetup: ["test/system/build.ts"],
    reporters: ["default", resolve(import.meta.dirname, "../../scripts/test-summary.ts")],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

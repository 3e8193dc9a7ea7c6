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
    testTimeout: 30_000,
    hookTimeout: 30_000,
    globalSetup: ["test/system/build.ts"],
    reporters: ["default", "./scripts/test-summary.ts"],
  },
});

import { defineConfig } from "tsup";

// One bundle with lazy chunks: what a configuration does not use is not loaded, and start-up
// reads a handful of files instead of a tree of hundreds.
export default defineConfig({
  entry: { stadsnod: "gateway/main.ts" },
  format: ["esm"],
  target: "node24",
  platform: "node",
  outDir: "dist",
  dts: false,
  splitting: true,
  sourcemap: true,
  clean: true,
  silent: true,
  skipNodeModulesBundle: true,
});

import { defineConfig } from "tsup";

// One bundle with lazy chunks, libraries included: what a configuration does not use is not loaded,
// what no code uses is left out, and start-up reads a handful of files instead of a tree of hundreds.
const zodLocales = "zod-locales";

export default defineConfig({
  // The second is a thread's own entry, named in gateway/sandbox/thread.ts.
  entry: { stadsnod: "gateway/main.ts", "codec-worker": "gateway/sandbox/worker.ts" },
  format: ["esm"],
  target: "node24",
  platform: "node",
  outDir: "dist",
  dts: false,
  splitting: true,
  sourcemap: true,
  clean: true,
  silent: true,
  noExternal: [/^(zod|yaml|commander|pino|mqtt|mqtt-packet|smol-toml)(\/|$)/],
  skipNodeModulesBundle: false,
  esbuildPlugins: [
    {
      // Zod's messages in fifty languages: half its size. Ours are written by ourselves.
      name: zodLocales,
      setup({ onResolve, onLoad }) {
        onResolve({ filter: /\/locales\/index\.(js|cjs)$/ }, ({ path, importer }) =>
          /[\\/]zod[\\/]/.test(importer) ? { path, namespace: zodLocales } : undefined,
        );
        onLoad({ filter: /.*/, namespace: zodLocales }, () => ({ contents: "export {};" }));
      },
    },
  ],
  external: ["serialport", "aedes", "modbus-serial", "cbor-x"],
  esbuildOptions(options) {
    // A file with one character beyond Latin 1 takes two bytes per character in memory.
    options.charset = "ascii";
    options.minifyWhitespace = true;
    options.minifySyntax = true;
    options.legalComments = "none";
    // Libraries in CommonJS ask for Node's modules in their own way.
    options.banner = {
      js: 'import { createRequire as nodeRequire } from "node:module"; const require = nodeRequire(import.meta.url);',
    };
  },
});

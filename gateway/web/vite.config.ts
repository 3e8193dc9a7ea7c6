import { defineConfig } from "vite";

// The technician's page: everything it needs comes from the gateway itself, so that it works without the internet.
export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../../dist/web",
    emptyOutDir: true,
    // Phones in service, not museums.
    target: "es2022",
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  logLevel: "warn",
});

import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { defineConfig } from "tsup";
import { bundledPackages, thirdPartyFile, thirdPartyText } from "./scripts/third-party.ts";

// One bundle with lazy chunks, libraries included: what a configuration does not use is not loaded,
// what no code uses is left out, and start-up reads a handful of files instead of a tree of hundreds.
const zodLocales = "zod-locales";
const mqttClient = "mqtt-client";
const nothing = "nothing";
const notForFastify = "not-for-fastify";

export default defineConfig({
  // The others are threads of their own, named in gateway/sandbox/thread.ts, gateway/store/sqlite.ts and
  // gateway/cli/service/profiles.ts.
  entry: {
    stadsnod: "gateway/main.ts",
    "codec-worker": "gateway/sandbox/worker.ts",
    "sqlite-worker": "gateway/store/sqlite-worker.ts",
    "profile-worker": "gateway/cli/service/profile-worker.ts",
    // Of Node-RED's process, named in gateway/cli/node-red/child-process.ts.
    "node-red-settings": "gateway/cli/node-red/child/settings.ts",
    "flow-test": "gateway/cli/flow/child/flow-test.ts",
    "node-red-preload": "gateway/cli/node-red/child/preload.ts",
  },
  format: ["esm"],
  target: "node24",
  platform: "node",
  outDir: "dist",
  dts: false,
  splitting: true,
  sourcemap: true,
  clean: true,
  silent: true,
  metafile: true,
  // node:sqlite has no name without its prefix, which tsup takes away unless told not to.
  removeNodeProtocol: false,
  async onSuccess() {
    // Served as help while gateway.yaml is edited.
    copyFileSync("gateway.schema.json", "dist/gateway.schema.json");
    // The licences of what is bundled go along. The rest of the metafile is for nobody.
    const { inputs } = JSON.parse(readFileSync("dist/metafile-esm.json", "utf8"));
    rmSync("dist/metafile-esm.json");
    const packages = bundledPackages(Object.keys(inputs), import.meta.dirname);
    writeFileSync(`dist/${thirdPartyFile}`, thirdPartyText(packages));
    // One character beyond Latin 1 makes a whole file take two bytes per character in memory. The option
    // `charset` below sees to strings; in a regular expression of ours such a character needs an escape.
    for (const name of readdirSync("dist").filter((file) => file.endsWith(".js"))) {
      const found = /.{0,40}[\u0100-\uffff].{0,40}/.exec(readFileSync(`dist/${name}`, "utf8"));
      if (found) throw new Error(`dist/${name} has a character beyond Latin 1: ${found[0]}`);
    }
  },
  noExternal: [/^(zod|yaml|commander|fastify|pino|mqtt|mqtt-packet|smol-toml|uqr)(\/|$)/],
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
    {
      name: "mqtt-on-node",
      setup({ onResolve, onLoad }) {
        // Of mqtt.js the gateway uses the client on a socket of its own: no WebSockets, no SOCKS.
        onResolve({ filter: /^mqtt$/ }, ({ path, importer }) =>
          /[\\/]gateway[\\/]/.test(importer) ? { path, namespace: mqttClient } : undefined,
        );
        onLoad({ filter: /.*/, namespace: mqttClient }, () => ({
          contents: 'import { default as MqttClient } from "mqtt/lib/client"; export default { MqttClient };',
          resolveDir: import.meta.dirname,
        }));
        // A copy of Node's own streams for browsers and old Nodes; it hands out Node's when told to.
        onResolve({ filter: /^readable-stream$/ }, () => ({ path: "node:stream", external: true }));
        // Timers for browsers, which mqtt.js leaves alone on Node.
        onResolve({ filter: /^worker-timers$/ }, ({ path }) => ({ path, namespace: nothing }));
        onLoad({ filter: /.*/, namespace: nothing }, () => ({ contents: "export {};" }));
      },
    },
    {
      name: "fastify-without-compilers",
      setup({ onResolve, onLoad }) {
        // The local API checks with zod and writes with JSON.stringify: Fastify asks for none of these, and they
        // would be half a megabyte of code. Nor for its own log, requests without a socket, versions of
        // plug-ins, proxies, and the servers that gateway/local/server.ts does not use.
        const unused =
          /^(@fastify\/(ajv-compiler|fast-json-stringify-compiler|proxy-addr)|light-my-request|semver|\.\/logger-pino\.js|node:(https|http2|dns))$/;
        onResolve({ filter: unused }, ({ path, importer }) =>
          /[\\/]node_modules[\\/]fastify[\\/]/.test(importer)
            ? { path, namespace: notForFastify }
            : undefined,
        );
        onLoad({ filter: /.*/, namespace: notForFastify }, () => ({ contents: "module.exports = {};" }));
      },
    },
  ],
  external: ["node-red", "serialport", "aedes", "modbus-serial", "cbor-x"],
  esbuildOptions(options) {
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

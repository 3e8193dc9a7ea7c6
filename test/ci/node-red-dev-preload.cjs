// Loaded before node-red-dev, whose axios asks two hosts: npm's registry, which npm has asked instead (an answer in
// STADSNOD_REGISTRY, so that a mirror and a proxy work), and the catalogue of Node-RED, which CI does not reach:
// that nobody else has a package or a node of our names is not checked here.
const Module = require("node:module");

const load = Module._load;
Module._load = function (name, ...rest) {
  if (name !== "axios") return load.call(this, name, ...rest);
  return {
    get: async (url) => {
      if (url.startsWith("https://catalogue.nodered.org/")) return { data: { modules: [] } };
      if (url === "https://registry.npmjs.org/node-red")
        return { data: JSON.parse(process.env.STADSNOD_REGISTRY) };
      throw new Error(`node-red-dev asks ${url}, which this test does not expect`);
    },
  };
};

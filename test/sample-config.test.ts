import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parseYaml } from "../gateway/codec/yaml.ts";
import { readConfig } from "../gateway/config/read.ts";
import { configSchema } from "../gateway/config/schema.ts";
import { northbounds } from "../gateway/northbound/index.ts";
import { loadProtocols } from "../gateway/southbound/index.ts";

const protocols = await loadProtocols();

const root = resolve(import.meta.dirname, "..");
const path = join(root, "gateway.sample.yaml");
const files = {
  list: (folder: string) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".yaml")),
  // The secret that the sample names is not on this machine.
  read: (name: string) =>
    name.startsWith("/run/credentials/") ? "planted-secret\n" : readFileSync(name, "utf8"),
};
const { config, diagnostics } = await readConfig(path, { protocols, northbounds, files, env: {} });
const errors = diagnostics.filter((one) => one.severity === "error");

describe("gateway.sample.yaml", () => {
  it("shows every section", () => {
    const { document } = parseYaml(readFileSync(path, "utf8"), path);
    expect(document?.keys([])).toEqual(Object.keys(configSchema.shape));
  });

  it("is right as a whole", () => {
    expect(config?.gateway.id).toBe("sodermalm-07");
    expect(config?.poll).toEqual({ fast: 1000, normal: 10_000, slow: 60_000 });
    expect([...(config?.audiences.keys() ?? [])]).toEqual(["open", "restricted", "energy"]);
  });

  it("is right in every part", () => {
    expect(errors).toEqual([]);
    expect(config?.quarantined).toEqual([]);
    expect(config?.devices.map((device) => device.id)).toEqual([
      "meter-main",
      "meter-pump",
      "meter-roof",
      "relays",
    ]);
  });
});

import { describe, expect, it } from "vitest";
import { diffConfig } from "./diff.ts";
import { type LoadedConfig, loadConfig } from "./load.ts";

const day = 86_400_000;

function read(text: string): Promise<LoadedConfig> {
  return loadConfig(`gateway: {id: gw-1, pen: 32474}\n${text}\n`, "/etc/gw/gateway.yaml", {
    protocols: [],
    northbounds: [],
    profiles: { profiles: new Map(), quarantined: [], diagnostics: [], ids: [] },
    env: {},
    readFile: () => "",
  });
}

describe("history and auditLog in gateway.yaml", async () => {
  it("keep no history and 50 MB of audit log when nothing is said", async () => {
    const { config } = await read("");
    expect(config).toMatchObject({ auditLog: { maxBytes: 50_000_000 } });
    expect(config?.history).toBeUndefined();
  });

  it("keep a week and no personal points when a history is asked for", async () => {
    expect((await read("history: {}")).config).toMatchObject({
      history: { maxAgeMs: 7 * day, maxBytes: 200_000_000, personal: false },
    });
  });

  it("take other bounds, or none at all", async () => {
    const text = "history: {maxAge: 30d, maxBytes: 1GB, personal: true}\nauditLog: {maxBytes: 500MB}";
    expect(await read(text)).toMatchObject({
      config: {
        history: { maxAgeMs: 30 * day, maxBytes: 1e9, personal: true },
        auditLog: { maxBytes: 5e8 },
      },
      diagnostics: [],
    });
    expect((await read("history: false")).config?.history).toBeUndefined();
  });

  it.each([
    ["history: {maxBytes: 1MB}", 2, "a history needs at least 16MB"],
    ["history: {maxAge: 1s}", 2, "a history is at least 1m long"],
    ["history: {maxage: 1d}", 2, 'unknown key "maxage"'],
    ["auditLog: {maxBytes: 1kB}", 2, "an audit log needs at least 1MB"],
  ])("refuse %s with its line", async (text, line, message) => {
    const { diagnostics, config } = await read(text);
    expect(config).toBeUndefined();
    expect(diagnostics).toMatchObject([{ line, message: expect.stringContaining(message) }]);
  });

  it("count only after a restart", async () => {
    const { config: running } = await read("");
    const { config: wanted } = await read("history: {}\nauditLog: {maxBytes: 60MB}");
    if (!running || !wanted) throw new Error("not read");
    expect(diffConfig(running, wanted).restartNeeded).toEqual(["history", "auditLog"]);
  });
});

import { describe, expect, it } from "vitest";
import { diffConfig } from "./diff.ts";
import { type LoadedConfig, loadConfig } from "./load.ts";

const day = 86_400_000;

function read(text: string): LoadedConfig {
  return loadConfig(`gateway: {id: gw-1, pen: 32474}\n${text}\n`, "/etc/gw/gateway.yaml", {
    protocols: [],
    northbounds: [],
    profiles: { profiles: new Map(), quarantined: [], diagnostics: [], ids: [] },
    env: {},
    readFile: () => "",
  });
}

describe("history and auditLog in gateway.yaml", () => {
  it("keep a week, no personal points, and 50 MB of audit log when nothing is said", () => {
    expect(read("").config).toMatchObject({
      history: { maxAgeMs: 7 * day, maxBytes: 200_000_000, personal: false },
      auditLog: { maxBytes: 50_000_000 },
    });
  });

  it("take other bounds, or none at all", () => {
    const text = "history: {maxAge: 30d, maxBytes: 1GB, personal: true}\nauditLog: {maxBytes: 500MB}";
    expect(read(text)).toMatchObject({
      config: {
        history: { maxAgeMs: 30 * day, maxBytes: 1e9, personal: true },
        auditLog: { maxBytes: 5e8 },
      },
      diagnostics: [],
    });
    expect(read("history: false").config?.history).toBeUndefined();
  });

  it.each([
    ["history: {maxBytes: 1MB}", 2, "a history needs at least 16MB"],
    ["history: {maxAge: 1s}", 2, "a history is at least 1m long"],
    ["history: {maxage: 1d}", 2, 'unknown key "maxage"'],
    ["auditLog: {maxBytes: 1kB}", 2, "an audit log needs at least 1MB"],
  ])("refuse %s with its line", (text, line, message) => {
    const { diagnostics, config } = read(text);
    expect(config).toBeUndefined();
    expect(diagnostics).toMatchObject([{ line, message: expect.stringContaining(message) }]);
  });

  it("count only after a restart", () => {
    const running = read("").config;
    const wanted = read("history: false\nauditLog: {maxBytes: 60MB}").config;
    if (!running || !wanted) throw new Error("not read");
    expect(diffConfig(running, wanted).restartNeeded).toEqual(["history", "auditLog"]);
  });
});

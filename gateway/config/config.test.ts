import { format, inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { cells, goodProfile, pigeon } from "../../test/fake-protocol.ts";
import { formatDiagnostic } from "../model/diagnostic.ts";
import { ConfigError } from "../model/errors.ts";
import { Secret } from "../model/secret.ts";
import type { GatewayConfig } from "./config.ts";
import { diffConfig } from "./diff.ts";
import type { LoadedConfig } from "./load.ts";
import { readConfig } from "./read.ts";

const planted = "planted-secret-4711";
const reference = ["$", "{env:KEY}"].join("");
const good = `gateway: {id: gw-1, pen: 61234, title: {en: Station, sv: Station}, position: {lat: 59.3, lon: 18.1}}
profiles: [profiles]
connections:
  line-1: {protocol: cells, host: 10.0.0.7}
  line-2: {protocol: cells, host: 10.0.0.8, port: 4001}
devices:
  meter-1: {profile: acme/meter, connection: line-1, unit: 1}
  meter-2: {profile: acme/meter, connection: line-2, unit: 1, audience: energy, audiences: {voltage: open}, poll: {fast: 200ms}}
audiences:
  energy: {maxAge: 90d, personal: true}
northbound:
  city: {type: pigeon, loft: north, password: "\${file:key}"}
  spare: {type: pigeon, loft: south, password: "${reference}"}
`;
const files: Record<string, string> = {
  "/etc/gw/profiles/acme/meter.yaml": goodProfile,
  "/etc/gw/profiles/acme/bad.yaml": goodProfile
    .replace("unit: V", "unti: V")
    .replace("acme/meter", "acme/bad"),
  "/etc/gw/key": `${planted}\n`,
};

function read(text: string, others: Record<string, string> = {}): Promise<LoadedConfig & { text: string }> {
  const all: Record<string, string> = { ...files, ...others, "/etc/gw/gateway.yaml": text };
  return readConfig("/etc/gw/gateway.yaml", {
    protocols: [cells],
    northbounds: [pigeon],
    env: { KEY: planted },
    files: {
      list: (folder) =>
        Object.keys(all)
          .filter((name) => name.startsWith(`${folder}/`))
          .map((name) => name.slice(folder.length + 1)),
      read: (path) => {
        const found = all[path];
        if (found === undefined) throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
        return found;
      },
    },
  });
}
const configOf = async (text: string): Promise<GatewayConfig> => (await read(text)).config!;

describe("readConfig", async () => {
  const { config, diagnostics } = await read(good);

  it("builds whole devices, with defaults filled in", async () => {
    expect(diagnostics).toEqual([]);
    expect(config?.devices).toMatchObject([
      {
        id: "meter-1",
        connection: "line-1",
        settings: { unit: 1 },
        urn: "urn:dev:ops:61234-acmemeter-meter-1:",
        audience: "restricted",
        poll: { fast: 1000, normal: 10_000, slow: 60_000 },
        profile: { id: "acme/meter" },
      },
      {
        id: "meter-2",
        audience: "energy",
        audiences: new Map([["voltage", "open"]]),
        poll: { fast: 200, normal: 10_000 },
      },
    ]);
    expect(config?.connections.get("line-1")).toMatchObject({ settings: { host: "10.0.0.7", port: 4000 } });
    expect(config?.northbound.get("city")).toMatchObject({
      kind: pigeon,
      settings: { loft: "north", speed: "slow" },
    });
    expect(config?.audiences.get("energy")).toMatchObject({
      maxAgeMs: 90 * 86_400_000,
      maxBytes: 1_000_000_000,
    });
    expect(config?.profiles).toEqual(["/etc/gw/profiles"]);
    expect(config?.storage).toEqual({
      folder: "/etc/gw/data",
      maxBytes: 1e9,
      maxAgeMs: 30 * 86_400_000,
    });
    expect(config?.telemetry).toEqual({ maxAgeMs: 5000, maxReadings: 100, maxBytes: 16_000 });
    expect(config).toMatchObject({
      local: { socket: "/etc/gw/data/stadsnod.sock" },
      log: { level: "info" },
      clock: { trust: "auto" },
      quarantined: [],
    });
  });

  it("starts with a gateway id alone", async () => {
    const { config: least } = await read("gateway: {id: gw-1}\n");
    expect(least).toMatchObject({ gateway: { pen: 32473 }, devices: [], quarantined: [] });
  });

  it("leaves out each bad part alone", async () => {
    const bad = good
      .replace(
        "unit: 1}",
        "unit: 1}\n  meter-3: {profile: acme/bad, connection: line-2, unit: 3}\n  meter-4: {profile: acme/meter, connection: line-3, unit: 4}\n  Meter 5: {profile: acme/meter, connection: line-2, unit: 5}\n  meter-6:\n",
      )
      .replace("host: 10.0.0.7", "host: 10.0.0.7, port: 0")
      .replace("loft: south", "loft: south, speed: 3");
    const found = await read(bad);
    expect(found.config?.quarantined.map(({ kind, id }) => `${kind} ${id}`)).toEqual([
      "profile acme/bad",
      "connection line-1",
      "device meter-1",
      "device meter-3",
      "device meter-4",
      "device Meter 5",
      "device meter-6",
      "northbound spare",
    ]);
    expect(found.config?.devices.map((one) => one.id)).toEqual(["meter-2"]);
    expect([...(found.config?.connections.keys() ?? [])]).toEqual(["line-2"]);
    expect([...(found.config?.northbound.keys() ?? [])]).toEqual(["city"]);
    expect(found.diagnostics.map((one) => one.code)).toEqual([
      "unknown-key",
      "out-of-range",
      "bad-connection",
      "bad-profile",
      "unknown-connection",
      "bad-name",
      "wrong-type",
      "unknown-value",
    ]);
  });

  it.each([
    ["syntax", "gateway: {id: gw-1\n"],
    ["missing gateway id", "gateway: {pen: 5}\n"],
    ["unknown section", `${good}sotrage: {}\n`],
    ["devices that are a list", "gateway: {id: gw-1}\ndevices: [a]\n"],
    ["an empty file", ""],
  ])("refuses the whole file: %s", async (_name, text) => {
    const found = await read(text);
    expect(found.config).toBeUndefined();
    expect(found.diagnostics.some((one) => one.severity === "error")).toBe(true);
  });

  it("says when the file cannot be read", async () => {
    const disk = {
      list: () => [],
      read: () => {
        throw Object.assign(new Error("no"), { code: "EACCES" });
      },
    };
    await expect(
      readConfig("/x.yaml", { protocols: [], northbounds: [], env: {}, files: disk }),
    ).rejects.toThrow(ConfigError);
  });
});

describe("secrets", async () => {
  it("reach the one who needs them, and no output", async () => {
    // Every place that can complain, with the secret resolved beside it.
    const noisy = good.replace("loft: south", "loft: 5").replace("host: 10.0.0.8", `host: "${reference}"`);
    for (const text of [good, noisy]) {
      const { config, diagnostics } = await read(text);
      const settings = config?.northbound.get("city")?.settings;
      const password: unknown =
        typeof settings === "object" && settings !== null ? Reflect.get(settings, "password") : undefined;
      expect(password instanceof Secret && password.reveal()).toBe(planted);
      const outputs = [
        ...diagnostics.map((one) => formatDiagnostic(one, text)),
        inspect(config, { depth: 20, showHidden: true }),
        format("%o", config),
        JSON.stringify([...(config?.northbound.values() ?? [])]),
        JSON.stringify(config, (_key, one: unknown) => (typeof one === "bigint" ? String(one) : one)),
        JSON.stringify(diffConfig(await configOf(good), config!)),
      ].join("\n");
      expect(outputs).not.toContain(planted);
      expect(outputs).toContain("[redacted]");
    }
  });

  it("warns about one in plain text, and hides it from then on", async () => {
    const { config, diagnostics } = await read(good.replace(reference, planted));
    expect(diagnostics).toMatchObject([{ code: "plain-secret", severity: "warning" }]);
    expect(inspect(config, { depth: 20 })).not.toContain(planted);
  });
});

describe("diffConfig", async () => {
  const running = await configOf(good);
  const nothing = {
    addedDevices: [],
    removedDevices: [],
    changedDevices: [],
    addedConnections: [],
    removedConnections: [],
    changedConnections: [],
    addedNorthbounds: [],
    removedNorthbounds: [],
    changedNorthbounds: [],
    schedulesChanged: false,
    logChanged: false,
    commandsChanged: false,
    restartNeeded: [],
  };

  it("is empty for the same file read twice", async () => {
    expect(diffConfig(running, await configOf(good))).toEqual(nothing);
    expect(diffConfig(running, await configOf(`# a comment\n${good}`))).toEqual(nothing);
  });

  it.each([
    [
      "a device more",
      good.replace("unit: 1}", "unit: 1}\n  meter-9: {profile: acme/meter, connection: line-1, unit: 9}"),
      { addedDevices: ["meter-9"] },
    ],
    ["a device less", good.replace(/ {2}meter-1.*\n/, ""), { removedDevices: ["meter-1"] }],
    ["another unit", good.replace("unit: 1}", "unit: 2}"), { changedDevices: ["meter-1"] }],
    [
      "another audience of a point",
      good.replace("{voltage: open}", "{voltage: energy}"),
      { changedDevices: ["meter-2"] },
    ],
    ["another host", good.replace("10.0.0.7", "10.0.0.9"), { changedConnections: ["line-1"] }],
    ["another loft", good.replace("loft: north", "loft: west"), { changedNorthbounds: ["city"] }],
    ["another poll period for all", `${good}poll: {slow: 30s}\n`, { changedDevices: ["meter-1", "meter-2"] }],
    ["another log level", `${good}log: {level: debug}\n`, { logChanged: true }],
    ["another storage", `${good}storage: {folder: elsewhere}\n`, { restartNeeded: ["storage"] }],
    [
      "rules of commands",
      `${good}commands: {issuers: {city: {devices: ["meter-*"], points: ["*"]}}}\n`,
      { commandsChanged: true },
    ],
    ["another gateway id", good.replace("gw-1", "gw-2"), { restartNeeded: ["gateway"] }],
  ])("%s", async (_name, text, change) => {
    expect(diffConfig(running, await configOf(text))).toEqual({ ...nothing, ...change });
  });

  it("sees a secret that has changed and a profile that has changed", async () => {
    const { config: rotated } = await read(good, { "/etc/gw/key": "another" });
    expect(diffConfig(running, rotated!)).toEqual({ ...nothing, changedNorthbounds: ["city"] });
    const profile = goodProfile.replace("1.0.0", "1.0.1");
    const { config: edited } = await read(good, { "/etc/gw/profiles/acme/meter.yaml": profile });
    expect(diffConfig(running, edited!)).toEqual({ ...nothing, changedDevices: ["meter-1", "meter-2"] });
  });
});

describe("options of a device", async () => {
  const wired = goodProfile
    .replace("acme/meter", "acme/wired")
    .replace(
      "points:",
      "options: {wiring: {values: [1P2W, 3P4W], default: 3P4W}}\npoints:\n  voltage_l2: {at: {cell: 20}, unit: V, when: {wiring: 3P4W}}",
    )
    .replace("status: draft", "status: draft\ndeprecated: {since: 1.0.0, use: acme/newer}");
  const devices = `gateway: {id: gw-1, pen: 61234}
profiles: [profiles]
connections:
  line-1: {protocol: cells, host: 10.0.0.7}
devices:
  meter-1: {profile: acme/wired, connection: line-1, unit: 1}
  meter-2: {profile: acme/wired, connection: line-1, unit: 2, options: {wiring: 1P2W}}
  meter-3: {profile: acme/wired, connection: line-1, unit: 3, options: {wiring: 1P2W}}
  meter-4: {profile: acme/wired, connection: line-1, unit: 4, options: {wiring: 1P3W}}
`;
  const others = { "/etc/gw/profiles/acme/wired.yaml": wired };
  const { config, diagnostics } = await read(devices, others);

  it("gives each device the profile of its choices, and leaves out only the one that cannot choose so", async () => {
    expect(
      config?.devices.map(({ id, profile }) => [id, profile.chosen?.wiring, profile.points[0]?.name]),
    ).toEqual([
      ["meter-1", "3P4W", "voltage_l2"],
      ["meter-2", "1P2W", "voltage"],
      ["meter-3", "1P2W", "voltage"],
    ]);
    expect(config?.devices[1]?.profile).toBe(config?.devices[2]?.profile);
    expect(config?.quarantined).toMatchObject([{ kind: "device", id: "meter-4" }]);
    expect(diagnostics.filter((one) => one.severity === "error").map((one) => one.code)).toEqual([
      "unknown-choice",
    ]);
  });

  it("warns of a deprecated profile where it is used, and uses it", async () => {
    expect(
      diagnostics.filter((one) => one.code === "deprecated" && one.file.endsWith("gateway.yaml")),
    ).toHaveLength(4);
  });

  it("sees a changed choice as a changed device", async () => {
    const other = await read(
      devices.replace("unit: 2, options: {wiring: 1P2W}", "unit: 2, options: {wiring: 3P4W}"),
      others,
    );
    expect(diffConfig(config!, other.config!).changedDevices).toEqual(["meter-2"]);
  });
});

describe("commands", () => {
  const ed25519 = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
`;
  const rules = (text: string, key = ed25519) =>
    read(`${good}commands: ${text}\n`, { "/etc/gw/keys/city.pem": key });

  it("allow nothing unless somebody is named", async () => {
    expect((await configOf(good)).commands).toEqual({
      issuers: new Map(),
      trust: new Map(),
      untrustedClock: "relative",
      armingMs: 60_000,
      share: 0.5,
      hold: { safety: "released", operator: 3_600_000 },
    });
  });

  it("name issuers, keys beside gateway.yaml, and times", async () => {
    const { config, diagnostics } = await rules(
      `{issuers: {city: {devices: ["meter-*"], points: [level]}}, trust: {k1: {key: keys/city.pem, issuers: [city]}}, untrustedClock: refuse, arming: 2m, share: 20%, hold: {operator: until-released, schedule: 5m}}`,
    );
    expect(diagnostics).toEqual([]);
    expect(config?.commands).toEqual({
      issuers: new Map([["city", { devices: ["meter-*"], points: ["level"], priority: "operator" }]]),
      trust: new Map([["k1", { pem: ed25519, issuers: ["city"] }]]),
      untrustedClock: "refuse",
      armingMs: 120_000,
      share: 0.2,
      hold: { safety: "released", operator: "released", schedule: 300_000 },
    });
  });

  it.each([
    ["what is no key", "hello", "this is no key"],
    ["a private key", "-----BEGIN PRIVATE KEY-----\n", "this is a private key"],
    [
      "a key that signs nothing",
      `-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n`,
      "a key of this kind (x25519) cannot sign commands",
    ],
  ])("refuse the file with %s", async (_name, key, message) => {
    const found = await rules(
      "{issuers: {city: {devices: [meter-1], points: [level]}}, trust: {k1: {key: keys/city.pem, issuers: [city]}}}",
      key,
    );
    expect(found.config).toBeUndefined();
    expect(found.diagnostics.map((one) => one.message).join("\n")).toContain(message);
  });
});

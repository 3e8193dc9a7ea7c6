import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fakeSystem } from "../../test/fake-system.ts";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { pi4, services } from "../../test/machines.ts";
import { redactJson } from "./diagnostics/redact.ts";
import { Scrubber, secretsIn } from "./diagnostics/scrub.ts";
import { tarGz } from "./diagnostics/tar.ts";
import { bundleFiles, type DiagnosticsSources, diagnosticsJob } from "./diagnostics.ts";
import type { GatewayFacts } from "./doctor/doctor.ts";

const pem = generateKeyPairSync("ec", { namedCurve: "P-256" })
  .privateKey.export({ type: "pkcs8", format: "pem" })
  .toString();

/** What must not leave the house. Every one is planted below, most of them more than once. */
const secrets = {
  brokerPassword: "Sommar2026!broker",
  blockPassword: "rad-ett-av-hemligheten",
  foldedPassphrase: "vikt lösenfras åäö 77",
  misspelt: "felstavat-Hemligt9",
  swedish: "mittlosen4711",
  keyAsNumber: "90817263",
  nested: "djupt-begravd-token-31",
  psk: "psk-3f9a",
  appKey: "2B7E151628AED2A6ABF7158809CF4F3C",
  nwkKey: "8899AABBCCDDEEFF0011223344556677",
  mbusKey: "0102030405060708090A0B0C0D0E0F11",
  flow: "i-en-rad-Pw88",
  quoted: 'med "citat" och \\ snett',
  inComment: "kommentarens-losen-5",
  urlPassword: "url%20losen",
  fileSecret: "fran-fil-Zq19",
  envSecret: "fran-miljo-Xw20",
  bearer: "abcDEF123456tokenhere",
  jwt: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJlMTIz",
  firstPassword: "forsta-Losen-42",
  logPassword: "loggat-losen-11",
  jsonSecret: "json-hemlig-12",
  hexLogged: "00112233445566778899aabbccddeeff",
  spacedHex: "de ad be ef 00 11 22 33 44 55 66 77 88 99 aa bb",
  apiKey: "Zm9vYmFyQmF6UXV4MTIzNDU2Nzg5MFF3ZXJ0eVVpb3A0",
  cookie: "session=5f2d1c9e8b7a6f5e",
  unknownKey: "okand-nyckel-text-3",
  pin: "4821",
  basic: "Z3c6aHVudGVyMg==",
  wifi: "Wifi-i-stolpen-1",
} as const;

const people = {
  owner: "Anna Svensson",
  contact: "Erik Lindqvist",
  email: "erik.lindqvist@example.se",
  user: "annasv",
  technician: "bertil.k",
  issuer: "drift-cecilia",
  brokerUser: "konto-dagny",
  title: "Elmätare hos familjen Öberg",
  purpose: "Följer upp fru Åkessons elförbrukning",
  personNumber: "19850321-4823",
  phone: "070-123 45 67",
  phoneAbroad: "+46 8 508 00 000",
  comment: "ring Filippa",
  personalText: "Gudrun hemma",
  personalNumber: "98765.4321",
  position: "59.334591",
  phoneAddress: "192.168.7.23",
  mac: "dc:a6:32:01:02:03",
  schedule: "Hilda sover",
  surname: "Svensson ringde",
} as const;

const yaml = `# ${secrets.inComment}, ${people.comment}
gateway: {id: gw-7, title: ${people.title}, position: {lat: ${people.position}, lon: 18.063240}}
connections:
  basement:
    protocol: modbus
    serial: {port: /dev/serial/by-id/usb-FTDI-if00, baud: 9600}   # ${people.phone}
  lora: {protocol: lorawan, broker: {url: "mqtt://lns.example:1883", passwd: ${secrets.flow}}}
  token-room: {protocol: modbus, tcp: {host: 192.0.2.17, port: 502}}
devices:
  meter-1:
    profile: eastron/sdm630
    connection: basement
    unit: 1
    title: {en: ${people.title}, sv: ${people.title}}
    owner: ${people.owner}
    purpose: ${people.purpose}
    options: {variant: three-phase}
    pin: ${secrets.pin}
    aeskey: ${secrets.mbusKey}
    location: ${people.schedule}
  sensor-1:
    profile: dragino/lht65
    connection: lora
    devEui: a84041000181c0ff
    appKey: ${secrets.appKey}
    "nwk_key": '${secrets.nwkKey}'
    key: |
${pem.replaceAll(/^/gm, "      ")}
northbound:
  city:
    type: mqtt
    url: mqtts://broker.city.example:8883
    username: ${people.brokerUser}
    password: ${secrets.brokerPassword}
    passphrase: >-
      ${secrets.foldedPassphrase}
    psk: ${secrets.psk}
    "Pass_Word": |-
      ${secrets.blockPassword}
    lösenord: ${secrets.swedish}
    secret: {deep: [{er: ${secrets.nested}}], number: ${secrets.keyAsNumber}}
    paswd2: ${secrets.misspelt}
    wotever: ${secrets.unknownKey}
    "credentials": ${JSON.stringify(secrets.quoted)}
    key: /etc/stadsnod/gw.key.pem
    wifiPassword: ${secrets.wifi}
  other: {type: mqtt, url: "mqtt://konto:${secrets.urlPassword}@b.example", password: "\${file:/etc/stadsnod/pw}"}
commands:
  issuers:
    ${people.issuer}: {devices: ["*"], points: ["*"]}
catalogue:
  contact: {name: ${people.contact}, email: ${people.email}}
`;

const logLines = [
  JSON.stringify({ level: 30, msg: `connected with ${secrets.brokerPassword}`, user: people.user }),
  JSON.stringify({ level: 40, password: secrets.logPassword, nested: { apiKey: secrets.apiKey, token: 17 } }),
  JSON.stringify({ level: 30, msg: "read", device: "meter-1", point: "power", value: people.personalNumber }),
  JSON.stringify({
    level: 30,
    msg: `frame ${secrets.spacedHex} from ${people.phoneAddress}`,
    by: people.technician,
  }),
  `plain text password=${secrets.logPassword} psk: "${secrets.psk}" Authorization: Bearer ${secrets.bearer}`,
  `a key ${secrets.hexLogged} and ${secrets.appKey.toLowerCase()} and ${Buffer.from(secrets.brokerPassword).toString("base64")}`,
  `Basic ${secrets.basic} jwt ${secrets.jwt} ${encodeURIComponent(secrets.foldedPassphrase)}`,
  `{"cut": "json, ${secrets.jsonSecret.replace("json", "json")}", "secret":"${secrets.jsonSecret}"`,
  `${people.owner} and ${people.surname}, ${people.email}, ${people.personNumber}, ${people.phone}, ${people.phoneAbroad}`,
  `cookie: ${secrets.cookie}; mac ${people.mac}; ${secrets.fileSecret}; ${secrets.envSecret}`,
  pem,
  pem.split("\n")[1] ?? "",
];

const journal = [
  `2026-11-22T08:00:00+0000 gw stadsnod[12]: {"msg":"hello","secret":"${secrets.jsonSecret}"}`,
  `2026-11-22T08:00:01+0000 gw stadsnod[12]: stadsnod: the first password of user ${people.user} is ${secrets.firstPassword} (to be changed)`,
  `2026-11-22T08:00:02+0000 gw sshd[9]: Accepted for ${people.technician} from ${people.phoneAddress} port 22`,
].join("\n");

const sources: DiagnosticsSources = {
  version: "0.1.0",
  configuration: {
    file: "/etc/stadsnod/gateway.yaml",
    text: yaml,
    diagnostics: [
      {
        severity: "error",
        code: "bad-value",
        message: `"${secrets.unknownKey}" is not a number, says ${people.owner}`,
        file: "/etc/stadsnod/gateway.yaml",
        line: 3,
        column: 1,
        length: 1,
      },
    ],
    secrets: [secrets.fileSecret, secrets.envSecret],
  },
  users: ["admin", people.user, people.technician],
  open: new Set(["meter-1/voltage"]),
  profiles: [{ id: "eastron/sdm630", version: "1.0.0", sha256: "ab".repeat(32) }],
  answers: new Map<string, () => Promise<unknown>>([
    [
      "status",
      async () => ({
        gateway: "gw-7",
        northbound: [{ peer: "mqtts://broker.city.example:8883", error: `no: ${secrets.brokerPassword}` }],
      }),
    ],
    [
      "connections",
      async () => [
        { name: "lora", unknown: [{ given: people.personalText, settings: { devEui: "a84041000181c0ff" } }] },
      ],
    ],
    [
      "accounting",
      () => Promise.reject(new Error(`no gateway (${secrets.bearer}) answers on token=${secrets.bearer}`)),
    ],
  ]),
  latest: async () => [
    { device: "meter-1", point: "voltage", value: 231.4, unit: "V", quality: "good" },
    {
      device: "meter-1",
      point: "power",
      value: Number(people.personalNumber),
      quality: "good",
      detail: people.personalText,
    },
    { device: "tag-1", point: "name", value: people.personalText, quality: "good" },
  ],
  logs: async () => logLines,
  auditHead: async () => ({ n: 12, hash: "cd".repeat(32) }),
};

const system = fakeSystem({
  tree: {
    ...pi4,
    "/proc/cmdline": `root=/dev/mmcblk0p2 wifi_password=${secrets.wifi}\n`,
    "/var/lib/stadsnod/outbox-city/segment-000001.log": { text: "x".repeat(99), uid: 997 },
  },
  programs: { ...services, "journalctl --no-pager --unit stadsnod --output short-iso --lines 1000": journal },
});
const machine = { system, checks: [], ports: [], folder: "/var/lib/stadsnod" };
const bundle = (withValues = false, given = sources) => bundleFiles(given, machine, withValues);
const textOf = (files: readonly { name: string; text: string }[]) =>
  files.map(({ name, text }) => `== ${name}\n${text}`).join("\n");

describe("a bundle of diagnostics", () => {
  const planted = { ...secrets, ...people };

  it("has 50 secrets and personal values planted around it", async () => {
    expect(Object.keys(planted).length).toBeGreaterThanOrEqual(50);
    const around = `${yaml}${logLines.join("\n")}${journal}${JSON.stringify(await sources.latest?.())}${JSON.stringify(await sources.answers.get("connections")?.())}`;
    const decoded = `${around}${sources.configuration?.secrets.join(" ")}${around.replaceAll('\\"', '"').replaceAll("\\\\", "\\")}`;
    expect(Object.values(planted).filter((one) => !decoded.includes(one))).toEqual([]);
  });

  it.each(Object.entries(planted))("does not give %s away", async (_, canary) => {
    const text = textOf(await bundle());
    for (const spelling of [
      canary,
      canary.toLowerCase(),
      canary.toUpperCase(),
      JSON.stringify(canary).slice(1, -1),
      encodeURIComponent(canary),
      Buffer.from(canary).toString("base64").replace(/=+$/, ""),
      Buffer.from(canary).toString("hex"),
    ])
      expect(text).not.toContain(spelling);
  });

  it("gives no line of a private key away", async () => {
    const text = textOf(await bundle());
    for (const line of pem.split("\n").filter((one) => one.length > 20 && !one.startsWith("-----")))
      expect(text).not.toContain(line);
  });

  it("keeps what finds faults", async () => {
    const files = new Map((await bundle()).map(({ name, text }) => [name, text]));
    const shown = files.get("gateway.yaml") ?? "";
    for (const kept of [
      "id: gw-7",
      "port: /dev/serial/by-id/usb-FTDI-if00",
      "baud: 9600",
      "host: 192.0.2.17",
      "profile: eastron/sdm630",
      "variant: three-phase",
      "devEui: a84041000181c0ff",
      "url: mqtts://broker.city.example:8883",
      "key: /etc/stadsnod/gw.key.pem",
      "token-room:",
      "lat: 59.33",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how gateway.yaml writes it
      "${file:/etc/stadsnod/pw}",
    ])
      expect(shown).toContain(kept);
    expect(files.get("latest.json")).toContain("231.4");
    expect(files.get("status.json")).toContain("mqtts://broker.city.example:8883");
    expect(files.get("accounting.json")).toMatch(/^not to be had: /);
    expect(files.get("storage.txt")).toMatch(/0644 997:0 +99 .* outbox-city\/segment-000001\.log/);
    expect(files.get("audit-head.json")).toContain("cd".repeat(32));
    expect(files.get("profiles.json")).toContain("ab".repeat(32));
    // The same person is the same everywhere.
    expect(files.get("log.jsonl")).toContain('"user":"user-1"');
    expect(files.get("journal-stadsnod.txt")).toContain("of user user-1 is ***");
  });

  it("holds values when asked for them, and secrets never", async () => {
    const text = textOf(await bundle(true));
    for (const value of [people.personalText, people.personalNumber, people.title, people.owner])
      expect(text).toContain(value);
    for (const secret of Object.values(secrets)) expect(text).not.toContain(secret);
  });

  it("does not take the gateway's own id for a person, and keeps nearly all of the sample", async () => {
    const text = readFileSync(join(import.meta.dirname, "../../gateway.sample.yaml"), "utf8");
    const configuration = { ...sources.configuration!, text, diagnostics: [], secrets: [] };
    const files = await bundle(false, { ...sources, configuration });
    const shown = files.find(({ name }) => name === "gateway.yaml")?.text ?? "";
    for (const kept of [
      "id: sodermalm-07",
      "username: sodermalm-07",
      "- energy",
      "port: /dev/serial/by-id/usb-FTDI",
    ])
      expect(shown).toContain(kept);
    expect(shown.match(/\*\*\*/g)?.length ?? 0).toBeLessThan(5);
    for (const gone of ["Pumping station", "opendata@example.org"]) expect(textOf(files)).not.toContain(gone);
  });

  it("leaves gateway.yaml out when nobody can tell what is secret in it", async () => {
    const configuration = { ...sources.configuration!, text: `a: [\n  password: ${secrets.misspelt}` };
    const text = textOf(
      await bundle(false, { ...sources, configuration, logs: undefined, answers: new Map() }),
    );
    expect(text).toContain("it cannot be parsed");
    expect(text).not.toContain(secrets.misspelt);
  });

  it("hides any secret, however it is written in gateway.yaml and wherever it turns up", async () => {
    const secret = fc
      .string({ minLength: 6, maxLength: 40, unit: fc.constantFrom(..."abcXYZ0189!#%&=+-_.:/ \\\"'åÖ") })
      .filter((one) => one.trim() === one);
    const key = fc.constantFrom(
      "password",
      "passWord",
      "PSK",
      "api-key",
      "losenord",
      "mySecretThing",
      "token2",
      "AppKey",
      "hemligt",
    );
    await fc.assert(
      fc.asyncProperty(key, secret, fc.integer({ min: 0, max: 4 }), async (name, value, style) => {
        const styles = [
          `${name}: ${JSON.stringify(value)}`,
          `${name}: '${value.replaceAll("'", "''")}'`,
          `"${name}": |-\n      ${value}`,
          `${name}:\n      - ${JSON.stringify(value)}`,
          `{${name}: ${JSON.stringify(value)}}`,
        ];
        const text = `northbound:\n  city:\n    ${styles[style]}\n`;
        const configuration = { ...sources.configuration!, text, diagnostics: [], secrets: [] };
        const logs = async () => [JSON.stringify({ msg: value }), `said ${value}`];
        const found = textOf(
          await bundle(false, { ...sources, configuration, logs, answers: new Map(), latest: undefined }),
        );
        const written = found.replaceAll("\\\\", "\\").replaceAll('\\"', '"');
        expect(found.includes(value) || written.includes(value)).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});

describe("scrubbing", () => {
  it("hides what an answer calls a secret, whatever it looks like", () => {
    const nothingKnown = new Scrubber({ secrets: [], names: [], texts: [], users: [], hosts: [] });
    const answer = { name: "city", token: "kort", inside: [{ pin: 4821, appKey: { of: "lampan" } }] };
    expect(redactJson(answer, nothingKnown, true)).toEqual({
      name: "city",
      token: "***",
      inside: [{ pin: "***", appKey: "***" }],
    });
  });

  it("leaves out whom a radio has heard besides", () => {
    const nothingKnown = new Scrubber({ secrets: [], names: [], texts: [], users: [], hosts: [] });
    const answer = [
      { connection: "radio", unknown: [{ name: "Familjen Öberg", settings: { devEui: "70b3" } }] },
    ];
    expect(redactJson(answer, nothingKnown, false)).toEqual([
      { connection: "radio", unknown: "(1 that are not of this gateway)" },
    ]);
    expect(redactJson(answer, nothingKnown, true)).toEqual(answer);
  });

  it("gets through a word without end", () => {
    const scrubber = new Scrubber({
      secrets: ["sekret-1"],
      names: ["Anna"],
      texts: [],
      users: ["anna"],
      hosts: [],
    });
    for (const unit of ["a", "0", "pass", "a.", "1:", ":", "=", '"', "\\", "://", "a@"]) {
      const word = unit.repeat(200_000 / unit.length);
      expect(scrubber.text(`${word} sekret-1`)).not.toContain("sekret-1");
      expect(secretsIn(word)).toBeInstanceOf(Array);
    }
  });
});

describe("the archive", () => {
  it("is one that tar reads, the same for the same contents", () => {
    const files = [
      { name: "README.txt", text: "hej åäö\n" },
      { name: "machine/big.txt", text: "x".repeat(100_000) },
      { name: "empty.txt", text: "" },
    ];
    const bytes = tarGz(files, 1_790_000_000_000);
    expect(Buffer.from(tarGz(files, 1_790_000_000_000)).equals(bytes)).toBe(true);
    const folder = mkdtempSync(join(tmpdir(), "stadsnod-tar-"));
    try {
      writeFileSync(join(folder, "a.tar.gz"), bytes);
      execFileSync("tar", ["-xzf", "a.tar.gz", "--no-same-owner"], { cwd: folder });
      for (const { name, text } of files) expect(readFileSync(join(folder, name), "utf8")).toBe(text);
      expect(statSync(join(folder, "README.txt")).mode & 0o777).toBe(0o600);
      expect(statSync(join(folder, "README.txt")).mtimeMs).toBe(1_790_000_000_000);
      expect(readdirSync(folder).toSorted()).toEqual(["README.txt", "a.tar.gz", "empty.txt", "machine"]);
    } finally {
      rmSync(folder, { recursive: true });
    }
    expect(gunzipSync(bytes).length % 512).toBe(0);
    expect(() => tarGz([{ name: "å", text: "" }], 0)).toThrow(RangeError);
  });

  it("is a job: what the doctor does, then a file", async () => {
    const facts: GatewayFacts = { ports: [], northbound: [], buildTime: 0 };
    const saved: { name: string; bytes: Uint8Array }[] = [];
    const context = {
      system,
      clock: new VirtualClock({ unix: Date.UTC(2026, 10, 22, 8, 30) }),
      random: () => 0.5,
      facts: async () => facts,
      sources: async () => sources,
      save: async (name: string, bytes: Uint8Array) => void saved.push({ name, bytes }),
    };
    const found: unknown[] = [];
    for await (const { finding } of diagnosticsJob({}, context, new AbortController().signal))
      if (finding) found.push(finding);
    expect(saved.map(({ name }) => name)).toEqual(["stadsnod-diagnostics-20261122T083000Z.tar.gz"]);
    expect(found).toEqual([{ kind: "file", name: saved[0]?.name, bytes: saved[0]?.bytes.length }]);
    const text = gunzipSync(saved[0]!.bytes).toString();
    expect(text).toContain("Raspberry Pi 4 Model B");
    for (const secret of Object.values(secrets)) expect(text).not.toContain(secret);
  });
});

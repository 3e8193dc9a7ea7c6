import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseBmap } from "../../../gateway/cli/flash/bmap.ts";
import { parseTable } from "../../../gateway/cli/flash/csv.ts";
import { provisionOptions } from "../../../gateway/cli/flash/provision-options.ts";
import { compilePayload, readSchemaText } from "../../../gateway/codec/payload/index.ts";
import { parseYaml } from "../../../gateway/codec/yaml.ts";
import { editYaml } from "../../../gateway/config/edit.ts";
import { readConfig } from "../../../gateway/config/read.ts";
import { readProgress } from "../../../gateway/enrolment/progress-file.ts";
import { readProvision, withoutToken } from "../../../gateway/enrolment/provision.ts";
import { northbounds } from "../../../gateway/northbound/index.ts";
import { loadProfile } from "../../../gateway/profiles/load.ts";
import { readStatus } from "../../../gateway/updates/rauc.ts";
import { gatewayErrors, hex, pick, ready, type TargetSource, utf8 } from "../target.ts";
import { changedOften, jsonOf } from "../tree.ts";
import { libraryOf, profileTexts, sampledProtocols } from "./devices.ts";
import { certificatePem } from "./fixed.ts";

// Texts that people and tools write: configuration, profiles, schemas, what the flash tool reads. A little long: each
// needs an example of its own.

const textOf = (input: Uint8Array): string => Buffer.from(input).toString("utf8");
const root = resolve(import.meta.dirname, "../../..");

const yamlWords = [
  "- ",
  ": ",
  "\n  ",
  "&a ",
  "*a",
  "<<: *a",
  "!!binary ",
  "? ",
  "|\n",
  ">-\n",
  "{a: ",
  "[[",
  "---\n",
  "...\n",
  "%YAML 1.1\n",
  "\t",
  "#",
  "'",
  '"\\x',
  "0x10",
  "1_000",
  ".inf",
  "~",
];
const sample = readFileSync(join(root, "gateway.sample.yaml"), "utf8");
/** As little as a profile can say: what is read is read often. */
const smallProfile = `profile: acme/x
version: 1.0.0
title: {en: X}
manufacturer: Acme
models: [X]
category: energy-meter
sources: [{document: Acme X manual}]
status: draft
protocol: modbus
modbus: {addressing: protocol}
points:
  power: {at: {holding: 0, type: s32}, unit: W, scale: -1, write: {range: [0, 100]}}
  state: {at: {input: 2}, values: {0: off, 1: on}}
  cells: {repeat: {count: 2}, at: {holding: 4}, unit: V}
  total: {formula: "power * 2", unit: W}
examples:
  - {given: {holding: {0: 0000 0001, 4: 0001 0002}, input: {2: "0001"}}, expect: {power: 0.1}}
`;
const smallConfig = `gateway: {id: gw-1}
connections:
  line-1: {type: modbus, serial: {port: /dev/ttyUSB0, baud: 9600}}
  tcp-1: {type: modbus, tcp: {host: 192.0.2.7}}
devices:
  meter-1: {profile: eastron/smart-x96-1a, connection: line-1, unit: 1}
northbound:
  city: {type: mqtt, url: "mqtts://broker.example.org:8883"}
commands:
  issuers: {city: {devices: ["*"], points: ["*"], priority: operator}}
`;

const schemas = [
  `name: acme
endian: little
fields:
  - {name: battery, type: u8, div: 2, unit: "%"}
  - {name: temperature, type: s16, mult: 0.1}
  - type: match
    field: $battery
    cases: {1: [{name: a, type: u8}], default: [{name: b, type: u16}]}
`,
  `name: tlv
fields:
  - tlv: {tag_size: 1, cases: {1: [{name: x, type: u8}], 2: [{name: y, type: "u8[0:3]"}]}}
`,
  `name: many
fields:
  - {name: n, type: u8}
  - repeat: {count: $n, name: list, fields: [{name: v, type: s8}]}
  - {name: t, type: ascii, length: 4}
  - {name: c, type: number, compute: {op: mul, a: $n, b: 2}}
`,
];

const provision = {
  format: 1,
  gateway: "gw-1",
  site: "Slussen",
  timeZone: "Europe/Stockholm",
  network: { address: "192.0.2.10/24", gateway: "192.0.2.1", dns: ["192.0.2.2"], ntp: ["ntp.example.org"] },
  enrolment: { url: "https://ca.example.org", ca: certificatePem, token: "t".repeat(32) },
};
const rauc = {
  compatible: "stadsnod",
  booted: "A",
  boot_primary: "rootfs.0",
  slots: [
    { "rootfs.0": { bootname: "A", state: "booted", boot_status: "good" } },
    { "rootfs.1": { bootname: "B" } },
  ],
};

function bmap(range: string): Uint8Array {
  const draft = `<?xml version="1.0" ?>
<bmap version="2.0">
  <ImageSize> 8192 </ImageSize>
  <BlockSize> 4096 </BlockSize>
  <BlocksCount> 2 </BlocksCount>
  <MappedBlocksCount> 1 </MappedBlocksCount>
  <ChecksumType> sha256 </ChecksumType>
  <BmapFileChecksum> ${"0".repeat(64)} </BmapFileChecksum>
  <BlockMap><Range chksum="${"ab".repeat(32)}"> ${range} </Range></BlockMap>
</bmap>
`;
  return utf8(summed(draft));
}

/** With its own checksum right. */
function summed(text: string): string {
  const found = /<BmapFileChecksum>\s*([0-9a-f]{64})/.exec(text)?.[1];
  if (found === undefined) return text;
  const zeros = "0".repeat(64);
  return text.replace(found, createHash("sha256").update(text.replace(found, zeros)).digest("hex"));
}

const files = {
  list: (folder: string) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.startsWith("eastron/smart"),
    ),
};

async function openProfiles() {
  const protocols = await sampledProtocols();
  const bases = libraryOf();
  const texts = profileTexts().filter(({ text }) => text.length < 1600);
  return {
    name: "device-profile",
    share: 0.2,
    seeds: [utf8(smallProfile), ...texts.map(({ text }) => utf8(text))],
    words: [
      ...yamlWords,
      "scale: 1e999",
      "repeat: {",
      "when: ",
      "use: ",
      "formula: ",
      "range: [",
      "type: u99",
    ],
    take: (input: Uint8Array) => loadProfile(textOf(input), "device-profiles/acme/x.yaml", protocols, bases),
    errors: [],
  };
}

async function openConfiguration() {
  const protocols = await sampledProtocols();
  const profiles = join(root, "device-profiles");
  const place = join(root, "gateway.yaml");
  return {
    name: "gateway-yaml",
    share: 0.2,
    // The sample is long: seldom enough.
    seeds: [...Array(9).fill(utf8(smallConfig)), utf8(sample)],
    words: [
      ...yamlWords,
      "$",
      "{file:/etc/shadow}",
      "devices:\n",
      "expiresIn: ",
      "every: 1ns",
      "profiles: [/]",
    ],
    take: (input: Uint8Array) => {
      const read = (name: string) => {
        if (name === place) return textOf(input);
        if (name.startsWith(profiles)) return readFileSync(name, "utf8");
        throw Object.assign(new Error("no such file"), { code: "ENOENT" });
      };
      return readConfig(place, { protocols, northbounds, files: { ...files, read }, env: {} });
    },
    errors: [],
  };
}

export const documentTargets: readonly TargetSource[] = [
  ready({
    name: "yaml",
    share: 1,
    seeds: [utf8(smallConfig), ...schemas.map(utf8)],
    words: yamlWords,
    take(input) {
      const { document } = parseYaml(textOf(input), "x.yaml");
      document?.span(["devices", "meter-1", "unit"], "value");
    },
    errors: [],
  }),
  ready({
    name: "yaml-edit",
    share: 0.2,
    seeds: [utf8(smallConfig)],
    words: yamlWords,
    take: (input) =>
      editYaml(textOf(input), [
        { path: ["devices", "meter-1", "unit"], set: 7 },
        { path: ["devices", "meter-2"], set: { profile: "a/b", connection: "line-1" } },
      ]),
    errors: gatewayErrors,
  }),
  { name: "device-profile", share: 0.2, least: 1500, open: openProfiles },
  { name: "gateway-yaml", share: 0.2, least: 1500, open: openConfiguration },
  ready({
    name: "payload-schema",
    share: 0.5,
    seeds: schemas.map(utf8),
    words: [
      ...yamlWords,
      "type: match",
      "repeat: ",
      "tlv: ",
      "$n",
      "length: 99999999",
      "formula: ",
      "u8[0:99]",
      "$ref: ",
    ],
    take(input) {
      const payload = compilePayload(readSchemaText(textOf(input)));
      for (const bytes of [new Uint8Array(), hex("01 02 03 04 05 06"), new Uint8Array(255).fill(0xff)]) {
        const { data } = payload.decode(bytes);
        payload.encode(data);
      }
    },
    errors: gatewayErrors,
  }),
  ready({
    name: "provision-json",
    share: 2,
    seeds: [jsonOf(provision), jsonOf({ ...provision, enrolment: undefined })],
    make: (random) => jsonOf(changedOften({ ...provision, enrolment: undefined }, random)),
    take(input) {
      const text = textOf(input);
      readProgress(text);
      readProvision(text);
      withoutToken(text);
    },
    errors: gatewayErrors,
  }),
  ready({
    name: "rauc-status",
    share: 2,
    seeds: [jsonOf(rauc)],
    make: (random) => jsonOf(changedOften(rauc, random)),
    take: (input) => readStatus(textOf(input)),
    errors: gatewayErrors,
  }),
  ready({
    name: "flash-bmap",
    share: 2,
    seeds: [bmap("0"), bmap("0-1"), bmap("1")],
    words: ["<!--", "-->", "<Range chksum=", "</Range>", "<ImageSize>", " ", "\n", "0-1", "999999999999"],
    mend: (input) => utf8(summed(textOf(input))),
    take: (input) => parseBmap(textOf(input)),
    errors: gatewayErrors,
  }),
  ready({
    name: "flash-csv",
    share: 2,
    seeds: [
      utf8('gateway;site;token\ngw-1;Slussen;x\ngw-2;"a ""b""\nc";y\n'),
      utf8("\ufeffgateway,wifi-ssid,wifi-psk\r\ngw-1,net,secret\r\n"),
    ],
    words: ['"', '""', ";", ",", "\t", "\r\n", "\n", "gateway", "--", "\u0000"],
    make: (random) =>
      utf8(
        Array.from({ length: 4 }, () =>
          Array.from({ length: 3 }, () => pick(random, ["", '"', "a", '"x"', "gateway", "å"])).join(";"),
        ).join("\n"),
      ),
    take: (input) => parseTable(Buffer.from(input), provisionOptions, []),
    errors: gatewayErrors,
  }),
];

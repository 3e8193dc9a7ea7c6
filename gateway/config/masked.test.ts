// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references as gateway.yaml writes them
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { maskSecrets, stars, unmaskSecrets } from "./masked.ts";

const text = `gateway: {id: gw-1}
northbound:
  city:
    type: mqtt
    url: mqtts://user:hunter1@broker.example:8883
    password: hunter2 # was: password: hunter3
    passphrase: |  # two lines
      hunter4
      and hunter5

    tls: {key: "/etc/key.pem", psk: 'hunter6', token: [hunter7, "hunter8"]}
  other: {type: mqtt, password: "\${file:/run/secret}", "secret" : >-
    hunter9
    goes on}
# token: hunter10
devices:
  passage-1: {profile: a/b, key: 00112233445566778899aabbccddeeff, audiences: {passengers: open}}
`;

describe("maskSecrets", () => {
  it("shows everything but the secrets", () => {
    const masked = maskSecrets(text.replace(">-\n    hunter9\n    goes on}", "hunter9}"));
    expect(masked).toBe(`gateway: {id: gw-1}
northbound:
  city:
    type: mqtt
    url: "${stars}"
    password: "${stars}" # was: password: ${stars}
    passphrase: "${stars}"

    tls: {key: "/etc/key.pem", psk: "${stars}", token: ["${stars}", "${stars}"]}
  other: {type: mqtt, password: "\${file:/run/secret}", "secret" : "${stars}"}
# token: ${stars}
devices:
  passage-1: {profile: a/b, key: "${stars}", audiences: {passengers: open}}
`);
  });

  it("takes base64 for a secret, and a path for a path", () => {
    const keys = ["aGVq/c2Fu+bmE=", "/9j/4AAQSkZJ", "AbCd/EfGh", "9f86d081884c7d65"];
    for (const key of keys) {
      const masked = maskSecrets(`a:\n  b: {accessKey: "${key}", appKey: ${key}, keys: [${key}]}\n`);
      expect(masked).not.toContain(key);
    }
    const files = ["/etc/stadsnod/key", "./certs/key", "../key", "certs/server.key", "/home/x/tls.pem"];
    for (const file of files) expect(maskSecrets(`a: {b: {key: ${file}}}\n`)).toContain(file);
  });

  it("shows little of a text that cannot be read", () => {
    const masked = maskSecrets(`a: [\npassword: hunter1\nnorth:\n  secret: |\n    hunter2\n  b: "x\n`);
    expect(masked).not.toMatch(/hunter/);
    expect(masked).toContain("  b:");
  });

  it("leaves the sample as it is, but for secrets in its comments", () => {
    const sample = readFileSync(join(import.meta.dirname, "../../gateway.sample.yaml"), "utf8");
    expect(parse(maskSecrets(sample))).toEqual(parse(sample));
    expect(unmaskSecrets(maskSecrets(sample), sample, "f").text).toBe(sample);
  });
});

const good = text.replace(">-\n    hunter9\n    goes on}", "hunter9}");
const unmask = (change: (masked: string) => string) =>
  unmaskSecrets(change(maskSecrets(good)), good, "gateway.yaml");

describe("unmaskSecrets", () => {
  it("gives back the text, character by character", () => {
    expect(unmask((masked) => masked)).toEqual({ text: good, diagnostics: [] });
  });

  it("keeps secrets while other things change around them", () => {
    const { text: made = "" } = unmask((masked) =>
      masked
        .replace("type: mqtt\n", "type: mqtt\n    clientId: new # a comment\n")
        .replaceAll("    ", "        ")
        .replace("gw-1", "gw-2"),
    );
    const wanted = parse(good);
    wanted.gateway.id = "gw-2";
    wanted.northbound.city.clientId = "new";
    expect(parse(made)).toEqual(wanted);
    expect(made).toContain("# token: hunter10");
  });

  it.each([
    ["renamed", (one: string) => one.replace("  city:", "  town:"), "hidden-secret-unknown", 5],
    ["a title", (one: string) => `${one}log: "${stars}"\n`, "hidden-secret-unknown", 14],
    [
      "more than stars",
      (one: string) => one.replace(`password: "${stars}"`, `password: "${stars}x"`),
      "hidden-secret-changed",
      6,
    ],
    ["in a list that changed", (one: string) => one.replace(`["${stars}", `, "["), "hidden-secret-moved", 9],
    [
      "as a key",
      (one: string) => one.replace("log:", "log:").concat(`"${stars}": 1\n`),
      "hidden-secret-unknown",
      14,
    ],
  ])("refuses stars where nobody knows the secret: %s", (_what, change, code, line) => {
    const { text: made, diagnostics } = unmask(change);
    expect(made).toBeUndefined();
    expect(diagnostics[0]).toMatchObject({ severity: "error", code, line });
    expect(diagnostics[0]?.hint).toBeTruthy();
    expect(JSON.stringify(diagnostics)).not.toMatch(/hunter/);
  });

  it("takes a new secret in the place of an old one", () => {
    const { text: made } = unmask((masked) => masked.replace(`password: "${stars}"`, "password: new"));
    expect(parse(made ?? "").northbound.city.password).toBe("new");
  });

  it("never shows one of 50 planted secrets, in whatever style, and puts all back", () => {
    const name = fc.constantFrom(
      "password",
      "passphrase",
      "token",
      "mySecret",
      "psk",
      "pasword",
      "api_key",
      "user-pwd",
    );
    const style = fc.constantFrom(
      "plain",
      "single",
      "double",
      "literal",
      "folded",
      "flow",
      "list",
      "deep",
      "url",
      "comment",
    );
    const entry = fc.record({ name, style, tail: fc.boolean() });
    fc.assert(
      fc.property(fc.array(entry, { minLength: 50, maxLength: 50 }), (entries) => {
        const secrets = entries.map((_, index) => `canary-${index}-x${(index * 7919) % 97}`);
        const before = `northbound:\n${entries.map((one, index) => planted(one, secrets[index] ?? "", index)).join("")}`;
        const masked = maskSecrets(before);
        expect(masked).not.toContain("canary");
        expect(unmaskSecrets(masked, before, "f")).toEqual({ text: before, diagnostics: [] });
        const edited = masked.replace("northbound:\n", "northbound: # edited\n  aa: {type: mqtt}\n");
        const restored = unmaskSecrets(edited, before, "f").text ?? "";
        expect(parse(restored).northbound).toEqual({ aa: { type: "mqtt" }, ...parse(before).northbound });
      }),
      { numRuns: 25 },
    );
  });
});

function planted(
  { name, style, tail }: { name: string; style: string; tail: boolean },
  secret: string,
  index: number,
): string {
  const head = `  n${index}:\n    type: mqtt\n`;
  const end = tail ? "    after: 1 # yes\n" : "";
  switch (style) {
    case "single":
      return `${head}    ${name}: '${secret} it''s'\n${end}`;
    case "double":
      return `${head}    "${name}":   "${secret}\\n\\u00e5" # comment\n${end}`;
    case "literal":
      return `${head}    ${name}: |+\n      ${secret}\n\n      ${secret}\n\n${end}`;
    case "folded":
      return `${head}    ${name}: >- # folded\n        ${secret}\n        more\n${end}`;
    case "flow":
      return `  n${index}: {type: mqtt, ${name}: ${secret}, x: {${name}: [${secret}, "${secret}"]}}\n`;
    case "list":
      return `${head}    ${name}:\n      - ${secret}\n      - {a: ${secret}}\n${end}`;
    case "deep":
      return `${head}    tls:\n      ${name}:\n        inner: ${secret}\n${end}`;
    case "url":
      return `${head}    url: mqtt://u:${secret}@host:1883/x\n${end}`;
    case "comment":
      return `${head}    # password: ${secret}\n    ${name}: ${secret} # token: ${secret}\n${end}`;
    default:
      return `${head}    ${name}: ${secret} and more\n${end}`;
  }
}

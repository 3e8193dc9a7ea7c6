import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../model/errors.ts";
import { loadProfile } from "../../profiles/load.ts";
import { lorawan } from "../../southbound/lorawan/protocol.ts";
import type { Protocol } from "../../southbound/protocol.ts";
import { parseDeviceList } from "./device-list.ts";
import { proposalFor, proposalYaml } from "./proposals.ts";

const list = (text: string) => [...parseDeviceList(text, "devices.csv").values()];

describe("a list of devices", () => {
  it("is read as spreadsheets write it", () => {
    const wanted = [
      { devEui: "a81758fffe050001", profile: "elsys/ers", id: "school-1", audience: "schools" },
      { devEui: "a81758fffe050002", profile: "elsys/ers", id: undefined, audience: undefined },
    ];
    expect(list("A81758FFFE050001,elsys/ers,school-1,schools\na81758fffe050002,elsys/ers\n")).toEqual(wanted);
    expect(
      list(
        '\uFEFFDevEUI;ID;Profile;Audience\r\n"A8-17-58-FF-FE-05-00-01";school-1;elsys/ers;schools\r\n# later\r\n\r\na81758fffe050002;;elsys/ers;\r\n',
      ),
    ).toEqual(wanted);
  });

  it.each([
    ["a817,elsys/ers", 'devices.csv:1: "a817" is no DevEUI: 16 hex digits'],
    ["devEui,profile\na81758fffe050001,", "devices.csv:2: the profile is missing"],
    ["a81758fffe050001,x/y,Big One", 'devices.csv:1: "Big One" is no id: small letters, digits and hyphens'],
    ["a81758fffe050001,x/y\na81758fffe050001,x/y", "devices.csv:2: a81758fffe050001 is listed twice"],
  ])("says what is wrong: %s", (text, message) => {
    expect(() => list(text)).toThrow(message);
  });

  it("throws nothing but ConfigError, whatever the file holds", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          list(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
    );
  });
});

const profileOf = (id: string, model: string, fields: string, knownAs = "") => {
  const { profile, diagnostics } = loadProfile(
    `profile: ${id}
version: 1.0.0
title: ${model}
manufacturer: Acme
models: [${model}]
category: climate
sources: [{document: made for the tests}]
status: draft
protocol: lorawan
lorawan:
  payload: {fields: [${fields}]}
${knownAs}
points:
  temperature: {at: {field: temperature}, unit: Cel, range: [-40, 60]}
`,
    `device-profiles/${id}.yaml`,
    [lorawan],
  );
  if (!profile) throw new Error(JSON.stringify(diagnostics));
  return [id, profile] as const;
};

describe("a proposal", () => {
  const temperature = "{name: temperature, type: s16, div: 10}";
  const profiles = new Map([
    profileOf("acme/t100", "T100", temperature),
    profileOf("acme/t200", "T200", temperature),
    profileOf("acme/big", "BIG", `${temperature}, {name: more, type: u32}`),
    profileOf(
      "acme/known",
      "K1",
      "{name: temperature, type: u8}",
      "  knownAs: {versionIds: [{brand: acme, model: k}]}",
    ),
  ]);
  const heard = (model?: string) => ({
    settings: { devEui: "a81758fffe050001" },
    name: "Roof\nadmin: true",
    model,
    heard: 3,
    given: { payload: "00d7", fPort: 2, fCnt: 1 },
  });
  const propose = (model?: string, listed?: string) =>
    proposalFor(
      "lora",
      heard(model),
      profiles,
      listed === undefined
        ? undefined
        : { devEui: "a81758fffe050001", profile: listed, id: "roof", audience: "open" },
      lorawan as Protocol,
      undefined,
    );

  it("follows the list, then the server's name, then what can read the payload", async () => {
    const first = async (...of: Parameters<typeof propose>) => (await propose(...of)).suggestions[0];
    expect(await first("Acme T200")).toMatchObject({
      profile: "acme/t200",
      by: "name",
      sample: { temperature: 21.5 },
    });
    expect(await first("acme/k")).toMatchObject({ profile: "acme/known", by: "name", fit: 1 });
    expect(await first("Acme T200", "acme/big")).toMatchObject({ profile: "acme/big", by: "list", fit: 1 });
    const guesses = await propose();
    expect(guesses.suggestions.map(({ profile, by }) => [profile, by])).toEqual([]);
    const readable = await propose("Acme");
    expect(readable.suggestions.every(({ by }) => by === "payload")).toBe(true);
  });

  it("is YAML to paste; a guess, and what others wrote, stay comments", async () => {
    expect(proposalYaml(await propose("Acme T200"))).toBe(
      `  # Roof admin: true, Acme T200
  # says temperature 21.5
  lora-a81758fffe050001: {profile: acme/t200, connection: lora, devEui: "a81758fffe050001"}
`,
    );
    expect(proposalYaml(await propose(undefined, "acme/t100"))).toContain(
      '\n  roof: {profile: acme/t100, connection: lora, devEui: "a81758fffe050001", audience: open}\n',
    );
    for (const line of proposalYaml(await propose("Acme"))
      .trimEnd()
      .split("\n"))
      expect(line).toMatch(/^ {2}#/);
  });
});

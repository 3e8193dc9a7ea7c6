import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeAuthority } from "../../test/mqtt/certificates.ts";
import { ConfigError } from "../model/errors.ts";
import { estBase, readProvision, withoutToken } from "./provision.ts";
import { provisionFile } from "./provision-file.ts";

const ca = makeAuthority("City").cert;
const token = "secret-token-8c1f";
const whole = {
  format: 1,
  gateway: "lamp-7",
  site: "Kungsholmen 12",
  timeZone: "Europe/Stockholm",
  network: {
    address: "192.0.2.10/24",
    gateway: "192.0.2.1",
    dns: ["192.0.2.1"],
    ntp: ["ntp.example.org"],
    wifi: { ssid: "Stad", psk: "a".repeat(64), country: "SE" },
  },
  enrolment: { url: "https://ca.example.org", ca, token, tokenExpires: "2026-11-22T12:00:00Z" },
  config: "gateway:\n  id: lamp-7\n",
};

describe("provision.json", () => {
  it("takes a whole one, and the least", () => {
    expect(readProvision(JSON.stringify(whole))).toEqual(whole);
    expect(readProvision(`\uFEFF${JSON.stringify({ format: 1, gateway: "a" })}`)).toEqual({
      format: 1,
      gateway: "a",
    });
  });

  it.each<[string, object | string, RegExp]>([
    ["no JSON", "{'format': 1}", /not JSON/],
    ["another format", { ...whole, format: 2 }, /format: this Stadsnod reads format 1/],
    ["an unknown key", { ...whole, gatway: "x" }, /gatway/],
    [
      "an unknown key inside",
      { ...whole, enrolment: { ...whole.enrolment, tokn: token } },
      /enrolment.*tokn/,
    ],
    ["a bad id", { ...whole, gateway: "Lamp 7" }, /gateway: a gateway's id/],
    ["no CA", { ...whole, enrolment: { url: "https://ca", token } }, /enrolment\.ca/],
    [
      "a CA that is none",
      { ...whole, enrolment: { ...whole.enrolment, ca: "PEM" } },
      /enrolment\.ca: not the certificate/,
    ],
    ["http", { ...whole, enrolment: { ...whole.enrolment, url: "http://ca" } }, /enrolment\.url/],
    [
      "a token of blanks",
      { ...whole, enrolment: { ...whole.enrolment, token: "        " } },
      /enrolment\.token/,
    ],
    ["a zone that is none", { ...whole, timeZone: "Europe/Solna" }, /timeZone: not a time zone/],
    ["a line break in an address", { ...whole, network: { dns: ["192.0.2.1\n[Match]"] } }, /network\.dns/],
    [
      "a passphrase",
      { ...whole, network: { wifi: { ...whole.network.wifi, psk: "hemligt!" } } },
      /psk: 64 hex/,
    ],
    ["too much", `${JSON.stringify(whole)}${" ".repeat(256 * 1024)}`, /256 kB/],
  ])("refuses %s, and says what to do", (_name, value, message) => {
    const read = () => readProvision(typeof value === "string" ? value : JSON.stringify(value));
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(message);
    try {
      read();
    } catch (error) {
      expect(error).toHaveProperty("hint", expect.stringMatching(/./));
      expect(String(error)).not.toContain(token);
    }
  });

  it("never shows what stands in a file that is cut off somewhere", () => {
    const text = JSON.stringify(whole);
    fc.assert(
      fc.property(fc.nat(text.length - 1), (length) => {
        try {
          readProvision(text.slice(0, length));
          return false;
        } catch (error) {
          return error instanceof ConfigError && !`${error.message}${error.hint}`.includes(token.slice(0, 8));
        }
      }),
    );
  });

  it.each([
    ["https://ca.example.org", "https://ca.example.org/.well-known/est"],
    ["https://ca.example.org:8443/", "https://ca.example.org:8443/.well-known/est"],
    ["https://ca.example.org/.well-known/est/lamps", "https://ca.example.org/.well-known/est/lamps"],
    ["https://user:pw@ca.example.org", undefined],
    ["https://ca.example.org/est", undefined],
    ["https://ca.example.org/?a", undefined],
    ["ca.example.org", undefined],
  ])("%s leads to %s", (url, base) => expect(estBase(url)).toBe(base));
});

describe("the card", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "stadsnod-card-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("loses the token and nothing else, in its own blocks", async () => {
    const path = join(folder, "provision.json");
    writeFileSync(path, JSON.stringify(whole));
    const before = readFileSync(path).length;
    const card = provisionFile(path);
    await card.removeToken();
    const text = readFileSync(path, "utf8");
    expect(text).not.toContain(token);
    expect(Buffer.byteLength(text)).toBeGreaterThanOrEqual(before);
    const { enrolment, ...rest } = whole;
    expect(await card.read()).toEqual({ ...rest, enrolment: { url: enrolment.url, ca } });
    await card.removeToken();
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  it("that is not there, or holds too much", async () => {
    expect(await provisionFile(join(folder, "none.json")).read()).toBeUndefined();
    await provisionFile(join(folder, "none.json")).removeToken();
    writeFileSync(join(folder, "large.json"), " ".repeat(256 * 1024 + 1));
    await expect(provisionFile(join(folder, "large.json")).read()).rejects.toThrow(ConfigError);
  });

  it("withoutToken leaves a file without one alone", () => {
    expect(withoutToken(JSON.stringify({ format: 1, gateway: "a" }))).toBeUndefined();
  });
});

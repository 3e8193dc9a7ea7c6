import { describe, expect, it } from "vitest";
import { type ProvisionOptions, provisionOf, wifiKey } from "./provision-options.ts";

const files: Readonly<Record<string, string>> = {
  "ca.pem": "PEM",
  "token.txt": "canary-token\n",
  "wifi.txt": "canary passphrase\n",
  "short.txt": "canary\n",
};
const make = (options: ProvisionOptions) =>
  provisionOf(options, {
    readFile: (path) => Buffer.from(files[path] ?? ""),
    readConfig: async () => ({ text: "gateway: {id: gw-9}", gateway: "gw-9" }),
  });

describe("what provision.json says", () => {
  it("follows from the options, and nothing else is in it", async () => {
    expect(await make({ gateway: "gw-1" })).toEqual({ format: 1, gateway: "gw-1" });
    expect(
      await make({
        config: "gateway.yaml",
        site: "Slussen",
        "time-zone": "Europe/Stockholm",
        "enrol-url": "https://ca.example.org",
        "token-file": "token.txt",
        ca: "ca.pem",
        address: "192.0.2.10/24",
        router: "192.0.2.1",
        dns: "192.0.2.53, 2001:db8::53",
        ntp: "ntp.example.org",
        wifi: "IEEE",
        "wifi-country": "SE",
        "wifi-passphrase-file": "wifi.txt",
      }),
    ).toEqual({
      format: 1,
      gateway: "gw-9",
      site: "Slussen",
      timeZone: "Europe/Stockholm",
      network: {
        address: "192.0.2.10/24",
        gateway: "192.0.2.1",
        dns: ["192.0.2.53", "2001:db8::53"],
        ntp: ["ntp.example.org"],
        wifi: { ssid: "IEEE", country: "SE", psk: wifiKey("canary passphrase", "IEEE") },
      },
      enrolment: { url: "https://ca.example.org", ca: "PEM", token: "canary-token" },
      config: "gateway: {id: gw-9}",
    });
  });

  it.each<[ProvisionOptions, string]>([
    [{}, "gateway is missing"],
    [{ site: "x" }, "gateway is missing"],
    [{ gateway: "gw-1", config: "gateway.yaml" }, "config is for gw-9, not for gw-1"],
    [{ gateway: "g", token: "t" }, "enrol-url is missing"],
    [{ gateway: "g", "enrol-url": "https://x" }, "ca is missing"],
    [
      { gateway: "g", "enrol-url": "https://x", ca: "ca.pem", token: "canary", "token-file": "token.txt" },
      "token and token-file",
    ],
    [{ gateway: "g", address: "192.0.2.10" }, "address is an address with its prefix"],
    [{ gateway: "g", address: "192.0.2.10/33" }, "address is"],
    [{ gateway: "g", router: "192.0.2.1" }, "router needs address"],
    [{ gateway: "g", address: "192.0.2.10/24", router: "slussen" }, "router is an address"],
    [{ gateway: "g", dns: "dns.example.org" }, "dns has addresses"],
    [{ gateway: "g", "wifi-psk": "00" }, "wifi is missing"],
    [{ gateway: "g", wifi: "x" }, "wifi-country is missing"],
    [{ gateway: "g", wifi: "x", "wifi-country": "SE" }, "wifi-passphrase-file or wifi-psk"],
    [
      { gateway: "g", wifi: "å".repeat(17), "wifi-country": "SE", "wifi-psk": "0" },
      "wifi has more than 32 bytes",
    ],
    [
      { gateway: "g", wifi: "x", "wifi-country": "SE", "wifi-passphrase-file": "short.txt" },
      "8 to 63 characters",
    ],
  ])("%j is refused by the option's name", async (options, why) => {
    await expect(make(options)).rejects.toMatchObject({
      code: "bad-provision",
      message: expect.stringContaining(why),
    });
    await expect(make(options)).rejects.not.toMatchObject({ message: expect.stringContaining("canary") });
  });
});

it("makes the key of a Wi-Fi network as the standard's examples do (IEEE 802.11-2020, annex J.4.2)", () => {
  expect(wifiKey("password", "IEEE")).toBe(
    "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e",
  );
  expect(wifiKey("ThisIsAPassword", "ThisIsASSID")).toBe(
    "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af",
  );
});

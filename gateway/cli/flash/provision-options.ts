import { pbkdf2Sync } from "node:crypto";
import { isIP } from "node:net";
import { problem } from "./problems.ts";

/** What a person says of one gateway: options of the command line, or a row of the table, by the same names. */
export type ProvisionOptions = Readonly<Partial<Record<ProvisionOption, string>>>;

/** The names of the options and of the table's columns. */
export const provisionOptions = [
  "gateway",
  "site",
  "enrol-url",
  "token-file",
  "token",
  "ca",
  "time-zone",
  "config",
  "address",
  "router",
  "dns",
  "ntp",
  "wifi",
  "wifi-country",
  "wifi-passphrase-file",
  "wifi-psk",
] as const;
export type ProvisionOption = (typeof provisionOptions)[number];

export interface ProvisionSources {
  /** Bytes of a file that an option names. Throws ConfigError. */
  readonly readFile: (path: string) => Buffer;
  /** The text of a gateway.yaml that was checked, and the gateway it is for. Rejects with ConfigError. */
  readonly readConfig: (path: string) => Promise<{ readonly text: string; readonly gateway: string }>;
}

const maxTokenFile = 4096;
const maxFile = 256 * 1024;

/** What provision.json is to say; its own schema has the last word. Rejects with ConfigError that names the option. */
export async function provisionOf(options: ProvisionOptions, sources: ProvisionSources): Promise<unknown> {
  const config = options.config === undefined ? undefined : await sources.readConfig(options.config);
  const gateway = options.gateway ?? config?.gateway;
  if (gateway === undefined) throw wrong("gateway", "is missing: the id of the gateway");
  if (config && config.gateway !== gateway)
    throw wrong("config", `is for ${config.gateway}, not for ${gateway}`);
  return dropEmpty({
    format: 1,
    gateway,
    site: options.site,
    timeZone: options["time-zone"],
    network: networkOf(options, sources),
    enrolment: enrolmentOf(options, sources),
    config: config?.text,
  });
}

function enrolmentOf(options: ProvisionOptions, { readFile }: ProvisionSources) {
  const { ca, token, "enrol-url": url, "token-file": tokenFile } = options;
  if (url === undefined && ca === undefined && token === undefined && tokenFile === undefined)
    return undefined;
  if (url === undefined) throw wrong("enrol-url", "is missing: the address of the city's CA");
  if (ca === undefined) throw wrong("ca", "is missing: the certificate that proves the city's CA");
  if (token !== undefined && tokenFile !== undefined) throw wrong("token", "and token-file are both there");
  return {
    url,
    ca: bounded("ca", readFile(ca), maxFile),
    token: tokenFile === undefined ? token : bounded("token-file", readFile(tokenFile), maxTokenFile).trim(),
  };
}

function networkOf(options: ProvisionOptions, sources: ProvisionSources) {
  const { address, router, dns, ntp } = options;
  if (address !== undefined && !isNetwork(address))
    throw wrong("address", "is an address with its prefix: 192.0.2.10/24");
  if (router !== undefined && isIP(router) === 0) throw wrong("router", "is an address: 192.0.2.1");
  if (router !== undefined && address === undefined) throw wrong("router", "needs address");
  const servers = listOf(dns);
  if (servers?.some((one) => isIP(one) === 0)) throw wrong("dns", "has addresses: 192.0.2.53,192.0.2.54");
  const network = dropEmpty({
    address,
    gateway: router,
    dns: servers,
    ntp: listOf(ntp),
    wifi: wifiOf(options, sources),
  });
  return Object.keys(network).length > 0 ? network : undefined;
}

function wifiOf(options: ProvisionOptions, { readFile }: ProvisionSources) {
  const { wifi: ssid, "wifi-country": country, "wifi-psk": psk, "wifi-passphrase-file": file } = options;
  if (ssid === undefined) {
    if (psk !== undefined || file !== undefined) throw wrong("wifi", "is missing: the name of the network");
    return undefined;
  }
  if (Buffer.byteLength(ssid) > 32) throw wrong("wifi", "has more than 32 bytes");
  if (country === undefined)
    throw wrong("wifi-country", "is missing: SE, for its rules on channels and power");
  if ((psk === undefined) === (file === undefined))
    throw wrong("wifi-passphrase-file", "or wifi-psk: one of them goes with wifi");
  return {
    ssid,
    country,
    psk:
      psk ??
      wifiKey(
        bounded("wifi-passphrase-file", readFile(file ?? ""), maxTokenFile).replace(/\r?\n$/, ""),
        ssid,
      ),
  };
}

/**
 * The key of a WPA2 network (IEEE 802.11-2020, annex J.4.1): it opens that one network, while its passphrase would
 * tell how somebody chooses passphrases, and may be the same elsewhere. Throws ConfigError.
 */
export function wifiKey(passphrase: string, ssid: string): string {
  if (!/^[\x20-\x7e]{8,63}$/.test(passphrase))
    throw wrong("wifi-passphrase-file", "has 8 to 63 characters of ASCII in it");
  return pbkdf2Sync(passphrase, ssid, 4096, 32, "sha1").toString("hex");
}

function isNetwork(text: string): boolean {
  const [, address = "", prefix] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const kind = isIP(address);
  return kind !== 0 && Number(prefix) >= 1 && Number(prefix) <= (kind === 4 ? 32 : 128);
}

function listOf(text: string | undefined): string[] | undefined {
  return text?.split(/[,\s]+/).filter((one) => one !== "");
}

function bounded(option: ProvisionOption, bytes: Buffer, most: number): string {
  if (bytes.length > most) throw wrong(option, `names a file of ${bytes.length} bytes, too large for it`);
  return bytes.toString("utf8");
}

/** The option is said first: in the table it is the name of the column. Values are never quoted. */
function wrong(option: ProvisionOption, why: string) {
  return problem("bad-provision", `${option} ${why}`);
}

function dropEmpty<T extends object>(record: T): Partial<T> {
  const kept: Partial<T> = { ...record };
  for (const key in kept) if (kept[key] === undefined) delete kept[key];
  return kept;
}

import { execFile } from "node:child_process";
import { constants } from "node:fs";
import {
  access,
  chmod,
  link,
  lstat,
  mkdir,
  open,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { rootCertificates } from "node:tls";
import { promisify } from "node:util";
import type { Exchange } from "../../enrolment/exchange.ts";
import type { Host } from "../../enrolment/first-boot.ts";
import type { NetworkProvision } from "../../enrolment/provision.ts";
import { ConfigError, StorageError } from "../../model/errors.ts";
import { openIdentityKey } from "../../store/identity-key.ts";
import type { CliContext } from "../context.ts";
import { readConfiguration } from "../files.ts";
import { openIdentityDisk } from "./places.ts";

const run = promisify(execFile);

export interface HostOptions {
  readonly context: CliContext;
  /** Folders. */
  readonly state: string;
  readonly config: string;
  readonly gateway: string | undefined;
  /** PEM: of the city, which may vouch for where the configuration lies, as those may that everybody knows. */
  readonly authorities?: string | undefined;
  readonly exchange: Exchange;
  /** In front of every path of the system: a test's own. */
  readonly root?: string | undefined;
}

/** This machine: Linux with systemd, its /etc possibly for reading only. What cannot last is done anew at every boot. */
export function hostOf(options: HostOptions): Host {
  const { context, state, config, gateway, exchange, root = "" } = options;
  const file = join(config, "gateway.yaml");
  const path = (name: string) => `${root}${name}`;
  return {
    profiles: shippedProfiles(),
    async makeKey() {
      await openIdentityKey(await openIdentityDisk(state));
    },
    async setHostname(name) {
      await guarded("the host name", () => writeFile(path("/proc/sys/kernel/hostname"), name));
      // Of use where /etc can be written; elsewhere the next boot says it again.
      await writeFile(path("/etc/hostname"), `${name}\n`).catch(() => {});
    },
    setTimeZone: (name) => guarded("the time zone", () => setTimeZone(name, path)),
    setNetwork: (network) => guarded("the network", () => setNetwork(network, path, root === "")),
    hasConfiguration: () =>
      access(file, constants.F_OK).then(
        () => true,
        () => false,
      ),
    putConfiguration: (text) => guarded(file, () => putNew(file, text, state)),
    async checkConfiguration(text) {
      const { config: good, diagnostics } = await readConfiguration(context, file, text);
      if (!good)
        return diagnostics.find(({ severity }) => severity === "error")?.message ?? "it cannot be read";
      if (gateway !== undefined && good.gateway.id !== gateway)
        return `it is that of ${good.gateway.id}, and the card is for ${gateway}`;
      return undefined;
    },
    async fetch(url, signal) {
      const authorities = [...rootCertificates, options.authorities ?? ""].join("\n");
      const request = { method: "GET", url, headers: {}, authorities } as const;
      const { status, body } = await exchange(request, signal);
      if (status === 200) return Buffer.from(body).toString("utf8");
      throw new ConfigError(`${url} answers with ${status}`, {
        code: "provision-config",
        hint: "is `config.url` right, and may everybody read it?",
      });
    },
  };
}

/** Beside dist/; of the sources, at their root. */
function shippedProfiles(): string {
  const here = import.meta.dirname;
  const root = import.meta.filename.endsWith(".ts") ? join(here, "../../..") : join(here, "..");
  return join(root, "device-profiles");
}

/** A link of /etc into a place that can be written is followed once: so the image keeps /etc for reading only. */
async function setTimeZone(name: string, path: (name: string) => string): Promise<void> {
  const zone = `/usr/share/zoneinfo/${name}`;
  await access(path(zone)).catch((cause: unknown) => {
    throw new ConfigError(`this machine does not know the time zone ${name}`, {
      code: "unknown-time-zone",
      hint: "install tzdata",
      cause,
    });
  });
  const target = await readlink(path("/etc/localtime")).catch(() => "");
  const place = /^\/(run|data|etc\/stadsnod)\//.test(target) ? target : "/etc/localtime";
  if (target === zone) return;
  const aside = path(`${place}.new`);
  await mkdir(dirname(aside), { recursive: true });
  await rm(aside, { force: true });
  await symlink(zone, aside);
  await rename(aside, path(place));
}

/** Service, object and interface on D-Bus: org.freedesktop.network1(5). */
const networkd = [
  "org.freedesktop.network1",
  "/org/freedesktop/network1",
  "org.freedesktop.network1.Manager",
];

/** For systemd-networkd and wpa_supplicant, below /run: the card is read again at every boot. */
async function setNetwork(
  { address, gateway, dns = [], ntp = [], wifi }: NetworkProvision,
  path: (name: string) => string,
  live: boolean,
): Promise<void> {
  const lines = ["[Match]", wifi ? "Name=wl*" : "Name=en* eth*", "", "[Network]"];
  lines.push(address === undefined ? "DHCP=yes" : `Address=${address}`);
  if (gateway !== undefined) lines.push(`Gateway=${gateway}`);
  for (const one of dns) lines.push(`DNS=${one}`);
  // By the network and not by timesyncd.conf: systemd-timesyncd runs already, and takes these as they come.
  for (const one of ntp) lines.push(`NTP=${one}`);
  await put(path("/run/systemd/network/10-stadsnod.network"), `${lines.join("\n")}\n`, 0o644);
  if (wifi) {
    // A name in hexadecimal needs no quotes, whatever is in it.
    const ssid = Buffer.from(wifi.ssid).toString("hex");
    const text = `country=${wifi.country}\nnetwork={\n  ssid=${ssid}\n  psk=${wifi.psk}\n}\n`;
    await put(path("/run/stadsnod-wifi/wpa_supplicant-wlan0.conf"), text, 0o600);
  }
  // At boot networkd starts later and finds the file by itself.
  // Not by networkctl, which refuses to work in a unit that has no network of its own (systemd 255 and later).
  if (live) await run("busctl", ["--quiet", "call", ...networkd, "Reload"]).catch(() => {});
}

async function put(file: string, text: string, mode: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await rm(`${file}.new`, { force: true });
  await writeFile(`${file}.new`, text, { mode, flag: "wx" });
  // Whatever umask this runs with: systemd-networkd is another user.
  await chmod(`${file}.new`, mode);
  await rename(`${file}.new`, file);
}

/**
 * Whole or not there, and never over another: a link fails where there is one. It belongs to whom the state belongs
 * to: the gateway changes its own configuration, from its page.
 */
async function putNew(file: string, text: string, state: string): Promise<void> {
  const folder = dirname(file);
  await mkdir(folder, { recursive: true });
  const draft = `${file}.first-boot`;
  await rm(draft, { force: true });
  const handle = await open(draft, "wx", 0o640);
  try {
    if (process.getuid?.() === 0) {
      const { uid, gid } = await stat(state);
      await handle.chown(uid, gid);
    }
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    await link(draft, file);
  } catch (error) {
    if ((await lstat(file).catch(() => undefined)) === undefined) throw error;
  }
  await rm(draft, { force: true });
  const names = await open(folder, "r");
  try {
    await names.sync();
  } finally {
    await names.close();
  }
}

async function guarded(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if (!(cause instanceof Error) || !("code" in cause) || cause instanceof ConfigError) throw cause;
    throw new StorageError(`${what} could not be set (${String(cause.code)})`, {
      code: "first-boot",
      hint: "run it as root",
      cause,
    });
  }
}

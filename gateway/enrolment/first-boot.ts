import { createHash } from "node:crypto";
import { ConfigError, type GatewayError } from "../model/errors.ts";
import type { NetworkProvision, Provision } from "./provision.ts";

/** What a first boot does to the machine. Every method may be called again, and rejects with GatewayError. */
export interface Host {
  /** Makes the gateway's key where there is none. */
  makeKey(): Promise<void>;
  setHostname(name: string): Promise<void>;
  setTimeZone(name: string): Promise<void>;
  setNetwork(network: NetworkProvision): Promise<void>;
  /** The folder of the profiles that come with the program. */
  readonly profiles: string;
  /** Whether there is a gateway.yaml, good or bad. */
  hasConfiguration(): Promise<boolean>;
  /** Puts one there that is whole or not there; never over another. */
  putConfiguration(text: string): Promise<void>;
  /** What is wrong with a text as gateway.yaml; undefined when it can be used. */
  checkConfiguration(text: string): Promise<string | undefined>;
  /** Rejects with LinkError while there is no network. */
  fetch(url: string, signal: AbortSignal): Promise<string>;
}

export interface BootStep {
  readonly step: "key" | "hostname" | "time-zone" | "network" | "configuration";
  readonly done: "done" | "kept" | "failed";
  readonly why?: Pick<GatewayError, "code" | "message" | "hint"> | undefined;
}

/**
 * Takes over what the card brings. Each step is durable by itself and looks whether it has been done: this runs at every
 * boot. A step that fails keeps no other from its turn. A configuration is never overwritten.
 * @param only this step alone, for whoever may do no other
 */
export async function firstBoot(
  provision: Provision | undefined,
  host: Host,
  isKnown: (error: unknown) => error is GatewayError,
  signal: AbortSignal,
  only?: BootStep["step"],
): Promise<readonly BootStep[]> {
  const steps: BootStep[] = [];
  const take = async (step: BootStep["step"], work: () => Promise<"done" | "kept">): Promise<void> => {
    if (only !== undefined && step !== only) return;
    try {
      steps.push({ step, done: await work() });
    } catch (error) {
      if (!isKnown(error)) throw error;
      const { code, message, hint } = error;
      steps.push({ step, done: "failed", why: { code, message, hint } });
    }
  };
  const always = (work: Promise<void>) => work.then(() => "done" as const);
  // Before anything that could ask for it at the same time.
  await take("key", () => always(host.makeKey()));
  if (!provision) return steps;
  const { gateway, timeZone, network } = provision;
  await take("hostname", () => always(host.setHostname(gateway)));
  if (timeZone !== undefined) await take("time-zone", () => always(host.setTimeZone(timeZone)));
  if (network) await take("network", () => always(host.setNetwork(network)));
  await take("configuration", () => configure(provision, host, signal));
  return steps;
}

async function configure(provision: Provision, host: Host, signal: AbortSignal): Promise<"done" | "kept"> {
  if (await host.hasConfiguration()) return "kept";
  const { config } = provision;
  let text = minimal(provision, host.profiles);
  if (typeof config === "string") text = config;
  else if (config) text = await fetched(config, host, signal);
  const wrong = await host.checkConfiguration(text);
  if (wrong !== undefined)
    throw new ConfigError(`the configuration of provision.json cannot be used: ${wrong}`, {
      code: "provision-config",
      hint: "`stadsnod check` shows it with its lines; write provision.json anew",
    });
  await host.putConfiguration(text);
  return "done";
}

async function fetched(
  { url, sha256 }: { readonly url: string; readonly sha256: string },
  host: Host,
  signal: AbortSignal,
): Promise<string> {
  const text = await host.fetch(url, signal);
  if (createHash("sha256").update(text).digest("hex") === sha256.toLowerCase()) return text;
  throw new ConfigError("the configuration at `config.url` is not the one that provision.json means", {
    code: "provision-config",
    hint: "its SHA-256 differs: write provision.json anew, or put the right file there",
  });
}

/** Enough for the daemon and its page to start: devices come later. */
function minimal({ gateway, timeZone, site }: Provision, profiles: string): string {
  const titled = site === undefined ? [] : [`  title: ${JSON.stringify(site)}`];
  const zoned = timeZone === undefined ? [] : [`  timeZone: ${timeZone}`];
  return `${[
    "# Made at the first boot from provision.json.",
    "gateway:",
    `  id: ${gateway}`,
    ...titled,
    ...zoned,
    "profiles:",
    `  - ${JSON.stringify(profiles)}`,
    "storage:",
    "  folder: /var/lib/stadsnod",
    "local:",
    "  socket: /run/stadsnod/stadsnod.sock",
  ].join("\n")}\n`;
}

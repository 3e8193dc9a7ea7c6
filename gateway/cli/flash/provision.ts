import { readProvision } from "../../enrolment/provision.ts";
import { ConfigError, GatewayError } from "../../model/errors.ts";
import { explainConnection } from "../../southbound/explain.ts";
import { type CliContext, readNamed } from "../context.ts";
import { readConfiguration, showDiagnostics } from "../files.ts";
import type { Language } from "../register-words.ts";
import { detailOf, problem } from "./problems.ts";
import {
  type ProvisionOption,
  type ProvisionOptions,
  type ProvisionSources,
  provisionOf,
} from "./provision-options.ts";
import { words } from "./words.ts";

/** provision.json of one gateway, as the gateway itself will accept it. */
export interface Provisioned {
  readonly gateway: string;
  readonly site: string | undefined;
  /** Never shown; only to tell whether it is used twice. */
  readonly token: string | undefined;
  readonly content: Buffer;
}

/** Builds and checks it. Rejects with ConfigError, which names options and never quotes what is secret. */
export async function makeProvision(
  options: ProvisionOptions,
  sources: ProvisionSources,
): Promise<Provisioned> {
  const text = `${JSON.stringify(await provisionOf(options, sources), undefined, 2)}\n`;
  try {
    const { gateway, site, enrolment } = readProvision(text);
    return { gateway, site, token: enrolment?.token, content: Buffer.from(text) };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw problem("bad-provision", inOptions(error.message), { cause: error });
  }
}

/** Where its schema says `enrolment.url`, people typed `enrol-url`. */
function inOptions(message: string): string {
  const names: readonly (readonly [path: string, option: ProvisionOption])[] = [
    ["network.wifi.ssid", "wifi"],
    ["network.wifi.psk", "wifi-psk"],
    ["network.wifi.country", "wifi-country"],
    ["network.address", "address"],
    ["network.gateway", "router"],
    ["network.dns", "dns"],
    ["network.ntp", "ntp"],
    ["enrolment.url", "enrol-url"],
    ["enrolment.ca", "ca"],
    ["enrolment.token", "token"],
    ["timeZone", "time-zone"],
  ];
  const plain = message.replace(/^provision\.json: /, "");
  return names.reduce((text, [path, option]) => text.replaceAll(`${path}: `, `${option}: `), plain);
}

/** Reads files from the folder of the command; a configuration is checked once, however many rows name it. */
export function sourcesOf(context: CliContext, language: Language): ProvisionSources {
  const checked = new Map<string, Promise<{ text: string; gateway: string }>>();
  return {
    readFile: (path) => readNamed(context, path),
    readConfig(path) {
      const known = checked.get(path) ?? checkedConfig(context, path, language);
      checked.set(path, known);
      return known;
    },
  };
}

/** The text of gateway.yaml after the check of `stadsnod check`. What it names as secret must be on the gateway, not here. */
async function checkedConfig(context: CliContext, path: string, language: Language) {
  const text = readNamed(context, path).toString("utf8");
  const { config, diagnostics } = await readConfiguration(context, path, text);
  showDiagnostics(context, diagnostics);
  // A card cannot be wiped for certain: what is secret and lasts has no place on it.
  const plain = diagnostics.filter(({ code }) => code === "plain-secret");
  const absent = diagnostics.filter(({ code }) => code === "missing-secret");
  const errors = diagnostics.filter(
    ({ severity, code }) => severity === "error" && code !== "missing-secret",
  );
  if (absent.length > 0) context.err(`${words[language].missingSecrets}\n`);
  if (plain.length > 0)
    throw problem(
      "bad-config",
      `${path}:${plain[0]?.line}: a secret in plain text, which would stay on the card`,
    );
  if (errors.length > 0) throw problem("bad-config", `${path}:${errors[0]?.line}: ${errors[0]?.message}`);
  for (const line of config?.connections.values() ?? []) {
    const devices = config?.devices.filter((device) => device.connection === line.name) ?? [];
    const { findings } = explainConnection({
      connection: line.name,
      protocol: line.protocol,
      settings: line.settings,
      devices,
    });
    const wrong = findings.find(({ severity }) => severity === "error");
    if (wrong) throw problem("bad-config", `${path}: ${line.name}: ${wrong.message}`);
  }
  const gateway = config?.gateway.id;
  if (gateway === undefined) throw problem("bad-config", `${path}: it cannot be checked here`);
  return { text, gateway };
}

/** The option and the reason, for a row of a table. */
export function reasonOf(error: unknown): string | undefined {
  return error instanceof ConfigError ? detailOf(error) : undefined;
}

import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseDocument } from "yaml";
import * as z from "zod";
import type { GatewayFacts } from "../commissioning/doctor/doctor.ts";
import type { NorthboundFacts } from "../commissioning/northbound-test.ts";
import type { ConfiguredPort } from "../commissioning/ports.ts";
import type { GatewayConfig } from "../config/config.ts";
import { type Diagnostic, withoutSecrets } from "../model/diagnostic.ts";
import { GatewayError } from "../model/errors.ts";
import { buildTime } from "../model/version.ts";
import { brokerFields } from "../transport/mqtt/settings.ts";
import { type CliContext, inFolder } from "./context.ts";
import { files, readConfiguration } from "./files.ts";

/** What gateway.yaml says to those who look after the machine, whole or not. */
export interface ReadFacts {
  readonly facts: GatewayFacts;
  /** Missing where the file cannot be used. */
  readonly config?: GatewayConfig | undefined;
  readonly text?: string | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

const packagedFile = "/etc/stadsnod/gateway.yaml";

/** The argument of commands that do without a gateway.yaml. */
export const optionalConfig = [
  "[gateway.yaml]",
  `configuration of the gateway (default: the one of this folder, else ${packagedFile}, else none)`,
] as const;

/** Reads gateway.yaml as far as it can be read. Never rejects because of what it says. */
export async function readGatewayFacts(
  context: Pick<CliContext, "cwd" | "env">,
  named: string | undefined,
): Promise<ReadFacts> {
  const here = inFolder(context, "gateway.yaml");
  const file =
    named === undefined ? [here, packagedFile].find((one) => existsSync(one)) : inFolder(context, named);
  if (file === undefined) return { facts: { ports: [], northbound: [], buildTime }, diagnostics: [] };
  let text: string;
  try {
    text = files.read(file);
  } catch (error) {
    const unreadable = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    const configuration = { file, unreadable, plainSecrets: 0, secretFiles: [] };
    return { facts: { configuration, ports: [], northbound: [], buildTime }, diagnostics: [] };
  }
  const { config, diagnostics } = await readConfiguration(context, file).catch((error: unknown) => {
    if (error instanceof GatewayError) return { config: undefined, diagnostics: [] };
    throw error;
  });
  const error = diagnostics.find(({ severity }) => severity === "error");
  const written = looselyRead(text);
  return {
    facts: {
      configuration: {
        file,
        error: error && withoutSecrets(`${error.message} (${error.line}:${error.column})`),
        plainSecrets: diagnostics.filter(({ code }) => code === "plain-secret").length,
        secretFiles: secretFilesOf(written, dirname(file)),
      },
      ports: portsOf(written),
      storageFolder: config?.storage.folder,
      socket: config?.local.socket,
      northbound: config ? northboundOf(config) : [],
      buildTime,
    },
    config,
    text,
    diagnostics,
  };
}

/** What a text says even where it is wrong. */
function looselyRead(text: string): unknown {
  try {
    return parseDocument(text, { strict: false, uniqueKeys: false }).toJS({ maxAliasCount: 0 });
  } catch {
    return undefined;
  }
}

const portsSchema = z.object({ connections: z.record(z.string(), z.unknown()) });
const serialSchema = z.object({ serial: z.object({ port: z.string(), parity: z.string().optional() }) });

/** Serial ports by connection, also of connections that have errors. */
export function portsOf(written: unknown): readonly ConfiguredPort[] {
  const connections = portsSchema.safeParse(written).data?.connections ?? {};
  return Object.entries(connections).flatMap(([connection, one]) => {
    const serial = serialSchema.safeParse(one).data?.serial;
    return serial ? [{ connection, port: resolve(serial.port), parity: serial.parity }] : [];
  });
}

/** `${file:...}` wherever it stands, and private keys. */
function secretFilesOf(written: unknown, base: string): readonly string[] {
  const found = new Set<string>();
  const walk = (key: string, value: unknown, depth: number): void => {
    if (depth > 32) return;
    if (typeof value === "string") {
      const name = /^\$\{file:([^{}]+)\}$/.exec(value)?.[1];
      if (name !== undefined) found.add(resolve(base, name));
      else if (key === "key" && value.endsWith(".pem")) found.add(resolve(base, value));
    } else if (typeof value === "object" && value !== null)
      // The keys of `commands: {trust}` are the public halves of others' keys.
      for (const [name, item] of Object.entries(value)) if (name !== "trust") walk(name, item, depth + 1);
  };
  walk("", written, 0);
  return [...found];
}

const brokerSchema = z.object({ ...brokerFields, root: z.string() });

export function northboundOf({ gateway, northbound, commands }: GatewayConfig): readonly NorthboundFacts[] {
  return Array.from(northbound.values()).flatMap(({ name, settings: written }) => {
    const { data } = brokerSchema.safeParse(written);
    if (!data) return [];
    const { root, ...settings } = data;
    return [{ name, gateway: gateway.id, root, commands: commands.issuers.size > 0, settings }];
  });
}

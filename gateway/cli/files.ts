import { relative } from "node:path";
import type { GatewayConfig } from "../config/config.ts";
import { readConfig } from "../config/read.ts";
import { type Diagnostic, formatDiagnostic } from "../model/diagnostic.ts";
import { northbounds } from "../northbound/index.ts";
import type { ProfileFiles } from "../profiles/library.ts";
import { loadProtocols } from "../southbound/index.ts";
import type { Protocol } from "../southbound/protocol.ts";
import { type CliContext, ExitError, exit, inFolder } from "./context.ts";
import { files } from "./profile-files.ts";

export { files } from "./profile-files.ts";

export interface ReadConfiguration {
  readonly config: GatewayConfig | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads gateway.yaml with its profiles, and loads the protocols that it names. Rejects with ConfigError
 * when the file cannot be read at all. `instead`: a text that is looked at in its place.
 */
export async function readConfiguration(
  context: Pick<CliContext, "cwd" | "env">,
  path: string,
  instead?: string,
): Promise<ReadConfiguration> {
  const file = inFolder(context, path);
  const source: ProfileFiles = {
    list: files.list,
    read: (one) => (instead !== undefined && one === file ? instead : files.read(one)),
  };
  const read = async (protocols: readonly Protocol[]): Promise<ReadConfiguration> => {
    const options = { files: source, protocols, northbounds, env: context.env };
    const { config, diagnostics } = await readConfig(file, options);
    return { config, diagnostics };
  };
  const text = instead ?? textOf(file);
  const found = await read(await loadProtocols(({ name }) => text.includes(name)));
  // What a wrong name was meant to be can only be said of all of them.
  return found.diagnostics.some(({ code }) => code === "unknown-protocol")
    ? read(await loadProtocols())
    : found;
}

/** Like `readConfiguration`, but what cannot be used ends the command after its findings were shown. */
export async function requireConfiguration(context: CliContext, path: string): Promise<GatewayConfig> {
  const { config, diagnostics } = await readConfiguration(context, path);
  showDiagnostics(context, diagnostics);
  if (!config) throw new ExitError(exit.usage);
  return config;
}

/** Findings as a person reads them, each with its line of the file. */
export function showDiagnostics(context: CliContext, diagnostics: readonly Diagnostic[]): void {
  const texts = new Map<string, string>();
  for (const finding of diagnostics) {
    const text = texts.get(finding.file) ?? textOf(finding.file);
    texts.set(finding.file, text);
    const file = relative(context.cwd, finding.file) || finding.file;
    const shown = file.startsWith("..") ? finding.file : file;
    context.err(`${formatDiagnostic({ ...finding, file: shown }, text)}\n`);
  }
}

/** Empty for a file that cannot be read: that is said elsewhere, and it has no line to show. */
function textOf(path: string): string {
  try {
    return files.read(path);
  } catch {
    return "";
  }
}

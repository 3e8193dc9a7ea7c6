import { createHash } from "node:crypto";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { hashOf, maxLineBytes, parseAuditLine } from "../commands/audit-line.ts";
import { segmentsOf } from "../commands/audit-segments.ts";
import type { DiagnosticsSources } from "../commissioning/diagnostics.ts";
import { type GatewayConfig, tellingDevices } from "../config/config.ts";
import { readablePoints } from "../model/device.ts";
import type { ReadingJson } from "../model/json.ts";
import { isPersonal } from "../model/privacy.ts";
import { version } from "../model/version.ts";
import type { CliContext } from "./context.ts";
import { files } from "./files.ts";
import type { ReadFacts } from "./gateway-facts.ts";

/** As much of the local API as a bundle is made of. Rejects with GatewayError. */
export interface AskGateway {
  get<T>(path: string): Promise<T>;
}

const logLines = 200;

/** Where a bundle's contents come from: gateway.yaml, its files, and the running gateway if one answers. */
export async function diagnosticsSources(
  { env }: Pick<CliContext, "env">,
  { facts, config, text, diagnostics }: ReadFacts,
  gateway: AskGateway,
): Promise<DiagnosticsSources> {
  const { configuration, storageFolder } = facts;
  const answer = (path: string) => () => gateway.get<unknown>(path);
  const users = await accounts(gateway);
  return {
    version,
    configuration:
      configuration && text !== undefined
        ? {
            file: configuration.file,
            text,
            diagnostics,
            secrets: secretsOf(text, configuration.secretFiles, env),
          }
        : undefined,
    users: users.map(({ name }) => name),
    open: config ? openPoints(config) : new Set(),
    profiles: config ? profilesOf(config) : [],
    answers: new Map([
      ["accounting", answer("/v1/accounting")],
      ["connections", answer("/v1/connections")],
      ["status", answer("/v1/status")],
    ]),
    latest: () => gateway.get<readonly ReadingJson[]>("/v1/latest"),
    logs: async () =>
      (await gateway.get<{ readonly lines: readonly string[] }>(`/v1/logs?lines=${logLines}`)).lines,
    auditHead: storageFolder === undefined ? undefined : () => auditHead(join(storageFolder, "audit")),
  };
}

/** A gateway that is down, or has no HTTPS door, has none to tell. */
async function accounts(gateway: AskGateway): Promise<readonly { readonly name: string }[]> {
  try {
    return await gateway.get("/v1/users");
  } catch {
    return [];
  }
}

/** What the references of gateway.yaml lead to, to be looked for everywhere else. */
function secretsOf(text: string, secretFiles: readonly string[], env: CliContext["env"]): string[] {
  const found: string[] = [];
  for (const [, name] of text.matchAll(/\$\{env:([^{}]+)\}/g)) found.push(env[name ?? ""] ?? "");
  for (const path of secretFiles) {
    try {
      found.push(files.read(path).replace(/\r?\n$/, ""));
    } catch {
      // Whoever may not read it cannot give it away either.
    }
  }
  return found.filter((one) => one !== "");
}

function openPoints(config: GatewayConfig): ReadonlySet<string> {
  return new Set(
    tellingDevices(config).flatMap(({ id, profile, views = [] }) =>
      [...readablePoints(profile), ...views]
        .filter((point) => !isPersonal(point))
        .map(({ name }) => `${id}/${name}`),
    ),
  );
}

function profilesOf(config: GatewayConfig): DiagnosticsSources["profiles"] {
  const used = new Map(config.devices.map(({ profile }) => [profile.id, profile.version]));
  return [...used]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, profileVersion]) => ({
      id,
      version: profileVersion,
      sha256: createHash("sha256").update(profileText(config, id)).digest("hex"),
    }));
}

function profileText({ profiles }: GatewayConfig, id: string): string {
  for (const folder of profiles) {
    try {
      return files.read(`${folder.replace(/\/$/, "")}/${id}.yaml`);
    } catch {
      // In a later folder, then.
    }
  }
  return "";
}

/** Number and hash of the last line: with it, `stadsnod audit-log --verify --head` shows later that nothing was changed. */
async function auditHead(folder: string): Promise<unknown> {
  const names = segmentsOf(await readdir(folder));
  const last = names.at(-1);
  if (last === undefined) return { segments: 0 };
  const file = await open(join(folder, last), "r");
  try {
    const { size } = await file.stat();
    const length = Math.min(size, 2 * maxLineBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const lines = buffer.toString("utf8", 0, bytesRead).split("\n").slice(0, -1);
    const text = lines.at(-1) ?? "";
    const line = parseAuditLine(text);
    return {
      segments: names.length,
      first: names[0],
      n: line?.n,
      time: line?.time,
      hash: line && hashOf(text),
    };
  } finally {
    await file.close();
  }
}

import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { publicJwk, thumbprint } from "../../codec/jws.ts";
import { CertificateStore } from "../../enrolment/certificate-store.ts";
import { type CertificateFacts, certificateFacts } from "../../enrolment/progress.ts";
import { ConfigError, GatewayError } from "../../model/errors.ts";
import { readText } from "../../store/documents.ts";
import { openFolderDisk, privateFiles } from "../../store/folder-disk.ts";
import { type CliContext, inFolder } from "../context.ts";
import { command } from "../daemon.ts";
import { cardAt, provisionOption, stateOption } from "./places.ts";

interface Options {
  readonly provision: string;
  readonly state: string;
  readonly json?: boolean;
}

export interface Identity {
  readonly gateway?: string | undefined;
  /** RFC 7638, SHA-256, base64url: the key's name. */
  readonly key: string;
  readonly certificate?: CertificateFacts | undefined;
  /** What a label's QR code says. */
  readonly qr: string;
}

export function identityCommand(context: CliContext): Command {
  return command("identity", "who this gateway is: its id, the name of its key, its certificate, a QR code", [
    "stadsnod identity",
    "stadsnod identity --json",
  ])
    .addOption(provisionOption())
    .addOption(stateOption())
    .option("--json", "as JSON, without the code")
    .action(async (options: Options) => {
      const identity = await readIdentity(
        inFolder(context, options.state),
        inFolder(context, options.provision),
      );
      if (options.json) return context.out(`${JSON.stringify(identity)}\n`);
      const { renderUnicodeCompact } = await import("uqr");
      context.out(`${textOf(identity)}\n\n${renderUnicodeCompact(identity.qr)}\n`);
    });
}

/** Makes nothing. Rejects with ConfigError `no-identity` where there is no key yet, or StorageError. */
export async function readIdentity(state: string, provision: string): Promise<Identity> {
  const folder = join(state, "identity");
  const disk = existsSync(folder) ? await openFolderDisk(folder, privateFiles) : undefined;
  const pem = disk && (await readText(disk, "key.pem", 4096));
  if (disk === undefined || pem === undefined)
    throw new ConfigError("this gateway has no key yet", {
      code: "no-identity",
      hint: "it is made at the first boot, by `stadsnod enrol`, or with the first report",
    });
  const held = await new CertificateStore(disk).current();
  const gateway = commonName(held?.certificate.subject) ?? (await provisioned(provision));
  const key = thumbprint(publicJwk(publicOf(pem)));
  return {
    gateway,
    key,
    certificate: held && certificateFacts(held.certificate),
    qr: `stadsnod:${gateway ?? ""}#${key}`,
  };
}

function publicOf(pem: string): KeyObject {
  try {
    return createPublicKey(createPrivateKey(pem));
  } catch (cause) {
    throw new ConfigError("the gateway's own key cannot be read", { code: "identity-damaged", cause });
  }
}

function commonName(subject: string | undefined): string | undefined {
  return /^CN=(.+)$/m.exec(subject ?? "")?.[1];
}

/** A card that is not there or not good has no say in this. */
async function provisioned(path: string): Promise<string | undefined> {
  try {
    return (await cardAt(path).read())?.gateway;
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}

function textOf({ gateway, key, certificate, qr }: Identity): string {
  const lines = [`gateway      ${gateway ?? "unknown"}`, `key          ${key}`];
  if (certificate) {
    const { subject, issuer, to, renewal, fingerprint } = certificate;
    lines.push(`certificate  ${subject}, by ${issuer}`);
    lines.push(`  until      ${to}, renewed from ${renewal}`);
    lines.push(`  SHA-256    ${fingerprint}`);
  } else lines.push("certificate  none");
  lines.push(`code         ${qr}`);
  return lines.join("\n");
}

import { X509Certificate } from "node:crypto";
import * as z from "zod";
import type { Clock } from "../model/clock.ts";
import { ConfigError } from "../model/errors.ts";
import type { Disk } from "../store/disk.ts";
import { readDocument, replaceDocument } from "../store/documents.ts";
import { type Certificate, fingerprintOf, makeCertificate } from "./certificate.ts";

const file = "certificate.json";
const stored = z.object({ cert: z.string().max(16_384), key: z.string().max(16_384) });
const dayMs = 86_400_000;
const validMs = 3652 * dayMs;

export interface CertificateSource {
  /** PEM, of gateway.yaml. */
  readonly certificate: Certificate | undefined;
  readonly disk: Disk;
  readonly names: readonly string[];
  readonly clock: Clock;
}

/**
 * The certificate that was given, or the gateway's own: made once, for ten years, and kept, so that people can
 * know it by its fingerprint. Rejects with ConfigError `https-certificate` or StorageError.
 */
export async function serverCertificate(
  source: CertificateSource,
): Promise<Certificate & { readonly fingerprint: string }> {
  const chosen = source.certificate ?? (await ownCertificate(source));
  try {
    return { ...chosen, fingerprint: fingerprintOf(chosen.cert) };
  } catch (cause) {
    throw new ConfigError("the certificate of `local: {https: ...}` is no PEM certificate", {
      code: "https-certificate",
      cause,
    });
  }
}

async function ownCertificate({ disk, names, clock }: CertificateSource): Promise<Certificate> {
  const known = stored.safeParse(await readDocument(disk, file));
  if (known.success && isValid(known.data.cert, clock)) return known.data;
  // A clock without trust may be years behind, never ahead: the beginning is as early as it says.
  const from = clock.now() - dayMs;
  const [name = "stadsnod"] = names;
  const made = makeCertificate({ name, names, from, to: from + validMs });
  await replaceDocument(disk, file, made);
  return made;
}

function isValid(cert: string, clock: Clock): boolean {
  try {
    return new X509Certificate(cert).validToDate.getTime() > clock.now();
  } catch {
    // What is no certificate is made anew.
    return false;
  }
}

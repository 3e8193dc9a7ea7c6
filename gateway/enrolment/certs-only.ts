import { X509Certificate } from "node:crypto";
import { context, DerError, expectTag, inside, isIdentifier, readElement, tags } from "./der.ts";

/** PKCS #7 signedData, RFC 5652 section 5.1. */
const signedData = "1.2.840.113549.1.7.2";
/** More than any chain of a city. */
const maxCertificates = 16;

/**
 * The certificates of a certs-only message (RFC 5652 section 5: SignedData without signers), DER. Throws DerError:
 * not such a message, none in it or more than 16.
 */
export function readCertsOnly(bytes: Uint8Array): X509Certificate[] {
  const [type, content] = inside(readElement(bytes), tags.sequence);
  if (!isIdentifier(type, signedData)) throw new DerError("not signed data");
  const parts = inside(inside(content, context(0))[0], tags.sequence);
  // version, digestAlgorithms, encapContentInfo; then what may be absent.
  expectTag(parts[0], tags.integer);
  expectTag(parts[1], tags.set);
  expectTag(parts[2], tags.sequence);
  const list = inside(
    parts.find(({ tag }) => tag === context(0)),
    context(0),
  );
  if (list.length === 0) throw new DerError("no certificate in it");
  if (list.length > maxCertificates) throw new DerError(`more than ${maxCertificates} certificates`);
  return list.map((one) => certificateOf(expectTag(one, tags.sequence).whole));
}

function certificateOf(bytes: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(bytes);
  } catch (cause) {
    throw new DerError("a certificate in it cannot be read", { cause });
  }
}

const pem = /-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, in its order; at most 16. Throws DerError. */
export function readPemCertificates(text: string): X509Certificate[] {
  const found = text.match(pem) ?? [];
  if (found.length > maxCertificates) throw new DerError(`more than ${maxCertificates} certificates`);
  return found.map((one) => certificateOf(Buffer.from(one)));
}

/** One behind the other, as TLS libraries want them. */
export function toPem(certificates: readonly X509Certificate[]): string {
  return certificates.map((one) => one.toString()).join("");
}

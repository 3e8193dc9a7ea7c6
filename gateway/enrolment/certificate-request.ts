import type { X509Certificate } from "node:crypto";
import {
  bitString,
  context,
  type Element,
  element,
  inside,
  isIdentifier,
  objectIdentifier,
  readElement,
  sequence,
  tags,
} from "./der.ts";
import { type DeviceKey, publicKeyBytes } from "./device-key.ts";

const names = { commonName: "2.5.4.3", subjectAltName: "2.5.29.17" } as const;
const ecdsaWithSha256 = "1.2.840.10045.4.3.2";
/** PKCS #9 extensionRequest, RFC 2985 section 5.4.2. */
const extensionRequest = "1.2.840.113549.1.9.14";

/** Who asks: the encoded Name, and extensions that are wished for. */
export interface Asker {
  readonly subject: Uint8Array;
  /** Encoded Extension elements. */
  readonly extensions: readonly Uint8Array[];
}

/** A gateway that has no certificate yet: its id is the common name, and the only name. */
export function newAsker(gateway: string): Asker {
  const name = sequence(objectIdentifier(names.commonName), element(tags.utf8String, Buffer.from(gateway)));
  return { subject: sequence(element(tags.set, name)), extensions: [] };
}

/**
 * A gateway that renews: subject and alternative names must be those of the certificate that it has
 * (RFC 7030 section 4.2.2). Throws DerError.
 */
export function knownAsker(certificate: X509Certificate): Asker {
  const [body] = inside(readElement(certificate.raw), tags.sequence);
  const parts = inside(body, tags.sequence);
  // version [0] stands in front where there are extensions: RFC 5280 section 4.1.
  const first = parts[0]?.tag === context(0) ? 1 : 0;
  const subject = parts[first + 4];
  const extensions = parts.find(({ tag }) => tag === context(3));
  const list = extensions ? inside(inside(extensions, context(3))[0], tags.sequence) : [];
  return {
    subject: subject?.whole ?? new Uint8Array(),
    extensions: list.filter(isAlternativeNames).map(({ whole }) => whole),
  };
}

function isAlternativeNames(extension: Element): boolean {
  return isIdentifier(inside(extension, tags.sequence)[0], names.subjectAltName);
}

/** A PKCS #10 request (RFC 2986), DER, signed by the key that it is for. */
export async function certificateRequest(asker: Asker, key: DeviceKey): Promise<Buffer> {
  const attributes =
    asker.extensions.length === 0
      ? []
      : [sequence(objectIdentifier(extensionRequest), element(tags.set, sequence(...asker.extensions)))];
  const information = sequence(
    element(tags.integer, Buffer.from([0])),
    asker.subject,
    publicKeyBytes(key.publicKey),
    element(context(0), ...attributes),
  );
  const signature = await key.sign(information);
  return sequence(information, sequence(objectIdentifier(ecdsaWithSha256)), bitString(signature));
}

import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign, verify } from "node:crypto";
import { isIP } from "node:net";
import { body, list, moment, type Node, name, oid, parse, value, whole } from "./asn1.ts";

// X.509 (RFC 5280), PKCS #10 (RFC 2986) and certs-only PKCS #7 (RFC 5652) for a CA that is only played.

const ecdsaSha256 = list(oid("1.2.840.10045.4.3.2"));

export interface Authority {
  /** Encoded Name. */
  readonly subject: Buffer;
  readonly key: KeyObject;
  readonly der: Buffer;
}

export interface CertificateSpec {
  /** Encoded Name. */
  readonly subject: Buffer;
  /** SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  /** Unix ms. */
  readonly from: number;
  readonly to: number;
  readonly authority?: boolean;
  readonly use?: "server" | "client";
  /** DNS names and IP addresses. */
  readonly names?: readonly string[];
  /** Encoded Extension elements. */
  readonly extensions?: readonly Buffer[];
}

export function makeAuthority(commonName: string, from: number, to: number, issuer?: Authority): Authority {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const subject = name(commonName);
  const spki = publicKey.export({ type: "spki", format: "der" });
  const spec: CertificateSpec = { subject, spki, from, to, authority: true };
  return { subject, key: privateKey, der: certify(spec, issuer ?? { subject, key: privateKey }) };
}

export function certify(spec: CertificateSpec, issuer: Pick<Authority, "subject" | "key">): Buffer {
  const extension = (id: string, critical: boolean, content: Buffer) =>
    list(oid(id), ...(critical ? [value(0x01, Buffer.of(0xff))] : []), value(0x04, content));
  const extensions = [
    extension("2.5.29.19", true, spec.authority ? list(value(0x01, Buffer.of(0xff))) : list()),
    // keyCertSign and cRLSign, or digitalSignature
    extension("2.5.29.15", true, value(0x03, spec.authority ? Buffer.of(1, 0x06) : Buffer.of(7, 0x80))),
  ];
  if (spec.use)
    extensions.push(
      extension("2.5.29.37", false, list(oid(`1.3.6.1.5.5.7.3.${spec.use === "server" ? 1 : 2}`))),
    );
  if (spec.names) {
    const names = spec.names.map((one) =>
      isIP(one) ? value(0x87, Buffer.from(one.split(".").map(Number))) : value(0x82, Buffer.from(one)),
    );
    extensions.push(extension("2.5.29.17", false, list(...names)));
  }
  extensions.push(...(spec.extensions ?? []));
  const serial = randomBytes(12);
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  const content = list(
    value(0xa0, value(0x02, Buffer.of(2))),
    value(0x02, serial),
    ecdsaSha256,
    issuer.subject,
    list(moment(spec.from), moment(spec.to)),
    spec.subject,
    spec.spki,
    value(0xa3, list(...extensions)),
  );
  return list(content, ecdsaSha256, value(0x03, Buffer.of(0), sign("sha256", content, issuer.key)));
}

export interface Request {
  readonly subject: Buffer;
  /** The text of the common name. */
  readonly commonName: string;
  readonly spki: Buffer;
  readonly extensions: readonly Buffer[];
}

/** Reads a PKCS #10 request and checks its signature. Throws Error. */
export function readRequest(der: Buffer): Request {
  const request = parse(der);
  if (request.end !== der.length) throw new Error("something behind the request");
  const [content, algorithm, signature] = request.children;
  const [, subject, spki, attributes] = content?.children ?? [];
  if (!content || !algorithm || !signature || !subject || !spki) throw new Error("not a PKCS #10 request");
  if (!whole(der, algorithm).equals(ecdsaSha256)) throw new Error("only ecdsa-with-SHA256");
  const key = createPublicKey({ key: whole(der, spki), type: "spki", format: "der" });
  if (!verify("sha256", whole(der, content), key, body(der, signature).subarray(1)))
    throw new Error("the request is not signed by its own key");
  return {
    subject: whole(der, subject),
    commonName: commonNameOf(der, subject),
    spki: whole(der, spki),
    extensions: requested(der, attributes).map((one) => whole(der, one)),
  };
}

function commonNameOf(der: Buffer, subject: Node): string {
  const wanted = oid("2.5.4.3");
  for (const { children } of subject.children) {
    const [kind, text] = children[0]?.children ?? [];
    if (kind && text && whole(der, kind).equals(wanted)) return body(der, text).toString();
  }
  throw new Error("the request has no common name");
}

function requested(der: Buffer, attributes: Node | undefined): readonly Node[] {
  const wanted = oid("1.2.840.113549.1.9.14");
  const found = attributes?.children.find(
    ({ children }) => children[0] && whole(der, children[0]).equals(wanted),
  );
  return found?.children[1]?.children[0]?.children ?? [];
}

/** A degenerate SignedData. */
export function certsOnly(certificates: readonly Buffer[]): Buffer {
  const signed = list(
    value(0x02, Buffer.of(1)),
    value(0x31),
    list(oid("1.2.840.113549.1.7.1")),
    value(0xa0, ...certificates),
    value(0x31),
  );
  return list(oid("1.2.840.113549.1.7.2"), value(0xa0, signed));
}

export function pem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

export function newKeyPair(): { spki: Buffer; pem: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    spki: publicKey.export({ type: "spki", format: "der" }),
    pem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

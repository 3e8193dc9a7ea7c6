import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { isIP } from "node:net";

// A certificate of its own for a gateway that was given none: X.509 (RFC 5280) in DER (X.690), which Node
// reads but does not write. ECDSA P-256 with SHA-256.

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface CertificateOptions {
  /** Common name, at most 64 characters. */
  readonly name: string;
  /** What it is reached by: host names and IP addresses. */
  readonly names: readonly string[];
  /** Unix ms. */
  readonly from: number;
  readonly to: number;
}

/** A new key and a certificate that it signed itself, for a TLS server. */
export function makeCertificate({ name, names, from, to }: CertificateOptions): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = publicKey.export({ type: "spki", format: "der" });
  const algorithm = sequence(identifier("1.2.840.10045.4.3.2")); // ecdsa-with-SHA256
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))), // version 3
    tlv(0x02, serialNumber()),
    algorithm,
    commonName(name),
    sequence(time(from), time(to)),
    commonName(name),
    spki,
    tlv(0xa3, sequence(...extensions(names, spki))),
  );
  const signature = sign("sha256", body, privateKey);
  const der = sequence(body, algorithm, tlv(0x03, Buffer.concat([Buffer.from([0]), signature])));
  return { cert: pem(der), key: pkcs8(privateKey) };
}

/** SHA-256 of a certificate as browsers and openssl show it: `AB:CD:...`. */
export function fingerprintOf(cert: string): string {
  return new X509Certificate(cert).fingerprint256;
}

function extensions(names: readonly string[], spki: Buffer): Buffer[] {
  // RFC 5280 section 4.2.1.2 (1): of the key without the header of its bit string.
  const keyIdentifier = createHash("sha1").update(spki.subarray(-65)).digest();
  const found = [
    extension("2.5.29.19", sequence(), true), // basicConstraints: no authority
    extension("2.5.29.15", tlv(0x03, Buffer.from([7, 0x80])), true), // keyUsage: digitalSignature
    extension("2.5.29.37", sequence(identifier("1.3.6.1.5.5.7.3.1")), false), // extKeyUsage: serverAuth
    extension("2.5.29.14", tlv(0x04, keyIdentifier), false), // subjectKeyIdentifier
    extension("2.5.29.35", sequence(tlv(0x80, keyIdentifier)), false), // authorityKeyIdentifier
  ];
  if (names.length > 0) found.push(extension("2.5.29.17", sequence(...names.map(alternative)), false));
  return found;
}

/** GeneralName: iPAddress or dNSName. */
function alternative(name: string): Buffer {
  const family = isIP(name);
  if (family === 4) return tlv(0x87, Buffer.from(name.split(".").map(Number)));
  if (family === 6) return tlv(0x87, ipv6(name));
  return tlv(0x82, Buffer.from(name, "ascii"));
}

function ipv6(address: string): Buffer {
  // The URL parser knows every way to write one, and has one of its own.
  const [head = "", tail = ""] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const after = groups(tail);
  const before = groups(head);
  const all = [...before, ...Array<string>(8 - before.length - after.length).fill("0"), ...after];
  const bytes = Buffer.alloc(16);
  all.forEach((group, place) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * place);
  });
  return bytes;
}

/** 127 random bits, positive and without leading zeros (section 4.1.2.2). */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes;
}

/** UTCTime until 2049, GeneralizedTime after (section 4.1.2.5). */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "");
  return ms < Date.UTC(2050, 0) ? tlv(0x17, Buffer.from(digits.slice(2))) : tlv(0x18, Buffer.from(digits));
}

function commonName(name: string): Buffer {
  return sequence(tlv(0x31, sequence(identifier("2.5.4.3"), tlv(0x0c, Buffer.from(name.slice(0, 64))))));
}

function extension(id: string, value: Buffer, critical: boolean): Buffer {
  const flag = critical ? [tlv(0x01, Buffer.from([0xff]))] : [];
  return sequence(identifier(id), ...flag, tlv(0x04, value));
}

function identifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tlv(0x06, Buffer.from(bytes));
}

function sequence(...parts: Buffer[]): Buffer {
  return tlv(0x30, ...parts);
}

function tlv(tag: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

function pem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function pkcs8(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

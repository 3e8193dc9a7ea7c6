import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

// X.509 certificates for tests (RFC 5280), any validity and any name, without a tool to install.

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface Authority extends Certificate {
  readonly name: string;
  readonly privateKey: KeyObject;
}

const day = 86_400_000;

/** A certification authority with a P-256 key. */
export function makeAuthority(name: string): Authority {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const cert = issue({
    subject: name,
    issuer: name,
    signer: pair.privateKey,
    publicKey: pair.publicKey,
    from: Date.now() - day,
    to: Date.now() + 365 * day,
    // basicConstraints cA, keyUsage keyCertSign + cRLSign
    extensions: [
      extension("2.5.29.19", sequence(boolean(true)), true),
      extension("2.5.29.15", bits(0x06, 1), true),
    ],
  });
  return { name, cert, key: pem(pair.privateKey), privateKey: pair.privateKey };
}

/** A certificate for a server or a client, signed by `authority`. Names: DNS names or IP addresses. */
export function makeCertificate(
  authority: Authority,
  { name, names = [], from = Date.now() - day, to = Date.now() + 30 * day }: LeafOptions,
): Certificate {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const alternatives = names.map((entry) =>
    isIP(entry)
      ? tlv(0x87, Buffer.from(entry.split(".").map(Number)))
      : tlv(0x82, Buffer.from(entry, "ascii")),
  );
  const extensions = [extension("2.5.29.19", sequence(), true)];
  if (alternatives.length > 0) extensions.push(extension("2.5.29.17", sequence(...alternatives), false));
  const cert = issue({
    subject: name,
    issuer: authority.name,
    signer: authority.privateKey,
    publicKey: pair.publicKey,
    from,
    to,
    extensions,
  });
  return { cert, key: pem(pair.privateKey) };
}

interface LeafOptions {
  readonly name: string;
  readonly names?: readonly string[];
  /** Unix ms. */
  readonly from?: number;
  readonly to?: number;
}

interface Content {
  readonly subject: string;
  readonly issuer: string;
  readonly signer: KeyObject;
  readonly publicKey: KeyObject;
  readonly from: number;
  readonly to: number;
  readonly extensions: readonly Buffer[];
}

function issue(content: Content): string {
  const algorithm = sequence(identifier("1.2.840.10045.4.3.2")); // ecdsa-with-SHA256
  const body = sequence(
    tlv(0xa0, integer(Buffer.from([2]))), // version 3
    integer(Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
    algorithm,
    commonName(content.issuer),
    sequence(time(content.from), time(content.to)),
    commonName(content.subject),
    content.publicKey.export({ type: "spki", format: "der" }),
    tlv(0xa3, sequence(...content.extensions)),
  );
  const signature = sign("sha256", body, content.signer);
  const der = sequence(body, algorithm, tlv(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function pem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

function tlv(tag: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  if (length < 128) return Buffer.concat([Buffer.from([tag, length]), body]);
  const size = length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

function sequence(...parts: Buffer[]): Buffer {
  return tlv(0x30, ...parts);
}

function integer(bytes: Buffer): Buffer {
  return tlv(0x02, bytes);
}

function boolean(value: boolean): Buffer {
  return tlv(0x01, Buffer.from([value ? 0xff : 0]));
}

/** A BIT STRING of one byte. */
function bits(value: number, unused: number): Buffer {
  return tlv(0x03, Buffer.from([unused, value]));
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

function commonName(name: string): Buffer {
  return sequence(tlv(0x31, sequence(identifier("2.5.4.3"), tlv(0x0c, Buffer.from(name)))));
}

/** UTCTime until 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5). */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "");
  return ms < Date.UTC(2050, 0) ? tlv(0x17, Buffer.from(digits.slice(2))) : tlv(0x18, Buffer.from(digits));
}

function extension(id: string, value: Buffer, critical: boolean): Buffer {
  return sequence(identifier(id), ...(critical ? [boolean(true)] : []), tlv(0x04, value));
}

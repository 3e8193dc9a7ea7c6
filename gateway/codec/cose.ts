import { type KeyObject, verify } from "node:crypto";
import { encodeCbor } from "./cbor.ts";
import { type CborLimits, type DecodedCbor, decodeCbor } from "./cbor-check.ts";
import { FormatError } from "./format-error.ts";

// COSE_Sign1 (RFC 9052 section 4.2), for verifying only: a gateway signs nothing.

/** A COSE_Sign1 taken apart; nothing of it is verified. */
export interface Sign1 {
  /** As it came: these bytes are signed, not what they mean. */
  readonly protectedBytes: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
  /** `kid` of the protected header; undefined where it is not there (one that is not signed says nothing). */
  readonly keyId?: Uint8Array | undefined;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

export type SignatureAlgorithm = "Ed25519" | "ESP256";

/** RFC 9864: Ed25519 -19, ESP256 -9. The older EdDSA -8 and ES256 -7 (RFC 9053) mean the same with a key of that curve. */
const algorithms: ReadonlyMap<DecodedCbor | undefined, SignatureAlgorithm> = new Map([
  [-19, "Ed25519"],
  [-8, "Ed25519"],
  [-9, "ESP256"],
  [-7, "ESP256"],
]);

/** Header parameters (RFC 9052 section 3.1). */
const label = { algorithm: 1, critical: 2, contentType: 3, keyId: 4 } as const;
const understood: ReadonlySet<DecodedCbor> = new Set([label.algorithm, label.contentType, label.keyId]);
/** Tag 18 in its one byte. */
const sign1Tag = 0xd2;
const longestKeyId = 64;
const headerLimits: CborLimits = { maxBytes: 512, maxDepth: 3, maxItems: 32 };

/**
 * Takes a COSE_Sign1 apart, with its tag 18 or without. `maxBytes` bounds the whole message. Throws
 * FormatError: the codes of checkCbor, `cose-form`, `cose-header`, `cose-algorithm`, `cose-critical`
 * (a parameter that must be understood and is not) or `cose-detached` (no payload inside).
 */
export function readSign1(bytes: Uint8Array, { maxBytes }: { readonly maxBytes: number }): Sign1 {
  if (bytes.length > maxBytes)
    throw new FormatError(`a COSE message of ${bytes.length} bytes, at most ${maxBytes} allowed`, {
      code: "cbor-too-large",
    });
  const plain = bytes[0] === sign1Tag ? bytes.subarray(1) : bytes;
  const message = decodeCbor(plain, { maxBytes, maxDepth: 4, maxItems: 40 });
  if (!Array.isArray(message) || message.length !== 4)
    throw refuse("cose-form", "a COSE_Sign1 is an array of four");
  const [protectedBytes, unprotected, payload, signature] = message;
  if (payload === null) throw refuse("cose-detached", "the payload must be inside the message");
  if (
    !(protectedBytes instanceof Uint8Array) ||
    !(unprotected instanceof Map) ||
    !(payload instanceof Uint8Array) ||
    !(signature instanceof Uint8Array)
  )
    throw refuse("cose-form", "a COSE_Sign1 is [bytes, map, bytes, bytes]");
  const header = readHeader(protectedBytes);
  for (const key of unprotected.keys())
    if (header.has(key)) throw refuse("cose-header", `header parameter ${key} stands in both headers`);
  if (unprotected.has(label.critical))
    throw refuse("cose-critical", "`crit` belongs into the protected header");
  checkCritical(header);
  const keyId = header.get(label.keyId);
  if (keyId !== undefined && !(keyId instanceof Uint8Array && keyId.length <= longestKeyId))
    throw refuse("cose-header", `\`kid\` is not a byte string of at most ${longestKeyId} bytes`);
  const algorithm = algorithms.get(header.get(label.algorithm));
  if (algorithm === undefined)
    throw refuse(
      "cose-algorithm",
      "`alg` of the protected header must be Ed25519 (-19, -8) or ESP256 (-9, -7)",
    );
  return { protectedBytes, algorithm, keyId, payload, signature };
}

/** The protected header; no parameters at all are an empty string of bytes (RFC 9052 section 3). */
function readHeader(bytes: Uint8Array): ReadonlyMap<DecodedCbor, DecodedCbor> {
  if (bytes.length === 0) return new Map();
  const header = decodeCbor(bytes, headerLimits);
  if (!(header instanceof Map)) throw refuse("cose-header", "the protected header is not a map");
  return header;
}

function checkCritical(header: ReadonlyMap<DecodedCbor, DecodedCbor>): void {
  const critical = header.get(label.critical);
  if (critical === undefined) return;
  if (!Array.isArray(critical) || critical.length === 0)
    throw refuse("cose-critical", "`crit` is not a list of labels");
  for (const one of critical)
    if (!understood.has(one) || !header.has(one))
      throw refuse("cose-critical", `header parameter ${String(one)} must be understood and is not`);
}

/**
 * Whether `key` signed this message with this `externalAad` (RFC 9052 section 4.4). False also for a
 * key that is not of the algorithm's kind: Ed25519, or EC on P-256. Never throws for what came.
 */
export function verifySign1(message: Sign1, externalAad: Uint8Array, key: KeyObject): boolean {
  const { algorithm, signature } = message;
  // Both have signatures of 64 bytes (RFC 8032 section 5.1.6, RFC 9053 section 2.1).
  if (keyAlgorithm(key) !== algorithm || signature.length !== 64) return false;
  const signed = encodeCbor(["Signature1", message.protectedBytes, externalAad, message.payload]);
  return algorithm === "Ed25519"
    ? verify(null, signed, key, signature)
    : verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, signature);
}

/** What a public key can verify here; undefined: nothing. */
export function keyAlgorithm(key: KeyObject): SignatureAlgorithm | undefined {
  if (key.asymmetricKeyType === "ed25519") return "Ed25519";
  if (key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1")
    return "ESP256";
  return undefined;
}

function refuse(code: string, what: string): FormatError {
  return new FormatError(`COSE refused: ${what}`, { code });
}

import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import * as z from "zod";
import { FormatError } from "./format-error.ts";

// JSON Web Signature (RFC 7515) as far as a report needs it: ES256 (RFC 7518, section 3.4), one signature,
// with the public key in the protected header (section 4.1.3).

/** A public key on P-256 (RFC 7517; RFC 7518, section 6.2). */
export interface PublicJwk {
  readonly kty: "EC";
  readonly crv: "P-256";
  /** Base64url. */
  readonly x: string;
  readonly y: string;
}

/** Flattened JSON serialisation (section 7.2.2); all three in base64url. */
export interface Jws {
  readonly payload: string;
  readonly protected: string;
  readonly signature: string;
}

export interface VerifiedJws {
  readonly payload: Buffer;
  readonly jwk: PublicJwk;
  /** JWK thumbprint (RFC 7638) of `jwk`: the name of the key. */
  readonly kid: string;
}

const coordinate = z.string().regex(/^[\w-]{43}$/);
const jwkSchema = z.object({
  kty: z.literal("EC"),
  crv: z.literal("P-256"),
  x: coordinate,
  y: coordinate,
});
// Strict: a header that asks for more than is done here must not pass (section 4.1.11).
const headerSchema = z.strictObject({
  alg: z.literal("ES256"),
  kid: z.string(),
  jwk: z.strictObject(jwkSchema.shape),
  typ: z.string().max(64).optional(),
});
const jwsSchema = z.strictObject({
  payload: z.string(),
  protected: z.string().max(1024),
  signature: z.string().max(128),
});

export function publicJwk(key: KeyObject): PublicJwk {
  const { kty, crv, x, y } = jwkSchema.parse(
    (key.type === "public" ? key : createPublicKey(key)).export({ format: "jwk" }),
  );
  return { kty, crv, x, y };
}

/** SHA-256 of the key's required members in the order of their names, base64url (RFC 7638, section 3). */
export function thumbprint({ kty, crv, x, y }: PublicJwk): string {
  return createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
}

/** @param typ what is signed, as a media type (RFC 7515, section 4.1.9) */
export function signJws(payload: string, key: KeyObject, typ: string): Jws {
  const jwk = publicJwk(key);
  const header = encode(JSON.stringify({ alg: "ES256", kid: thumbprint(jwk), jwk, typ }));
  const body = encode(payload);
  const signature = sign("sha256", Buffer.from(`${header}.${body}`), { key, dsaEncoding: "ieee-p1363" });
  return { payload: body, protected: header, signature: signature.toString("base64url") };
}

/**
 * Whether the key in the header signed this payload; who holds that key, the caller must know. `value` is what JSON
 * says. Throws FormatError: for anything that is not exactly as it was signed.
 */
export function verifyJws(value: unknown): VerifiedJws {
  const jws = jwsSchema.safeParse(value);
  if (!jws.success) throw bad("this is no signed document (JWS)");
  const header = headerSchema.safeParse(jsonOf(decode(jws.data.protected)));
  if (!header.success) throw bad("the signature is of a kind that is not known here");
  const { jwk, kid } = header.data;
  if (kid !== thumbprint(jwk)) throw bad("the name of the key is not that of the key");
  const payload = decode(jws.data.payload);
  const signature = decode(jws.data.signature);
  if (signature.length !== 64 || !matches(jws.data, signature, jwk))
    throw bad("the signature is not that of this text");
  return { payload, jwk, kid };
}

/** Compact serialisation (section 7.1). */
export function compactJws(jws: Jws): string {
  return `${jws.protected}.${jws.payload}.${jws.signature}`;
}

/** Of the compact form; not verified. Throws FormatError. */
export function parseCompactJws(text: string): Jws {
  const [header, payload, signature, ...more] = text.trim().split(".");
  if (header === undefined || payload === undefined || signature === undefined || more.length > 0)
    throw bad("this is no signed document (JWS)");
  return { payload, protected: header, signature };
}

function matches({ payload, protected: header }: Jws, signature: Buffer, jwk: PublicJwk): boolean {
  try {
    const key = createPublicKey({ key: { ...jwk }, format: "jwk" });
    return verify(
      "sha256",
      Buffer.from(`${header}.${payload}`),
      { key, dsaEncoding: "ieee-p1363" },
      signature,
    );
  } catch {
    // A point that is not on the curve is no key.
    return false;
  }
}

function encode(text: string): string {
  return Buffer.from(text).toString("base64url");
}

/** Only the one way to write these bytes: two texts must not mean the same. */
function decode(text: string): Buffer {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.toString("base64url") !== text) throw bad("this is no base64url");
  return bytes;
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

function bad(message: string): FormatError {
  return new FormatError(message, { code: "bad-signature" });
}

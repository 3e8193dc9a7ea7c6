import { generateKeyPairSync, type JsonWebKey, webcrypto } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compactJws, parseCompactJws, signJws, thumbprint, verifyJws } from "./jws.ts";

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const jws = signJws('{"a":"åäö"}', privateKey, "test+json");

describe("JWS", () => {
  it("is verified by what it says, whoever reads it", () => {
    const { payload, kid, jwk } = verifyJws(jws);
    expect(payload.toString()).toBe('{"a":"åäö"}');
    expect(kid).toBe(thumbprint(jwk));
    expect(parseCompactJws(compactJws(jws))).toEqual(jws);
  });

  it("is verified by WebCrypto alike", async () => {
    const header = JSON.parse(Buffer.from(jws.protected, "base64url").toString());
    const key = await webcrypto.subtle.importKey(
      "jwk",
      header.jwk as JsonWebKey,
      { name: "ECDSA", namedCurve: "P-256" },
      false,
      ["verify"],
    );
    const valid = await webcrypto.subtle.verify(
      { name: "ECDSA", hash: "SHA-256" },
      key,
      Buffer.from(jws.signature, "base64url"),
      Buffer.from(`${jws.protected}.${jws.payload}`),
    );
    expect(valid).toBe(true);
  });

  // RFC 7638 has an example for RSA only; this pair is of RFC 7515, appendix A.3, its thumbprint by OpenSSL's SHA-256.
  it("names a key by the SHA-256 of its members in order", async () => {
    const jwk = {
      kty: "EC",
      crv: "P-256",
      x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
      y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    } as const;
    const text = `{"crv":"P-256","kty":"EC","x":"${jwk.x}","y":"${jwk.y}"}`;
    const hash = Buffer.from(await webcrypto.subtle.digest("SHA-256", Buffer.from(text)));
    expect(thumbprint(jwk)).toBe(hash.toString("base64url"));
  });

  it("refuses another signature than ES256, more in the header, and a name that is not the key's", () => {
    const header = JSON.parse(Buffer.from(jws.protected, "base64url").toString());
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
    for (const change of [
      { alg: "none" },
      { alg: "HS256" },
      { crit: ["x"] },
      { b64: false },
      { kid: "other" },
      { jwk: { ...header.jwk, x: header.jwk.y } },
      { jwk: other.publicKey.export({ format: "jwk" }) },
    ]) {
      const text = Buffer.from(JSON.stringify({ ...header, ...change })).toString("base64url");
      expect(() => verifyJws({ ...jws, protected: text })).toThrow();
    }
    expect(() => verifyJws({ ...jws, header: {} })).toThrow();
    expect(() => verifyJws("x")).toThrow();
    expect(() => verifyJws({ ...jws, signature: "" })).toThrow();
  });

  it("refuses every changed character of payload, header and signature", () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const part = fc.constantFrom("payload", "protected", "signature" as const);
    fc.assert(
      fc.property(
        part,
        fc.nat(),
        fc.constantFrom(...alphabet),
        (name: keyof typeof jws, place, character) => {
          const text = jws[name];
          const at = place % text.length;
          fc.pre(text[at] !== character);
          const changed = text.slice(0, at) + character + text.slice(at + 1);
          expect(() => verifyJws({ ...jws, [name]: changed })).toThrow();
        },
      ),
      { numRuns: 400 },
    );
    // The last character has bits that mean nothing: they too.
    for (const character of alphabet)
      if (!jws.signature.endsWith(character))
        expect(() => verifyJws({ ...jws, signature: jws.signature.slice(0, -1) + character })).toThrow();
  });
});

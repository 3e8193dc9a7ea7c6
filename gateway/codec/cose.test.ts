import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { encode } from "cborg";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyAlgorithm, readSign1, verifySign1 } from "./cose.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const empty = new Uint8Array(0);
const limit = { maxBytes: 4096 };

// Keys and messages of the COSE working group's examples (RFC 9052 appendix C and its test suite).
const p256 = createPublicKey({
  format: "jwk",
  key: {
    kty: "EC",
    crv: "P-256",
    x: "usWxHK2PmfnHKwXPS54m0kTcGJ90UiglWiGahtagnv8",
    y: "IBOL-C3BttVivg-lSreASjpkttcsz-1rb7btKLv8EX4",
  },
});
const ed25519 = createPublicKey({
  format: "jwk",
  key: {
    kty: "OKP",
    crv: "Ed25519",
    x: bytesToUrl("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
  },
});
const content = "546869732069732074686520636f6e74656e742e";

function bytesToUrl(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64url");
}

const known: readonly [string, string, KeyObject, string][] = [
  [
    "RFC 9052 appendix C.2.1, ES256",
    `d28443a10126a10442313154${content}58408eb33e4ca31d1c465ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0117e2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36`,
    p256,
    "",
  ],
  [
    "sign-pass-02, with external data",
    `d28443a10126a10442313154${content}5840eae868ecc176883766c5dc5ba5b8dca25dab3c2e56a551ce5705b793914348e155388b10c4f1b59a6733eab416870a945111a4b2fbdbef33a77234b1deff2f9b`,
    p256,
    "11aa22bb33cc44dd55006699",
  ],
  [
    "sign-pass-03, without the tag",
    `8443a10126a10442313154${content}5840eae868ecc176883766c5dc5ba5b8dca25dab3c2e56a551ce5705b793914348e19f43d6c6ba654472da301b645b293c9ba939295b97c4bdb847782bff384c5794`,
    p256,
    "",
  ],
  [
    "eddsa-sig-01, Ed25519",
    `d28445a201270300a10442313154${content}58407142fd2ff96d56db85bee905a76ba1d0b7321a95c8c4d3607c5781932b7afb8711497dfa751bf40b58b3bcc32300b1487f3db34085eef013bf08f4a44d6fef0d`,
    ed25519,
    "",
  ],
];

describe("COSE_Sign1 of others", () => {
  it.each(known)("%s", (_, hex, key, external) => {
    const message = readSign1(bytes(hex), limit);
    expect(Buffer.from(message.payload).toString()).toBe("This is the content.");
    // Their key id is not signed, so it says nothing.
    expect(message.keyId).toBeUndefined();
    expect(verifySign1(message, bytes(external), key)).toBe(true);
    expect(verifySign1(message, bytes(`${external}00`), key)).toBe(false);
    expect(verifySign1(message, bytes(external), key === p256 ? ed25519 : p256)).toBe(false);
  });

  it("refuses an algorithm that is not signed (sign-pass-01)", () => {
    const hex = `d28441a0a201260442313154${content}5840eae868ecc176883766c5dc5ba5b8dca25dab3c2e56a551ce5705b793914348e11a02e5f0344bf2d4ee5c7fd75a68a9f5e0b3cc1f1fc1409c189566586ff9d610`;
    expect(() => readSign1(bytes(hex), limit)).toThrow(/`alg` of the protected header/);
  });
});

const pairs = {
  ed25519: generateKeyPairSync("ed25519"),
  p256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
};
const aad = Buffer.from("external");

/** Signs as RFC 9052 section 4.4 says, with a library and code that the gateway does not have. */
function signed(
  header: ReadonlyMap<unknown, unknown>,
  { kind = "ed25519", payload = Buffer.from("payload") }: { kind?: keyof typeof pairs; payload?: Uint8Array },
): Uint8Array {
  const protectedBytes = encode(header);
  const toSign = encode(["Signature1", protectedBytes, aad, payload]);
  const { privateKey } = pairs[kind];
  const signature =
    kind === "ed25519"
      ? sign(null, toSign, privateKey)
      : sign("sha256", toSign, { key: privateKey, dsaEncoding: "ieee-p1363" });
  return Buffer.concat([Buffer.from([0xd2]), encode([protectedBytes, new Map(), payload, signature])]);
}

function accepted(message: Uint8Array, key: KeyObject): boolean {
  try {
    return verifySign1(readSign1(message, limit), aad, key);
  } catch {
    return false;
  }
}

const kid = Buffer.from("city-2026");

describe("COSE_Sign1", () => {
  it.each([
    ["Ed25519", -19, "ed25519"],
    ["EdDSA", -8, "ed25519"],
    ["ESP256", -9, "p256"],
    ["ES256", -7, "p256"],
  ] as const)("verifies %s (%i)", (_, algorithm, kind) => {
    const message = readSign1(
      signed(
        new Map<unknown, unknown>([
          [1, algorithm],
          [4, kid],
        ]),
        { kind },
      ),
      limit,
    );
    expect(Buffer.from(message.keyId ?? empty).toString()).toBe("city-2026");
    expect(verifySign1(message, aad, pairs[kind].publicKey)).toBe(true);
    expect(verifySign1(message, aad, pairs[kind === "p256" ? "ed25519" : "p256"].publicKey)).toBe(false);
  });

  it("verifies what was signed, and nothing that differs in one bit", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom<["ed25519", -19] | ["p256", -9]>(["ed25519", -19], ["p256", -9]),
        (payload, [kind, algorithm]) => {
          const header = new Map<unknown, unknown>([
            [1, algorithm],
            [4, kid],
          ]);
          const message = signed(header, { kind, payload });
          const { publicKey } = pairs[kind];
          expect(accepted(message, publicKey)).toBe(true);
          expect(Buffer.from(readSign1(message, limit).payload).equals(payload)).toBe(true);
          for (let bit = 0; bit < message.length * 8; bit += 1 + (payload.length % 5)) {
            const flipped = Uint8Array.from(message);
            flipped[bit >> 3]! ^= 1 << (bit & 7);
            if (accepted(flipped, publicKey)) throw new Error(`accepted with bit ${bit} flipped`);
          }
        },
      ),
      { numRuns: 8 },
    );
  });

  it("takes any bytes without a crash", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        expect(accepted(noise, ed25519)).toBe(false);
        expect(accepted(Buffer.concat([Buffer.from([0xd2, 0x84]), noise]), ed25519)).toBe(false);
      }),
    );
  });

  const good = new Map<unknown, unknown>([
    [1, -19],
    [4, kid],
  ]);
  const parts = (change: Partial<Record<0 | 1 | 2 | 3, unknown>>) => {
    const all = [encode(good), new Map(), Buffer.from("payload"), Buffer.alloc(64)];
    return encode(all.map((part, index) => (index in change ? change[index as 0] : part)));
  };
  it.each([
    ["a detached payload", parts({ 2: null }), "cose-detached"],
    ["three parts", encode([encode(good), new Map(), Buffer.alloc(1)]), "cose-form"],
    ["five parts", encode([encode(good), new Map(), Buffer.alloc(1), Buffer.alloc(64), 1]), "cose-form"],
    ["a map", encode(new Map([[1, 2]])), "cose-form"],
    ["a payload that is text", parts({ 2: "text" }), "cose-form"],
    ["headers that are a list", parts({ 1: [] }), "cose-form"],
    ["a protected header that is a number", parts({ 0: encode(5) }), "cose-header"],
    ["a protected header with bytes after it", parts({ 0: bytes("a1011200") }), "cbor-trailing-bytes"],
    ["a protected header with a label twice", parts({ 0: bytes("a201320132") }), "cbor-duplicate-key"],
    [
      "a key id that is text",
      parts({
        0: encode(
          new Map<unknown, unknown>([
            [1, -19],
            [4, "k"],
          ]),
        ),
      }),
      "cose-header",
    ],
    [
      "a key id without end",
      parts({
        0: encode(
          new Map<unknown, unknown>([
            [1, -19],
            [4, Buffer.alloc(65)],
          ]),
        ),
      }),
      "cose-header",
    ],
    ["a label in both headers", parts({ 1: new Map([[4, kid]]) }), "cose-header"],
    ["no algorithm", parts({ 0: empty }), "cose-algorithm"],
    ["RS256", parts({ 0: encode(new Map([[1, -257]])) }), "cose-algorithm"],
    ["crit in the unprotected header", parts({ 1: new Map([[2, [4]]]) }), "cose-critical"],
    [
      "a critical parameter of somebody's own",
      parts({
        0: encode(
          new Map<unknown, unknown>([
            [1, -19],
            [2, [99]],
            [4, kid],
            [99, 1],
          ]),
        ),
      }),
      "cose-critical",
    ],
    [
      "a critical parameter that is not there",
      parts({
        0: encode(
          new Map<unknown, unknown>([
            [1, -19],
            [2, [4]],
          ]),
        ),
      }),
      "cose-critical",
    ],
    [
      "an empty crit",
      parts({
        0: encode(
          new Map<unknown, unknown>([
            [1, -19],
            [2, []],
            [4, kid],
          ]),
        ),
      }),
      "cose-critical",
    ],
    ["another tag", Buffer.concat([bytes("d1"), parts({})]), "cbor-tag"],
    ["two tags", Buffer.concat([bytes("d2d2"), parts({})]), "cbor-tag"],
    ["too many bytes", parts({ 2: Buffer.alloc(5000) }), "cbor-too-large"],
  ])("refuses %s", (_, message, code) => {
    expect(() => readSign1(message, limit)).toThrow(expect.objectContaining({ code }));
  });

  it("takes a crit whose parameters it understands", () => {
    const header = new Map<unknown, unknown>([
      [1, -19],
      [2, [4]],
      [4, kid],
    ]);
    expect(accepted(signed(header, {}), pairs.ed25519.publicKey)).toBe(true);
  });

  it("knows which keys it can verify with", () => {
    expect(keyAlgorithm(pairs.ed25519.publicKey)).toBe("Ed25519");
    expect(keyAlgorithm(pairs.p256.publicKey)).toBe("ESP256");
    expect(keyAlgorithm(generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey)).toBeUndefined();
    expect(keyAlgorithm(generateKeyPairSync("ed448").publicKey)).toBeUndefined();
  });
});

import { createHash, sign } from "node:crypto";
import { encodeCbor } from "../../../gateway/codec/cbor.ts";
import { readSign1, verifySign1 } from "../../../gateway/codec/cose.ts";
import { FormatError } from "../../../gateway/codec/format-error.ts";
import { verifyJws } from "../../../gateway/codec/jws.ts";
import { RefusedError } from "../../../gateway/model/errors.ts";
import { readDesired } from "../../../gateway/updates/desired.ts";
import { gatewayErrors, hex, ready, type TargetSource, utf8, Violation } from "../target.ts";
import { changedOften, jsonOf } from "../tree.ts";
import { cborNoise } from "./cbor.ts";
import { cityKey, cityPublicKey, signedReport } from "./fixed.ts";

// Signed things: whatever is changed in them, they verify only when what is signed is the same.

const aad = utf8("for the test");

function sign1(payload: Uint8Array, external: Uint8Array, kid = "city"): Uint8Array {
  const header = encodeCbor(
    new Map<number, number | Uint8Array>([
      [1, -19],
      [4, utf8(kid)],
    ]),
  );
  const signature = sign(null, encodeCbor(["Signature1", header, external, payload]), cityKey);
  return Buffer.concat([hex("d2"), encodeCbor([header, new Map(), payload, new Uint8Array(signature)])]);
}

const message = sign1(utf8("payload"), aad);
const signed = readSign1(message, { maxBytes: 4096 });

const desired = encodeCbor({
  serial: 7,
  system: {
    version: "1.2.3",
    url: "https://updates.example.org/1.2.3.raucb",
    sha256: createHash("sha256").update("x").digest(),
    rollout: "spring",
    percentage: 50,
    notBefore: 1_790_000_000,
    window: "02:00-04:00",
  },
});
const desiredAad = encodeCbor(["stadsnod-desired-v1", "gateway", "gw-1"]);
const wanted = sign1(desired, desiredAad);
const trust = new Map([["city", cityPublicKey]]);
const same = (one: Uint8Array, other: Uint8Array) => Buffer.compare(one, other) === 0;

const words = [
  hex("d2"),
  hex("84"),
  hex("58 40"),
  hex("a2 01 32 04"),
  hex("40"),
  hex("02 81 01"),
  hex("a0"),
  hex("f6"),
];

export const signedTargets: readonly TargetSource[] = [
  ready({
    name: "cose",
    share: 5,
    seeds: [message, message.subarray(1)],
    words,
    take(input) {
      const read = readSign1(input, { maxBytes: 4096 });
      if (!verifySign1(read, aad, cityPublicKey)) return;
      if (!same(read.payload, signed.payload) || !same(read.protectedBytes, signed.protectedBytes))
        throw new Violation("another message has the signature of this one");
    },
    errors: [FormatError],
  }),
  ready({
    name: "desired-state",
    share: 3,
    seeds: [wanted, sign1(utf8("x"), desiredAad), sign1(desired, aad)],
    words,
    // Some are well signed, so that what is behind the signature is read.
    make: (random) => (random() < 0.2 ? sign1(cborNoise(random), desiredAad) : wanted),
    take(input) {
      const { desired: read } = readDesired(input, { kind: "gateway", name: "gw-1" }, trust);
      if (read.serial !== 7) throw new Violation("a desired state that nobody signed");
    },
    errors: [RefusedError],
  }),
  ready({
    name: "jws",
    share: 2,
    seeds: [jsonOf(signedReport)],
    words: ['"protected":', '"payload":', "eyJ", "=", "."],
    make: (random) => jsonOf(changedOften(signedReport, random)),
    take(input) {
      let value: unknown;
      try {
        value = JSON.parse(Buffer.from(input).toString("utf8"));
      } catch {
        return;
      }
      const { payload } = verifyJws(value);
      if (payload.toString("utf8") !== '{"report":1}') throw new Violation("a report that nobody signed");
    },
    errors: gatewayErrors,
  }),
];

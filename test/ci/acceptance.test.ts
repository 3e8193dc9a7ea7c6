import { execFileSync, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { expect, it } from "vitest";
import { signJws } from "../../gateway/codec/jws.ts";

// Whoever gets an acceptance report must not need Stadsnod to check it: here by Python's cryptography (OpenSSL).

const verify = `
import base64, hashlib, json, sys
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
jws = json.load(sys.stdin)
def octets(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
header = json.loads(octets(jws["protected"]))
jwk = header["jwk"]
x, y = (int.from_bytes(octets(jwk[name]), "big") for name in "xy")
key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
signature = octets(jws["signature"])
r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
signed = (jws["protected"] + "." + jws["payload"]).encode()
key.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
members = json.dumps({name: jwk[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
thumbprint = base64.urlsafe_b64encode(hashlib.sha256(members.encode()).digest()).decode().rstrip("=")
assert header == {"alg": "ES256", "kid": thumbprint, "jwk": jwk, "typ": "t+json"}, header
print(octets(jws["payload"]).decode())
`;

// Debian's own, which has the library: another one may come first in the path.
const debianPython = "/usr/bin/python3";
const python = spawnSync(debianPython, ["-c", "import cryptography"]).status === 0;
if (!python && process.env.CI === "true") throw new Error("python3-cryptography is missing");

it.skipIf(!python)("a signature is verified by another library, which refuses a changed one", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jws = signJws('{"a":"å"}', privateKey, "t+json");
  const ask = (document: object) =>
    execFileSync(debianPython, ["-X", "utf8", "-c", verify], {
      input: JSON.stringify(document),
      stdio: ["pipe", "pipe", "ignore"],
    });
  expect(ask(jws).toString().trim()).toBe('{"a":"å"}');
  expect(() => ask({ ...jws, payload: Buffer.from('{"a":"b"}').toString("base64url") })).toThrow();
});

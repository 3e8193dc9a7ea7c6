import { execFileSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { existsSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { certificateRequest, newAsker } from "./certificate-request.ts";
import { readCertsOnly } from "./certs-only.ts";
import {
  bitString,
  context,
  DerError,
  element,
  inside,
  isIdentifier,
  objectIdentifier,
  readElement,
  readElements,
  sequence,
  tags,
} from "./der.ts";
import type { DeviceKey } from "./device-key.ts";

const openssl = ["/usr/bin/openssl", "/opt/homebrew/bin/openssl"].find(existsSync);

function newKey(): DeviceKey {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    publicKey: createPublicKey(privateKey),
    sign: async (data) => sign("sha256", data, privateKey),
    tlsKey: undefined,
  };
}

describe("DER", () => {
  it("reads what it writes, of any length", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 70_000, size: "max" }), { maxLength: 3 }),
        (contents) => {
          const whole = sequence(...contents.map((content) => element(tags.octetString, content)));
          const found = inside(readElement(whole), tags.sequence);
          expect(found.map(({ tag }) => tag)).toEqual(contents.map(() => tags.octetString));
          for (const [place, { content }] of found.entries())
            expect(Buffer.compare(content, contents[place]!)).toBe(0);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("never does anything but read or refuse, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          const length = readElements(bytes).reduce((sum, { whole }) => sum + whole.length, 0);
          expect(length).toBe(bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ["an indefinite length", [0x30, 0x80, 0, 0]],
    ["a length in a longer form", [0x04, 0x81, 0x01, 0x00]],
    ["a length beyond the end", [0x04, 0x05, 0x00]],
    ["a long tag", [0x1f, 0x81, 0x01, 0x00]],
    ["four octets of length", [0x04, 0x84, 0, 0, 0, 1, 0]],
  ])("refuses %s", (_name, bytes) => {
    expect(() => readElements(Uint8Array.from(bytes))).toThrow(DerError);
  });

  it("bounds what it reads", () => {
    expect(() => readElements(new Uint8Array(256 * 1024 + 1))).toThrow("too many");
    expect(() => readElements(Buffer.alloc(2 * 257, Buffer.from([5, 0])))).toThrow("more than 256");
  });

  it("writes object identifiers as X.690 8.19 shows them", () => {
    expect(objectIdentifier("1.2.840.113549.1.1.11").toString("hex")).toBe("06092a864886f70d01010b");
    expect(objectIdentifier("2.5.4.3").toString("hex")).toBe("0603550403");
    expect(isIdentifier(readElement(objectIdentifier("2.5.4.3")), "2.5.4.10")).toBe(false);
  });
});

describe("certs-only messages", () => {
  it("never do anything but be read or refused, whatever is changed in one", () => {
    const message = sequence(
      objectIdentifier("1.2.840.113549.1.7.2"),
      element(
        context(0),
        sequence(
          element(tags.integer, Buffer.from([1])),
          element(tags.set),
          sequence(),
          element(context(0), sequence(bitString(Buffer.from("no certificate")))),
          element(tags.set),
        ),
      ),
    );
    expect(() => readCertsOnly(message)).toThrow("cannot be read");
    fc.assert(
      fc.property(fc.nat(message.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const changed = Buffer.from(message);
        changed[at] = byte;
        expect(() => readCertsOnly(changed)).toThrow(DerError);
      }),
      { numRuns: 1000 },
    );
  });
});

describe.skipIf(!openssl)("what openssl says of it", () => {
  it("a request is one, is signed by its key, and bears the gateway's name", async () => {
    const request = await certificateRequest(newAsker("lamp-7"), newKey());
    const said = execFileSync(openssl!, ["req", "-inform", "DER", "-verify", "-noout", "-subject", "-text"], {
      input: request,
      stdio: ["pipe", "pipe", "pipe"],
    }).toString();
    expect(said).toMatch(/subject=\s*CN\s*=\s*lamp-7/);
    expect(said).toContain("ecdsa-with-SHA256");
    expect(said).toContain("prime256v1");
    const changed = Buffer.from(request);
    changed[30] = changed[30]! ^ 1;
    expect(() =>
      execFileSync(openssl!, ["req", "-inform", "DER", "-verify", "-noout"], {
        input: changed,
        stdio: "pipe",
      }),
    ).toThrow();
  });
});

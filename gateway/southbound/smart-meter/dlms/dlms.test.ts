import { createCipheriv } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../../codec/format-error.ts";
import { ConfigError } from "../../../model/errors.ts";
import { Deciphering, isCiphered, type MeterKeys } from "./ciphering.ts";
import { DlmsReader } from "./data.ts";
import { HdlcDeframer } from "./hdlc-deframer.ts";
import { layouts, messageOf } from "./layout.ts";
import { MbusDeframer } from "./mbus-deframer.ts";
import { decodeNotification } from "./notification.ts";

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replace(/\s+/g, ""), "hex"));
const data = (hex: string) => new DlmsReader(bytes(hex)).data();
const plainOf = (apdu: Uint8Array) => Buffer.from(apdu).toString("hex");

describe("DLMS data", () => {
  it.each([
    ["00", { type: "null" }],
    ["03 01", { type: "boolean", value: true }],
    ["04 0a ab c0", { type: "bits", text: "1010101111" }],
    ["05 ff ff ff fe", { type: "integer", value: -2 }],
    ["06 ff ff ff fe", { type: "integer", value: 4_294_967_294 }],
    ["09 02 01 02", { type: "octets", bytes: bytes("0102") }],
    ["0a 81 03 41 42 43", { type: "text", text: "ABC" }],
    ["0c 03 61 c3 a5", { type: "text", text: "aå" }],
    ["0d 42", { type: "integer", value: 42 }],
    ["0f 80", { type: "integer", value: -128 }],
    ["10 ff 38", { type: "integer", value: -200 }],
    ["11 80", { type: "integer", value: 128 }],
    ["12 ff ff", { type: "integer", value: 65_535 }],
    ["14 ff ff ff ff ff ff ff ff", { type: "integer", value: -1 }],
    ["15 ff ff ff ff ff ff ff ff", { type: "integer", value: 18_446_744_073_709_551_615n }],
    ["16 1b", { type: "enum", value: 27 }],
    ["17 40 48 f5 c3", { type: "float", value: Math.fround(3.14) }],
    ["18 40 09 1e b8 51 eb 85 1f", { type: "float", value: 3.14 }],
    ["1b 0c 00 00 00", { type: "octets", bytes: bytes("0c000000") }],
    ["02 02 11 01 01 00", { type: "list", of: "structure" }],
  ])("reads %s", (hex, expected) => {
    expect(data(hex)).toMatchObject(expected);
  });

  it.each([
    ["06 00 00", "truncated"],
    ["09 84 ff ff ff ff", "truncated"],
    ["02 05 00", "truncated"],
    ["04 ff", "bad-length"],
    ["0a 80", "bad-length"],
    ["13 00", "unknown-type"],
    ["0d 4a", "bad-digit"],
    [`${"0201".repeat(9)}00`, "too-deep"],
    ["", "truncated"],
  ])("refuses %s", (hex, code) => {
    expect(() => data(hex)).toThrow(expect.objectContaining({ code }));
  });

  it("never reads more values than it is told to, however they nest", () => {
    const many = Uint8Array.from([1, 0x82, 0x10, 0, ...new Array(0x1000).fill(0)]);
    expect(() => new DlmsReader(many).data()).toThrow(expect.objectContaining({ code: "too-long" }));
  });

  it("meets any bytes with a value or a FormatError", () => {
    const tags = fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 9, 10, 12, 13, 15, 16, 18, 20, 22, 23, 25, 0x82, 255);
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.array(fc.oneof(tags, fc.integer({ min: 0, max: 8 })), { maxLength: 300 }),
    );
    fc.assert(
      fc.property(anything, fc.constantFrom(...layouts), (body, layout) => {
        const apdu = Uint8Array.from([0x0f, 0x40, 0, 0, 0, 0, ...body]);
        try {
          messageOf(decodeNotification(apdu).body, layout);
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("meets any stream with bounded memory", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.nat({ max: 2000 }), (part, times) => {
        for (const deframer of [new HdlcDeframer(), new MbusDeframer()])
          for (let index = 0; index < times; index += 1)
            for (const frame of deframer.push(part)) expect(frame.length).toBeLessThan(16_385);
      }),
      { numRuns: 20 },
    );
  });
});

describe("layouts", () => {
  it("takes scaler and unit where they follow a flat pair", () => {
    const body = data("02 06 0906 0100010700ff 12 00e6 0202 0fff 1623 0906 0100020700ff 11 05 00");
    expect(messageOf(body, "obis").objects).toEqual([
      { obis: "1-0:1.7.0", values: [{ kind: "number", digits: 230, power: -1, unit: "V" }] },
      { obis: "1-0:2.7.0", values: [{ kind: "number", digits: 5, power: 0 }] },
    ]);
  });

  it("refuses lists that are laid out otherwise", () => {
    const pairs = data("02 03 0a01 41 0906 0100010700ff 11 01");
    const bare = data("02 02 11 01 11 02");
    expect(() => messageOf(bare, "obis")).toThrow(expect.objectContaining({ code: "bad-layout" }));
    expect(() => messageOf(pairs, "obis-scaler")).toThrow(expect.objectContaining({ code: "bad-layout" }));
    expect(() => messageOf(data("11 01"), "list")).toThrow(expect.objectContaining({ code: "bad-layout" }));
  });
});

// The example of the DLMS Green Book (security suite 0, authenticated and encrypted).
const keys: MeterKeys = {
  key: bytes("000102030405060708090a0b0c0d0e0f"),
  authenticationKey: bytes("d0d1d2d3d4d5d6d7d8d9dadbdcdddedf"),
};
const title = "4d4d4d0000bc614e";
const published = bytes(`db 08 ${title} 1e 30 01234567 411312ff935a47566827c467bc 7d825c3be4a77c3fcc056b6b`);

/** An APDU as a meter would make it. */
function ciphered(plain: string, counter: number, control = 0x30, by: MeterKeys = keys): Uint8Array {
  const iv = Buffer.concat([bytes(title), new Uint8Array(4)]);
  iv.writeUInt32BE(counter, 8);
  const cipher = createCipheriv("aes-128-gcm", by.key, iv, { authTagLength: 12 });
  if (control & 0x10) cipher.setAAD(Buffer.from([control, ...(by.authenticationKey ?? [])]));
  const inside = Buffer.concat([cipher.update(bytes(plain)), cipher.final()]);
  const tag = control & 0x10 ? cipher.getAuthTag() : Buffer.alloc(0);
  const length = 5 + inside.length + tag.length;
  const head = Buffer.concat([Buffer.from([control]), iv.subarray(8)]);
  return Buffer.concat([bytes(`db08${title}`), Buffer.from([0x81, length]), head, inside, tag]);
}

describe("encrypted messages", () => {
  it("opens the published example", () => {
    expect(isCiphered(published)).toBe(true);
    expect(new Deciphering(keys).open(published, plainOf)).toBe("c0010000080000010000ff0200");
  });

  it.each([0x30, 0x20])("opens one with security control byte %i", (control) => {
    expect(new Deciphering(keys).open(ciphered("0f4000000000110500", 7, control), plainOf)).toBe(
      "0f4000000000110500",
    );
  });

  it("says which key is missing", () => {
    const code = (keysThere: MeterKeys | undefined) => {
      try {
        return new Deciphering(keysThere).open(published, plainOf);
      } catch (error) {
        return error instanceof ConfigError ? `${error.code}: ${error.message}` : error;
      }
    };
    expect(code(undefined)).toBe("encrypted: encrypted: give the key");
    expect(code({ key: keys.key })).toBe("authenticated: authenticated: give the authenticationKey");
  });

  it("refuses a wrong tag, whichever byte or key is wrong", () => {
    const wrong = expect.objectContaining({ code: "bad-tag" });
    for (let at = 11; at < published.length; at += 1) {
      const damaged = published.slice();
      damaged[at]! ^= 1;
      expect(() => new Deciphering(keys).open(damaged, plainOf)).toThrow(FormatError);
      if (at >= 16) expect(() => new Deciphering(keys).open(damaged, plainOf)).toThrow(wrong);
    }
    const other = { ...keys, authenticationKey: keys.key };
    expect(() => new Deciphering(other).open(published, plainOf)).toThrow(wrong);
    expect(() => new Deciphering({ ...keys, key: keys.authenticationKey! }).open(published, plainOf)).toThrow(
      wrong,
    );
  });

  it("refuses a counter that does not rise, but not because of a message that was refused", () => {
    const deciphering = new Deciphering(keys);
    const open = (apdu: Uint8Array) => deciphering.open(apdu, plainOf);
    const replayed = expect.objectContaining({ code: "replayed" });
    expect(open(ciphered("01", 5))).toBe("01");
    expect(() => open(ciphered("01", 5))).toThrow(replayed);
    expect(() => open(ciphered("02", 4))).toThrow(replayed);
    const forged = ciphered("03", 4_000_000_000);
    forged[forged.length - 1]! ^= 1;
    expect(() => open(forged)).toThrow(expect.objectContaining({ code: "bad-tag" }));
    expect(open(ciphered("04", 6))).toBe("04");
    expect(() =>
      deciphering.open(ciphered("05", 4_000_000_000, 0x20), () => {
        throw new FormatError("no list", { code: "bad-layout" });
      }),
    ).toThrow(/no list/);
    expect(open(ciphered("06", 7))).toBe("06");
  });

  it("refuses other suites, signatures alone and truncation", () => {
    const security = expect.objectContaining({ code: "unknown-security" });
    for (const control of [0x10, 0x31, 0xb0, 0x00])
      expect(() => new Deciphering(keys).open(ciphered("01", 1, control), plainOf)).toThrow(security);
    for (let length = 1; length < published.length; length += 1)
      expect(() => new Deciphering(keys).open(published.subarray(0, length), plainOf)).toThrow(FormatError);
  });
});

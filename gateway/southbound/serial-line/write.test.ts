import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RawValue } from "../../model/value.ts";
import type { LineUnit } from "./messages.ts";
import { addressSchema, headSchema } from "./schema.ts";
import { encodeWrite } from "./write.ts";

function encoder(send: string, reply: Record<string, unknown> = { match: "OK" }, start?: string) {
  const head = headSchema.parse({
    terminator: "cr",
    ...(start === undefined ? {} : { start }),
    messages: { set: { request: send, ...reply } },
  });
  const device = {
    id: "dimmer",
    settings: { address: "7" },
    profile: { protocolSettings: head },
  } as unknown as LineUnit;
  return (raw: RawValue) => encodeWrite(device, addressSchema.parse({ message: "set", value: "v" }), raw);
}
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const bytes = (line: string) => Uint8Array.from(Buffer.from(line, "latin1"));

describe("encodeWrite of lines", () => {
  it.each<[string, RawValue, string]>([
    ["{address}L{v:integer}\\r", 0, "7L0\r"],
    ["L{v:integer}\\r", -12, "L-12\r"],
    ["L{v:integer:4}\\r", 12, "L0012\r"],
    ["L{v:integer:4}\\r", -12, "L-012\r"],
    ["L{v:integer}\\r", 2n ** 60n, "L1152921504606846976\r"],
    ["L{v:number}\\r", 0.1, "L0.1\r"],
    ["L{v:number}\\r", -0, "L0\r"],
    ["L{v:hex:2}\\r", 10, "L0A\r"],
    ["L{v:flag:ON/OFF}\\r", false, "LOFF\r"],
    ["L{v:flag:ON/OFF}\\r", true, "LON\r"],
    ["L{v:choice:AUTO/A}\\r", 1, "LA\r"],
    ["N{v:text?}\\r", "", "N\r"],
    ["N{v:text:6}\\r", "hej", "Nhej   \r"],
    ["N{v:word}\\r", "hej", "Nhej\r"],
  ])("%s <- %s", (send, raw, line) => {
    expect(text(encoder(send)(raw).bytes)).toBe(line);
  });

  it.each<[string, RawValue, string]>([
    ["L{v:integer}\\r", 1.5, "does-not-fit"],
    ["L{v:integer}\\r", "1", "wrong-kind"],
    ["L{v:integer:2}\\r", 100, "does-not-fit"],
    ["L{v:number}\\r", Number.NaN, "does-not-fit"],
    ["L{v:number}\\r", 1e-9, "does-not-fit"],
    ["L{v:hex}\\r", -1, "does-not-fit"],
    ["L{v:flag:ON/OFF}\\r", 1, "wrong-kind"],
    ["L{v:choice:AUTO/A}\\r", 2, "does-not-fit"],
    ["N{v:text}\\r", "", "does-not-fit"],
    ["N{v:text}\\r", "a\rL100", "does-not-fit"],
    ["N{v:text}\\r", "$X", "does-not-fit"],
    ["N{v:text}\\r", "å", "does-not-fit"],
    ["N{v:text}\\r", " a", "does-not-fit"],
    ["N{v:word}\\r", "a b", "does-not-fit"],
    ["N{v:text:2}\\r", "abc", "does-not-fit"],
  ])("refuses %s <- %s", (send, raw, code) => {
    expect(() => encoder(send, { match: "OK" }, "$")(raw)).toThrow(expect.objectContaining({ code }));
  });

  it("writes one line, whatever the text", () => {
    const encode = encoder("N{v:text?}\\r");
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), (raw) => {
        let line: string;
        try {
          line = text(encode(raw).bytes);
        } catch (error) {
          expect(error).toMatchObject({ name: "ValueError" });
          return;
        }
        expect(line).toBe(`N${raw}\r`);
        expect(line.indexOf("\r")).toBe(line.length - 1);
      }),
    );
  });

  it("takes its confirmation, no other value's, and the device's no", () => {
    const { answered, unanswered } = encoder("L{v:integer}\\r", {
      match: "OK {v:integer}",
      refusal: ["NO", "ERR {_*}"],
    })(50);
    expect(unanswered).toBe(false);
    expect(answered(bytes("noise\rOK 50\r"))).toBe("done");
    expect(answered(bytes("L=50\r"))).toBeUndefined();
    expect(() => answered(bytes("OK 51\r"))).toThrow(expect.objectContaining({ code: "bad-echo" }));
    expect(() => answered(bytes("ERR too bright\r"))).toThrow(
      expect.objectContaining({ code: "refused", message: 'dimmer refused set: "ERR too bright"' }),
    );
  });

  it("looks at the checksum of a confirmation and of a refusal", () => {
    const checksum = { kind: "xor8", before: "*" };
    const { answered } = encoder("L{v:integer}\\r", { match: "OK", refusal: "NO", checksum })(1);
    const sum = (line: string) =>
      line
        .split("")
        .reduce((xor, sign) => xor ^ sign.charCodeAt(0), 0)
        .toString(16)
        .padStart(2, "0");
    expect(answered(bytes(`OK*${sum("OK")}\r`))).toBe("done");
    expect(answered(bytes("OK*00\r"))).toBeUndefined();
    expect(answered(bytes("NO*00\r"))).toBeUndefined();
    expect(() => answered(bytes(`NO*${sum("NO")}\r`))).toThrow(expect.objectContaining({ code: "refused" }));
  });

  it("expects no answer where the profile has none", () => {
    expect(encoder("L{v:integer}\\r", {})(1).unanswered).toBe(true);
  });
});

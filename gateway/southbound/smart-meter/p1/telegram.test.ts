import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc16Arc, crc16X25 } from "../../../codec/crc.ts";
import { FormatError } from "../../../codec/format-error.ts";
import { TelegramDeframer } from "./deframer.ts";
import { type CrcRule, decodeTelegram, maxTelegramBytes } from "./telegram.ts";

const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

function telegram(lines: readonly string[], ident = "ABC5METER"): string {
  const body = `/${ident}\r\n\r\n${lines.map((line) => `${line}\r\n`).join("")}!`;
  return `${body}${crc16Arc(bytes(body)).toString(16).toUpperCase().padStart(4, "0")}\r\n`;
}

const code = (text: string, crc: CrcRule = "required") => {
  try {
    decodeTelegram(text, { crc });
    return "good";
  } catch (error) {
    return error instanceof FormatError ? error.code : error;
  }
};

describe("checksums", () => {
  it("have the published check values", () => {
    expect(crc16Arc(bytes("123456789"))).toBe(0xbb3d);
    expect(crc16X25(bytes("123456789"))).toBe(0x906e);
  });
});

describe("P1 telegrams", () => {
  it("keep values, units and order", () => {
    const { ident, objects, complete } = decodeTelegram(
      telegram([
        "1-0:1.8.0*255(1.5*kWh)",
        "1-0:1.8.0*1(2*kWh)",
        "0-1:24.2.1(210101000000W)(7*m3)",
        "(8)",
        "junk",
      ]),
    );
    expect(ident).toBe("ABC5METER");
    expect(complete).toBe(true);
    expect(objects).toEqual([
      { obis: "1-0:1.8.0", values: [{ kind: "text", text: "1.5", unit: "kWh" }] },
      { obis: "1-0:1.8.0*1", values: [{ kind: "text", text: "2", unit: "kWh" }] },
      {
        obis: "0-1:24.2.1",
        values: [
          { kind: "text", text: "210101000000W" },
          { kind: "text", text: "7", unit: "m3" },
          { kind: "text", text: "8" },
        ],
      },
    ]);
  });

  it("are refused for what is wrong with them", () => {
    const good = telegram(["1-0:1.8.0(1*kWh)"]);
    const bare = `${good.slice(0, good.indexOf("!") + 1)}\r\n`;
    expect(code(good)).toBe("good");
    expect(code(good.replace("(1*", "(2*"))).toBe("bad-checksum");
    expect(code(good.replace(/!..../, "!xyzu"))).toBe("bad-checksum");
    expect(code(good.replace(/!..../, "!xyzu"), "optional")).toBe("bad-checksum");
    expect(code(good.replace("(1*", "(2*"), "none")).toBe("good");
    expect(code(bare)).toBe("missing-checksum");
    expect(code(bare, "optional")).toBe("good");
    expect(code(good.slice(1))).toBe("bad-telegram");
    expect(code(good.slice(0, -7))).toBe("bad-telegram");
    expect(code(telegram([], "\x01"))).toBe("bad-telegram");
    expect(code(telegram(["1-0:1.8.0(1*kWh"]))).toBe("bad-telegram");
    expect(code(telegram(["1-0:1.8.0(1*kWh)x(2)"]))).toBe("bad-telegram");
    expect(code(telegram(new Array(600).fill("1-0:1.8.0(1)")))).toBe("too-long");
    expect(code(telegram([`1-0:1.8.0${"(1)".repeat(70)}`]))).toBe("too-long");
    expect(code(telegram([`1-0:1.8.0(${"1".repeat(maxTelegramBytes)})`]))).toBe("too-long");
  });

  it("come from any text or not at all, but never as another error", () => {
    const line = fc.string({
      unit: fc.constantFrom("1", "0", "-", ":", ".", "(", ")", "*", "W", "!", "/"),
      maxLength: 40,
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(line, fc.string()), { maxLength: 20 }), (lines) => {
        for (const rule of ["required", "optional", "none"] as const)
          for (const text of [telegram(lines), lines.join("\n")])
            expect(["good", "bad-checksum", "missing-checksum", "bad-telegram", "too-long"]).toContain(
              code(text, rule),
            );
      }),
    );
  });
});

describe("the P1 deframer", () => {
  const cut = (rule: CrcRule, ...chunks: readonly string[]) => {
    const deframer = new TelegramDeframer(rule);
    const found = chunks.flatMap((chunk) => deframer.push(bytes(chunk)));
    return { found: found.map((frame) => Buffer.from(frame).toString("latin1")), deframer };
  };
  const good = telegram(["1-0:1.8.0(1*kWh)"]);
  const bare = `${good.slice(0, good.indexOf("!") + 1)}\r\n`;

  it("waits for the end of a short checksum, or for silence", () => {
    const { found, deframer } = cut("optional", bare.slice(0, -2));
    expect(found).toEqual([]);
    expect(deframer.quiet().length).toBe(1);
    expect(deframer.quiet()).toEqual([]);
    expect(cut("optional", bare).found).toEqual([bare.slice(0, -2)]);
    expect(cut("none", bare, good, bare).found.length).toBe(3);
    expect(cut("required", bare, good, bare).found).toEqual([good.slice(0, -2)]);
  });

  it("finds a telegram that begins inside garbage that looks like one", () => {
    for (const garbage of [
      "/ABC",
      "/ABC5 !\r\n",
      "\n!ab",
      "/ABC5\r\n!ab",
      "/ABC\r\n!\r\n!",
      "////",
      "/AB/AB/ABC",
    ])
      expect(cut("required", garbage, good, good).found, JSON.stringify(garbage)).toEqual([
        good.slice(0, -2),
        good.slice(0, -2),
      ]);
  });

  it("gives up what is too long, and goes on", () => {
    const endless = `/ABC5\r\n${"1-0:1.8.0(1)\r\n".repeat(5000)}`;
    const { found, deframer } = cut("required", endless, good, good);
    expect(found.at(-1)).toBe(good.slice(0, -2));
    expect(deframer.statistics["too-long"]).toBeGreaterThan(0);
  });
});

import { describe, expect, it } from "vitest";
import { bytesOf, unescaped } from "./escapes.ts";
import { lineFindings, patternOf } from "./probe.ts";
import { serialLine } from "./protocol.ts";
import { escaped, recordLines } from "./record.ts";

const heard = (...bursts: string[]) => [...lineFindings(bursts.map((text) => bytesOf(unescaped(text))))];
const profile = {} as Parameters<typeof record>[2];
const record = serialLine.record!;
const connection = serialLine.connection.parse({ serial: { port: "/dev/null", baud: 9600 } });

describe("the tools of instruments that speak in lines", () => {
  it("guess the end of lines, and a form for those that differ in their numbers alone", () => {
    expect(heard("alf\\r\\nT=21.5C RH=48%\\r\\nT=-0.25C RH=", "7%\\r\\nREADY [1]\\r\\nT=2")).toEqual([
      { at: "serial-line: {terminator: [crlf]}", value: "", note: "4 lines" },
      { at: 'match: "alf"', value: "alf", note: "1 like it" },
      {
        at: 'match: "T={field1:number}C RH={field2:integer}%"',
        value: "T=21.5C RH=48%",
        note: "2 like it",
      },
      { at: 'match: "READY \\\\[{field1:integer}\\\\]"', value: "READY [1]", note: "1 like it" },
    ]);
  });

  it("write a form that all its lines have, with what is special in a pattern escaped", () => {
    expect(patternOf(["v1.2.3"])).toBe("v{field1:number}.{field2:integer}");
    expect(patternOf(["x 7 ", "x 7"])).toBe("x {field1:integer} ");
    expect(patternOf(["a {b} c\\d"])).toBe("a \\{b\\} c\\\\d");
    expect(patternOf(["\x02A,1,\x03"])).toBe("\\x02A,{field1:integer},\\x03");
  });

  it("name the members of JSON objects, numbers in quotes as numbers", () => {
    expect(heard('{"a":{"b":1},"c":"2.5","d":"x","e":true}\\n').map(({ at }) => at)).toEqual([
      "serial-line: {terminator: [lf]}",
      "json: {has: [a, c, d, e]}",
      "{message: ..., path: a.b}",
      "{message: ..., path: c}",
      "{message: ..., path: d, type: text}",
      "{message: ..., path: e, type: boolean}",
    ]);
  });

  it("do not go deeper into JSON than a path can", () => {
    const deep = `${'{"a":'.repeat(2000)}1${"}".repeat(2000)}\n`;
    expect([...lineFindings([Buffer.from(deep)])]).toHaveLength(2);
  });

  it("say that bytes are no text, and that a pause is all that parts lines", () => {
    expect(heard("\\x80\\x91\\xA2\\xFFab")).toMatchObject([
      { at: "-", note: expect.stringContaining("baud") },
    ]);
    expect(heard("R100", "R101")).toMatchObject([
      { at: "serial-line: {silence: 50ms}" },
      { at: 'match: "R{field1:integer}"', note: "2 like it" },
    ]);
  });

  it("record what was asked with its answers, or what came by itself, with escapes", () => {
    const turn = (sent: string, received: string) => ({
      sent: Buffer.from(sent, "latin1"),
      received: Buffer.from(received, "latin1"),
    });
    expect(record([turn("R\r", "A\\\x02\xff\r\n"), turn("R\r", "")], connection, profile)).toEqual({
      exchange: [{ ">": "R\\r", "<": "A\\\\\\x02\\xFF\\r\\n" }],
    });
    expect(recordLines([turn("", "a\tb\0\n")])).toEqual({ rx: "a\\tb\\0\\n" });
    const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    expect(bytesOf(unescaped(escaped(every)))).toEqual(every);
  });
});

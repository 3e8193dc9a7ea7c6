import { describe, expect, it } from "vitest";
import type { Diagnostic } from "../../model/diagnostic.ts";
import { loadProfile } from "../../profiles/load.ts";
import type { Protocol } from "../protocol.ts";
import { serialLine } from "./protocol.ts";
import { connectionSchema, deviceSchema, givenSchema, headSchema } from "./schema.ts";

const protocols: readonly Protocol[] = [serialLine];

function check(head: string, points: string): readonly Diagnostic[] {
  const text = `profile: test/gauge
version: 1.0.0
title: Gauge
manufacturer: Test
models: [G]
category: level
sources: [{document: made for the tests}]
status: draft
protocol: serial-line
serial-line:
${head}
points:
${points}
examples: [{given: {rx: "R1\\\\r"}, expect: {}}]
`;
  return loadProfile(text, "device-profiles/test/gauge.yaml", protocols).diagnostics;
}

const gauge = '  messages: {range: {match: "R{range:integer}"}, all: {json: {has: [a]}}}';

describe("a profile of an instrument that speaks in lines", () => {
  it("is right", () => {
    expect(check(gauge, "  a: {at: {message: range, field: range}, unit: mm}")).toEqual([]);
    expect(check(gauge, "  a: {at: {message: all, path: a.0.b, type: text}}")).toEqual([]);
  });

  it.each([
    [gauge, "{at: {message: rang, field: range}, unit: mm}", 'there is no message "rang"'],
    [gauge, "{at: {message: range, field: rnge}, unit: mm}", 'the message "range" has no field "rnge"'],
    [gauge, "{at: {message: range, path: a}, unit: mm}", '"range" is not JSON: say the field, not a path'],
    [gauge, "{at: {message: all, field: a}, unit: mm}", '"all" is JSON: say the path, not a field'],
    [gauge, "{at: {message: range, field: range}}", '"a" is a number and lacks a unit'],
    [gauge, "{at: {message: range}, unit: mm}", "an address has either field or, in a JSON message, path"],
    [
      '  messages: {range: {match: "R{range:nummer}"}}',
      "{at: {message: range, field: range}, unit: mm}",
      'unknown type "nummer": one of number, integer, hex, word, text, time, degrees, flag, choice (at character 2)',
    ],
    [
      '  messages: {range: {match: ["{a:integer}", "A{a:text}"]}}',
      "{at: {message: range, field: a}}",
      '"a" is of different types in the forms of this message',
    ],
    [
      '  messages: {range: {match: "{a:integer}", valid: {b: 1}}}',
      "{at: {message: range, field: a}, unit: mm}",
      'the message has no field "b"',
    ],
    [
      '  messages: {range: {match: "{a:integer}", json: true}}',
      "{at: {message: range, field: a}, unit: mm}",
      "a message has either match or json",
    ],
    [
      '  messages: {range: {match: "{a:integer}", request: "{a:integer}"}}',
      "{at: {message: range, field: a}, unit: mm}",
      'to read from "range" would write: its request carries a value',
    ],
    [
      '  messages: {range: {match: "{a:integer}", request: "R"}, set: {match: OK, request: "{a:integer}{b:integer}"}}',
      "{at: {message: range, field: a}, unit: mm}",
      "a request carries one value",
    ],
    [
      '  messages: {range: {match: "{a:integer}", request: "R"}, set: {match: OK, request: "S{_}"}}',
      "{at: {message: range, field: a}, unit: mm}",
      "what a request carries has a name",
    ],
    [
      '  messages: {range: {match: "{a:integer}", request: "R", refusal: NO}}',
      "{at: {message: range, field: a}, unit: mm}",
      "a refusal makes sense only for a request that carries a value",
    ],
    [
      '  messages: {range: {match: "{a:integer}", request: "R"}, set: {match: OK, request: "S{a:integer}", retries: 2}}',
      "{at: {message: range, field: a}, unit: mm}",
      "a command is never sent twice",
    ],
    [
      '  messages: {range: {match: "{a:integer}", request: "R"}, set: {match: OK, request: "S{a:integer}"}}',
      "{at: {message: range, field: a}, unit: mm, write: {}}",
      '"a" is what the device says: it cannot be written',
    ],
    [
      '  messages: {range: {match: "{a:integer}", request: "R"}, set: {match: OK, request: "S{a:integer}"}}',
      "{at: {message: range, field: a}, unit: mm, write: {at: {message: set, value: b}}}",
      'no request of "set" carries a {b:...}',
    ],
    [
      '  messages: {range: {match: "{a:integer}", checksum: {kind: sum16, as: decimal}}}',
      "{at: {message: range, field: a}, unit: mm}",
      "decimal digits have no fixed number",
    ],
    [
      '  terminator: "\\\\q"\n  messages: {range: {match: "{a:integer}"}}',
      "{at: {message: range, field: a}, unit: mm}",
      'unknown escape "\\q"',
    ],
    ["  max: 100", "{at: {message: range, field: a}, unit: mm}", 'lacks the key "messages"'],
  ])("%s %s is refused", (head, point, message) => {
    const found = check(head, `  a: ${point}`).filter(({ severity }) => severity === "error");
    expect(found.map((one) => one.message).join("\n")).toContain(message);
    for (const one of found) expect(one.line).toBeGreaterThan(8);
  });

  it("is warned of a request that nothing needs", () => {
    const head = '  messages: {a: {match: "{a:integer}"}, b: {match: "b{a:integer}", request: "b"}}';
    expect(check(head, "  a: {at: {message: a, field: a}, unit: mm}")).toMatchObject([
      { severity: "warning", message: 'the message "b" is never asked for: no point reads it' },
    ]);
  });
});

describe("what gateway.yaml says", () => {
  it("about a line: where it is, and a pause after opening", () => {
    expect(connectionSchema.parse({ tcp: { host: "moxa", port: 4001 }, connectDelay: "2s" })).toEqual({
      endpoint: { kind: "tcp", host: "moxa", port: 4001 },
      connectDelayMs: 2000,
    });
    expect(connectionSchema.safeParse({}).error?.issues[0]?.message).toBe(
      "a connection has either serial or tcp",
    );
  });

  it("about a device: its address, as a number or a text", () => {
    expect(deviceSchema.parse({ address: 7 })).toEqual({ address: "7" });
    expect(deviceSchema.parse({ address: "Q" })).toEqual({ address: "Q" });
    expect(deviceSchema.safeParse({ address: "a b" }).success).toBe(false);
  });
});

describe("framing", () => {
  const messages = { m: { match: "{a:text}" } };
  const framing = (more: object) => headSchema.parse({ messages, ...more }).framing;
  const ends = (more: object) => framing(more).terminators.map((one) => Buffer.from(one).toString("latin1"));

  it("is by CR or LF unless a profile says otherwise", () => {
    expect(ends({})).toEqual(["\r", "\n"]);
    expect(ends({ terminator: ["crlf", "\\x03\\x04\\r"] })).toEqual(["\r\n", "\x03\x04\r"]);
    expect(framing({ length: 12, start: "R" })).toMatchObject({
      terminators: [],
      length: 12,
      starts: [0x52],
    });
    expect(framing({ silence: "50ms" })).toMatchObject({ terminators: [], silenceMs: 50 });
    expect(framing({ silence: "50ms", terminator: "cr" })).toMatchObject({ silenceMs: 50, max: 512 });
  });

  it("is refused where it contradicts itself", () => {
    const problem = (more: object) => headSchema.safeParse({ messages, ...more }).error?.issues[0]?.message;
    expect(problem({ length: 3, terminator: "cr" })).toBe("a line has either a terminator or a length");
    expect(problem({ silence: 1 })).toBe("at least 2 ms");
    expect(problem({ start: "crlf" })).toBe("one sign begins a line");
  });

  it("of an example is one of text, hex and a dialogue", () => {
    expect(givenSchema.safeParse({ rx: "R1\\r" }).success).toBe(true);
    expect(givenSchema.safeParse({ rx: "R1\\r", hex: "00" }).success).toBe(false);
    expect(givenSchema.safeParse({}).success).toBe(false);
  });
});

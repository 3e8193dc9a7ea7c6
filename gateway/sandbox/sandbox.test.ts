import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import type { JsonObject } from "./codec.ts";
import { openSandbox } from "./sandbox.ts";
import { ScriptError } from "./script-error.ts";

const clock = new VirtualClock();
const sandbox = openSandbox({ clock });
afterAll(() => sandbox[Symbol.asyncDispose]());

const recvTime = Date.UTC(2026, 8, 21, 14, 13, 20);
const uplink = (...bytes: number[]) => ({ bytes: Uint8Array.from(bytes), fPort: 85, recvTime });
const load = (source: string, name = "made up") => sandbox.load(name, source);
/** What a script whose only function has this body returns as data. */
async function dataOf(body: string, ...bytes: number[]): Promise<JsonObject | undefined> {
  using codec = await load(`function decodeUplink(input) { ${body} }`);
  const { data, errors } = await codec.decodeUplink(uplink(...bytes));
  expect(errors).toEqual([]);
  return data;
}
async function refusal(source: string): Promise<ScriptError> {
  const error: unknown = await load(source).then(
    () => undefined,
    (thrown) => thrown,
  );
  if (!(error instanceof ScriptError)) throw new Error("the script was accepted");
  return error;
}

describe("scripts in the styles of the field", () => {
  it("runs ES5 in sloppy mode: implicit globals, octal literals, with, exports behind typeof", async () => {
    using codec = await load(
      [
        "var MODES = ['off', 'on'];",
        "function u16(hi, lo) { return hi << 8 | lo; }",
        "function decodeUplink(input) {",
        "  result = {};", // no var: it becomes a global
        "  for (i = 0; i < input.bytes.length; i += 3) {",
        "    value = u16(input.bytes[i + 1], input.bytes[i + 2]);",
        "    switch (input.bytes[i]) {",
        "      case 01: result.temperature = (value << 16 >> 16) / 010; break;",
        "      case 02: result.mode = MODES[value]; break;",
        "    }",
        "  }",
        "  with (result) { result.cold = temperature < 0; }",
        "  return { data: result };",
        "}",
        "if (typeof module !== 'undefined') { module.exports = { decodeUplink: decodeUplink }; }",
        "if (typeof exports !== 'undefined') { exports.decodeUplink = decodeUplink; }",
      ].join("\n"),
    );
    const { data } = await codec.decodeUplink(uplink(1, 0xff, 0xd8, 2, 0, 1));
    expect(data).toEqual({ temperature: -5, mode: "on", cold: true });
  });

  it("runs modern scripts whose functions are constants, and modules without imports", async () => {
    using codec = await load(`
      import_ = undefined;
      export const decodeUplink = ({ bytes: [first = 0, ...rest], fPort }) =>
        ({ data: { first, sum: rest.reduce((sum, byte) => sum + byte, 0), fPort }, warnings: rest.length ? [] : ["short"] });
      export default { decodeUplink };
    `);
    expect(await codec.decodeUplink(uplink(1, 2, 3))).toEqual({
      data: { first: 1, sum: 5, fPort: 85 },
      errors: [],
      warnings: [],
      printed: 0,
    });
    expect((await codec.decodeUplink(uplink(1))).warnings).toEqual(["short"]);
  });

  it("takes what older servers call a decoder", async () => {
    using v3 = await load(
      "function Decode(fPort, bytes, variables) { return { p: fPort, b: bytes[0], v: variables.depth } }",
    );
    using ttn = await load("function Decoder(bytes, port) { return { b: bytes.length, p: port } }");
    expect([...v3.functions, ...ttn.functions]).toEqual(["decodeUplink", "decodeUplink"]);
    const variables = { depth: "2.5" };
    expect((await v3.decodeUplink({ ...uplink(7), variables })).data).toEqual({ p: 85, b: 7, v: "2.5" });
    expect((await ttn.decodeUplink(uplink(7, 8))).data).toEqual({ b: 2, p: 85 });
  });

  it("encodes downlinks that its own decoder reads back", async () => {
    using codec = await load(`
      function encodeDownlink(input) {
        var d = input.data, buffer = Buffer.alloc(5);
        if (!(d.level >= 0 && d.level <= 100)) return { errors: ["level must be 0 to 100"] };
        buffer.writeUInt8(d.on ? 1 : 0, 0);
        buffer.writeUInt16LE(Math.round(d.level * 100), 1);
        buffer.writeInt16BE(Math.round(d.offset * 10), 3);
        return { bytes: buffer, fPort: 60, warnings: d.level < 5 ? ["very dark"] : [] };
      }
      function decodeDownlink(input) {
        var b = Buffer.from(input.bytes);
        return { data: { on: b[0] === 1, level: b.readUInt16LE(1) / 100, offset: b.readInt16BE(3) / 10 } };
      }`);
    expect([...codec.functions]).toEqual(["decodeDownlink", "encodeDownlink"]);
    const lamp = fc.record({
      on: fc.boolean(),
      level: fc.integer({ min: 0, max: 10_000 }).map((level) => level / 100),
      offset: fc.integer({ min: -30_000, max: 30_000 }).map((offset) => offset / 10),
    });
    await fc.assert(
      fc.asyncProperty(lamp, async (data) => {
        const { bytes, fPort, warnings } = await codec.encodeDownlink({ data });
        expect(fPort).toBe(60);
        expect(warnings).toEqual(data.level < 5 ? ["very dark"] : []);
        const back = await codec.decodeDownlink({ bytes: bytes ?? new Uint8Array(), fPort: 60, recvTime });
        expect(back.data).toEqual(data);
      }),
      { numRuns: 50 },
    );
    const refused = await codec.encodeDownlink({ data: { on: true, level: 101, offset: 0 } });
    expect(refused).toMatchObject({ errors: ["level must be 0 to 100"], failure: { code: "errors" } });
    expect(refused.bytes).toBeUndefined();
    expect((await codec.decodeUplink(uplink(1))).failure?.code).toBe("no-function");
  });

  it("keeps warnings beside data, and errors instead of it", async () => {
    using codec = await load(`function decodeUplink(input) {
      return { data: { a: 1 }, warnings: ["low battery", 7], errors: input.bytes.length ? ["bad " + input.bytes[0], { at: 1 }] : [] };
    }`);
    expect(await codec.decodeUplink(uplink())).toMatchObject({
      data: { a: 1 },
      warnings: ["low battery", "7"],
      errors: [],
    });
    const failed = await codec.decodeUplink(uplink(9));
    expect(failed).toEqual({
      errors: ["bad 9", '{"at":1}'],
      warnings: ["low battery", "7"],
      failure: { code: "errors", message: 'codec made up: bad 9; {"at":1}', line: undefined },
      printed: 0,
    });
  });
});

describe("what a script finds around it", () => {
  it("is UTC, and its only time is that of the reception", async () => {
    const seen = await dataOf(`
      var parts = new Date(2020, 6, 1, 12), later = Date.now();
      for (var i = 0; i < 1e5; i++) later = Date.now();
      return { data: { recv: input.recvTime.toISOString(), is: input.recvTime instanceof Date, now: new Date().toISOString(),
        passed: later - input.recvTime, local: parts.getTime(), offset: parts.getTimezoneOffset(), text: String(parts) } };`);
    expect(seen).toEqual({
      recv: "2026-09-21T14:13:20.000Z",
      is: true,
      now: "2026-09-21T14:13:20.000Z",
      passed: 0,
      local: Date.UTC(2020, 6, 1, 12),
      offset: 0,
      text: "Wed Jul 01 2020 12:00:00 GMT+0000",
    });
  });

  it("tells a downlink encoder the present, or the time that is asked for", async () => {
    using codec = await load(
      "function encodeDownlink() { return { bytes: [Math.floor(Date.now() / 1000) & 255] } }",
    );
    const second = (ms: number) => [Math.floor(ms / 1000) & 255];
    expect(Array.from((await codec.encodeDownlink({ data: {} })).bytes ?? [])).toEqual(second(clock.now()));
    const asked = await codec.encodeDownlink({ data: {}, now: 1_000_000_000_000 });
    expect(Array.from(asked.bytes ?? [])).toEqual(second(1_000_000_000_000));
  });

  it("shows the time of the call to what a script computes at its top level, too", async () => {
    using codec = await load(
      "var started = new Date(); function decodeUplink() { return { data: { y: started.getTime() } } }",
    );
    expect((await codec.decodeUplink(uplink())).data).toEqual({ y: recvTime });
    expect((await codec.decodeUplink({ ...uplink(), recvTime: 5000 })).data).toEqual({ y: 5000 });
  });

  it("has the same random numbers in every call", async () => {
    using codec = await load(
      "function decodeUplink() { return { data: { r: [Math.random(), Math.random()] } } }",
    );
    const { data } = await codec.decodeUplink(uplink());
    expect(await codec.decodeUplink(uplink())).toMatchObject({ data });
    expect(new Set(Object.values(data?.r ?? {})).size).toBe(2);
  });

  it("rounds like every other engine", async () => {
    const numbers = [0.0078125, 12.5, 1.005, 2.5, -2.5, 1.45, 0.5, 1e21, 123.456, -0.00001, 8.345, 1.255];
    const seen = await dataOf(`return { data: { t: ${JSON.stringify(numbers)}.map(function (n) {
      return [n.toFixed(0), n.toFixed(1), n.toFixed(2), n.toFixed(6), n.toPrecision(3), n.toExponential(1)]; }) } };`);
    expect(seen?.t).toEqual(
      numbers.map((n) => [
        n.toFixed(0),
        n.toFixed(1),
        n.toFixed(2),
        n.toFixed(6),
        n.toPrecision(3),
        n.toExponential(1),
      ]),
    );
  });

  it("has Buffer, atob, btoa and typed arrays, and a console that only counts", async () => {
    using codec = await load(`function decodeUplink(input) {
      var b = Buffer.from(input.bytes), view = new DataView(Uint8Array.from(input.bytes).buffer);
      console.log("hello"); console.error({}); console.debug();
      return { data: { hex: b.toString("hex"), u24: b.readUIntBE(0, 3), f: b.readFloatLE(0), view: view.getInt16(0, true), a: btoa(atob("AQID")) } };
    }`);
    expect(await codec.decodeUplink(uplink(0, 0, 0x20, 0xc1))).toMatchObject({
      data: { hex: "000020c1", u24: 32, f: -10, view: 0, a: "AQID" },
      printed: 3,
    });
  });

  it("has nothing that reaches out of the realm", async () => {
    const names = [
      ...["process", "require", "module", "exports", "fetch", "setTimeout", "setInterval", "setImmediate"],
      ...[
        "queueMicrotask",
        "performance",
        "WebAssembly",
        "SharedArrayBuffer",
        "Atomics",
        "Worker",
        "std",
        "os",
      ],
      ...["scriptArgs", "print", "navigator", "global", "window", "self", "WeakRef", "FinalizationRegistry"],
    ];
    const body = `return { data: { found: ${JSON.stringify(names)}.filter(function (name) { return eval("typeof " + name) !== "undefined"; }) } };`;
    expect(await dataOf(body)).toEqual({ found: [] });
  });
});

describe("one call and the next", () => {
  it("share nothing: globals, built-ins and closures are as the script left them when it started", async () => {
    using codec = await load(`
      var calls = 0; var seen = [];
      function decodeUplink(input) {
        calls++; seen.push(input.bytes[0]); leaked = typeof leaked === "undefined" ? 1 : leaked + 1;
        var clean = typeof {}.evil === "undefined" && [1].map(String)[0] === "1";
        Object.prototype.evil = 1; Array.prototype.map = null; JSON.parse = null; Math.round = null; Date = null;
        return { data: { calls: calls, seen: seen, leaked: leaked, clean: clean } };
      }`);
    for (const byte of [1, 2, 3]) {
      expect((await codec.decodeUplink(uplink(byte))).data).toEqual({
        calls: 1,
        seen: [byte],
        leaked: 1,
        clean: true,
      });
    }
  });

  it("keeps what a script adds to built-ins while it starts, for that script alone", async () => {
    using adder = await load(`Array.prototype.last = function () { return this[this.length - 1]; };
      function decodeUplink(input) { return { data: { last: input.bytes.last() } } }`);
    using plain = await load(
      "function decodeUplink(input) { return { data: { kind: typeof input.bytes.last } } }",
    );
    for (let round = 0; round < 2; round++) {
      expect((await adder.decodeUplink(uplink(1, 2))).data).toEqual({ last: 2 });
      expect((await plain.decodeUplink(uplink(1, 2))).data).toEqual({ kind: "undefined" });
    }
  });

  it("answers in order, and loads again what it could not keep in memory", async () => {
    await using small = openSandbox({ clock, keptCodecs: 2 });
    const codecs = await Promise.all(
      [0, 1, 2, 3, 4].map((n) =>
        small.load(`c${n}`, `function decodeUplink(i) { return { data: { n: ${n}, b: i.bytes[0] } } }`),
      ),
    );
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 20 }, async (_, call) => {
        const { data } = await codecs[call % 5]!.decodeUplink(uplink(call));
        expect(data).toEqual({ n: call % 5, b: call });
        order.push(call);
      }),
    );
    expect(order).toEqual(Array.from({ length: 20 }, (_, call) => call));
    expect(small.starts).toBe(1);
  });
});

describe("what goes in and out", () => {
  it("is JSON, unchanged", async () => {
    using echo = await load(
      "function encodeDownlink(input) { return { bytes: [], errors: [JSON.stringify(input.data)] } }",
    );
    using back = await load(
      "function decodeUplink(input) { return { data: { v: JSON.parse(input.variables.json) } } }",
    );
    const plain = fc
      .jsonValue({ maxDepth: 4 })
      .filter((value) => !JSON.stringify(value).includes("__proto__"));
    await fc.assert(
      fc.asyncProperty(plain, async (value) => {
        const json = JSON.stringify(value);
        const { data } = await back.decodeUplink({ ...uplink(), variables: { json } });
        expect(JSON.stringify(data?.v)).toBe(json);
        const { errors } = await echo.encodeDownlink({ data: { v: JSON.parse(json) } });
        expect(errors[0]).toBe(JSON.stringify({ v: value }).slice(0, 300));
      }),
      { numRuns: 200 },
    );
  });

  it("leaves out what JSON cannot say, and refuses what it has no form for", async () => {
    const rubbish =
      "a: NaN, b: undefined, c: function () {}, d: new Date(0), e: new Uint8Array([7]), f: -Infinity, g: Symbol('s')";
    expect(await dataOf(`return { data: { ${rubbish} } }`)).toEqual({
      a: null,
      d: "1970-01-01T00:00:00.000Z",
      e: { 0: 7 },
      f: null,
    });
    const bad = async (body: string) => {
      using codec = await load(`function decodeUplink(input) { ${body} }`);
      const { failure } = await codec.decodeUplink(uplink(1));
      return `${failure?.code}: ${failure?.message.replace("codec made up: ", "")}`;
    };
    expect(await bad("")).toBe("bad-output: decodeUplink returned undefined, not an object");
    expect(await bad("return 7")).toBe("bad-output: decodeUplink returned number, not an object");
    expect(await bad("return Promise.resolve({ data: {} })")).toBe(
      "bad-output: decodeUplink returned a Promise, not an object",
    );
    expect(await bad("return { temperature: 7 }")).toBe(
      "bad-output: decodeUplink returned undefined for data, not an object",
    );
    expect(await bad("return { data: [1] }")).toBe(
      "bad-output: decodeUplink returned a list for data, not an object",
    );
    expect(await bad("return { data: new Date() }")).toBe("bad-output: its data is not an object");
    expect(await bad("return { data: { a: 1n } }")).toMatch(/^bad-output: TypeError: BigInt/);
    expect(await bad("var a = {}; a.a = a; return { data: a }")).toMatch(/^bad-output: TypeError: circular/);
    expect(await bad(`return { data: JSON.parse('{"x":{"__proto__":1}}') }`)).toBe(
      "bad-output: its data has a member named __proto__",
    );
  });

  it("names the exception and its line", async () => {
    using codec = await load("function decodeUplink(input) {\n  var x;\n  return x.y.z;\n}", "acme.js");
    expect((await codec.decodeUplink(uplink(1))).failure).toEqual({
      code: "threw",
      message: "codec acme.js: TypeError: cannot read property 'y' of undefined (line 3)",
      line: 3,
    });
  });

  it("is bounded", async () => {
    using codec = await load(`
      function decodeUplink(input) {
        var list = [], deep = {};
        for (var i = 0; i < input.fPort * 1000; i++) list.push(1);
        for (var level = 0, at = deep; level < input.bytes.length; level++) at = at.a = {};
        return { data: { list: list, deep: deep, text: new Array(Number(input.variables.text || 0) + 1).join("x") } };
      }
      function encodeDownlink(input) { return { bytes: new Array(input.data.n).fill(1) } }`);
    const outcome = async (fPort: number, levels: number, text = "0") => {
      const { data, failure } = await codec.decodeUplink({
        bytes: new Uint8Array(levels),
        fPort,
        recvTime,
        variables: { text },
      });
      return data ? "ok" : failure?.code;
    };
    expect(await outcome(4, 20)).toBe("ok");
    expect(await outcome(5, 1)).toBe("too-large");
    expect(await outcome(1, 24)).toBe("too-large");
    expect(await outcome(1, 1025)).toBe("too-large");
    expect(await outcome(1, 1, "60000")).toBe("ok");
    expect(await outcome(1, 1, "70000")).toBe("too-large");
    expect(await outcome(1, 1, " ".repeat(17_000))).toBe("too-large");
    expect((await codec.encodeDownlink({ data: { n: 242 } })).bytes?.length).toBe(242);
    expect((await codec.encodeDownlink({ data: { n: 243 } })).failure?.code).toBe("too-large");
  });

  it("sends only bytes, and only to ports of applications", async () => {
    using codec = await load(
      "function encodeDownlink(input) { return JSON.parse(input.data.json, function (k, v) { return v === 'nan' ? NaN : v }) }",
    );
    const sent = async (output: unknown) => {
      const { bytes, fPort, failure, warnings } = await codec.encodeDownlink({
        data: { json: JSON.stringify(output) },
      });
      return bytes
        ? [Buffer.from(bytes).toString("hex"), fPort, ...warnings]
        : failure?.message.replace("codec made up: ", "");
    };
    expect(await sent({ bytes: [0, 255], fPort: 1 })).toEqual(["00ff", 1]);
    expect(await sent({ bytes: [] })).toEqual(["", undefined]);
    expect(await sent({ bytes: [11.000000000000002] })).toEqual([
      "0b",
      undefined,
      "byte 0 is 11.000000000000002: sent as 11",
    ]);
    expect(await sent({ bytes: [1, 256] })).toBe("byte 1 must be a number from 0 to 255, not 256");
    expect(await sent({ bytes: [-1] })).toBe("byte 0 must be a number from 0 to 255, not -1");
    expect(await sent({ bytes: ["nan"] })).toBe("byte 0 must be a number from 0 to 255, not null");
    expect(await sent({ bytes: ["1"] })).toBe("encodeDownlink returned bytes that are not numbers");
    expect(await sent({ bytes: "0102" })).toBe(
      "encodeDownlink returned string for bytes, not a list of numbers",
    );
    expect(await sent({ bytes: [1], fPort: 0 })).toBe("fPort must be a whole number from 1 to 223, not 0");
    expect(await sent({ bytes: [1], fPort: 1.5 })).toBe(
      "fPort must be a whole number from 1 to 223, not 1.5",
    );
  });
});

describe("loading", () => {
  it("says where the syntax is wrong", async () => {
    const error = await refusal("function decodeUplink(input) {\n  var a = 1;\n  return { data a };\n}");
    expect(error).toMatchObject({ name: "ScriptError", code: "syntax-error", line: 3, column: 17 });
    expect(error.message).toMatch(/^made up:3:17: /);
    expect(await refusal('import fs from "fs";\nfunction decodeUplink() {}')).toMatchObject({
      code: "syntax-error",
      line: 1,
    });
  });

  it("refuses scripts that define nothing, that throw, or that are too large", async () => {
    expect((await refusal("var x = 1;")).message).toBe(
      "made up: the script defines no decodeUplink, encodeDownlink or decodeDownlink",
    );
    expect((await refusal("")).code).toBe("no-function");
    const threw = await refusal("function decodeUplink() {}\nconst fs = require('fs');");
    expect(threw).toMatchObject({ code: "threw", line: 2 });
    expect(threw.message).toContain("require is not defined");
    expect((await refusal(`// ${"x".repeat(128 * 1024)}\nfunction decodeUplink() {}`)).code).toBe(
      "too-large",
    );
    expect((await refusal("function f() { f(); } f();")).code).toBe("stack-overflow");
    expect((await refusal("var a = []; for (;;) a.push(new Uint8Array(65536));")).code).toBe("out-of-memory");
    const keeps = (bytes: number) =>
      `var kept = new Uint8Array(${bytes}).fill(1); function decodeUplink() {}`;
    expect((await refusal(keeps(2_600_000))).message).toBe("made up: it keeps more than 2560 kB in memory");
    (await load(keeps(1_500_000)))[Symbol.dispose]();
  });

  it("takes a script as large as it may be, and calls it as fast as others", async () => {
    const filler = Array.from(
      { length: 1500 },
      (_, n) => `function helper${n}(a) { return a * ${n} + "text ${n}"; }`,
    ).join("\n");
    const source = `${filler}\nfunction decodeUplink(input) { return { data: { h: helper999(input.bytes[0]) } } }`;
    expect(Buffer.byteLength(source)).toBeLessThan(128 * 1024);
    using codec = await load(source.padEnd(128 * 1024, " "));
    expect((await codec.decodeUplink(uplink(2))).data).toEqual({ h: "1998text 999" });
  });
});

describe("lifetime", () => {
  it("has no thread before the first script, and answers `closed` after its end", async () => {
    const own = openSandbox({ clock });
    expect(own.starts).toBe(0);
    const codec = await own.load("c", "function decodeUplink() { return { data: {} } }");
    expect(own.starts).toBe(1);
    const waiting = [codec.decodeUplink(uplink()), codec.decodeUplink(uplink())];
    await own[Symbol.asyncDispose]();
    for (const { failure } of await Promise.all(waiting))
      expect([undefined, "closed"]).toContain(failure?.code);
    expect((await codec.decodeUplink(uplink())).failure?.code).toBe("closed");
    await expect(own.load("d", "function decodeUplink() {}")).rejects.toMatchObject({ code: "closed" });
    await own[Symbol.asyncDispose]();
  });

  it("closes while its thread is only starting", async () => {
    const own = openSandbox({ clock });
    const loading = expect(own.load("c", "function decodeUplink() {}")).rejects.toMatchObject({
      code: "closed",
    });
    await own[Symbol.asyncDispose]();
    await loading;
  });

  it("bounds how many calls wait", async () => {
    await using own = openSandbox({ clock, queue: 3 });
    const codec = await own.load("c", "function decodeUplink() { return { data: {} } }");
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => codec.decodeUplink(uplink())));
    expect(outcomes.map(({ failure }) => failure?.code)).toEqual([
      ...[undefined, undefined, undefined, undefined],
      ...["queue-full", "queue-full"],
    ]);
  });

  it("forgets a codec that is disposed", async () => {
    const codec = await load("function decodeUplink() { return { data: {} } }");
    codec[Symbol.dispose]();
    expect((await codec.decodeUplink(uplink())).failure?.code).toBe("closed");
  });
});

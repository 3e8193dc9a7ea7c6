import { afterAll, describe, expect, it } from "vitest";
import type { Codec, Decoded } from "../../gateway/sandbox/codec.ts";
import { openSandbox, type Sandbox } from "../../gateway/sandbox/sandbox.ts";
import { openClock } from "../../gateway/store/clock.ts";
import { settle, VirtualClock } from "./virtual-clock.ts";

// Scripts that mean harm, beside one that does honest work in the same sandbox at the same time. Time
// stands still until a test lets it pass, so that a slow machine is no timeout and a timeout is no wait.

const callMs = 100;
const graceMs = 150;
const uplink = {
  bytes: Uint8Array.from([1, 117, 100, 3, 103, 16, 1]),
  fPort: 5,
  recvTime: 1_790_000_000_000,
};

/** Uses what others poison: array methods, JSON, Object, RegExp, Date and Math. */
const neighbourSource = `
  var kinds = { 0x75: ["battery", 1, 1], 0x67: ["temperature", 2, 10] };
  function decodeUplink(input) {
    var data = {}, bytes = input.bytes.slice(), calls = (typeof calls === "undefined" ? 0 : calls) + 1;
    while (bytes.length) {
      var kind = kinds[bytes.splice(0, 2)[1]];
      var raw = bytes.splice(0, kind[1]).reverse().reduce(function (sum, byte) { return sum * 256 + byte }, 0);
      data[kind[0]] = raw / kind[2];
    }
    data.names = Object.keys(data).map(function (name) { return name.replace(/a/g, "A") }).join();
    data.copy = JSON.parse(JSON.stringify({ at: new Date(input.recvTime).toISOString(), round: Math.round(2.5) }));
    data.clean = Object.keys(Object.prototype).length + Object.getOwnPropertyNames(globalThis).filter(function (name) { return /evil/.test(name) }).length;
    return { data: data };
  }`;
const honest = {
  battery: 100,
  temperature: 27.2,
  names: "bAttery,temperAture",
  copy: { at: "2026-09-21T14:13:20.000Z", round: 3 },
  clean: 0,
};

/**
 * How a script ends:
 * `itself`: the engine's limits or the script's own fault, whatever the time;
 * `asked`: when its time is over and it is told to stop;
 * `killed`: with its thread, because native code does not look whether it should stop.
 */
type End = "itself" | "asked" | "killed";
type Case = readonly [name: string, end: End, outcome: string, body: string, before?: string];

const loops: Case[] = [
  ["an endless loop", "asked", "timeout", "for (;;);"],
  ["a labelled loop", "asked", "timeout", "a: for (;;) continue a;"],
  ["a loop in a getter of its data", "asked", "timeout", "return { data: { get x() { for (;;); } } }"],
  ["a loop in toJSON", "asked", "timeout", "return { data: { toJSON: function () { for (;;); } } }"],
  ["a loop in a getter of errors", "asked", "timeout", "return { get errors() { for (;;); } }"],
  ["a loop in catch", "asked", "timeout", "try { null.x } catch (e) { for (;;); }"],
  ["a loop in finally", "asked", "timeout", "try { for (;;); } finally { for (;;); }"],
  ["catching the interruption", "asked", "timeout", "for (;;) { try { for (;;); } catch (e) {} }"],
  [
    "a loop in the message of what it throws",
    "asked",
    "timeout",
    "throw { get message() { for (;;); }, toString: function () { for (;;); } }",
  ],
  [
    "a loop in Error.prepareStackTrace",
    "asked",
    "timeout",
    "Error.prepareStackTrace = function () { for (;;); }; null.x",
  ],
  ["an endless generator", "asked", "timeout", "function* g() { for (;;) yield 1 } for (var x of g());"],
  ["an async loop", "asked", "timeout", "(async function () { for (;;); })(); return { data: {} }"],
  [
    "a proxy with endless keys",
    "asked",
    "timeout",
    "return { data: new Proxy({}, { ownKeys: function () { for (;;); } }) }",
  ],
  [
    "a species that never ends",
    "asked",
    "timeout",
    "class A extends Array { static get [Symbol.species]() { return function () { for (;;); } } } new A(1, 2).map(String)",
  ],
  [
    "a loop in toPrimitive",
    "asked",
    "timeout",
    "return { errors: [{ toJSON: function () { return +{ [Symbol.toPrimitive]: function () { for (;;); } } } }] }",
  ],
  ["eval without end", "asked", "timeout", "for (;;) eval('1')"],
  ["new Function without end", "asked", "timeout", "for (;;) new Function('return 1')"],
  [
    "a catastrophic regular expression",
    "asked",
    "timeout",
    "return { data: { m: /(a+)+$/.test('a'.repeat(60) + 'b') } }",
  ],
  [
    "searching a list of 2^53",
    "asked",
    "timeout",
    "Array.prototype.includes.call({ length: Math.pow(2, 53) - 1 }, 1)",
  ],
  ["joining a list of 10^9", "killed", "timeout", "new Array(1e9).join('x')"],
  [
    "reversing a list of 2^53",
    "killed",
    "timeout",
    "Array.prototype.reverse.call({ length: Math.pow(2, 53) - 1 })",
  ],
  ["writing out a huge BigInt", "killed", "timeout", "for (;;) (2n ** 900000n).toString()"],
  [
    "multiplying huge BigInts",
    "killed",
    "timeout",
    "var x = 2n ** 500000n - 1n; for (;;) x = (x * x) % (2n ** 499999n + 7n)",
  ],
];

const bombs: Case[] = [
  ["doubling a string", "itself", "out-of-memory", "var s = 'x'; for (;;) s += s"],
  [
    "collecting strings",
    "itself",
    "out-of-memory",
    "var a = [], s = '0123456789'.repeat(100); for (;;) a.push(s + a.length)",
  ],
  [
    "collecting typed arrays",
    "itself",
    "out-of-memory",
    "var a = []; for (;;) a.push(new Uint8Array(1 << 16))",
  ],
  ["one huge buffer", "itself", "out-of-memory", "new ArrayBuffer(1e9)"],
  ["collecting objects", "itself", "out-of-memory", "var a = []; for (;;) a.push({ a: 1 })"],
  ["filling a list", "itself", "out-of-memory", "new Array(1e9).fill(0)"],
  ["spreading a generator", "itself", "out-of-memory", "function* g() { for (;;) yield 1 } [...g()]"],
  ["a flood of promises", "itself", "out-of-memory", "for (;;) Promise.resolve().then(function () {})"],
  [
    "replacing with more and more",
    "itself",
    "out-of-memory",
    "var s = 'a'.repeat(1e5); for (;;) s = s.replace(/a/g, 'aaaa')",
  ],
  ["padding without end", "itself", "out-of-memory", "''.padEnd(Math.pow(2, 29), 'ab')"],
  ["a map without end", "itself", "out-of-memory", "var m = new Map(); for (;;) m.set({}, 1)"],
  [
    "swallowing out of memory",
    "asked",
    "timeout",
    "var a = []; for (;;) { try { a.push(new Uint8Array(1 << 16)) } catch (e) {} }",
  ],
  ["recursion", "itself", "stack-overflow", "function f() { return f() + 1 } f()"],
  ["recursion through sort", "itself", "stack-overflow", "function f() { return [2, 1].sort(f) } f()"],
  [
    "recursion through a proxy",
    "itself",
    "stack-overflow",
    "var p = new Proxy({}, { get: function (t, k) { return p[k] } }); p.x",
  ],
  [
    "recursion with long stack traces",
    "itself",
    "stack-overflow",
    "Error.stackTraceLimit = 1e9; function f() { return f() + 1 } f()",
  ],
  ["nested JSON", "itself", "stack-overflow", "JSON.parse('['.repeat(200000))"],
  ["nested source", "itself", "stack-overflow", "eval('('.repeat(100000))"],
  ["a nested regular expression", "itself", "threw", "new RegExp('('.repeat(100000) + ')'.repeat(100000))"],
  [
    "deep data",
    "itself",
    "too-large",
    "var d = {}, c = d; for (var i = 0; i < 100; i++) c = c.a = {}; return { data: d }",
  ],
  ["long data", "itself", "too-large", "return { data: { a: 'x'.repeat(100000) } }"],
  [
    "wide data",
    "itself",
    "too-large",
    "var d = {}; for (var i = 0; i < 5000; i++) d[i] = 1; return { data: d }",
  ],
  [
    "a list with a hole of 2^32",
    "itself",
    "out-of-memory",
    "var a = []; a[Math.pow(2, 32) - 2] = 1; return { data: { a: a } }",
  ],
  [
    "a hundred thousand errors",
    "itself",
    "errors",
    "return { errors: new Array(1e5).fill('x'.repeat(1000)) }",
  ],
];

const escapes: Case[] = [
  [
    "the constructor of a constructor",
    "itself",
    '{"t":"undefined undefined object"}',
    'return { data: { t: [].constructor.constructor(\'return typeof process + " " + typeof require + " " + typeof this\')() } }',
  ],
  [
    "the constructor of what it was given",
    "itself",
    '{"t":"undefined"}',
    "return { data: { t: input.constructor.constructor('return typeof process')() } }",
  ],
  ["the caller of its function", "itself", "threw", "decodeUplink.caller.constructor('return process')()"],
  [
    "the stack frames of an error",
    "itself",
    '{"t":"string"}',
    "return { data: { t: typeof new Error('x').stack } }",
  ],
  ["import()", "itself", '{"t":"object"}', "return { data: { t: typeof import('node:fs') } }"],
  ["import.meta", "itself", "threw", "eval('import.meta.url')"],
  ["require", "itself", "threw", "require('fs')"],
  ["SharedArrayBuffer", "itself", "threw", "new SharedArrayBuffer(8)"],
  ["Atomics.wait", "itself", "threw", "Atomics.wait(new Int32Array(8), 0, 0)"],
  ["WebAssembly", "itself", "threw", "WebAssembly.compile"],
  [
    "shared memory made by a typed array",
    "itself",
    '{"t":"[object ArrayBuffer]"}',
    "return { data: { t: Object.prototype.toString.call(new Uint8Array(4).buffer) } }",
  ],
];

const poisons: Case[] = [
  [
    "poisoned prototypes, while it starts",
    "itself",
    '{"a":1}',
    "return { data: { a: 1 } }",
    `Object.prototype.evil = 1; Object.prototype.toJSON = undefined; Array.prototype.map = Array.prototype.push = null;
     Function.prototype.call = Function.prototype.apply = null; String.prototype.replace = function () { return "evil" };`,
  ],
  [
    "poisoned prototypes, in the call",
    "itself",
    '{"a":1}',
    `Object.prototype.evil = 1; Array.prototype.reduce = Array.prototype.join = null; Math.round = null;
     Object.keys = Array.isArray = null; return { data: { a: 1 } }`,
  ],
  [
    "replaced built-ins",
    "itself",
    '{"a":1}',
    "Date = JSON = Object = Array = String = RegExp = Math = Error = Promise = null; return { data: { a: 1 } }",
  ],
  [
    "another JSON.stringify",
    "itself",
    '{"a":1}',
    'JSON.stringify = function () { return \'{"data":{"evil":1}}\' }; return { data: { a: 1 } }',
  ],
  [
    "another JSON.parse",
    "itself",
    '{"a":7}',
    "return { data: { a: input.bytes.length } }",
    "JSON.parse = function () { return { evil: 1 } }",
  ],
  [
    "another Date",
    "itself",
    '{"a":"2026-09-21T14:13:20.000Z"}',
    "return { data: { a: input.recvTime } }",
    "Date = function () { for (;;); }",
  ],
  [
    // The engine's own JSON.stringify keeps a list while it works, and so meets them.
    "setters for list entries",
    "asked",
    "timeout",
    "return { data: { a: 1 } }",
    "Object.defineProperty(Array.prototype, '0', { set: function () { for (;;); }, configurable: true })",
  ],
  [
    "a frozen world",
    "itself",
    '{"a":1}',
    "return { data: { a: 1 } }",
    "Object.getOwnPropertyNames(globalThis).forEach(function (n) { try { Object.freeze(globalThis[n]); Object.freeze(globalThis[n].prototype) } catch (e) {} }); Object.freeze(globalThis)",
  ],
  [
    "globals with the names of its neighbour",
    "itself",
    '{"a":1}',
    "kinds = null; evil = 1; return { data: { a: 1 } }",
    "var kinds = 'evil'; var evilToo = 2",
  ],
  [
    "a member named __proto__",
    "itself",
    "bad-output",
    'return { data: JSON.parse(\'{"__proto__":{"evil":1}}\') }',
  ],
  [
    "symbols",
    "itself",
    '{"a":1}',
    "return { data: { a: 1, [Symbol.toPrimitive]: 1, [Symbol.iterator]: null, s: Symbol('evil') } }",
  ],
  [
    "a getter that throws a symbol",
    "itself",
    "bad-output",
    "return { data: { get a() { throw Symbol('x') } } }",
  ],
  ["throwing null", "itself", "threw", "throw null"],
  [
    "promises that poison later",
    "itself",
    '{"a":1}',
    "Promise.resolve().then(function f() { Object.prototype.evil = 1; Promise.resolve().then(f) }); return { data: { a: 1 } }",
  ],
  [
    "endless awaiting",
    "itself",
    '{"a":1}',
    "(async function () { for (;;) await 1 })(); return { data: { a: 1 } }",
  ],
  [
    "a replaced console and Buffer",
    "itself",
    '{"a":1}',
    "console = null; Buffer = null; return { data: { a: 1 } }",
  ],
];

const clock = new VirtualClock();

/** The harm is done while a neighbour's calls wait; both are answered. */
async function beside(
  sandbox: Sandbox,
  neighbour: Codec,
  [name, end, , body, before = ""]: Case,
): Promise<Decoded> {
  using codec = await sandbox.load(name, `${before}\nfunction decodeUplink(input) { ${body} }`);
  const first = neighbour.decodeUplink(uplink);
  const harm = codec.decodeUplink(uplink);
  const waiting = [neighbour.decodeUplink(uplink), neighbour.decodeUplink(uplink)];
  expect((await first).data).toEqual(honest);
  await settle();
  if (end !== "itself") await clock.advance(callMs);
  if (end === "killed") await clock.advance(graceMs);
  const outcome = await harm;
  for (const { data, errors } of await Promise.all(waiting)) {
    expect(errors).toEqual([]);
    expect(data).toEqual(honest);
  }
  return outcome;
}

describe("hostile codecs", () => {
  const sandbox = openSandbox({ clock, callMs, graceMs });
  afterAll(() => sandbox[Symbol.asyncDispose]());
  const neighbour = sandbox.load("neighbour", neighbourSource);

  for (const [title, cases] of Object.entries({ loops, bombs, escapes, poisons })) {
    describe(title, () => {
      for (const one of cases) {
        const [name, end, expected] = one;
        it(`${name}: ends by ${end}, with ${expected}`, async () => {
          const honestCodec = await neighbour;
          const starts = sandbox.starts;
          const { data, errors, failure } = await beside(sandbox, honestCodec, one);
          if (expected.startsWith("{")) {
            expect({ failure, data }).toEqual({ failure: undefined, data: JSON.parse(expected) });
          } else {
            expect(failure?.code).toBe(expected);
            expect(data).toBeUndefined();
            expect(errors.length).toBeGreaterThan(0);
            expect(failure?.message).toContain(`codec ${name}`);
            expect(Buffer.byteLength(JSON.stringify(errors))).toBeLessThan(8192);
          }
          expect(sandbox.starts - starts).toBe(end === "killed" ? 1 : 0);
        });
      }
    });
  }
});

describe("a script that is hostile while it starts", () => {
  it.each([
    ["asked", "timeout", "for (;;);"],
    ["killed", "timeout", "new Array(1e9).join('x')"],
    ["itself", "out-of-memory", "var a = []; for (;;) a.push(new Uint8Array(1 << 16))"],
    ["itself", "stack-overflow", `${"(".repeat(60_000)}${")".repeat(60_000)}`],
    ["itself", "threw", "throw { toString: function () { throw 1 } }"],
  ] as const)("ends by %s, with %s, and is refused", async (end, code, source) => {
    await using sandbox = openSandbox({ clock, loadMs: callMs, graceMs });
    const neighbour = await sandbox.load("neighbour", neighbourSource);
    const loading = sandbox.load("hostile", `${source}\nfunction decodeUplink() {}`);
    const refused = expect(loading).rejects.toMatchObject({
      code,
      message: expect.stringContaining("hostile"),
    });
    const waiting = neighbour.decodeUplink(uplink);
    if (end !== "itself") await clock.advance(callMs);
    if (end === "killed") await clock.advance(graceMs);
    await refused;
    expect((await waiting).data).toEqual(honest);
  });
});

describe("a codec that does harm again and again", () => {
  it("waits longer and longer, costs its neighbours nothing meanwhile, and is forgiven", async () => {
    await using sandbox = openSandbox({ clock, callMs, graceMs });
    const neighbour = await sandbox.load("neighbour", neighbourSource);
    // Native code that does not end for one payload, and is fine with every other.
    const source =
      "function decodeUplink(i) { if (i.fPort === 5) new Array(1e9).join('x'); return { data: { ok: 1 } } }";
    const codec = await sandbox.load("stuck", source);
    const harm = async () => {
      const call = codec.decodeUplink(uplink);
      await settle();
      await clock.advance(callMs + graceMs);
      return (await call).failure?.code;
    };
    const fine = async () => (await codec.decodeUplink({ ...uplink, fPort: 6 })).failure?.code;
    for (let time = 1; time <= 3; time++) {
      expect(await harm()).toBe("timeout");
      expect(await fine()).toBeUndefined();
      expect(sandbox.starts).toBe(1 + time);
    }
    expect(await harm()).toBe("timeout");
    const quarantined = await codec.decodeUplink(uplink);
    expect(quarantined.failure?.code).toBe("quarantined");
    expect(quarantined.errors[0]).toContain("codec stuck");
    expect((await neighbour.decodeUplink(uplink)).data).toEqual(honest);
    await clock.advance(1000);
    expect(await fine()).toBeUndefined();
    expect(await harm()).toBe("timeout");
    await clock.advance(1000);
    expect(await fine()).toBe("quarantined");
    await clock.advance(1000);
    expect(await fine()).toBeUndefined();
    expect((await neighbour.decodeUplink(uplink)).data).toEqual(honest);
  });
});

describe("in real time", () => {
  it("200 neighbours' calls are right while others hang, eat memory and break the thread", async () => {
    using real = openClock({ floor: 0, trust: "always" });
    // Real time, so a machine that is busy with other tests must not be taken for a codec that hangs.
    await using sandbox = openSandbox({ clock: real, callMs: 1000, graceMs: 500 });
    const neighbour = await sandbox.load("neighbour", neighbourSource);
    const hostile = await Promise.all(
      [
        "for (;;);",
        "var a = []; for (;;) a.push(new Uint8Array(1 << 16))",
        "new Array(1e9).join('x')",
        "function f() { f() } f()",
      ].map((body, index) => sandbox.load(`hostile ${index}`, `function decodeUplink() { ${body} }`)),
    );
    const harm = hostile.map((codec) => codec.decodeUplink(uplink));
    const honestWork = Array.from({ length: 200 }, () => neighbour.decodeUplink(uplink));
    const codes = (await Promise.all(harm)).map(({ failure }) => failure?.code);
    expect(codes).toEqual(["timeout", "out-of-memory", "timeout", "stack-overflow"]);
    for (const { data } of await Promise.all(honestWork)) expect(data).toEqual(honest);
  });
});

import type { Random } from "../../../gateway/model/clock.ts";
import { openSandbox } from "../../../gateway/sandbox/sandbox.ts";
import { ScriptError } from "../../../gateway/sandbox/script-error.ts";
import { openClock } from "../../../gateway/store/clock.ts";
import { pick, type Target, type TargetSource, utf8, Violation } from "../target.ts";

// Codec scripts that nobody has checked, through the real sandbox with its thread. Between them an honest one must
// go on giving what it gave.

const pieces = [
  "for (;;) {",
  "while (1)",
  "}",
  "(",
  ")",
  "[",
  "var x = ",
  "'x'.repeat(1e8)",
  "new Array(1e9)",
  "/(a+)+$/.test('a'.repeat(40))",
  "input.bytes",
  "input.bytes[1e9]",
  "Object.prototype.a = 1",
  "JSON.parse('['.repeat(1e4))",
  "function f() { return f() }",
  "f();",
  "return { data: ",
  "return { errors: ['x'] }",
  "throw ",
  "null",
  "x.y.z",
  "new Proxy({}, {})",
  "2n ** 70000n",
  "`${",
  "async () => { await 1 }",
  "globalThis",
  "__proto__",
  "constructor.constructor('return this')()",
  ";",
  ",",
  "=>",
];
const honest = "function decodeUplink(input) { return { data: { n: input.bytes.length } } }";
const good = (body: string) => utf8(`function decodeUplink(input) { ${body} }`);
const uplink = { bytes: Uint8Array.of(1, 2, 3), fPort: 1, recvTime: 1_790_000_000_000 };

async function openScripts(): Promise<Target> {
  const clock = openClock({ floor: 0, trust: "always" });
  const sandbox = openSandbox({ clock, callMs: 30, loadMs: 1000, graceMs: 50 });
  const neighbour = await sandbox.load("neighbour", honest);
  return {
    name: "codec-script",
    share: 0.1,
    waits: true,
    seeds: [
      good("return { data: { a: input.bytes[0] } }"),
      good("var s = ''; for (var i = 0; i < 9; i++) s += i; return { data: { s: s } }"),
    ],
    words: pieces,
    make: (random: Random) => good(Array.from({ length: 6 }, () => pick(random, pieces)).join(" ")),
    async take(input) {
      const source = Buffer.from(input).toString("utf8");
      let refused: unknown;
      try {
        using codec = await sandbox.load("hostile", source);
        const { data, failure } = await codec.decodeUplink(uplink);
        if ((data === undefined) === (failure === undefined))
          throw new Violation("neither data nor a failure");
      } catch (error) {
        refused = error;
      }
      // A busy machine may well let an honest call run out of its time, now and then.
      let said = await neighbour.decodeUplink(uplink);
      for (let again = 0; again < 5 && said.failure?.code === "timeout"; again++)
        said = await neighbour.decodeUplink(uplink);
      if (said.data?.n !== 3) throw new Violation(`the neighbour gave ${JSON.stringify(said)}`);
      if (refused !== undefined) throw refused;
    },
    errors: [ScriptError],
    async close() {
      neighbour[Symbol.dispose]();
      await sandbox[Symbol.asyncDispose]();
      clock[Symbol.dispose]();
    },
  };
}

export const scriptTargets: readonly TargetSource[] = [
  { name: "codec-script", share: 0.1, most: 5000, open: openScripts },
];

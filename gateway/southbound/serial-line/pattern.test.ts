import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileMatcher, type MatchOptions } from "./matcher.ts";
import { capturedFields, PatternError, parsePattern } from "./pattern.ts";

/** What a pattern reads from a line: values, `null` for "none", or undefined when it does not match. */
function read(pattern: string, line: string, options?: MatchOptions): Record<string, unknown> | undefined {
  const found = compileMatcher(parsePattern(pattern), options).match(line);
  return (
    found &&
    Object.fromEntries(
      Array.from(found, ([name, captured]) => [name, captured.kind === "value" ? captured.raw : null]),
    )
  );
}

describe("a pattern", () => {
  it.each<[string, string, Record<string, unknown> | undefined]>([
    ["R{range:integer}", "R1234", { range: 1234 }],
    ["R{range:integer}", "R1234x", undefined],
    ["R{range:integer:4}", "R0300", { range: 300 }],
    ["R{range:integer:4}", "R030", undefined],
    ["R{range:integer:4}", "R03000", undefined],
    ["{a:number},{b:number}", "21.8054,  5.17647", { a: 21.8054, b: 5.17647 }],
    ["{a:number} {b:number}", "-.5   +007.", { a: -0.5, b: 7 }],
    ["{a:number}kHz", "1.2e3kHz", { a: 1200 }],
    ["{a:number}", "1e", undefined],
    ["{a:number}", ".", undefined],
    ["{a:number}", "NAN", { a: Number.NaN }],
    ["{a:number?},{b:number?}", ",2", { a: null, b: 2 }],
    ["{a:number},{b:number}", ",2", undefined],
    ["a,{_},{b:integer}", "a,anything at all,7", { b: 7 }],
    ["a,{_},{b:integer}", "a,,7", { b: 7 }],
    ["a,{b:integer},{_*}", "a,7,x,y,z", { b: 7 }],
    ["a{_*}", "a", {}],
    ["{name:text},{v:integer}", "TR METAL,5", { name: "TR METAL", v: 5 }],
    ["{name:word},{v:integer}", "TR METAL,5", undefined],
    ["{a:integer}[,{b:integer}]", "1", { a: 1 }],
    ["{a:integer}[,{b:integer}]", "1,2", { a: 1, b: 2 }],
    ["{a:text}[;{b:integer}]", "x y;2", { a: "x y", b: 2 }],
    ["{code:hex:2}", "fF", { code: 255 }],
    ["{code:hex:2}", "f", undefined],
    ["{ok:flag:A/V},{m:choice:M/N/K}", "V,K", { ok: false, m: 2 }],
    ["{ok:flag}", "1", { ok: true }],
    ["{m:choice:A/AUTO}", "AUTO", { m: 1 }],
    ["{t:time}", "2014-08-01T20:28:46.352", { t: 1406924926.352 }],
    ["{t:time},{a:integer}", "2014-08-01 20:28:46+02:00,1", { t: 1406917726, a: 1 }],
    ["{t:time}", "2014-02-30T20:28:46", undefined],
    ["{lat:degrees},{side:word}", "2200.1091,S", { lat: 22 + 0.1091 / 60, side: "S" }],
    ["{lat:degrees}", "2260.0", undefined],
    ["\\{{a:integer}\\}\\x02", "{4}\x02", { a: 4 }],
    ["{big:integer}", "123456789012345678901", { big: 123456789012345678901n }],
    ["{a:number} ", "5", undefined],
    ["{a:number}", "5   ", { a: 5 }],
  ])("%s reads %s", (pattern, line, expected) => {
    expect(read(pattern, line)).toEqual(expected);
  });

  it("knows words for no value, and the address of its device", () => {
    const options = { address: "3", absent: ["////", "-99"] };
    expect(read("{address}:{a:number},{b:number}", "3:////,-99", options)).toEqual({ a: null, b: null });
    expect(read("{address}:{a:number},{b:number}", "3:1,-99.5", options)).toEqual({ a: 1, b: -99.5 });
    expect(read("{address}:{a:number},{b:number}", "4:1,2", options)).toBeUndefined();
  });

  it.each<[string, string, number]>([
    ["R{range", '"{" without "}"', 1],
    ["R}", '"}" without "{"', 1],
    ["{range:nummer}", 'unknown type "nummer": one of number, integer', 0],
    ["{range}", '"{range}" lacks a type', 0],
    ["a{Range:number}", '"{Range:number}" is not understood', 1],
    ["{a:text}{b:number}", '"{a}" has no end', 0],
    ["{a:number},{a:number}", '"a" is captured twice', 12],
    ["[[a]]", "cannot hold another one", 1],
    ["[a", '"[" without "]"', 0],
    ["a]", '"]" without "["', 1],
    ["{_*},a", 'nothing can follow "{_*}"', 0],
    ["\\q", 'unknown escape "\\q"', 0],
    ["\\x0", "needs two hex digits", 0],
    ["{f:flag:A}", "flag needs different words", 0],
    ["{n:integer:0}", '"0" is no width', 0],
  ])("%s is refused", (pattern, message, at) => {
    const error = (() => {
      try {
        parsePattern(pattern);
        return undefined;
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(PatternError);
    expect(error).toMatchObject({ message: expect.stringContaining(message) });
    expect(error).toMatchObject({ at });
  });

  it("says what it captures", () => {
    const fields = capturedFields(parsePattern("{a:number}[,{b:word}],{_},{c:flag}"));
    expect(Array.from(fields, ([name, { kind }]) => [name, kind])).toEqual([
      ["a", "float"],
      ["b", "text"],
      ["c", "boolean"],
    ]);
  });

  it("looks at each character a bounded number of times, whatever the line says", () => {
    const pattern = "{a:text}[;ending][,{b:text};enough];end";
    const matcher = compileMatcher(parsePattern(pattern));
    const looks = (line: string): number => {
      let count = 0;
      const counted = new Proxy(Object(line), {
        get(target, key) {
          if (typeof key === "string" && /^\d+$/.test(key)) count += 1;
          const value = Reflect.get(target, key);
          if (typeof value !== "function") return value;
          return (...args: unknown[]) => {
            count += 1;
            return Reflect.apply(value, target, args);
          };
        },
      });
      matcher.match(counted);
      return count;
    };
    const short = looks(`x${",y;en".repeat(200)}`);
    const long = looks(`x${",y;en".repeat(400)}`);
    expect(short).toBeGreaterThan(100);
    expect(long).toBeLessThan(short * 2.5);
  });

  it("never throws, and reads back the numbers that it is given", () => {
    const matcher = compileMatcher(parsePattern("a,{x:number},{y:integer?},{z:word}[;{_*}]"));
    fc.assert(fc.property(fc.string({ unit: "binary" }), (line) => void matcher.match(line)));
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.maxSafeInteger(), (x, y) => {
        const found = matcher.match(`a,${x},${y},w`);
        expect(found?.get("x")).toEqual({ kind: "value", raw: Number(String(x)) });
        expect(found?.get("y")).toEqual({ kind: "value", raw: y });
      }),
    );
  });
});

import { describe, expect, it } from "vitest";
import { withoutExports } from "./module-syntax.ts";

describe("withoutExports", () => {
  it("blanks the words of a module and keeps every line and column", () => {
    const source = [
      "export function decodeUplink(input) { return {}; }",
      "  export const scale = 10;",
      "export async function later() {}",
      "export { decodeUplink,",
      "  scale as factor };",
      "export default function encodeDownlink(input) {}",
      "export default decodeUplink(chirpstack_input);",
      "export default { decodeUplink };",
    ].join("\n");
    const bare = withoutExports(source);
    expect(bare.split("\n").map((line) => line.length)).toEqual(
      source.split("\n").map((line) => line.length),
    );
    expect(bare.split("\n").map((line) => line.trim())).toEqual([
      "function decodeUplink(input) { return {}; }",
      "const scale = 10;",
      "async function later() {}",
      "",
      "",
      "function encodeDownlink(input) {}",
      "void           decodeUplink(chirpstack_input);",
      "void           { decodeUplink };",
    ]);
  });

  it("leaves a plain script alone", () => {
    const source = "var exported = 1; // export function\nobject.export = function () {};\n";
    expect(withoutExports(source)).toBe(source);
  });
});

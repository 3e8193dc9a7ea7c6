import { describe, expect, it } from "vitest";
import { alternatives, suggest } from "./suggest.ts";

describe("suggest", () => {
  it.each([
    ["unti", "unit"],
    ["Unit", "unit"],
    ["bench_tested", "bench-tested"],
    ["audiance", "audience"],
    ["fsat", "fast"],
  ])("%s means %s", (written, meant) => {
    expect(suggest(written, ["audience", "unit", "bench-tested", "fast", "slow"])).toBe(meant);
  });

  it("is silent when nothing is near, and about the word itself", () => {
    expect(suggest("banana", ["unit", "scale"])).toBeUndefined();
    expect(suggest("unit", ["unit"])).toBeUndefined();
    expect(suggest("x", ["y"])).toBeUndefined();
  });

  it("bounds its work on long words", () => {
    expect(suggest("x".repeat(60_000), ["unit"])).toBeUndefined();
  });
});

describe("alternatives", () => {
  it("joins words as people do, and cuts long lists", () => {
    expect(alternatives(["a"])).toBe("a");
    expect(alternatives(["a", "b", "c"])).toBe("a, b or c");
    expect(alternatives(["a", "b", "c"], 2)).toBe("a, b ... (3 in all)");
  });
});

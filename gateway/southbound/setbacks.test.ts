import { describe, expect, it } from "vitest";
import { Setbacks } from "./setbacks.ts";

describe("setbacks", () => {
  it("put a request off from its third failure in a row, until it is answered", () => {
    const setbacks = new Setbacks();
    expect([1, 2, 3, 4].map(() => setbacks.failed("a"))).toEqual([false, false, true, false]);
    setbacks.failed("b");
    expect([setbacks.has("a"), setbacks.has("b"), setbacks.count]).toEqual([true, false, 1]);
    setbacks.answered("a");
    expect([setbacks.has("a"), setbacks.count, setbacks.failed("a")]).toEqual([false, 0, false]);
  });

  it("forget what is asked no more", () => {
    const setbacks = new Setbacks();
    for (const request of ["a", "b"]) for (let time = 0; time < 3; time++) setbacks.failed(request);
    setbacks.keep(new Set(["b"]));
    expect([setbacks.has("a"), setbacks.has("b")]).toEqual([false, true]);
  });
});

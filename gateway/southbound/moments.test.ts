import fc from "fast-check";
import { expect, it } from "vitest";
import { momentsOf } from "./moments.ts";
import type { PointResult } from "./protocol.ts";

it("parts results where the time changes, and loses none", () => {
  const result = fc.record({ ms: fc.nat(3), base: fc.constantFrom("unix" as const, "boot" as const) });
  fc.assert(
    fc.property(fc.array(result), (times) => {
      const results = times.map((at) => ({ at }) as unknown as PointResult);
      const moments = momentsOf(results);
      expect(moments.flat()).toEqual(results);
      for (const one of moments) expect(new Set(one.map(({ at }) => `${at.base}${at.ms}`)).size).toBe(1);
      for (const [index, one] of moments.slice(1).entries())
        expect(one[0]?.at).not.toEqual(moments[index]?.[0]?.at);
    }),
  );
});

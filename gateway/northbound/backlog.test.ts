import fc from "fast-check";
import { expect, it } from "vitest";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { Pace } from "./backlog.ts";

it("lets the next message leave after the pause it asked for, and one millisecond of rounding", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.double({ min: 0.01, max: 5000, noNaN: true }),
      fc.double({ min: 0, max: 1e10, noNaN: true }),
      fc.array(fc.double({ min: 0, max: 2, noNaN: true }), { maxLength: 20 }),
      async (packsPerSecond, monotonic, pauses) => {
        const clock = new VirtualClock({ monotonic, rounds: 1 });
        const pace = new Pace(clock, { packsPerSecond });
        while (pace.delayMs() === 0) pace.spend(100);
        for (const pause of pauses) await clock.advance(pause);
        await clock.advance(pace.delayMs());
        expect(pace.delayMs()).toBeLessThanOrEqual(1);
        await clock.advance(pace.delayMs());
        expect(pace.delayMs()).toBe(0);
      },
    ),
    { numRuns: 100 },
  );
});

import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { type Pulse, patience } from "./health.ts";
import { openHeart } from "./heart.ts";

const well: Pulse = { diskMs: 0, loops: [] };

describe("the heart of the daemon", () => {
  it("says since when the daemon runs, and of no trouble where there was none", async () => {
    const clock = new VirtualClock({ monotonic: 90_000 });
    using heart = openHeart(() => well, clock);
    await clock.advance(61_000);
    expect(heart.state()).toEqual({ active: true, runMs: 61_000 });
  });

  it("does not do its work while the pulse is bad, and remembers it afterwards", async () => {
    const clock = new VirtualClock();
    let pulse = well;
    using heart = openHeart(() => pulse, clock);
    await clock.advance(10_000);
    pulse = { diskMs: patience.diskMs + 1, loops: [] };
    expect(heart.state()).toMatchObject({ active: false, recoveredMs: 0 });
    await clock.advance(10_000);
    pulse = well;
    await clock.advance(30_000);
    expect(heart.state()).toEqual({ active: true, runMs: 50_000, recoveredMs: 30_000 });
  });

  it("remembers a hang that nobody could see while it lasted", () => {
    let now = 0;
    let due = () => {};
    const clock = {
      monotonic: () => now,
      timer: (_ms: number, run: () => void) => {
        due = run;
        return { [Symbol.dispose]: () => {} };
      },
    };
    using heart = openHeart(() => well, clock);
    now = 5100;
    due();
    expect(heart.state()).toEqual({ active: true, runMs: 5100 });
    // The event loop turns again after 25 s.
    now = 30_200;
    due();
    now = 42_200;
    due();
    expect(heart.state()).toEqual({ active: true, runMs: 42_200, recoveredMs: 12_000 });
  });

  it("looks no more once it is closed", async () => {
    const clock = new VirtualClock();
    let looks = 0;
    const heart = openHeart(() => {
      looks++;
      return well;
    }, clock);
    await clock.advance(5000);
    heart[Symbol.dispose]();
    await clock.advance(60_000);
    expect(looks).toBe(1);
  });
});

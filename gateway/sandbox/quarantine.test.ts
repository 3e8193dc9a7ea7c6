import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { Quarantine } from "./quarantine.ts";

describe("Quarantine", () => {
  it("forgives three strikes, then doubles the wait up to an hour", () => {
    const quarantine = new Quarantine(new VirtualClock());
    const waits = Array.from({ length: 17 }, () => quarantine.strike() / 1000);
    expect(waits).toEqual([0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600]);
  });

  it("ends when the wait is over", async () => {
    const clock = new VirtualClock();
    const quarantine = new Quarantine(clock);
    for (let strike = 0; strike < 5; strike++) quarantine.strike();
    expect(quarantine.leftMs).toBe(2000);
    await clock.advance(1999);
    expect(quarantine.leftMs).toBe(1);
    await clock.advance(1);
    expect(quarantine.leftMs).toBe(0);
  });

  it("forgets one strike every ten minutes", async () => {
    const clock = new VirtualClock();
    const quarantine = new Quarantine(clock);
    for (let strike = 0; strike < 4; strike++) quarantine.strike();
    await clock.advance(20 * 60_000);
    expect([quarantine.strike(), quarantine.strike()]).toEqual([0, 1000]);
  });
});

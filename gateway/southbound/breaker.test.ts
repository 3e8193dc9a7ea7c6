import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Breakers, defaultBreakerLimits } from "./breaker.ts";

const timeoutMs = 300;

function kill(breakers: Breakers, unit: string, now: number): boolean {
  let dead = false;
  for (let count = 0; count < defaultBreakerLimits.failures; count++) {
    dead = breakers.failed(unit, now, timeoutMs);
  }
  return dead;
}

/** Lets every probe fail for a while. Returns when they ran, by unit. */
function probe(breakers: Breakers, from: number, until: number): { unit: string; at: number }[] {
  const probes: { unit: string; at: number }[] = [];
  let now = from;
  for (;;) {
    now = Math.max(now, breakers.dueAt() ?? Number.POSITIVE_INFINITY);
    if (now >= until) return probes;
    const unit = breakers.next(now)!;
    probes.push({ unit, at: now });
    now += timeoutMs;
    breakers.failed(unit, now, timeoutMs);
  }
}

describe("Breakers", () => {
  it("opens after so many failures in a row, and an answer in between starts the count again", () => {
    const breakers = new Breakers(() => 0.5);
    breakers.add("a");
    expect(breakers.failed("a", 0, timeoutMs)).toBe(false);
    expect(breakers.failed("a", 0, timeoutMs)).toBe(false);
    expect(breakers.succeeded("a")).toBe(false);
    expect(breakers.failed("a", 0, timeoutMs)).toBe(false);
    expect(breakers.failed("a", 0, timeoutMs)).toBe(false);
    expect(breakers.failed("a", 0, timeoutMs)).toBe(true);
    expect(breakers.state("a")).toBe("open");
    expect(breakers.failed("a", 0, timeoutMs)).toBe(false);
    expect(breakers.succeeded("a")).toBe(true);
    expect(breakers.state("a")).toBe("closed");
  });

  it("gives all dead units together no more than their share of the line", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        (count, values) => {
          const breakers = new Breakers(() => values.next().value ?? 0);
          breakers.add("healthy");
          for (let index = 0; index < count; index++) {
            breakers.add(`u${index}`);
            kill(breakers, `u${index}`, 0);
          }
          const spanMs = 600_000;
          const probes = probe(breakers, 0, spanMs);
          // The last probe may be cut by the end of the span.
          expect(((probes.length - 1) * timeoutMs) / spanMs).toBeLessThanOrEqual(
            defaultBreakerLimits.probeShare,
          );
          // Nobody is forgotten as long as everybody can have a turn.
          expect(new Set(probes.map(({ unit }) => unit)).size).toBe(Math.min(count, probes.length));
        },
      ),
      { numRuns: 30 },
    );
  });

  it("waits longer after every failed probe, up to the cap, when nobody else is on the line", () => {
    const breakers = new Breakers(() => 0.999);
    breakers.add("a");
    kill(breakers, "a", 0);
    const times = probe(breakers, 0, 200_000).map(({ at }) => at);
    const pauses = times.map((at, index) => at - (index === 0 ? 0 : times[index - 1]! + timeoutMs));
    for (const [index, full] of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000].entries()) {
      expect(pauses[index]).toBeGreaterThan(full * 0.99);
      expect(pauses[index]).toBeLessThanOrEqual(full);
    }
  });

  it("runs one probe at a time, and goes on after one that was not carried out", () => {
    const breakers = new Breakers(() => 0);
    for (const unit of ["healthy", "a", "b"]) breakers.add(unit);
    kill(breakers, "a", 0);
    kill(breakers, "b", 0);
    const first = breakers.next(1000)!;
    expect(breakers.state(first)).toBe("probing");
    expect(breakers.next(1000)).toBeUndefined();
    breakers.abandoned(first);
    expect(breakers.next(1000)).toBeDefined();
  });

  it("forgets everything when the line is reopened", () => {
    const breakers = new Breakers(() => 0);
    breakers.add("a");
    kill(breakers, "a", 0);
    breakers.reset();
    expect(breakers.state("a")).toBe("closed");
    expect(breakers.dueAt()).toBeUndefined();
    breakers.remove("a");
    expect(breakers.failed("a", 0, 1)).toBe(false);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isOn, type LimitRule } from "./hysteresis.ts";
import { Switch } from "./switch.ts";

const atOnce = { onDelayMs: 0, offDelayMs: 0, minOnMs: 0, minOffMs: 0 };

describe("isOn", () => {
  it.each<[LimitRule, [number, boolean, boolean][]]>([
    [
      { kind: "above", limit: 10, hysteresis: 2 },
      [
        [10, false, false],
        [10.1, false, true],
        [8.1, true, true],
        [8, true, false],
        [9, false, false],
      ],
    ],
    [
      { kind: "below", limit: 10, hysteresis: 2 },
      [
        [10, false, false],
        [9.9, false, true],
        [11.9, true, true],
        [12, true, false],
      ],
    ],
    [
      { kind: "inside", low: 0, high: 10, hysteresis: 1 },
      [
        [0, false, true],
        [-0.5, false, false],
        [-1, true, true],
        [11.1, true, false],
      ],
    ],
    [
      { kind: "outside", low: 0, high: 10, hysteresis: 1 },
      [
        [0, false, false],
        [10.1, false, true],
        [9.5, true, true],
        [9, true, false],
        [0.5, true, true],
      ],
    ],
  ])("of %o", (rule, cases) => {
    for (const [value, now, wanted] of cases) expect(isOn(rule, value, now), `${value} ${now}`).toBe(wanted);
  });

  it("never chatters within the hysteresis, whatever the rule", () => {
    const rules = fc.tuple(fc.constantFrom("above", "below"), fc.integer({ min: -50, max: 50 }), fc.nat(20));
    fc.assert(
      fc.property(
        rules,
        fc.boolean(),
        fc.array(fc.double({ min: 0.001, max: 0.999, noNaN: true })),
        ([kind, limit, hysteresis], start, parts) => {
          fc.pre(hysteresis > 0);
          const rule = { kind, limit, hysteresis } as const;
          const values = parts.map((part) =>
            kind === "above" ? limit - part * hysteresis : limit + part * hysteresis,
          );
          expect(values.every((value) => isOn(rule, value, start) === start)).toBe(true);
        },
      ),
    );
  });
});

describe("Switch", () => {
  it("changes at once without delays, and says so once", () => {
    const state = new Switch(atOnce);
    expect(state.on).toBeUndefined();
    expect([state.want(false, 0), state.want(false, 1), state.want(true, 2), state.want(true, 3)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  it("waits until a wish has lasted, from its beginning", () => {
    const state = new Switch({ ...atOnce, onDelayMs: 100, offDelayMs: 30 }, false);
    expect(state.want(true, 0)).toBe(false);
    expect(state.want(true, 60)).toBe(false);
    expect(state.due).toBe(100);
    expect(state.want(false, 90)).toBe(false);
    expect(state.due).toBeUndefined();
    expect(state.want(true, 95)).toBe(false);
    expect(state.tick(194)).toBe(false);
    expect(state.tick(195)).toBe(true);
    expect(state.want(false, 200)).toBe(false);
    expect(state.tick(230)).toBe(true);
  });

  it("stays on for its least time, also when let go", () => {
    const state = new Switch({ ...atOnce, minOnMs: 1000 });
    state.want(true, 0);
    expect(state.release(10)).toBe(false);
    expect(state.due).toBe(1000);
    expect(state.tick(1000)).toBe(true);
    expect(state.on).toBe(false);
  });

  it("freezes what was wanted", () => {
    const state = new Switch({ ...atOnce, onDelayMs: 100 }, false);
    state.want(true, 0);
    state.freeze();
    expect(state.tick(1000)).toBe(false);
    expect(state.on).toBe(false);
  });

  const wishes = fc.array(
    fc.record({ wait: fc.nat(50), wish: fc.constantFrom("on", "off", "release", "freeze", "tick") }),
    { maxLength: 100 },
  );
  const timings = fc.record({
    onDelayMs: fc.nat(60),
    offDelayMs: fc.nat(60),
    minOnMs: fc.nat(100),
    minOffMs: fc.nat(100),
  });

  it("never lasts shorter than it must, and tells each change and nothing else", () => {
    fc.assert(
      fc.property(timings, wishes, (timing, steps) => {
        const state = new Switch(timing);
        let now = 0;
        let before: boolean | undefined;
        let since: number | undefined;
        for (const { wait, wish } of steps) {
          // As a node does it: a timer fires when a change is due, before anything later.
          const until = now + wait;
          const check = (changed: boolean) => {
            expect(changed).toBe(state.on !== before);
            if (!changed) return;
            if (before !== undefined && since !== undefined)
              expect(now - since).toBeGreaterThanOrEqual(before ? timing.minOnMs : timing.minOffMs);
            before = state.on;
            since = now;
          };
          if (state.due !== undefined && state.due <= until) {
            now = Math.max(now, state.due);
            check(state.tick(now));
          }
          now = until;
          if (wish === "on" || wish === "off") check(state.want(wish === "on", now));
          else if (wish === "release") check(state.release(now));
          else if (wish === "tick") check(state.tick(now));
          else state.freeze();
        }
      }),
    );
  });
});

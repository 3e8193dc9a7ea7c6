import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Action, after, atRest, type Kept, longestShelfMs, stateOf } from "./alarm-state.ts";

const run = (actions: readonly Action[], latching = true, kept: Kept = atRest) =>
  actions.map((action) => {
    kept = after(kept, action, latching, 0);
    return stateOf(kept);
  });
const on: Action = { kind: "condition", active: true };
const off: Action = { kind: "condition", active: false };
const seen: Action = { kind: "acknowledge" };

describe("a latching alarm", () => {
  it("goes when it is both seen and gone, in either order", () => {
    expect(run([on, seen, off])).toEqual(["raised", "acknowledged", "normal"]);
    expect(run([on, off, seen])).toEqual(["raised", "returned", "normal"]);
    expect(run([on, off, { kind: "clear" }])).toEqual(["raised", "returned", "normal"]);
  });

  it("is raised anew when it comes back before anybody saw it", () => {
    expect(run([on, off, on, seen, off, on])).toEqual([
      "raised",
      "returned",
      "raised",
      "acknowledged",
      "normal",
      "raised",
    ]);
  });

  it("cannot be cleared while its cause is there", () => {
    expect(() => run([on, { kind: "clear" }])).toThrow("its cause is still there");
  });
});

it("goes by itself when it does not latch", () => {
  expect(run([on, off], false)).toEqual(["raised", "normal"]);
});

describe("a shelved alarm", () => {
  it("keeps what happens, and comes back with it when its time is over", () => {
    const shelved = after(atRest, { kind: "shelve", ms: 1000, by: "kim", reason: "works" }, true, 0);
    const raised = after(shelved, on, true, 500);
    expect(stateOf(raised)).toBe("shelved");
    expect(stateOf(after(raised, { kind: "tick" }, true, 999))).toBe("shelved");
    expect(after(raised, { kind: "tick" }, true, 1000)).toEqual({
      active: true,
      acknowledged: false,
      raisedAt: 500,
    });
  });

  it("is not acknowledged unseen, nor shelved for ever", () => {
    const shelved = after(atRest, { kind: "shelve", ms: 1000 }, true, 0);
    expect(() => after(shelved, seen, true, 1)).toThrow("unshelve it first");
    for (const ms of [0, -1, Number.NaN, longestShelfMs + 1])
      expect(() => after(atRest, { kind: "shelve", ms }, true, 0)).toThrow("at most 7d");
  });

  it("comes off a shelf that a wrong clock put into the far future", () => {
    const shelved = after(atRest, { kind: "shelve", ms: 1000 }, true, 4e12);
    expect(stateOf(after(shelved, { kind: "tick" }, true, 2e12))).toBe("normal");
  });
});

describe("any history", () => {
  const actions = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant("condition" as const), active: fc.boolean() }),
      fc.constantFrom<Action>(
        { kind: "acknowledge" },
        { kind: "clear" },
        { kind: "unshelve" },
        { kind: "tick" },
      ),
      fc.record({ kind: fc.constant("shelve" as const), ms: fc.integer({ min: 1, max: 50 }) }),
    ),
  );

  it("tells a cause that nobody has acknowledged, unless it is shelved; and a latched one is never lost", () => {
    fc.assert(
      fc.property(actions, fc.boolean(), fc.array(fc.nat(20)), (all, latching, waits) => {
        let kept: Kept = atRest;
        let now = 0;
        let cause = false;
        let owed = false;
        all.forEach((action, index) => {
          now += waits[index] ?? 1;
          const before = stateOf(kept);
          try {
            kept = after(kept, action, latching, now);
          } catch (error) {
            expect(error).toBeInstanceOf(RangeError);
            return;
          }
          if (action.kind === "condition") {
            if (action.active && !cause) owed = true;
            if (!action.active && cause && !latching) owed = false;
            cause = action.active;
          } else if (action.kind === "acknowledge" || action.kind === "clear") owed = false;
          expect(kept.active).toBe(cause);
          expect(kept.acknowledged).toBe(!owed);
          const state = stateOf(kept);
          if (kept.shelvedUntil !== undefined) expect(state).toBe("shelved");
          else expect(state).toBe(cause ? (owed ? "raised" : "acknowledged") : owed ? "returned" : "normal");
          // The same again changes nothing: no message comes of it.
          if (action.kind !== "shelve") expect(after(kept, action, latching, now)).toEqual(kept);
          expect(before === "shelved" && action.kind === "acknowledge").toBe(false);
          expect(JSON.parse(JSON.stringify(kept))).toEqual(JSON.parse(JSON.stringify({ ...kept })));
        });
      }),
    );
  });
});

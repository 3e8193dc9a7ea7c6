import { describe, expect, it } from "vitest";
import { settle } from "../../../test/fault/virtual-clock.ts";
import { UnitTurns } from "./unit-turns.ts";

/** Enters in order; says who is in, in the order in which they came in. */
function queue(turns: UnitTurns) {
  const inside: string[] = [];
  return {
    inside,
    enter: (name: string, unit: number, alone: boolean) => {
      const turn = turns.enter(unit, alone);
      if (turn === undefined) inside.push(name);
      else void turn.then(() => inside.push(name));
    },
  };
}

describe("turns of a unit", () => {
  it("lets reads go side by side, and a write alone, in the order of asking", async () => {
    const turns = new UnitTurns();
    const { inside, enter } = queue(turns);
    enter("read 1", 1, false);
    enter("read 2", 1, false);
    enter("write", 1, true);
    enter("read 3", 1, false);
    enter("read 4", 1, false);
    enter("write 2", 1, true);
    await settle();
    expect(inside).toEqual(["read 1", "read 2"]);
    turns.leave(1, false);
    await settle();
    expect(inside).toHaveLength(2);
    turns.leave(1, false);
    await settle();
    expect(inside).toEqual(["read 1", "read 2", "write"]);
    turns.leave(1, true);
    await settle();
    expect(inside.slice(3)).toEqual(["read 3", "read 4"]);
    turns.leave(1, false);
    turns.leave(1, false);
    await settle();
    expect(inside.at(-1)).toBe("write 2");
    turns.leave(1, true);
    enter("read 5", 1, false);
    expect(inside.at(-1)).toBe("read 5");
  });

  it("does not hold up other units", () => {
    const turns = new UnitTurns();
    const { inside, enter } = queue(turns);
    enter("write", 1, true);
    enter("other", 2, true);
    expect(inside).toEqual(["write", "other"]);
  });
});

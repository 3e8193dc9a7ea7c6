import { describe, expect, it } from "vitest";
import { liveThrough } from "./desk-history.ts";

const histories = Number(process.env.STADSNOD_DESK_HISTORIES ?? 1000);

describe("the command desk over power cuts and kills", () => {
  it(`keeps its promises through ${histories} histories: written once at most, a last word always, budgets held`, async () => {
    const moments = new Map<string, number>();
    for (let seed = 1; seed <= histories; seed++)
      for (const at of await liveThrough(seed)) moments.set(at, (moments.get(at) ?? 0) + 1);
    // Every kind of moment was an end: before and after the first byte, an answer, each operation of the disk.
    const kinds = [
      "before-write",
      "after-write",
      "before-answer",
      "after-answer",
      "disk write",
      "disk sync",
      "disk rename",
      "disk syncNames",
      "idle",
    ];
    expect(kinds.filter((kind) => !moments.has(kind))).toEqual([]);
  }, 240_000);

  it("would be caught if the disk did not sync", async () => {
    let caught = 0;
    for (let seed = 1; seed <= 100; seed++)
      await liveThrough(seed, { ignoreSync: true }).catch(() => caught++);
    expect(caught).toBeGreaterThan(0);
  }, 60_000);
});

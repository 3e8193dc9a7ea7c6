import { beforeAll, describe, expect, it } from "vitest";
import { canaries, find, type Outlet, outlets, spellings } from "./canaries.ts";
import { type Life, live } from "./canaries-life.ts";

// Secrets and things about people are planted in and around a gateway that really runs; then everything
// that came out of it is searched for them, in every spelling.

describe("a gateway with canaries in it", { timeout: 480_000 }, () => {
  let life: Life;
  beforeAll(async () => {
    life = await live();
  }, 480_000);

  it("has 50 of them, all different, and every one was really there", () => {
    expect(canaries.length).toBeGreaterThanOrEqual(50);
    expect(life.values.size).toBe(canaries.length);
    expect(new Set(life.values.values()).size).toBe(canaries.length);
  });

  it.each(canaries)("keeps to itself: $name", (canary) => {
    const shownBy: readonly Outlet[] = "shownBy" in canary ? canary.shownBy : [];
    const found = find(life.values.get(canary.name) ?? "", life.heard);
    expect(found.filter(({ outlet }) => !shownBy.includes(outlet))).toEqual([]);
  });

  // Controls: who finds nothing must have looked where there is something.
  it.each([
    ["stdout and stderr", "s.sock"],
    ["log over the local API", "northbound"],
    ["MQTT to the city", "gw-canary"],
    ["MQTT to the city", "21.5"],
    ["MQTT to the city", '"value":45'],
    ["diagnostics bundle", "gw-canary"],
    ["audit log", "sparv-1"],
    ["command line", "han"],
    ["local API", "home-1"],
    ["metrics", "stadsnod_"],
    ["command lines of processes", "node-red"],
    ["enrolment", "gw-canary"],
    ["Node-RED", "Control finch"],
    ["outbox, history, ledger and accounts", "sparv-1"],
    ["outbox, history, ledger and accounts", "temperature"],
  ] as const)("was heard: %s says %s", (outlet, text) => {
    expect(find(text, life.heard).map((one) => one.outlet)).toContain(outlet);
  });

  it("is searched such that whatever is meant to be shown is found where it is shown", () => {
    const shown = canaries.flatMap((one) =>
      "shownBy" in one
        ? one.shownBy.map(
            (outlet) => [one.name, outlet, find(life.values.get(one.name) ?? "", life.heard)] as const,
          )
        : [],
    );
    // A list of exceptions that nobody needs is a hole.
    const unneeded = shown.filter(([, outlet, found]) => !found.some((one) => one.outlet === outlet));
    expect(unneeded.map(([name, outlet]) => `${name}: ${outlet}`)).toEqual([]);
  });
});

describe("the search for canaries", () => {
  it.each(outlets)("finds each spelling of each of them in: %s", (outlet) => {
    for (const one of canaries) {
      const value = "value" in one ? one.value : "made-by-the-gateway-1";
      for (const spelt of spellings(value))
        expect(find(value, new Map([[outlet, ["nothing", `before ${spelt} behind`]]]))).toHaveLength(1);
    }
  });

  it("finds numbers as they go over a line, and keys as bytes", () => {
    expect(spellings("1948611377")).toContain("74257331");
    expect(spellings("70b3d57ed0c4a1f7")).toContain("cLPVftDEofc");
  });
});

import { assert, asyncProperty, constantFrom, integer, uniqueArray } from "fast-check";
import { describe, expect, it } from "vitest";
import { compareVersions } from "../../gateway/updates/semver.ts";
import { type Behaviour, FakeMachine } from "./fake-updater.ts";
import { type Life, type LifeOptions, live, targetOf } from "./life.ts";

const behaviours: readonly Behaviour[] = ["works", "unhealthy", "crashes", "hangs-at-boot"];

function prepared(behaviour: Behaviour, failInstalls = 0): FakeMachine {
  const machine = new FakeMachine("1.0.0");
  machine.bundles.set("2.0.0.raucb", { version: "2.0.0", behaviour });
  machine.failInstalls = failInstalls;
  return machine;
}

async function lifeOf(behaviour: Behaviour, more: Partial<LifeOptions> = {}, failInstalls = 0) {
  const machine = prepared(behaviour, failInstalls);
  const life = await live({ machine, target: targetOf("2.0.0"), ...more });
  return { machine, life };
}

/** What must hold however it went: a system runs that works, and the record says the truth about it. */
function expectSafe(machine: FakeMachine, life: Life, behaviour: Behaviour, cuts: string): void {
  const { state } = life;
  const { version } = machine.running;
  const running = machine.slots[machine.booted]!;
  expect(running.tries, `${cuts}: the slot that runs stays startable`).toBe(3);
  expect(machine.running.behaviour, `${cuts}: what runs, works`).toBe("works");
  expect(state.version, cuts).toBe(version);
  if (version === "2.0.0") expect(["committed"], cuts).toContain(state.phase);
  else expect(["idle", "rolled-back", "refused"], cuts).toContain(state.phase);
  if (behaviour !== "works") expect(version, cuts).toBe("1.0.0");
  if (state.phase === "rolled-back")
    expect(
      state.failed.map((one) => one.version),
      cuts,
    ).toContain("2.0.0");
  expect(machine.installs.length, `${cuts}: never again and again`).toBeLessThanOrEqual(3);
}

describe("power cuts during an update", () => {
  it.each(behaviours)(
    "leave a machine that runs, at every moment of an update that %s",
    async (behaviour) => {
      const { life: whole } = await lifeOf(behaviour);
      expect(whole.state.phase).toBe(behaviour === "works" ? "committed" : "rolled-back");
      expect(whole.moments.length).toBeGreaterThan(40);
      for (let cut = 1; cut <= whole.moments.length; cut++) {
        const { machine, life } = await lifeOf(behaviour, { cuts: [cut], seed: cut });
        expectSafe(machine, life, behaviour, `cut before ${life.cutAt.join()} (${cut})`);
      }
    },
  );

  it("come at all these kinds of moments", async () => {
    const { life: good } = await lifeOf("works");
    const { life: bad } = await lifeOf("unhealthy");
    const named = new Set([...good.moments, ...bad.moments]);
    expect([...named].sort()).toEqual(
      expect.arrayContaining([
        "before marked bad",
        "before marked good",
        "before the restart",
        "before the slot is marked bad",
        "disk create update.json.new",
        "disk rename update.json.new",
        "disk sync update.json.new",
        "disk syncNames ",
        "disk write update.json.new",
        "download",
        "marked bad",
        "marked good",
        "restart asked for",
        "slot activated",
        "slot half written",
        "slot marked bad",
        "slot written",
      ]),
    );
  });

  it("never brick it, with several cuts, any outcome and failing installs (property)", async () => {
    await assert(
      asyncProperty(
        constantFrom(...behaviours),
        uniqueArray(integer({ min: 1, max: 160 }), { maxLength: 5 }),
        integer({ min: 0, max: 4 }),
        integer(),
        async (behaviour, cuts, failInstalls, seed) => {
          const { machine, life } = await lifeOf(behaviour, { cuts, seed }, failInstalls);
          expectSafe(machine, life, behaviour, `cuts ${life.cutAt.join(", ")}`);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe("a version that failed", () => {
  it("is not tried again; a newer one is, and clears what was remembered", async () => {
    const machine = prepared("unhealthy");
    const first = await live({ machine, target: targetOf("2.0.0") });
    expect(first.state).toMatchObject({
      phase: "rolled-back",
      why: { code: "unhealthy", message: "line bus worked before and is not open" },
    });
    const again = await live({ machine, target: targetOf("2.0.0") }, first.disk);
    expect(machine.installs).toEqual(["2.0.0"]);
    expect(again.state.phase).toBe("rolled-back");
    machine.bundles.set("2.0.1.raucb", { version: "2.0.1", behaviour: "works" });
    const newer = await live({ machine, target: targetOf("2.0.1") }, again.disk);
    expect(newer.state).toMatchObject({ phase: "committed", version: "2.0.1", failed: [] });
    expect(compareVersions(machine.running.version, "2.0.0")).toBeGreaterThan(0);
  });

  it("is also one that was interrupted or refused by the slot three times", async () => {
    const { machine, life } = await lifeOf("works", {}, 9);
    expect(life.state).toMatchObject({ phase: "refused", failed: [{ version: "2.0.0" }] });
    expect(machine.installs).toHaveLength(3);
    expect(machine.running.version).toBe("1.0.0");
  });
});

describe("a bundle that must not be installed", () => {
  it.each([
    ["for another board", { compatible: "stadsnod-pi" }, "other-board"],
    ["with other content than was asked for", { sha256: "1".repeat(64) }, "other-content"],
    ["of an older version", { version: "0.9.0" }, "downgrade"],
    ["of the version that runs", { version: "1.0.0" }, "already-runs"],
    ["without a version that can be compared", { version: "newest" }, "bad-version"],
  ])("%s is refused before anything is written", async (_, facts, code) => {
    const machine = prepared("works");
    machine.bundles.set("x.raucb", { version: "2.0.0", behaviour: "works", ...facts });
    const life = await live({ machine, target: { file: "x.raucb", by: "test", sha256: "0".repeat(64) } });
    expect(life.state).toMatchObject({ phase: "refused", why: { code } });
    expect(machine.installs).toEqual([]);
  });

  it("may be older when the city says so", async () => {
    const machine = prepared("works");
    machine.bundles.set("0.9.0.raucb", { version: "0.9.0", behaviour: "works" });
    const life = await live({ machine, target: targetOf("0.9.0", { allowDowngrade: true }) });
    expect(life.state).toMatchObject({ phase: "committed", version: "0.9.0" });
  });
});

import { describe, expect, it } from "vitest";
import { Bench, commandOf, words } from "../../test/fault/desk-harness.ts";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { ConfigError, LinkError, RefusedError, TransientError } from "../model/errors.ts";

const open = (options: ConstructorParameters<typeof Bench>[0] = {}) => new Bench(options).open();

describe("the life of a command", () => {
  it("is accepted, executed and succeeds, and the far side hears all of it in order", async () => {
    const bench = await open();
    await bench.receive({ id: "a", value: 30 });
    expect(bench.desk.list().map(words)).toEqual(["accepted"]);
    await bench.run(1000);
    expect(bench.heard("a")).toEqual(["accepted", "executing", "succeeded"]);
    expect(bench.world.writes).toMatchObject([{ place: "lamp-1/level", value: 30 }]);
    expect(bench.desk.status()).toMatchObject({ open: 0, accepted: 1, succeeded: 1, unanswered: 0 });
    expect(bench.world.audit.map(({ what, who, detail }) => [what, who, detail.state])).toEqual([
      ["command", "city", "accepted"],
      ["command", "city", "succeeded"],
    ]);
  });

  it("gives a known id its result again, and writes nothing", async () => {
    const bench = await open();
    await bench.receive({ id: "a", value: 30 });
    await bench.run(1000);
    await bench.receive({ id: "a", value: 30 });
    await bench.receive({ id: "a", value: 30 }, { retained: true });
    await bench.receive({ id: "a", value: 31 });
    await bench.run(1000);
    expect(bench.heard("a").slice(3)).toEqual(["succeeded", "succeeded", "failed: id-reused"]);
    expect(bench.world.writes).toHaveLength(1);
  });

  it("does not let one issuer use up another one's ids", async () => {
    const bench = await open();
    await bench.receive({ id: "a", issuer: "robot", priority: "automation", value: 1 });
    await bench.run(1000);
    await bench.receive({ id: "a", issuer: "city", value: 2 });
    await bench.run(1000);
    expect(bench.world.writes.map(({ value }) => value)).toEqual([1, 2]);
  });

  it("follows one command to its last word, and tells slow readers what they lost", async () => {
    const bench = await open();
    const signal = new AbortController().signal;
    const all = bench.desk.results(signal)[Symbol.asyncIterator]();
    const followed: string[] = [];
    await bench.desk.submit(commandOf({ id: "f" }), { kind: "local", user: "anna" });
    const following = (async () => {
      for await (const result of bench.desk.follow("f", signal)) followed.push(words(result));
    })();
    await bench.run(1000);
    await following;
    expect(followed).toEqual(["accepted", "executing", "succeeded"]);
    for (let index = 0; index < 300; index++)
      await bench.desk.submit(commandOf({ point: "none" }), { kind: "local", user: "anna" });
    expect((await all.next()).value).toEqual({ lost: 47 });
    for await (const _never of bench.desk.follow("unknown", signal)) throw new Error("nothing to follow");
  });

  it.each([
    [new RefusedError("exception 2", { code: "illegal-address" }), "failed: refused-by-device"],
    [new TransientError("timeout", { code: "timeout" }), "failed: no-answer"],
    [new TransientError("another value", { code: "not-verified" }), "failed: not-verified"],
    [new LinkError("gone", { code: "closed" }), "failed: link"],
    [new ConfigError("another model", { code: "wrong-device" }), "failed: unavailable"],
    [new TypeError("a bug"), "failed: internal"],
  ])("ends with the meaning of %s", async (error, expected) => {
    const bench = await open();
    bench.failures.push(error);
    expect(words(await bench.done({}))).toBe(expected);
    expect(bench.world.writes).toHaveLength(1);
  });

  it("tells the city of local commands that changed something, and only their last word", async () => {
    const bench = await open();
    await bench.done({ id: "mine", value: 12 });
    bench.reads("lamp-1/level", 12);
    expect(await bench.done({ id: "same", value: 12 }, 100)).toMatchObject({
      state: "succeeded",
      unchanged: true,
    });
    await bench.done({ id: "bad", value: 1000 });
    expect(bench.world.answers.map(({ result }) => `${result.id} ${words(result)}`)).toEqual([
      "mine succeeded",
    ]);
    expect(bench.world.writes).toHaveLength(1);
  });

  it("writes again when the reading is too old to show that nothing would change", async () => {
    const bench = await open();
    bench.reads("lamp-1/level", 12);
    await bench.run(1600);
    expect(await bench.done({ value: 12 })).toMatchObject({ state: "succeeded", verified: true });
    expect(bench.world.writes).toHaveLength(1);
  });

  it("looks at the interlock again right before the first byte", async () => {
    const bench = await open();
    bench.world.values.set("lamp-1/door", true);
    expect(words(await bench.done({ point: "pump", value: 1 }))).toBe("failed: interlock");
    bench.reads("lamp-1/door", true);
    expect(bench.desk.check(commandOf({ point: "pump", value: 1 }), { kind: "local", user: "a" })?.code).toBe(
      "interlock",
    );
    expect(bench.world.writes).toHaveLength(0);
  });

  it("expires in the queue", async () => {
    const bench = await open({ writeMs: 60_000 });
    await bench.receive({ id: "slow", value: 1, priority: "operator", expiry: { inMs: 120_000 } });
    await bench.receive({ id: "late", value: 2, expiry: { inMs: 5000 } });
    await bench.run(6000);
    expect(bench.heard("late")).toEqual(["accepted", "expired"]);
    await bench.run(60_000);
    expect(bench.world.writes.map(({ value }) => value)).toEqual([1]);
  });

  it("gives up what waits for a newer command of the point, and takes back what a far side has queued", async () => {
    const bench = await open({ writeMs: 1000 });
    for (const value of [1, 2, 3]) await bench.receive({ id: `q${value}`, value });
    await bench.run(5000);
    expect(bench.heard("q2")).toEqual(["accepted", "failed: overridden"]);
    expect(bench.world.writes.map(({ value }) => value)).toEqual([1, 3]);
    bench.stage = "queued";
    await bench.receive({ id: "s1", value: 4, device: "lamp-2", expiry: { inMs: 7_200_000 } });
    await bench.run(5000);
    expect(bench.heard("s1")).toEqual(["accepted", "executing/queued"]);
    bench.stage = undefined;
    await bench.receive({ id: "s2", value: 5, device: "lamp-2" });
    await bench.run(5000);
    expect(bench.heard("s1").at(-1)).toBe("failed: taken-back");
    expect(bench.heard("s2").at(-1)).toBe("succeeded");
  });

  it("holds a point for the operator for an hour, until a release, or for who is stronger", async () => {
    const bench = await open();
    await bench.receive({ id: "o", value: 10 });
    await bench.run(1000);
    expect(bench.desk.holds()).toMatchObject([{ priority: "operator", issuer: "city", value: 10 }]);
    const robot = { issuer: "robot", priority: "automation" } as const;
    await bench.receive({ ...robot, id: "r1", value: 11 });
    await bench.receive({ ...robot, id: "r2", action: "release", value: undefined });
    await bench.receive({ id: "p", issuer: "police", priority: "safety", value: 90 });
    await bench.run(1000);
    expect(bench.heard("r1")).toEqual(["failed: overridden"]);
    expect(bench.heard("r2")).toEqual(["failed: overridden"]);
    await bench.receive({ id: "o2", value: 10 });
    await bench.run(86_400_000);
    expect(bench.heard("o2")).toEqual(["failed: overridden"]);
    await bench.receive({
      id: "rel",
      issuer: "police",
      priority: "safety",
      action: "release",
      value: undefined,
    });
    await bench.receive({ ...robot, id: "r3", value: 12 });
    await bench.run(1000);
    expect(bench.heard("r3").at(-1)).toBe("succeeded");
    expect(bench.world.writes.map(({ value }) => value)).toEqual([10, 90, 12]);
  });

  it("carries out a two-step command once it is confirmed, once, and not late", async () => {
    const bench = await open();
    const confirm = (id: string, confirms: string) =>
      bench.receive({ id, confirms, action: "confirm", point: "lock", value: undefined });
    await bench.receive({ id: "l1", point: "lock", value: "open" });
    await bench.run(30_000 - 1);
    expect(bench.heard("l1")).toEqual(["accepted/armed"]);
    await bench.receive({ id: "l2", point: "lock", value: "open", expiry: { inMs: 200_000 } });
    await confirm("k1", "l2");
    await confirm("k2", "l2");
    await bench.run(1000);
    expect(bench.heard("l2")).toEqual(["accepted/armed", "executing", "succeeded"]);
    expect(bench.heard("k1")).toEqual(["succeeded"]);
    expect(bench.heard("k2")).toEqual(["failed: confirmation-late"]);
    expect(bench.heard("l1").at(-1)).toBe("failed: overridden");
    await bench.receive({ id: "l3", point: "lock", value: "closed", expiry: { inMs: 200_000 } });
    await bench.run(60_001);
    expect(bench.heard("l3")).toEqual(["accepted/armed", "expired"]);
    await confirm("k3", "nothing");
    await bench.run(10);
    expect(bench.heard("k3")).toEqual(["failed: not-armed"]);
    expect(bench.world.writes).toHaveLength(1);
  });

  it("keeps answers over an outage, in order, and drops what was said on the way first", async () => {
    const bench = await open();
    bench.link(false);
    for (let index = 0; index < 5; index++) {
      await bench.receive({ id: `w${index}`, value: index });
      await bench.run(1000);
    }
    expect(bench.desk.status().unanswered).toBe(15);
    bench.link(true);
    await bench.run(120_000);
    for (let index = 0; index < 5; index++)
      expect(bench.heard(`w${index}`)).toEqual(["accepted", "executing", "succeeded"]);
    expect(bench.desk.status().unanswered).toBe(0);
  });

  it("takes nothing while the disk is dead, and goes on when it works again", async () => {
    const bench = await open();
    const { random } = bench.disk.options;
    bench.disk.options = { random, fail: (operation) => (operation === "sync" ? "disk-io" : undefined) };
    await expect(bench.receive({ id: "d" })).rejects.toMatchObject({ code: "disk-io" });
    await expect(bench.receive({ id: "d" })).rejects.toMatchObject({ code: "disk-io" });
    expect(bench.desk.status().problem).toBeDefined();
    await bench.run(1000);
    expect(bench.world.writes).toHaveLength(0);
    bench.disk.options = { random };
    await bench.receive({ id: "d" });
    await bench.run(1000);
    expect(bench.heard("d")).toEqual(["accepted", "executing", "succeeded"]);
    expect(bench.world.writes).toHaveLength(1);
  });

  it("tells the line of a write while its command goes to the disk, until it has come or will not", async () => {
    const bench = await open();
    const receiving = bench.receive({ id: "a", value: 30 });
    for (let turns = 0; bench.expected.length === 0 && turns < 1000; turns++) await Promise.resolve();
    const onDisk = () => Buffer.from(bench.disk.contents("commands.journal")).includes("lamp-1");
    expect(onDisk()).toBe(false);
    expect(bench.expected).toEqual([{ device: "lamp-1", open: true, written: false }]);
    await receiving;
    expect(onDisk()).toBe(true);
    await bench.run(1);
    expect(bench.expected).toEqual([{ device: "lamp-1", open: false, written: true }]);
    await bench.run(1000);
    // Nothing is to be written: it has that value.
    bench.reads("lamp-1/level", 30);
    await bench.receive({ id: "b", value: 30 });
    await bench.run(1);
    expect(bench.expected[1]).toEqual({ device: "lamp-1", open: false, written: false });
    await bench.receive({ id: "armed", point: "lock", value: "open" });
    expect(bench.expected).toHaveLength(2);
    await bench.receive({ id: "yes", confirms: "armed", action: "confirm", point: "lock", value: undefined });
    await bench.run(1);
    expect(bench.expected[2]).toEqual({ device: "lamp-1", open: false, written: true });
    const { random } = bench.disk.options;
    bench.disk.options = { random, fail: (operation) => (operation === "sync" ? "disk-io" : undefined) };
    await expect(bench.receive({ id: "c" })).rejects.toMatchObject({ code: "disk-io" });
    expect(bench.expected[3]).toMatchObject({ open: false });
    await bench.receive({ id: "d", point: "nothing" }).catch(() => {});
    expect(bench.expected).toHaveLength(4);
  });

  it("answers only when the last word is on the disk", async () => {
    const bench = await open();
    await bench.receive({ id: "d" });
    const { random } = bench.disk.options;
    bench.disk.options = { random, fail: (operation) => (operation === "sync" ? "disk-io" : undefined) };
    await bench.run(30_000);
    expect(bench.heard("d")).toEqual(["accepted", "executing"]);
    bench.disk.options = { random };
    await bench.run(120_000);
    expect(bench.heard("d")).toEqual(["accepted", "executing", "succeeded"]);
  });
});

describe("budgets and rates", () => {
  it("counts physical writes with their retries, and never goes beyond the budget in any day", async () => {
    const bench = await open();
    for (let index = 0; index < 12; index++) {
      if (index % 3 === 0) bench.failures.push(new TransientError("retry", { code: "not-verified" }));
      await bench.done({ point: "worn", value: index + 1 }, 3_600_000);
    }
    expect(bench.world.writes.length).toBe(5);
    await bench.run(86_400_000);
    for (let index = 0; index < 12; index++)
      await bench.done({ point: "worn", value: 40 + index }, 3 * 3_600_000);
    await bench.run(3 * 86_400_000);
    for (let index = 0; index < 12; index++)
      await bench.done({ point: "worn", value: 60 + index }, 3 * 3_600_000);
    expect(bench.world.writes.length).toBe(12);
    const times = bench.world.writes.map(({ at }) => at);
    for (const at of times)
      expect(times.filter((other) => other >= at && other < at + 86_400_000).length).toBeLessThanOrEqual(5);
  });

  it("does not write, nor count, what is there already", async () => {
    const bench = await open();
    for (let index = 0; index < 20; index++) await bench.done({ point: "worn", value: 9 });
    expect(bench.world.writes).toHaveLength(1);
    expect(bench.desk.status().succeeded).toBe(20);
  });

  it("lets so many through in a time, also over a restart", async () => {
    const bench = await open();
    const results = [];
    for (let index = 0; index < 4; index++)
      results.push(words(await bench.done({ point: "often", value: index }, 100)));
    expect(results).toEqual(["succeeded", "succeeded", "succeeded", "failed: rate"]);
    await bench.desk[Symbol.asyncDispose]();
    const again = await open({ disk: bench.disk, clock: bench.clock, world: bench.world });
    expect(words(await again.done({ point: "often", value: 8 }, 100))).toBe("failed: rate");
    await again.run(60_000);
    expect(words(await again.done({ point: "often", value: 8 }, 100))).toBe("succeeded");
  });
});

describe("after a restart", () => {
  it("says of open commands that nobody knows, keeps holds, and never writes them again", async () => {
    const bench = await open({ writeMs: 10_000 });
    await bench.receive({ id: "h", point: "safe", value: 1 });
    await bench.run(20_000);
    await bench.receive({ id: "cut", value: 5 });
    await bench.receive({ id: "arm", point: "lock", value: "open" });
    await bench.run(7000);
    const writes = bench.world.writes.length;
    const clock = new VirtualClock({ unix: bench.clock.now() + 60_000, bootId: "boot-2" });
    const after = await open({ disk: bench.disk.cutPower(bench.disk.options), clock, world: bench.world });
    await after.receive({ id: "cut", value: 5 });
    await after.run(60_000);
    expect(after.heard("cut").at(-1)).toBe("failed: interrupted");
    expect(after.heard("arm").at(-1)).toBe("failed: interrupted");
    expect(after.world.writes).toHaveLength(writes);
    expect(after.desk.holds()).toMatchObject([{ point: "safe", issuer: "city" }]);
    await after.run(3_600_000);
    expect(after.desk.holds()).toEqual([]);
  });

  it("does with a point what its profile says: nothing, the last value, or the failsafe value", async () => {
    const bench = await open();
    for (const point of ["level", "last", "fallen"]) await bench.receive({ point, value: 20 });
    await bench.run(1000);
    await bench.desk[Symbol.asyncDispose]();
    const writes = bench.world.writes.length;
    const after = await open({ disk: bench.disk, clock: bench.clock, world: bench.world });
    after.gone.add("lamp-1");
    await after.run(1000);
    after.gone.clear();
    await after.run(600_000);
    expect(
      after.world.writes
        .slice(writes)
        .map(({ place, value }) => [place, value])
        .sort(),
    ).toEqual([
      ["lamp-1/fallen", 3],
      ["lamp-1/last", 20],
    ]);
  });
});

import { describe, expect, it } from "vitest";
import { Bench, lamps, words } from "../../test/fault/desk-harness.ts";
import { TransientError } from "../model/errors.ts";
import type { Field } from "./command-desk.ts";

const open = (options: ConstructorParameters<typeof Bench>[0] = {}) => new Bench(options).open();

describe("ids of several issuers", () => {
  it("do not let the confirmation of one command carry out another one", async () => {
    const bench = await open();
    const life = { expiry: { inMs: 200_000 } };
    await bench.receive({
      id: "x",
      issuer: "police",
      device: "lamp-2",
      point: "lock",
      value: "open",
      ...life,
    });
    await bench.receive({ id: "x", point: "lock", value: "closed", ...life });
    await bench.receive({ id: "k1", confirms: "x", action: "confirm", point: "lock", value: undefined });
    await bench.run(1000);
    expect(bench.world.writes).toMatchObject([{ place: "lamp-1/lock", value: "closed" }]);
    // One id, one point, two issuers: each confirms its own, a third neither.
    await bench.receive({ id: "y", issuer: "police", point: "lock", value: "closed", ...life });
    await bench.receive({ id: "y", point: "lock", value: "open", ...life });
    const confirm = { confirms: "y", action: "confirm", point: "lock", value: undefined } as const;
    await bench.receive({ id: "k2", issuer: "robot", priority: "automation", ...confirm });
    await bench.run(1000);
    expect(bench.heard("k2")).toEqual(["failed: not-armed"]);
    await bench.receive({ id: "k3", ...confirm });
    await bench.run(1000);
    expect(bench.world.writes.slice(1)).toMatchObject([{ place: "lamp-1/lock", value: "open" }]);
  });
});

describe("an equal value", () => {
  it("is written when the reading that shows it is from before another write", async () => {
    const bench = await open();
    bench.reads("lamp-1/level", 0);
    await bench.receive({ value: 80 });
    await bench.run(200);
    await bench.receive({ id: "off", value: 0 });
    await bench.run(200);
    expect(bench.world.writes.map(({ value }) => value)).toEqual([80, 0]);
    bench.reads("lamp-1/level", 0);
    await bench.run(1);
    expect(words(await bench.done({ value: 0 }, 100))).toBe("succeeded");
    expect(bench.world.writes).toHaveLength(2);
  });

  it("is written when the write before it failed, and nobody knows what it left", async () => {
    const bench = await open();
    bench.reads("lamp-1/level", 0);
    bench.failures.push(new TransientError("timeout", { code: "timeout" }));
    await bench.receive({ value: 80 });
    await bench.run(200);
    await bench.receive({ value: 0 });
    await bench.run(200);
    expect(bench.world.writes.map(({ value }) => value)).toEqual([80, 0]);
  });
});

describe("a write that nothing can break off", () => {
  /** A field that never answers, and one that has sent it to a network server first. */
  const endless = (stage?: "queued" | "sent"): Field => ({
    device: (id) => lamps.get(id),
    latest: () => undefined,
    write: (_device, order) => {
      order.prepare(new Map());
      order.progress?.("writing");
      if (stage) order.progress?.(stage);
      return new Promise(() => {});
    },
  });

  it.each([undefined, "queued", "sent"] as const)("does not hold up the stop (stage %s)", async (stage) => {
    const bench = await open({ desk: { field: endless(stage) } });
    await bench.receive({ id: "a", expiry: { inMs: 7_200_000 } });
    await bench.receive({ id: "b", point: "often", expiry: { inMs: 7_200_000 } });
    await bench.run(1000);
    let closed = false;
    void bench.desk[Symbol.asyncDispose]().then(() => {
      closed = true;
    });
    await bench.run(400);
    expect(closed).toBe(true);
    expect(bench.desk.list().map(words)).toEqual(["failed: interrupted", "failed: interrupted"]);
  });

  it("keeps its own last word when it could not be taken back for a newer one", async () => {
    const failed = Promise.withResolvers<never>();
    const unwanted: unknown[] = [];
    const field: Field = {
      ...endless(),
      write: (_device, order, signal) => {
        order.prepare(new Map());
        order.progress?.("writing");
        signal.addEventListener("abort", () => unwanted.push(signal.reason));
        setImmediate(() => order.progress?.("queued"));
        return failed.promise;
      },
    };
    const bench = await open({ desk: { field } });
    await bench.receive({ id: "old" });
    await bench.receive({ id: "new" });
    await new Promise((resolve) => setImmediate(resolve));
    await bench.run(10);
    // It was queued only after the newer one had come.
    expect(unwanted).toMatchObject([{ code: "taken-back" }]);
    failed.reject(new TransientError("not seen", { code: "not-verified" }));
    await bench.run(10);
    expect(bench.heard("old").at(-1)).toBe("failed: not-verified");
  });
});

describe("results of points that are about people", () => {
  const told = (bench: Bench, id: string) =>
    bench.world.answers.filter(({ result }) => result.id === id).map(({ result }) => result);

  it.each(["home", "shown"])("tell nobody what was there, and others not what is (%s)", async (point) => {
    const bench = await open();
    bench.world.values.set(`lamp-1/${point}`, 19);
    await bench.receive({ id: "asked", point, value: 21 });
    await bench.run(1000);
    expect(told(bench, "asked").at(-1)).toMatchObject({ state: "succeeded", value: 21 });
    expect(await bench.done({ id: "mine", point, value: 18 })).toMatchObject({ value: 18, before: 21 });
    expect(told(bench, "mine")).toMatchObject([{ state: "succeeded", issuer: "city" }]);
    bench.failures.push(new TransientError("is 17, not 16", { code: "not-verified" }));
    await bench.done({ id: "failed", point, value: 16 });
    for (const one of [...told(bench, "asked"), ...told(bench, "mine"), ...told(bench, "failed")])
      expect(one).not.toHaveProperty("before");
    for (const one of [...told(bench, "mine"), ...told(bench, "failed")]) {
      expect(one).not.toHaveProperty("value");
      expect(one).not.toHaveProperty("text");
    }
  });

  it("hide nothing of others", async () => {
    const bench = await open();
    bench.world.values.set("lamp-1/level", 19);
    await bench.done({ id: "mine", value: 21 });
    expect(told(bench, "mine")).toMatchObject([{ state: "succeeded", value: 21, before: 19 }]);
  });
});

describe("what has changed since a command was accepted", () => {
  it("counts right before it is written: who holds the point now", async () => {
    const bench = await open({ writeMs: 1000 });
    await bench.receive({ id: "strong", value: 10 });
    await bench.run(100);
    await bench.receive({ id: "weak", issuer: "robot", priority: "automation", value: 90 });
    expect(bench.desk.list({ open: true })).toHaveLength(2);
    await bench.run(5000);
    expect(bench.heard("weak").at(-1)).toBe("failed: overridden");
    expect(bench.world.writes.map(({ value }) => value)).toEqual([10]);
  });

  it("counts right before it is written: whether its time is over, whatever the wall clock says", async () => {
    const bench = await open({ writeMs: 20_000 });
    await bench.receive({ id: "late", value: 10, expiry: { inMs: 5000 } });
    bench.clock.jump(-3_600_000);
    await bench.run(30_000);
    expect(bench.heard("late").at(-1)).toBe("expired");
    expect(bench.world.writes).toEqual([]);
  });
});

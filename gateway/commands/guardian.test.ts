import { describe, expect, it } from "vitest";
import { Bench, commandOf, lamps, World } from "../../test/fault/desk-harness.ts";
import { seeded } from "../../test/fault/random.ts";
import { SimulatedDisk } from "../../test/fault/simulated-disk.ts";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { RefusedError, TransientError } from "../model/errors.ts";
import { openDesk } from "./desk.ts";

const open = (options: ConstructorParameters<typeof Bench>[0] = {}) => new Bench(options).open();
const minute = 60_000;
const written = (bench: Bench, point: string) =>
  bench.world.writes.filter(({ place }) => place === `lamp-1/${point}`).map(({ value }) => value);

describe("keepalive", () => {
  it("writes the commanded value again at its pace, until a release", async () => {
    const bench = await open();
    await bench.run(10 * minute);
    expect(written(bench, "alive")).toEqual([]);
    await bench.receive({ point: "alive", value: 5 });
    await bench.run(2 * minute + 15_000);
    expect(written(bench, "alive")).toEqual([5, 5, 5, 5, 5]);
    await bench.receive({ point: "alive", value: 6 });
    await bench.run(45_000);
    expect(written(bench, "alive").slice(5)).toEqual([6, 6]);
    await bench.receive({ point: "alive", action: "release", value: undefined });
    await bench.run(10 * minute);
    expect(written(bench, "alive").slice(5)).toEqual([6, 6]);
  });

  it("ends when a reload takes it from the profile", async () => {
    const profiles = new Map(lamps);
    const bench = new Bench();
    const { field } = bench.options;
    await using desk = await openDesk({
      ...bench.options,
      field: { ...field, write: field.write, latest: field.latest, device: (id) => profiles.get(id) },
    });
    await desk.submit(commandOf({ point: "alive", value: 5 }), { kind: "local", user: "anna" });
    await bench.run(minute + 15_000);
    expect(written(bench, "alive")).toEqual([5, 5, 5]);
    const lamp = lamps.get("lamp-1")!;
    const points = lamp.profile.points.map((point) =>
      point.write ? { ...point, write: { ...point.write, keepaliveMs: undefined } } : point,
    );
    profiles.set("lamp-1", { ...lamp, profile: { ...lamp.profile, points } });
    await bench.run(10 * minute);
    expect(written(bench, "alive")).toEqual([5, 5, 5]);
  });

  it("does not keep alive what nobody knows to be there", async () => {
    const bench = await open();
    await bench.receive({ point: "alive", value: 5 });
    await bench.run(1000);
    await bench.receive({ point: "alive", action: "release", value: undefined });
    bench.failures.push(new TransientError("timeout", { code: "timeout" }));
    await bench.receive({ point: "alive", value: 6 });
    await bench.run(10 * minute);
    expect(written(bench, "alive")).toEqual([5, 6]);
  });

  it("goes on when the device is back, and says once that it was gone", async () => {
    const bench = await open();
    await bench.receive({ point: "alive", value: 5 });
    await bench.run(1000);
    bench.gone.add("lamp-1");
    await bench.run(5 * minute);
    expect(written(bench, "alive")).toEqual([5]);
    bench.gone.clear();
    await bench.run(45_000);
    expect(written(bench, "alive").length).toBeGreaterThan(1);
    expect(bench.world.audit.filter(({ what }) => what === "keepalive")).toHaveLength(2);
  });
});

describe("failsafe", () => {
  it("is written once when the control link has been lost for its time, and again only after a new command", async () => {
    const bench = await open();
    await bench.receive({ id: "c", point: "safe", value: 20 });
    await bench.run(minute);
    bench.link(false);
    await bench.run(9 * minute);
    bench.link(true);
    await bench.run(minute);
    bench.link(false);
    await bench.run(10 * minute - 1000);
    expect(written(bench, "safe")).toEqual([20]);
    await bench.run(2000);
    expect(written(bench, "safe")).toEqual([20, 80]);
    await bench.run(300 * minute);
    bench.link(true);
    await bench.run(2 * minute);
    bench.link(false);
    await bench.run(300 * minute);
    expect(written(bench, "safe")).toEqual([20, 80]);
    expect(bench.world.audit.filter(({ what }) => what === "failsafe").at(-1)).toMatchObject({
      who: "gateway",
      detail: {
        point: "safe",
        value: 80,
        before: 20,
        by: "failsafe",
        state: "succeeded",
        reason: "the control link is lost",
      },
    });
    // The city learns of it, and may command at once.
    expect(bench.world.answers.filter(({ result }) => result.issuer === "gateway")).toHaveLength(1);
    bench.link(true);
    await bench.receive({ point: "safe", value: 30 });
    await bench.run(minute);
    bench.link(false);
    await bench.run(11 * minute);
    expect(written(bench, "safe")).toEqual([20, 80, 30, 80]);
  });

  it("is written when nobody knows whether the last command reached the device", async () => {
    const bench = await open();
    bench.failures.push(new TransientError("timeout", { code: "timeout" }));
    await bench.receive({ id: "c", point: "safe", value: 20 });
    await bench.run(minute);
    expect(bench.heard("c").at(-1)).toBe("failed: no-answer");
    bench.link(false);
    await bench.run(11 * minute);
    expect(written(bench, "safe")).toEqual([20, 80]);
    bench.link(true);
    bench.failures.push(new RefusedError("illegal value", { code: "illegal-value" }));
    await bench.receive({ point: "safe", value: 30 });
    await bench.run(minute);
    bench.link(false);
    await bench.run(11 * minute);
    // A clear no changes nothing.
    expect(written(bench, "safe")).toEqual([20, 80, 30]);
  });

  it("is written after a restart that broke off a command, which itself is not written again", async () => {
    const world = new World();
    const disk = new SimulatedDisk({ random: seeded(3) });
    const first = await open({ world, disk, writeMs: 10_000 });
    await first.receive({ point: "safe", value: 20 });
    await first.receive({ point: "fallen", value: 50 });
    await first.receive({ point: "last", value: 60 });
    await first.receive({ point: "lock", value: "open" });
    await first.run(6000);
    const after = disk.cutPower(disk.options);
    const bench = await open({
      world: world.clone(),
      disk: after,
      clock: new VirtualClock({ unix: first.clock.now() + minute, bootId: "boot-2" }),
    });
    bench.link(false);
    await bench.run(11 * minute);
    expect(written(bench, "safe")).toEqual([20, 80]);
    expect(written(bench, "fallen")).toEqual([50, 3]);
    expect(written(bench, "last")).toEqual([60]);
    expect(written(bench, "lock")).toEqual([]);
  });

  it("leaves alone what local users set, and what was released", async () => {
    const bench = await open();
    await bench.done({ point: "safe", value: 20 });
    await bench.receive({ device: "lamp-2", point: "safe", value: 20 });
    await bench.run(1000);
    await bench.receive({ device: "lamp-2", point: "safe", action: "release", value: undefined });
    bench.link(false);
    await bench.run(100 * minute);
    expect(bench.world.writes.map(({ value }) => value)).toEqual([20, 20]);
  });

  it("stops the keepalive, and overrides whoever holds the point", async () => {
    const bench = await open();
    await bench.receive({ point: "alive", value: 5, issuer: "police", priority: "safety" });
    await bench.run(minute);
    bench.link(false);
    await bench.run(20 * minute);
    const values = written(bench, "alive");
    expect(values.indexOf(7)).toBe(values.length - 1);
    expect(bench.desk.holds()).toEqual([]);
  });

  it("is tried again until the device takes it", async () => {
    const bench = await open();
    await bench.receive({ point: "safe", value: 20 });
    await bench.run(1000);
    bench.link(false);
    bench.gone.add("lamp-1");
    await bench.run(60 * minute);
    bench.failures.push(new TransientError("timeout", { code: "timeout" }));
    bench.gone.clear();
    await bench.run(60 * minute);
    expect(written(bench, "safe")).toEqual([20, 80, 80]);
  });

  it("is written even while the ledger's disk is dead, once", async () => {
    const bench = await open();
    await bench.receive({ point: "safe", value: 20 });
    await bench.run(1000);
    bench.link(false);
    const { random } = bench.disk.options;
    bench.disk.options = { random, fail: () => "disk-io" };
    await bench.run(60 * minute);
    expect(written(bench, "safe")).toEqual([20, 80]);
  });

  it("counts from the start when the gateway was down meanwhile", async () => {
    const bench = await open();
    await bench.receive({ point: "safe", value: 20 });
    await bench.run(1000);
    await bench.desk[Symbol.asyncDispose]();
    await bench.clock.advance(100 * minute);
    const after = new Bench({ disk: bench.disk, clock: bench.clock, world: bench.world });
    after.link(false);
    await after.open();
    await after.run(9 * minute);
    expect(written(after, "safe")).toEqual([20]);
    await after.run(2 * minute);
    expect(written(after, "safe")).toEqual([20, 80]);
  });
});

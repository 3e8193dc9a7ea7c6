import { expect, it } from "vitest";
import { silentLog } from "../../gateway/model/log.ts";
import { Updates } from "../../gateway/updates/updates.ts";
import { seeded } from "../fault/random.ts";
import { SimulatedDisk } from "../fault/simulated-disk.ts";
import { settle, VirtualClock } from "../fault/virtual-clock.ts";
import { FakeMachine } from "./fake-updater.ts";
import { targetOf } from "./life.ts";

/** A machine whose first download lasts until it is interrupted. */
function open(disk: SimulatedDisk) {
  const machine = new FakeMachine("1.0.0");
  machine.bundles.set("2.0.0.raucb", { version: "2.0.0", behaviour: "works" });
  const fetches: { done: boolean }[] = [];
  const clock = new VirtualClock({ bootId: "boot-1", monotonic: 20_000 });
  const updates = new Updates({
    clock,
    log: silentLog,
    disk,
    updater: machine.updater(),
    version: () => "1.0.0",
    fetch: (_target, _progress, signal) => {
      const one = { done: fetches.length > 0 };
      fetches.push(one);
      if (one.done) return Promise.resolve();
      return new Promise((_resolve, reject) => {
        if (signal.aborted) reject(signal.reason);
        else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    },
    path: ({ file }) => file,
    discard: async () => {},
    health: () => ({
      lines: [],
      northbound: [],
      configured: { lines: [], northbound: [] },
      uptimeMs: clock.monotonic(),
      active: true,
      runMs: 0,
      writable: true,
      time: clock.now(),
      buildTime: 0,
    }),
    mayInstall: () => false,
    mayRestart: () => false,
  });
  let broke: unknown;
  updates.done.catch((error: unknown) => {
    broke = error;
  });
  return { updates, clock, fetches, broke: () => broke };
}

it("goes on with a download while somebody asks for what is refused", async () => {
  const { updates, clock, fetches, broke } = open(new SimulatedDisk({ random: seeded(1) }));
  await clock.advance(10_000);
  await updates.install(targetOf("2.0.0"));
  await settle();
  expect(fetches).toHaveLength(1);
  await expect(updates.commit()).rejects.toThrow("there is no update to commit");
  await expect(updates.rollBack("test")).rejects.toThrow("no update to go back from");
  await expect(updates.install(targetOf("0.9.0"))).rejects.toThrow("older");
  await clock.advance(10_000);
  expect(broke()).toBeUndefined();
  expect([updates.state().phase, fetches.length]).toEqual(["downloading", 1]);
  await updates[Symbol.asyncDispose]();
});

it("fetches anew when the same version is asked for while it comes", async () => {
  const { updates, clock, fetches, broke } = open(new SimulatedDisk({ random: seeded(1) }));
  await clock.advance(10_000);
  await updates.install(targetOf("2.0.0"));
  await settle();
  await updates.install(targetOf("2.0.0"));
  await clock.advance(10_000);
  expect(broke()).toBeUndefined();
  expect([updates.state().phase, fetches.length]).toEqual(["verified", 2]);
  await updates[Symbol.asyncDispose]();
});

it("goes on with a download that a power cut interrupted, though the city asks for it again at the start", async () => {
  const disk = new SimulatedDisk({ random: seeded(1) });
  const before = open(disk);
  await before.clock.advance(10_000);
  await before.updates.install(targetOf("2.0.0"));
  await settle();
  await before.updates[Symbol.asyncDispose]();

  // Every moment at which the request may come while the start reads its record.
  for (let turns = 0; turns < 60; turns++) {
    const { updates, clock, broke } = open(disk.copy({ random: seeded(turns) }));
    let asked: Promise<void> | undefined;
    for (let turn = 0; turn < 400 && !asked; turn++) {
      if (updates.slots() !== undefined && turn >= turns) asked = updates.install(targetOf("2.0.0"));
      await Promise.resolve();
    }
    if (!asked) await clock.advance(1000);
    asked ??= updates.install(targetOf("2.0.0"));
    await settle();
    await asked;
    await clock.advance(60_000);
    expect(broke(), `after ${turns} turns`).toBeUndefined();
    expect(updates.state().phase, `after ${turns} turns`).toBe("verified");
    await updates[Symbol.asyncDispose]();
  }
});

import { generateKeyPairSync } from "node:crypto";
import { encode } from "cborg";
import { describe, expect, it } from "vitest";
import { signBeside } from "../../simulators/city-control.ts";
import { seeded } from "../../test/fault/random.ts";
import { SimulatedDisk } from "../../test/fault/simulated-disk.ts";
import { settle, VirtualClock } from "../../test/fault/virtual-clock.ts";
import { ConfigError } from "../model/errors.ts";
import { silentLog } from "../model/log.ts";
import { readConfigurationBundle } from "./configuration-bundle.ts";
import { type ConfigurationTarget, ConfigurationUpdates, lostShare } from "./configuration-updates.ts";
import type { Scope } from "./desired.ts";

const keys = generateKeyPairSync("ed25519");
const trust = new Map([["city", keys.publicKey]]);
const scope: Scope = { kind: "group", name: "pilot" };
const sign = (body: unknown, to = scope, kid = "city") =>
  signBeside(encode(body), { kid, privateKey: keys.privateKey }, [
    "stadsnod-configuration-v1",
    to.kind,
    to.name,
  ]);

describe("a configuration bundle", () => {
  it("is read when it is signed for this scope", () => {
    const bundle = {
      version: "1.2.0",
      gateway: "gateway: {}",
      profiles: { "acme/meter.yaml": "profile: x" },
    };
    expect(readConfigurationBundle(sign(bundle), scope, trust)).toEqual(bundle);
  });

  it.each([
    ["for another group", sign({ version: "1.0.0" }, { ...scope, name: "north" }), "configuration-signature"],
    ["of a key that is not trusted", sign({ version: "1.0.0" }, scope, "x"), "configuration-signature"],
    ["that is not signed", encode({ version: "1.0.0" }), "configuration-form"],
    [
      "with a way out of the folder",
      sign({ version: "1.0.0", profiles: { "../x.yaml": "x" } }),
      "configuration-form",
    ],
    ["with a hidden file", sign({ version: "1.0.0", profiles: { ".x.yaml": "x" } }), "configuration-form"],
    ["without a version", sign({ gateway: "x" }), "configuration-form"],
    ["of more than 256 kB", new Uint8Array(300_000), "configuration-form"],
  ])("is refused %s", (_, bytes, code) => {
    expect(() => readConfigurationBundle(bytes, scope, trust)).toThrow(expect.objectContaining({ code }));
  });
});

/** A gateway whose text says how many of its ten points are good. */
class FakeGateway implements ConfigurationTarget {
  text = "good: 10";
  profiles: Record<string, string> = {};
  applied = 0;
  interrupt = false;

  async current(names: readonly string[]) {
    return {
      gateway: this.text,
      profiles: Object.fromEntries(names.map((name) => [name, this.profiles[name] ?? null])),
    };
  }

  async apply({ gateway, profiles }: Parameters<ConfigurationTarget["apply"]>[0]) {
    this.applied++;
    for (const [name, text] of Object.entries(profiles)) {
      if (text === null) delete this.profiles[name];
      else this.profiles[name] = text;
    }
    if (this.interrupt) throw new TypeError("the power went");
    if (gateway === "wrong") throw new ConfigError("line 1: wrong", { code: "bad-configuration" });
    this.text = gateway ?? this.text;
    return ["something has changed"];
  }

  points() {
    const known = Array.from({ length: 10 }, (_, index) => `meter/p${index}`);
    return { known, good: known.slice(0, Number(/\d+/.exec(this.text)?.[0])) };
  }
}

function bench(target = new FakeGateway(), disk = new SimulatedDisk({ random: seeded(1) })) {
  const clock = new VirtualClock();
  const updates = new ConfigurationUpdates({ clock, log: silentLog, disk, target });
  return { clock, updates, target, disk };
}
const bundle = (version: string, gateway: string) => ({
  version,
  gateway,
  profiles: { "a/b.yaml": version },
});

describe("configurations from the city", () => {
  it("are kept after ten minutes of good readings", async () => {
    const { updates, clock, target } = bench();
    await updates.install(bundle("1.0.0", "good: 9 of ten"), "city");
    expect(updates.state()).toMatchObject({ phase: "watching", changes: ["something has changed"] });
    await expect(updates.install(bundle("1.0.1", "x"), "city")).rejects.toMatchObject({
      code: "configuration-busy",
    });
    await clock.advance(11 * 60_000);
    expect(updates.state()).toMatchObject({ phase: "kept", kept: "1.0.0" });
    expect(target.profiles).toEqual({ "a/b.yaml": "1.0.0" });
    await expect(updates.install(bundle("1.0.0", "x"), "city")).rejects.toMatchObject({
      code: "already-runs",
    });
    await expect(updates.install(bundle("0.9.0", "x"), "city")).rejects.toMatchObject({ code: "downgrade" });
  });

  it("go back by themselves when readings become worse, and are not tried again", async () => {
    const { updates, clock, target } = bench();
    await updates.install(bundle("1.0.0", "good: 8"), "city");
    await clock.advance(4 * 60_000);
    expect(updates.state()).toMatchObject({
      phase: "rolled-back",
      why: { code: "quality", message: "20 % of the points that were good are good no more" },
    });
    expect(target).toMatchObject({ text: "good: 10", profiles: {} });
    await expect(updates.install(bundle("1.0.0", "good: 10"), "city")).rejects.toMatchObject({
      code: "failed-before",
    });
  });

  it("outlive a device that is away for a moment", async () => {
    const { updates, clock, target } = bench();
    await updates.install(bundle("1.0.0", "good: 10"), "city");
    await clock.advance(3 * 60_000);
    target.text = "good: 2";
    await clock.advance(60_000);
    target.text = "good: 10";
    await clock.advance(8 * 60_000);
    expect(updates.state().phase).toBe("kept");
  });

  it("that the gateway does not take leave nothing behind", async () => {
    const { updates, target } = bench();
    await expect(updates.install(bundle("1.0.0", "wrong"), "city")).rejects.toMatchObject({
      code: "bad-configuration",
    });
    expect(updates.state()).toMatchObject({ phase: "refused", failed: [{ version: "1.0.0" }] });
    expect(target).toMatchObject({ text: "good: 10", profiles: {} });
  });

  it("end also where the former one is taken no more, and say so", async () => {
    const target = new FakeGateway();
    target.text = "wrong";
    const { updates } = bench(target);
    await expect(updates.install(bundle("1.0.0", "wrong"), "city")).rejects.toThrow("not taken");
    expect(updates.state()).toMatchObject({
      phase: "refused",
      why: { message: "line 1: wrong; the former one could not be put back: line 1: wrong" },
    });
  });

  it("that were interrupted by a power cut are taken back at the start, and may come again", async () => {
    const first = bench();
    first.target.interrupt = true;
    await expect(first.updates.install(bundle("1.0.0", "good: 10"), "city")).rejects.toThrow(
      "the power went",
    );
    expect(first.target.profiles).toEqual({ "a/b.yaml": "1.0.0" });
    first.target.interrupt = false;
    const next = bench(first.target, first.disk.cutPower({ random: seeded(2) }));
    await settle();
    expect(next.updates.state()).toMatchObject({
      phase: "rolled-back",
      why: { code: "interrupted" },
      failed: [],
    });
    expect(next.target.profiles).toEqual({});
    await next.updates.install(bundle("1.0.0", "good: 10"), "city");
    expect(next.updates.state().phase).toBe("watching");
  });

  it("are watched again after a restart", async () => {
    const first = bench();
    await first.updates.install(bundle("1.0.0", "good: 3"), "city");
    await first.updates[Symbol.asyncDispose]();
    const next = bench(first.target, first.disk.cutPower({ random: seeded(3) }));
    await next.clock.advance(5 * 60_000);
    expect(next.updates.state()).toMatchObject({ phase: "rolled-back", why: { code: "quality" } });
    expect(next.target.text).toBe("good: 10");
  });

  it("are judged by what was good and is still wanted", () => {
    expect(lostShare([], { known: ["a"], good: [] })).toBe(0);
    expect(lostShare(["a", "b"], { known: ["b"], good: ["b"] })).toBe(0);
    expect(lostShare(["a", "b"], { known: ["a", "b", "c"], good: ["a"] })).toBe(0.5);
  });
});

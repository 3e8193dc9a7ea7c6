import { generateKeyPairSync } from "node:crypto";
import { assert, asyncProperty, integer, uint8Array } from "fast-check";
import { describe, expect, it } from "vitest";
import { desiredState, type Wanted } from "../../simulators/city-updates.ts";
import { SimulatedDisk } from "../../test/fault/simulated-disk.ts";
import { settle, VirtualClock } from "../../test/fault/virtual-clock.ts";
import { RefusedError, StorageError } from "../model/errors.ts";
import { silentLog } from "../model/log.ts";
import { inRollout, readDesired, type Scope } from "./desired.ts";
import { DesiredStates } from "./desired-states.ts";
import type { Target } from "./record.ts";

const keys = generateKeyPairSync("ed25519");
const others = generateKeyPairSync("ed25519");
const city = { kid: "city-2026", privateKey: keys.privateKey };
const stranger = { kid: "city-2026", privateKey: others.privateKey };
const trust = new Map([["city-2026", keys.publicKey]]);
const own: Scope = { kind: "gateway", name: "gw1" };
const pilot: Scope = { kind: "group", name: "pilot" };
const system = { version: "2.0.0", url: "https://updates.example/2.raucb", sha256: "ab".repeat(32) };
const signed = (wanted: Wanted, scope = own, key = city) => desiredState(wanted, { key, ...scope }).body;

describe("a desired state", () => {
  it("is read when the city has signed it for this scope", () => {
    const { desired, signedBy } = readDesired(signed({ serial: 7, system, later: { x: 1 } }), own, trust);
    expect(signedBy).toBe("city-2026");
    expect(desired).toEqual({
      serial: 7,
      system: {
        ...system,
        sha256: new Uint8Array(32).fill(0xab),
        percentage: 100,
        allowDowngrade: false,
      },
    });
  });

  it.each<[string, Uint8Array, Scope, string]>([
    ["signed by somebody else", signed({ serial: 1 }, own, stranger), own, "desired-signature"],
    ["by a key without trust", signed({ serial: 1 }, own, { ...city, kid: "x" }), own, "desired-signature"],
    ["for another gateway", signed({ serial: 1 }, { ...own, name: "gw2" }), own, "desired-signature"],
    [
      "for the group of the same name",
      signed({ serial: 1 }, { kind: "group", name: "gw1" }),
      own,
      "desired-signature",
    ],
    ["that is not signed", Buffer.from('{"serial":1}'), own, "desired-unsigned"],
    ["without a serial number", signed({ serial: 0 }), own, "desired-form"],
    ["over plain http", signed({ serial: 1, system: { ...system, url: "http://x/y" } }), own, "desired-form"],
    ["without a hash", signed({ serial: 1, system: { ...system, sha256: "" } }), own, "desired-form"],
    [
      "for a version that cannot be compared",
      signed({ serial: 1, system: { ...system, version: "2" } }),
      own,
      "desired-form",
    ],
    ["of more than 8 kB", new Uint8Array(9000), own, "desired-too-large"],
  ])("is refused %s", (_, bytes, scope, code) => {
    expect(() => readDesired(bytes, scope, trust)).toThrow(expect.objectContaining({ code }));
  });

  it("is refused with any one bit changed, or says the same (property)", async () => {
    const good = signed({ serial: 7, system });
    const wanted = readDesired(good, own, trust);
    await assert(
      asyncProperty(integer({ min: 0, max: good.length * 8 - 1 }), async (bit) => {
        const bytes = good.slice();
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        try {
          expect(readDesired(bytes, own, trust)).toEqual(wanted);
        } catch (error) {
          if (!(error instanceof RefusedError)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("is never more than a refusal for any bytes (property)", async () => {
    await assert(
      asyncProperty(uint8Array({ maxLength: 300 }), async (bytes) => {
        expect(() => readDesired(bytes, own, trust)).toThrow(RefusedError);
      }),
    );
  });
});

describe("a rollout", () => {
  const gateways = Array.from({ length: 5000 }, (_, index) => `pole-${index}`);

  it("takes the share that was asked for, and keeps whoever is in", () => {
    const at = (percentage: number) => gateways.filter((id) => inRollout(id, "2.0.0", percentage));
    expect(at(0)).toEqual([]);
    expect(at(100)).toHaveLength(5000);
    expect(at(10).length).toBeGreaterThan(400);
    expect(at(10).length).toBeLessThan(600);
    expect(at(50)).toEqual(expect.arrayContaining(at(10)));
  });

  it("begins with others the next time, and is the same everywhere (vector of docs/update.md)", () => {
    const first = gateways.filter((id) => inRollout(id, "2.0.0", 10));
    const next = gateways.filter((id) => inRollout(id, "2.1.0", 10));
    expect(first.filter((id) => next.includes(id)).length).toBeLessThan(120);
    const places = { "gw1 2.0.0": 16.145, "pole-17 2.0.0": 26.916, "gw1 2.1.0": 3.208 };
    for (const [name, place] of Object.entries(places)) {
      const [gateway = "", rollout = ""] = name.split(" ");
      expect(
        [inRollout(gateway, rollout, place - 0.01), inRollout(gateway, rollout, place + 0.01)],
        name,
      ).toEqual([false, true]);
    }
  });
});

describe("desired states", () => {
  function bench({ disk = new SimulatedDisk({ random: () => 0 }), groups = ["pilot", "north"] } = {}) {
    const clock = new VirtualClock();
    const installed: Target[] = [];
    const answers: (Error | undefined)[] = [];
    const states = new DesiredStates({
      gateway: "gw1",
      groups,
      trust,
      window: "01:00-04:00",
      clock,
      log: silentLog,
      disk,
      async install(target) {
        installed.push(target);
        const answer = answers.shift();
        if (answer) throw answer;
      },
    });
    const receive = async (...what: Parameters<typeof states.receive>) => {
      await states.receive(...what);
      await settle(10);
    };
    return { clock, installed, answers, states, disk, receive };
  }
  const busy = new RefusedError("under way", { code: "update-busy" });

  it("are handed on once, with their window; the same one again and an older one are not", async () => {
    const { receive, installed, disk } = bench();
    await receive(own, signed({ serial: 5, system: { ...system, notBefore: 1_800_000_000 } }));
    expect(installed).toEqual([
      expect.objectContaining({
        version: "2.0.0",
        url: system.url,
        sha256: system.sha256,
        by: "city-2026",
        window: "01:00-04:00",
        notBefore: 1_800_000_000_000,
        rollout: "2.0.0 (5)",
      }),
    ]);
    await receive(own, signed({ serial: 5, system }));
    await receive(own, signed({ serial: 4, system: { ...system, version: "1.5.0" } }));
    expect(installed).toHaveLength(1);
    // After a restart as well: the broker sends what it retains.
    const after = bench({ disk });
    await after.receive(own, signed({ serial: 5, system }));
    await after.clock.advance(120_000);
    expect(after.installed).toEqual([]);
  });

  it("wait while an update is under way, and are tried again", async () => {
    const { receive, states, installed, answers, clock } = bench();
    answers.push(busy, busy);
    await receive(own, signed({ serial: 1, system }));
    expect(states.report()).toMatchObject({ serial: 1, why: { code: "update-busy" } });
    await clock.advance(90_000);
    await settle();
    expect(installed).toHaveLength(3);
    expect(states.report()).toEqual({ scope: "gateway/gw1", serial: 1 });
  });

  it("go on at once when somebody says that things have changed", async () => {
    const { receive, states, installed, answers } = bench();
    answers.push(new RefusedError("none answers", { code: "no-updater" }));
    await receive(own, signed({ serial: 1, system }));
    states.poke();
    await settle(10);
    expect(installed).toHaveLength(2);
    states.poke();
    await settle(10);
    expect(installed).toHaveLength(2);
  });

  it("say why they are not followed", async () => {
    const { receive, states, answers } = bench();
    answers.push(new RefusedError("version 2.0.0 is older", { code: "downgrade" }));
    await receive(own, signed({ serial: 1, system }));
    expect(states.report()?.why?.code).toBe("downgrade");
    await receive(own, signed({ serial: 2, system: { ...system, percentage: 0 } }));
    expect(states.report()?.why?.code).toBe("not-in-rollout");
  });

  it("are known after a restart as well, why they are not followed since then only", async () => {
    const { receive, states, answers, disk } = bench();
    expect(states.now()).toBeUndefined();
    answers.push(new RefusedError("version 2.0.0 is older", { code: "downgrade" }));
    await receive(pilot, signed({ serial: 7, system: { ...system, notBefore: 1_800_000_000 } }, pilot));
    const known = {
      scope: "group/pilot",
      serial: 7,
      version: "2.0.0",
      rollout: undefined,
      notBefore: 1_800_000_000_000,
      window: "01:00-04:00",
    };
    expect(states.now()).toEqual({
      ...known,
      why: { code: "downgrade", message: "version 2.0.0 is older" },
    });
    const after = bench({ disk });
    await settle(10);
    expect(after.states.now()).toEqual({ ...known, why: undefined });
    await after.receive(own, signed({ serial: 1, system: { ...system, version: "2.1.0" } }));
    expect(after.states.now()).toMatchObject({ scope: "gateway/gw1", version: "2.1.0" });
    expect(after.states.now("configuration")).toBeUndefined();
  });

  it("of the gateway count before those of groups, and those of the first group before others", async () => {
    const { receive, installed } = bench();
    const north: Scope = { kind: "group", name: "north" };
    await receive(north, signed({ serial: 1, system: { ...system, version: "3.0.0" } }, north));
    await receive(pilot, signed({ serial: 1, system: { ...system, version: "4.0.0" } }, pilot));
    await receive(north, signed({ serial: 2, system: { ...system, version: "3.1.0" } }, north));
    await receive(own, signed({ serial: 1, system }));
    expect(installed.map(({ version }) => version)).toEqual(["3.0.0", "4.0.0", "2.0.0"]);
  });

  it("are not acknowledged while the disk does not take them", async () => {
    const disk = new SimulatedDisk({
      random: () => 0,
      fail: (operation) => (operation === "write" ? "disk-full" : undefined),
    });
    const { states, installed } = bench({ disk });
    await expect(states.receive(own, signed({ serial: 1, system }))).rejects.toThrow(StorageError);
    expect(installed).toEqual([]);
  });
});

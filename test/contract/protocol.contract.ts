// Past 300 lines: one contract, which every protocol has to keep.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { live } from "../../gateway/cli/profile/live-device.ts";
import type { Device, DeviceProfile } from "../../gateway/model/device.ts";
import { LinkError } from "../../gateway/model/errors.ts";
import { silentLog } from "../../gateway/model/log.ts";
import type { Value } from "../../gateway/model/value.ts";
import { replay, runExample } from "../../gateway/profiles/example.ts";
import { type LoadedProfile, loadProfile } from "../../gateway/profiles/load.ts";
import { variants } from "../../gateway/profiles/option.ts";
import { sampleDevice } from "../../gateway/profiles/sample.ts";
import { newProfile } from "../../gateway/profiles/skeleton.ts";
import { specimen } from "../../gateway/profiles/specimen.ts";
import { momentReadings } from "../../gateway/southbound/derivation.ts";
import type {
  Driver,
  PointResult,
  Protocol,
  ReadPlan,
  SouthboundContext,
} from "../../gateway/southbound/protocol.ts";
import { memoryPair } from "../../gateway/transport/memory.ts";
import type { Connect, Endpoint, Transport } from "../../gateway/transport/transport.ts";
import { settle, VirtualClock } from "../fault/virtual-clock.ts";

/** A shipped profile that loaded without an error. */
export interface ShippedProfile {
  readonly id: string;
  readonly loaded: LoadedProfile & { readonly profile: DeviceProfile };
}

/** What a protocol is excused from, each with the reason. */
export interface Excuses {
  /** Round trips, by the id of a profile. */
  readonly simulate?: Readonly<Record<string, string>>;
  /** Tools that it does not have. */
  readonly tools?: Readonly<Partial<Record<(typeof tools)[number], string>>>;
  /** Its devices are not reached through `context.connect`: its driver is tested elsewhere. */
  readonly wire?: string;
}

const tools = ["simulate", "probe", "record"] as const;

/** What every protocol must do, alone and with each of its shipped profiles. */
export function protocolContract(
  protocol: Protocol,
  profiles: readonly ShippedProfile[],
  { simulate: notSimulated = {}, tools: withoutTools = {}, wire: noLine }: Excuses = {},
): void {
  const connection = (): unknown => protocol.connection.parse(protocol.sample?.connection);
  const deviceOf = (profile: DeviceProfile, settings?: unknown): Device =>
    sampleDevice(protocol, profile, settings);

  describe(`protocol contract: ${protocol.name}`, () => {
    it("has a name that profiles and gateway.yaml can write", () => {
      expect(protocol.name).toMatch(/^[a-z][a-z0-9-]*$/);
    });

    it.each(["connection", "device", "head", "address", "given"] as const)("shows %s to editors", (part) => {
      const shown = z.toJSONSchema(protocol[part], { io: "input", unrepresentable: "any" });
      expect(Object.keys(shown).length).toBeGreaterThan(1);
    });

    it("takes its own sample", () => {
      expect(protocol.sample).toBeDefined();
      expect(protocol.connection.safeParse(protocol.sample?.connection).error).toBeUndefined();
      expect(protocol.device.safeParse(protocol.sample?.device).error).toBeUndefined();
    });

    it("begins a profile that is right as it stands, and whose examples pass", async () => {
      const { skeleton } = protocol;
      if (skeleton === undefined) throw new Error("a protocol has a skeleton");
      const about = {
        id: "acme/m1",
        title: "M1",
        manufacturer: "Acme",
        models: ["M1"],
        category: "controller",
        source: "Manual",
      };
      const text = newProfile(about, { ...protocol, skeleton });
      const loaded = loadProfile(text, "device-profiles/acme/m1.yaml", [protocol]);
      expect(loaded.diagnostics).toEqual([]);
      expect(loaded.examples.length).toBeGreaterThan(0);
      for (const example of loaded.examples) {
        const results = await runExample(loaded.profile!, example, protocol, contextOf(noWire));
        expect(results.length).toBeGreaterThan(0);
        expect(results.filter(({ passed }) => !passed)).toEqual([]);
      }
    });

    it("has all that the tools for profiles need, but for what it is excused from", () => {
      const missing = tools.filter((tool) => protocol[tool] === undefined);
      expect(missing).toEqual(tools.filter((tool) => tool in withoutTools));
    });

    it("ships at least one profile", () => {
      expect(profiles.length).toBeGreaterThan(0);
    });

    describe.each(profiles)("$id", ({ id, loaded }) => {
      const all = variants(loaded.options!).map((chosen) => loaded.variant!(chosen));

      it("has a plan for every point, in exactly one place, that costs time", () => {
        for (const profile of all) {
          const plan = protocol.plan(connection(), deviceOf(profile), profile.points, {});
          const places = placesOf(plan);
          const counts = profile.points.map((point) => [
            point.name,
            places.filter((one) => one === point).length,
          ]);
          expect(counts.filter(([, count]) => count !== 1)).toEqual([]);
          expect(places).toHaveLength(profile.points.length);
          for (const { costMs, label, points } of plan.requests) {
            expect([label, Number.isFinite(costMs) && costMs > 0]).toEqual([label, true]);
            expect(label).not.toBe("");
            expect(points.length).toBeGreaterThan(0);
          }
          expect(plan.concurrency ?? 1).toBeGreaterThanOrEqual(1);
        }
      });

      it("is planned and checked without a trace", () => {
        for (const profile of all) {
          const line = deepFreeze(connection());
          const device = deepFreeze(deviceOf(profile));
          const once = protocol.plan(line, device, profile.points, Object.freeze({}));
          expect(protocol.plan(line, device, profile.points, {})).toEqual(once);
          const [first] = profile.points;
          // Fewer points are no more work, and the order of asking has no memory.
          if (first) protocol.plan(line, device, [first], {});
          expect(protocol.plan(line, device, profile.points, {})).toEqual(once);
          expect(protocol.plan(line, device, [], {}).requests).toEqual([]);
          expect(protocol.check(profile)).toEqual(protocol.check(profile));
        }
      });

      it("has a raw type at every address", () => {
        for (const { points, commands = [], identifyPoints = [], protocolSettings } of all)
          for (const { address } of [...points, ...commands, ...identifyPoints])
            expect(["integer", "float", "boolean", "text", "bytes"]).toContain(
              protocol.rawKind(address, protocolSettings),
            );
      });

      it("counts as silent after a time that a person can wait for", () => {
        const ms = protocol.silentAfter?.(connection(), deviceOf(loaded.profile)) ?? 60_000;
        expect(ms).toBeGreaterThanOrEqual(1000);
        expect(ms).toBeLessThanOrEqual(31 * 86_400_000);
      });

      it.each(loaded.examples.map((example) => ({ name: example.name, example })))(
        "gives what is expected of: $name",
        async ({ example }) => {
          const results = await runExample(loaded.profile, example, protocol, contextOf(noWire));
          expect(results.filter(({ passed }) => !passed)).toEqual([]);
        },
      );

      const travels = noLine === undefined && protocol.simulate !== undefined && !(id in notSimulated);
      // What is excused is not there at all: a skipped test would look like one that cannot run here.
      if (!travels) return;
      it("simulated, is read by the real driver over a wire", async () => {
        const trip = await roundTrip(protocol, loaded);
        expect(trip.good.length).toBeGreaterThan(0);
        expect(trip.expected.filter((name) => !trip.good.includes(name))).toEqual([]);
      });
    });

    it("has no excuse that is not needed", async () => {
      for (const id of Object.keys(notSimulated)) {
        const shipped = profiles.find((one) => one.id === id);
        if (!shipped) throw new Error(`${id} is not shipped`);
        const trip = await roundTrip(protocol, shipped.loaded).catch(() => undefined);
        const fine = trip && trip.good.length > 0 && trip.expected.every((name) => trip.good.includes(name));
        expect([id, fine ?? false]).toEqual([id, false]);
      }
    });

    if (noLine !== undefined) return;
    describe("a driver", () => {
      const [shipped] = profiles;
      const profile = shipped?.loaded.profile;

      it("is not opened where nobody connects", async () => {
        const refused = contextOf(async () => {
          throw new LinkError("refused", { code: "refused" });
        });
        await expect(protocol.open(connection(), refused)).rejects.toBeInstanceOf(LinkError);
      });

      it("on a lost link says so, whatever is asked of it", async () => {
        const { clock, near, opened } = line(protocol, connection());
        near.lose();
        const driver = await pumped(clock, opened).catch((error: unknown) => {
          expect(error).toBeInstanceOf(LinkError);
          return undefined;
        });
        if (!driver || !profile) return;
        await expectLost(protocol, driver, deviceOf(profile), clock);
      });

      it("whose link goes afterwards says so, and is disposed as often as anybody likes", async () => {
        const { clock, near, opened } = line(protocol, connection());
        const driver = await pumped(clock, opened);
        expect(driver.lost.aborted).toBe(false);
        near.lose();
        if (profile) await expectLost(protocol, driver, deviceOf(profile), clock);
        await pumped(clock, Promise.resolve(driver[Symbol.asyncDispose]()));
        await pumped(clock, Promise.resolve(driver[Symbol.asyncDispose]()));
        expect(Object.values(driver.statistics).every(Number.isFinite)).toBe(true);
      });

      it("that is disposed counts as lost, and disposing it again does nothing", async () => {
        const { clock, opened } = line(protocol, connection());
        const driver = await pumped(clock, opened);
        await pumped(clock, Promise.resolve(driver[Symbol.asyncDispose]()));
        await pumped(clock, Promise.resolve(driver[Symbol.asyncDispose]()));
        expect(driver.lost.aborted).toBe(true);
        if (profile) await expectLost(protocol, driver, deviceOf(profile), clock);
      });

      it("that replays is disposed as often as anybody likes", async () => {
        const given = shipped?.loaded.examples.find((example) => example.given !== undefined)?.given;
        const driver = await protocol.replay(given, contextOf(noWire));
        await driver[Symbol.asyncDispose]();
        await driver[Symbol.asyncDispose]();
        expect(driver.lost.aborted).toBe(true);
      });
    });
  });
}

/** Every place where a plan has a point. */
function placesOf({ requests, heard = [] }: ReadPlan): readonly unknown[] {
  return [...requests.flatMap(({ points }) => points), ...heard];
}

async function expectLost(
  protocol: Protocol,
  driver: Driver,
  device: Device,
  clock: VirtualClock,
): Promise<void> {
  expect(driver.lost.aborted).toBe(true);
  expect(driver.lost.reason).toBeInstanceOf(LinkError);
  const line = protocol.connection.parse(protocol.sample?.connection);
  const [request] = protocol.plan(line, device, device.profile.points, {}).requests;
  if (!request || !driver.read) return;
  const read = pumped(clock, driver.read(device, request, new AbortController().signal));
  await expect(read).rejects.toBeInstanceOf(LinkError);
}

const noWire: Connect = async () => {
  throw new LinkError("an example has no wire", { code: "no-wire" });
};

export function contextOf(
  connect: Connect,
  clock = new VirtualClock(),
  emit: SouthboundContext["emit"] = async () => {},
): SouthboundContext {
  return {
    clock,
    random: () => 0.5,
    log: silentLog,
    connect,
    emit,
    signal: new AbortController().signal,
  };
}

/** A line in memory, and the driver that is being opened on it. */
export function line(protocol: Protocol, connection: unknown, emit?: SouthboundContext["emit"]) {
  const clock = new VirtualClock();
  let endpoint: Endpoint | undefined;
  const [near, far] = memoryPair(clock, {
    get endpoint() {
      return endpoint;
    },
  });
  const connect = async (asked: Endpoint): Promise<Transport> => {
    endpoint = asked;
    return near;
  };
  return { clock, near, far, opened: protocol.open(connection, contextOf(connect, clock, emit)) };
}

/** Lets time pass until a promise is settled. */
export async function pumped<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  const watched = promise.finally(() => {
    settled = true;
  });
  watched.catch(() => {});
  await settle();
  while (!settled) {
    const due = clock.nextDue;
    // Nothing will happen by itself any more: the promise hangs, and the test shall say where.
    if (due === undefined) throw new Error("nothing is left to wait for");
    await clock.advance(Math.max(0, due - clock.monotonic()));
  }
  return watched;
}

/** Longest that a device warms up, and some. */
const patienceMs = 240_000;
const roundMs = 10_000;

interface Trip {
  /** Names of good readings. */
  readonly good: readonly string[];
  /** Names of readings that the first example says are good. */
  readonly expected: readonly string[];
}

/** The first example of a profile as a device on a wire, read as a gateway reads it. */
async function roundTrip(protocol: Protocol, { profile, examples }: ShippedProfile["loaded"]): Promise<Trip> {
  const settings = examples.find(({ device }) => device !== undefined)?.device;
  const device = sampleDevice(protocol, profile, settings);
  const connection = protocol.connection.parse(protocol.sample?.connection);
  const values = new Map<string, Value>();
  const expected: string[] = [];
  const usable = examples.filter((example) => !example.profile && !example.command);
  for (const [index, example] of usable.entries()) {
    const { readings } = await replay(profile, example, protocol, contextOf(noWire));
    for (const { name, quality, value } of readings.values()) {
      if (quality === "good" && index === 0) expected.push(name);
      if (value !== undefined && !values.has(name)) values.set(name, value);
    }
  }
  const results: PointResult[] = [];
  const { clock, far, opened } = line(protocol, connection, async (_device, told) => {
    results.push(...told);
  });
  const simulated = protocol.simulate!(profile, {
    given: examples.map(({ given }) => given).filter((given) => given !== undefined),
    specimen: (point, seconds, name) => specimen(point, seconds, values.get(name)),
    settings: device.settings,
    connection,
  });
  const wire = {
    send: (bytes: Uint8Array) => void far.write(bytes).catch(() => {}),
    receive: (receiver: (chunk: Uint8Array) => void) => far.receive(receiver),
  };
  await using _speaking = live(wire, simulated, clock);
  await using driver = await pumped(clock, opened);
  await driver.listen?.([device]);
  const { signal } = new AbortController();
  const { requests } = protocol.plan(connection, device, profile.points, {});
  const goodOnes = () =>
    momentReadings(device, results)
      .filter(({ quality }) => quality === "good")
      .map(({ name }) => name);
  let good = goodOnes();
  for (let passed = 0; passed < patienceMs; passed += roundMs) {
    for (const request of requests)
      await pumped(clock, driver.read!(device, request, signal)).then(
        (told) => results.push(...told),
        () => {},
      );
    await clock.advance(roundMs);
    good = goodOnes();
    if (good.length > 0 && expected.every((name) => good.includes(name))) break;
  }
  return { good, expected };
}

/** Plain objects and lists, as deep as they go; what has its own state is left alone. */
function deepFreeze<T>(value: T, seen = new Set<unknown>()): T {
  if (typeof value !== "object" || value === null || seen.has(value) || ArrayBuffer.isView(value))
    return value;
  seen.add(value);
  for (const inner of Object.values(value)) deepFreeze(inner, seen);
  if (value instanceof Map) for (const inner of value.values()) deepFreeze(inner, seen);
  return Object.freeze(value);
}

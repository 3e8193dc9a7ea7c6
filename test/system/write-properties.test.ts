import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rational, toNumber } from "../../gateway/model/decimal.ts";
import type { Device, DeviceProfile, Point } from "../../gateway/model/device.ts";
import { toReadings } from "../../gateway/model/reading.ts";
import type { RawValue, Value } from "../../gateway/model/value.ts";
import { isRefused, sameValue, toRaw } from "../../gateway/model/write.ts";
import type { Bases } from "../../gateway/profiles/expand.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import { sampleDevice } from "../../gateway/profiles/sample.ts";
import { loadProtocols } from "../../gateway/southbound/index.ts";
import type { Driver, Protocol } from "../../gateway/southbound/protocol.ts";
import { createDoorLock } from "../../simulators/actuators/door-lock.ts";
import { createLineDimmer } from "../../simulators/actuators/line-dimmer.ts";
import { createModbusUnits } from "../../simulators/modbus/device.ts";
import { Registers } from "../../simulators/modbus/registers.ts";
import { line, pumped } from "../contract/protocol.contract.ts";
import { dimmerProfile, loadText, shippedProfile } from "../contract/write-benches.ts";
import type { VirtualClock } from "../fault/virtual-clock.ts";

// decode(encode(x)) = x through real bytes: the driver writes a value to a device that was written
// against the specification alone, and reads it back from where it wrote it.

const protocols = await loadProtocols();
const folder = resolve(import.meta.dirname, "../../device-profiles");
const ids = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => name.replaceAll("\\", "/").replace(/\.yaml$/, ""))
  .toSorted();
const textOf = (id: string) => readFileSync(join(folder, `${id}.yaml`), "utf8");
const bases: Bases = {
  ids,
  find: (id) => (ids.includes(id) ? { file: `device-profiles/${id}.yaml`, text: textOf(id) } : undefined),
};
const modbus = protocols.find(({ name }) => name === "modbus")!;
const never = new AbortController().signal;

interface Writable {
  readonly name: string;
  readonly profile: DeviceProfile;
  readonly point: Point;
}

const writables = ids.flatMap((id): Writable[] => {
  const { profile } = loadProfile(textOf(id), `device-profiles/${id}.yaml`, protocols, bases);
  if (profile?.protocol !== "modbus") return [];
  return [...profile.points, ...(profile.commands ?? [])]
    .filter((point) => point.write !== undefined)
    .map((point) => ({ name: `${id} ${point.name}`, profile, point }));
});

/** Values that the point takes, its smallest and largest among them. */
function valuesOf(point: Point): fc.Arbitrary<Value> {
  const rule = point.write!;
  const labels = rule.labels ?? point.labels;
  if (rule.allowed) return fc.constantFrom(...rule.allowed);
  if (labels) return fc.constantFrom(...Array.from(labels.values(), ({ en }) => en));
  if (rule.rawKind === "boolean") return fc.boolean();
  if (rule.rawKind === "text") return fc.constantFrom("", "A", "ab 12");
  const [low, high] = rule.range ?? point.range ?? [0, 100];
  const step = rule.step ?? rational("0.001");
  const steps = (end: number) => end / toNumber(step);
  return fc.oneof(
    fc.constantFrom<Value>(low, high),
    ...(low <= 0 && high >= 0 ? [fc.constant<Value>(0)] : []),
    fc
      .integer({ min: Math.ceil(steps(low)), max: Math.floor(steps(high)) })
      .map(
        (count): Value =>
          toNumber({ numerator: BigInt(count) * step.numerator, denominator: step.denominator }),
      ),
  );
}

/** Every coil and register is there, and holds something that is not what is written. */
function everything(fill: number): Registers {
  const registers = new Registers();
  registers.set("coil", 0, new Uint16Array(0x10000).fill(fill & 1));
  registers.set("holding", 0, new Uint16Array(0x10000).fill(fill));
  return registers;
}

async function open(protocol: Protocol, written: unknown) {
  const connection = protocol.connection.parse(written);
  const { clock, far, opened } = line(protocol, connection);
  return { connection, clock, far, driver: await pumped(clock, opened) };
}

async function readBack(
  protocol: Protocol,
  connection: unknown,
  driver: Driver,
  clock: VirtualClock,
  profile: DeviceProfile,
  point: Point,
  settings: unknown,
): Promise<Value | undefined> {
  const shown = shownAt(point);
  const device = sampleDevice(protocol, { ...profile, points: [shown] }, settings);
  const [request] = protocol.plan(connection, device, [shown], {}).requests;
  const [result] = await pumped(clock, driver.read!(device, request!, never));
  if (!result || !("raw" in result)) return undefined;
  return shows(device, shown, result.raw);
}

/** The point as it would be read where it is written. */
function shownAt(point: Point): Point {
  const { address, labels = point.labels } = point.write!;
  return { ...point, address, labels, absent: [], range: undefined };
}

/** How far a reading may be from what was prepared: half a step of either. */
function coarsest({ scale, resolution }: Point): number {
  return (toNumber(scale) + (resolution ? toNumber(resolution) : 0)) / 2;
}

function shows(device: Device, point: Point, raw: RawValue): Value | undefined {
  return toReadings(device, point, raw, { base: "boot", ms: 0 })[0]?.value;
}

describe("modbus", () => {
  it("has profiles with points to write", () => {
    expect(writables.length).toBeGreaterThanOrEqual(30);
    expect(new Set(writables.map(({ profile }) => profile.id)).size).toBeGreaterThanOrEqual(10);
  });

  it.each(writables.filter(({ point }) => !point.scaleSource))(
    "gives back what it wrote: $name",
    async ({ profile, point }) => {
      for (const [written, framing] of [
        [{ serial: { port: "/dev/ttyS0", baud: 9600 } }, "rtu"],
        [{ tcp: { host: "127.0.0.1" } }, "tcp"],
      ] as const) {
        const { connection, clock, far, driver } = await open(modbus, written);
        const units = createModbusUnits({ 1: {} }, (ms, callback) => clock.timer(ms, callback));
        units.attach(
          {
            send: (bytes) => void far.write(bytes).catch(() => {}),
            receive: (receiver) => far.receive((chunk) => receiver(chunk)),
          },
          framing,
        );
        const { registers } = units.unit(1);
        await fc.assert(
          fc.asyncProperty(valuesOf(point), fc.constantFrom(0, 0xffff, 0x5aa5), async (value, fill) => {
            const before = everything(fill);
            for (const table of ["coil", "holding"] as const)
              registers.set(
                table,
                0,
                Array.from({ length: 0x10000 }, (_, address) => before.get(table, address)),
              );
            const prepared = toRaw(point, value);
            if (isRefused(prepared)) throw new Error(`${String(value)}: ${prepared.detail}`);
            const device = sampleDevice(modbus, profile, { unit: 1 });
            const order = { address: point.write!.address, raw: prepared.raw };
            await pumped(clock, driver.write!(device, order, never));
            const back = await readBack(modbus, connection, driver, clock, profile, point, { unit: 1 });
            // The same raw value came back, and shows what was prepared: readings are rounded to the point's resolution.
            expect(back).toEqual(shows(device, shownAt(point), prepared.raw));
            if (typeof back === "number" && typeof prepared.value === "number")
              expect(Math.abs(back - prepared.value)).toBeLessThanOrEqual(coarsest(point));
            else expect(sameValue(back ?? "nothing", prepared.value)).toBe(true);
          }),
          { numRuns: 12, seed: 5 },
        );
        await pumped(clock, Promise.resolve(driver[Symbol.asyncDispose]()));
      }
    },
  );
});

describe("other lines", () => {
  const wireOf = (far: Awaited<ReturnType<typeof open>>["far"]) => ({
    send: (bytes: Uint8Array) => void far.write(bytes).catch(() => {}),
    receive: (receiver: (chunk: Uint8Array) => void) => far.receive((chunk) => receiver(chunk)),
  });
  const serial = { serial: { port: "/dev/ttyS0", baud: 9600 } };

  it("serial-frame: a lock is what it was told to be", async () => {
    const protocol = protocols.find(({ name }) => name === "serial-frame")!;
    const profile = shippedProfile("generic/door-lock", protocols);
    const { connection, clock, far, driver } = await open(protocol, serial);
    const lock = createDoorLock(1, {
      now: () => clock.monotonic(),
      after: (ms, then) => clock.timer(ms, then),
    });
    lock.attach(wireOf(far));
    const point = profile.points.find(({ name }) => name === "lock")!;
    const device = sampleDevice(protocol, profile, { address: 1 });
    const [request] = protocol.plan(connection, device, [point], {}).requests;
    for (const value of ["unlocked", "locked", "unlocked", "unlocked", "locked"]) {
      const prepared = toRaw(point, value);
      if (isRefused(prepared)) throw new Error(prepared.detail);
      await pumped(clock, driver.write!(device, { address: point.write!.address, raw: prepared.raw }, never));
      const [result] = await pumped(clock, driver.read!(device, request!, never));
      expect(
        result && "raw" in result ? toReadings(device, point, result.raw, result.at)[0]?.value : undefined,
      ).toBe(value);
      expect(lock.isUnlocked).toBe(value === "unlocked");
    }
  });

  it("serial-line: a dimmer is as bright as it was told to be, and shows what it was told, nothing too", async () => {
    const protocol = protocols.find(({ name }) => name === "serial-line")!;
    const profile = loadText(dimmerProfile, protocols);
    const { connection, clock, far, driver } = await open(protocol, serial);
    const dimmer = createLineDimmer({ now: () => clock.monotonic() });
    dimmer.attach(wireOf(far));
    const device = sampleDevice(protocol, profile, {});
    const level = profile.points.find(({ name }) => name === "level")!;
    const display = profile.commands!.find(({ name }) => name === "display")!;
    const [request] = protocol.plan(connection, device, [level], {}).requests;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 100 }), async (value) => {
        await pumped(clock, driver.write!(device, { address: level.write!.address, raw: value }, never));
        const [result] = await pumped(clock, driver.read!(device, request!, never));
        expect(result).toMatchObject({ raw: value });
        expect(dimmer.level).toBe(value);
      }),
      { numRuns: 30 },
    );
    const texts = fc.stringMatching(/^([!-~]([ -~]{0,18}[!-~])?)?$/);
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        await pumped(clock, driver.write!(device, { address: display.write!.address, raw: text }, never));
        await clock.advance(50);
        expect(dimmer.display).toBe(text);
      }),
      { numRuns: 50, examples: [[""]] },
    );
    // What would end the line and begin a command of its own.
    for (const text of ["a\rL100", "\r", "\0", "é", "a\nb"])
      await expect(
        pumped(clock, driver.write!(device, { address: display.write!.address, raw: text }, never)),
      ).rejects.toMatchObject({ name: "ConfigError" });
    expect(dimmer.written.every(({ value }) => value <= 100)).toBe(true);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Device, DeviceProfile } from "../../gateway/model/device.ts";
import {
  ConfigError,
  GatewayError,
  LinkError,
  RefusedError,
  TransientError,
} from "../../gateway/model/errors.ts";
import type { RawValue } from "../../gateway/model/value.ts";
import { writtenPoint } from "../../gateway/model/write.ts";
import { sampleDevice } from "../../gateway/profiles/sample.ts";
import type { Driver, Protocol } from "../../gateway/southbound/protocol.ts";
import type { Actuator, ActuatorOptions } from "../../simulators/actuators/actuator.ts";
import type { After, Wire } from "../../simulators/wire.ts";
import type { VirtualClock } from "../fault/virtual-clock.ts";
import { line, pumped } from "./protocol.contract.ts";

/** An independent device that can be written, and how a profile says it. */
export interface WriteBench {
  readonly profile: DeviceProfile;
  /** The line that it is on, and its settings, as gateway.yaml writes them. */
  readonly connection: unknown;
  readonly settings: unknown;
  readonly point: string;
  /** Two raw values that it takes, one that it cannot be told. */
  readonly good: readonly [RawValue, RawValue];
  readonly bad: RawValue;
  /** Puts a new one at the end of a wire. */
  attach(wire: Wire, options: ActuatorOptions & { readonly after: After }): Actuator;
}

interface Stand {
  readonly driver: Driver;
  readonly device: Device;
  readonly actuator: Actuator;
  readonly clock: VirtualClock;
  /** What the device says now waits until `release`. */
  hold(): void;
  release(): void;
  loseLine(): void;
  write(raw: RawValue, signal?: AbortSignal): Promise<unknown>;
  read(): Promise<unknown>;
}

/** What every driver with `write` owes to who commands. */
export function writeContract(protocol: Protocol, bench: WriteBench): void {
  const [first, second] = bench.good;
  const never = new AbortController().signal;

  async function stand(): Promise<Stand> {
    const connection = protocol.connection.parse(bench.connection);
    const { clock, near, far, opened } = line(protocol, connection);
    let held: Uint8Array[] | undefined;
    const wire: Wire = {
      send: (bytes) => {
        if (held) held.push(bytes);
        else void far.write(bytes).catch(() => {});
      },
      receive: (receiver) => far.receive((chunk) => receiver(chunk)),
    };
    const actuator = bench.attach(wire, {
      now: () => clock.monotonic(),
      after: (ms, callback) => clock.timer(ms, callback),
    });
    const driver = await pumped(clock, opened);
    const device = sampleDevice(protocol, bench.profile, bench.settings);
    await driver.listen?.([device]);
    const address = writtenPoint(bench.profile, bench.point)?.write?.address;
    const [request] = protocol.plan(connection, device, bench.profile.points, {}).requests;
    return {
      driver,
      device,
      actuator,
      clock,
      hold: () => {
        held = [];
      },
      release: () => {
        const waiting = held ?? [];
        held = undefined;
        for (const bytes of waiting) wire.send(bytes);
      },
      loseLine: () => near.lose(),
      write: (raw, signal = never) => pumped(clock, driver.write!(device, { address, raw }, signal)),
      read: () => pumped(clock, driver.read!(device, request!, never)),
    };
  }

  describe("a driver that writes", () => {
    it("resolves when the device has confirmed it", async () => {
      const { write, actuator } = await stand();
      await expect(write(first)).resolves.toBeUndefined();
      expect(actuator.written).toHaveLength(1);
      await expect(write(second)).resolves.toBeUndefined();
      expect(actuator.written).toHaveLength(2);
      expect(actuator.attempts).toBe(2);
      expect(new Set(actuator.written.map(({ value }) => value)).size).toBe(2);
    });

    it("says that the device refused, and reads on", async () => {
      const { write, read, actuator } = await stand();
      actuator.fault({ kind: "refuses" });
      const error = await write(first).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(RefusedError);
      expect(error).toMatchObject({ code: expect.stringMatching(/^[a-z0-9-]+$/) });
      expect([actuator.attempts, actuator.written.length]).toEqual([1, 0]);
      await expect(read()).resolves.toBeInstanceOf(Array);
      actuator.fault(undefined);
      await expect(write(first)).resolves.toBeUndefined();
    });

    it.each(["silent", "mute", "dies"] as const)(
      "does not know of a device that is %s, and sends once",
      async (kind) => {
        const { write, actuator, clock } = await stand();
        // The line has spoken before.
        await write(second);
        actuator.fault({ kind });
        await expect(write(first)).rejects.toBeInstanceOf(TransientError);
        await clock.advance(120_000);
        expect(actuator.attempts).toBe(2);
        expect(actuator.written).toHaveLength(kind === "silent" ? 1 : 2);
      },
    );

    it("takes no other confirmation for its own", async () => {
      const { write, read, actuator, clock } = await stand();
      actuator.fault({ kind: "echoes-wrong" });
      await expect(write(first)).rejects.toMatchObject({ name: "TransientError", code: "bad-echo" });
      expect(actuator.attempts).toBe(1);
      await clock.advance(60_000);
      await expect(read()).resolves.toBeInstanceOf(Array);
    });

    it("takes no late confirmation for that of the next write", async () => {
      const { write, actuator, hold, release, clock, driver, device } = await stand();
      await write(second);
      hold();
      await expect(write(first)).rejects.toBeInstanceOf(TransientError);
      const address = writtenPoint(bench.profile, bench.point)?.write?.address;
      actuator.fault({ kind: "silent" });
      const next = driver.write!(device, { address, raw: first }, never);
      next.catch(() => {});
      await clock.advance(20);
      release();
      const error = await pumped(clock, next).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(TransientError);
      expect(actuator.written).toHaveLength(2);
    });

    it("writes again when the late confirmation has come", async () => {
      const { write, actuator, hold, release, clock } = await stand();
      await write(second);
      hold();
      await expect(write(first)).rejects.toBeInstanceOf(TransientError);
      release();
      await clock.advance(100);
      await expect(write(second)).resolves.toBeUndefined();
      expect(actuator.written).toHaveLength(3);
    });

    it("sends nothing for a value that cannot be told, nor when it was called off before", async () => {
      const { write, actuator } = await stand();
      const error = await write(bench.bad).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ConfigError);
      const reason = new ConfigError("called off", { code: "called-off" });
      await expect(write(first, AbortSignal.abort(reason))).rejects.toBe(reason);
      expect(actuator.attempts).toBe(0);
      await expect(write(first)).resolves.toBeUndefined();
    });

    it("is called off while it waits for its answer", async () => {
      const { driver, device, actuator, clock, read } = await stand();
      await read();
      const address = writtenPoint(bench.profile, bench.point)?.write?.address;
      actuator.fault({ kind: "mute" });
      const stop = new AbortController();
      const writing = driver.write!(device, { address, raw: first }, stop.signal);
      writing.catch(() => {});
      await clock.advance(60);
      expect(actuator.written).toHaveLength(1);
      const reason = new ConfigError("called off", { code: "called-off" });
      stop.abort(reason);
      await expect(pumped(clock, writing)).rejects.toBe(reason);
      actuator.fault(undefined);
      // The answer is still owed: what it could be taken for waits until then.
      await clock.advance(10_000);
      await expect(read()).resolves.toBeInstanceOf(Array);
      expect(actuator.attempts).toBe(1);
    });

    it("rejects with the line's error, before and while it writes", async () => {
      const before = await stand();
      before.loseLine();
      await expect(before.write(first)).rejects.toBeInstanceOf(LinkError);
      expect(before.actuator.attempts).toBe(0);
      const { driver, device, actuator, clock, loseLine, ...open } = await stand();
      await open.read();
      actuator.fault({ kind: "mute" });
      const address = writtenPoint(bench.profile, bench.point)?.write?.address;
      const writing = driver.write!(device, { address, raw: first }, never);
      writing.catch(() => {});
      await clock.advance(60);
      loseLine();
      await expect(pumped(clock, writing)).rejects.toBeInstanceOf(LinkError);
    });

    it("resolves exactly for what was done, whatever goes wrong in between", async () => {
      const kinds = [undefined, "silent", "mute", "refuses", "echoes-wrong"] as const;
      const order = fc.record({
        kind: fc.constantFrom(...kinds),
        raw: fc.constantFrom(first, second),
        late: fc.boolean(),
        pause: fc.constantFrom(0, 50, 1500, 20_000),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(order, { minLength: 1, maxLength: 8 }), async (orders) => {
          const { write, read, actuator, clock, hold, release } = await stand();
          for (const { kind, raw, late, pause } of orders) {
            actuator.fault(kind && { kind });
            const [attempts, written] = [actuator.attempts, actuator.written.length];
            if (late) hold();
            const error = await write(raw).then(
              () => undefined,
              (reason: unknown) => reason,
            );
            if (late) release();
            expect(actuator.attempts - attempts).toBeLessThanOrEqual(1);
            if (error === undefined) expect([kind, actuator.written.at(-1)?.value]).toEqual([undefined, raw]);
            else if (error instanceof RefusedError)
              expect([kind, actuator.written.length]).toEqual(["refuses", written]);
            else expect(error).toBeInstanceOf(TransientError);
            await clock.advance(pause);
          }
          actuator.fault(undefined);
          await clock.advance(20_000);
          await expect(read()).resolves.toBeInstanceOf(Array);
          await expect(write(first)).resolves.toBeUndefined();
        }),
        { numRuns: 60, seed: 9 },
      );
    });

    it("does not let what it said be mistaken: every error is one of ours", async () => {
      const { write, actuator } = await stand();
      for (const kind of ["refuses", "silent", "echoes-wrong", "mute", "dies", "dead"] as const) {
        actuator.fault({ kind });
        await expect(write(first)).rejects.toBeInstanceOf(GatewayError);
      }
    });
  });
}

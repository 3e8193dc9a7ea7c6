import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { openBroker } from "../../simulators/broker.ts";
import { newFolder, startDaemon } from "./daemon.ts";
import { configuration, meterProfile, openMeters, watchPlatform, writeProfiles } from "./field.ts";

function meterFolder(): string {
  const folder = newFolder();
  writeProfiles(folder, { "test/meter": meterProfile });
  return folder;
}

/** A peer that takes connections and says nothing. */
async function openMute(): Promise<AsyncDisposable & { port: number; connected: Promise<unknown> }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on("error", () => {})));
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    connected: once(server, "connection"),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), "close");
    },
  };
}

describe("from a register to the city's platform", () => {
  it("brings every value in its right unit", async () => {
    await using broker = await openBroker({ port: 0 });
    await using meters = await openMeters([1, 2]);
    await using city = await watchPlatform(broker.url);
    const started = Date.now();
    const devices = { "meter-1": { unit: 1 }, "meter-2": { unit: 2 } };
    await using _daemon = await startDaemon({
      folder: meterFolder(),
      yaml: configuration({ port: meters.port, broker: broker.url, devices }),
    });
    const expected = {
      voltage: [230.5, "V"],
      temperature: [-5.4, "Cel"],
      // 1234.56 kWh in SenML's primary unit of energy.
      energy: [4_444_416_000, "J"],
      mode: ["running", undefined],
      "alarms/door": [false, undefined],
      "alarms/fire": [true, undefined],
    } as const;
    for (const device of Object.keys(devices)) {
      for (const [point, [value, unit]] of Object.entries(expected)) {
        const reading = await city.reading(device, point);
        expect(typeof reading.value === "bigint" ? Number(reading.value) : reading.value).toBe(value);
        expect(reading).toMatchObject({
          gateway: "gw-test",
          audience: "open",
          name: `urn:dev:ops:32474-testmeter-${device}:${point}`,
        });
        expect(reading.unit).toBe(unit);
        expect(reading.time).toBeGreaterThanOrEqual(started - 1);
        expect(reading.time).toBeLessThanOrEqual(Date.now() + 1);
      }
    }
    meters.unit(1).registers.setFloat("holding", 0, 231.25);
    await city.platform.until(() => city.readings.some(({ value }) => value === 231.25));
    expect(city.platform.summary()).toMatchObject({ devices: 2, missing: 0, duplicates: 0, malformed: 0 });
  });

  it("keeps a retained state, and the broker says offline for a gateway that was killed", async () => {
    await using broker = await openBroker({ port: 0 });
    await using meters = await openMeters();
    await using daemon = await startDaemon({
      folder: meterFolder(),
      yaml: configuration({ port: meters.port, broker: broker.url }),
    });
    const { run } = await daemon.until(({ northbound }) => northbound[0]?.connected === true);
    await using city = await watchPlatform(broker.url);
    const state = () => city.platform.state("gw-test");
    await city.platform.until(() => state() !== undefined);
    expect(state()).toMatchObject({ state: "online", gw: "gw-test", run, clock: "trusted" });
    await daemon.end("SIGKILL");
    await city.platform.until(() => (state() as { state: string }).state === "offline");
    expect(state()).toEqual({ state: "offline", gw: "gw-test", run, version: expect.any(String) });
  });

  it.each(["SIGINT", "SIGTERM"] as const)(
    "ends within two seconds on %s, with the last packs delivered",
    async (signal) => {
      await using broker = await openBroker({ port: 0 });
      await using meters = await openMeters();
      await using city = await watchPlatform(broker.url);
      // Packs close after an hour: whatever arrives was sent by the stop.
      const yaml = configuration({ port: meters.port, broker: broker.url }).replace(
        "maxAge: 100ms",
        "maxAge: 1h, maxReadings: 10000",
      );
      await using daemon = await startDaemon({ folder: meterFolder(), yaml });
      await daemon.until(
        ({ devices, northbound }) => devices[0]?.state === "available" && northbound[0]?.connected === true,
      );
      const { run } = await daemon.status();
      const before = Date.now();
      const ended = await daemon.end(signal);
      expect(ended).toMatchObject({ code: 0, signal: null });
      expect(ended.ms).toBeLessThan(2000);
      await city.reading("meter-1", "voltage");
      const state = () =>
        city.platform.state("gw-test") as { state: string; stopped: bigint; seq: { open: number } };
      await city.platform.until(() => state()?.state === "offline");
      expect(state()).toMatchObject({ run });
      // The decoder hands out whole numbers beyond 32 bits as bigint. The last will has no such key.
      expect(Number(state().stopped)).toBeGreaterThanOrEqual(before - 1);
      // A poll that ended while the pack was being stored has a pack of its own: the last word says how many there are.
      const { seq } = state();
      expect(seq.open).toBeGreaterThan(0);
      expect(city.platform.summary()).toMatchObject({ missing: 0, duplicates: 0, packs: seq.open });
    },
  );

  it("ends within two seconds when the broker hangs, and keeps what it could not deliver", async () => {
    await using mute = await openMute();
    await using meters = await openMeters();
    await using daemon = await startDaemon({
      folder: meterFolder(),
      yaml: configuration({ port: meters.port, broker: `mqtt://127.0.0.1:${mute.port}` }),
    });
    await mute.connected;
    await daemon.until(({ northbound }) => northbound[0]!.outbox.packs > 0);
    const ended = await daemon.end("SIGTERM");
    expect(ended.code).toBe(0);
    expect(ended.ms).toBeLessThan(2000);

    await using broker = await openBroker({ port: 0 });
    await using city = await watchPlatform(broker.url);
    await using _again = await startDaemon({
      folder: daemon.folder,
      yaml: configuration({ port: meters.port, broker: broker.url }),
    });
    const previous = () =>
      (city.platform.state("gw-test") as { previous?: { seq: number }[] } | undefined)?.previous?.[0]?.seq;
    await city.platform.until(() => previous() !== undefined && city.platform.summary().packs > previous()!);
    expect(city.platform.summary()).toMatchObject({ missing: 0, lost: 0, malformed: 0 });
  });

  it("ends within two seconds while a device does not answer", async () => {
    await using mute = await openMute();
    await using daemon = await startDaemon({
      folder: meterFolder(),
      yaml: configuration({ port: mute.port, more: "log: {level: debug}\n" }),
    });
    await mute.connected;
    const ended = await daemon.end("SIGINT");
    expect(ended.code).toBe(0);
    expect(ended.ms).toBeLessThan(2000);
  });
});

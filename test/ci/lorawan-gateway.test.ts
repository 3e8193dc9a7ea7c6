import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { chirpstack } from "../../simulators/lorawan/chirpstack.ts";
import { createNetwork } from "../../simulators/lorawan/network.ts";
import { theThingsStack } from "../../simulators/lorawan/the-things-stack.ts";
import { openNetworkServer } from "../../simulators/network-server.ts";
import { openPlatform, type PlatformReading } from "../../simulators/platform.ts";
import { type Daemon, newFolder, startDaemon } from "../system/daemon.ts";
import { writeProfiles } from "../system/field.ts";
import {
  acknowledged,
  loraConfiguration,
  markOf,
  numberedDevices,
  numberedProfile,
  tally,
} from "../system/lorawan-field.ts";
import { startMosquitto } from "./mosquitto.ts";

const count = 200;
/** Each device speaks about once in so many milliseconds: 50 uplinks a second. */
const everyMs = 4000;
const mosquitto = { config: ["allow_anonymous true"] };

/** A wait that ends, so that a failure says what it saw and leaves no process behind. */
async function within<T>(what: () => string, waiting: Promise<T>): Promise<T> {
  const late = new AbortController();
  const end = sleep(60_000, undefined, { signal: late.signal }).then(() => {
    throw new Error(`still waiting after a minute: ${what()}`);
  });
  end.catch(() => {});
  try {
    return await Promise.race([waiting, end]);
  } finally {
    late.abort();
  }
}

const open = (daemon: Daemon) => daemon.until(({ connections }) => connections[0]?.state === "open");

describe("200 LoRaWAN devices on a real broker", () => {
  it("bring every uplink through ChirpStack exactly once, whatever is killed or stopped in between", {
    timeout: 300_000,
  }, async () => {
    const folder = newFolder();
    writeProfiles(folder, { "test/numbered": numberedProfile });
    const lns = await startMosquitto({ port: 0, ...mosquitto });
    const city = await startMosquitto({ port: 0, ...mosquitto });
    const readings: PlatformReading[] = [];
    const platform = await openPlatform({
      url: city.url,
      client: { reconnectPeriod: 50 },
      onReading: (reading) => readings.push(reading),
    });
    const dialect = chirpstack(1);
    const network = createNetwork({ devices: numberedDevices(count, everyMs), deduplicationMs: 50 });
    const serve = () =>
      openNetworkServer({
        url: lns.url,
        network,
        dialect,
        duplicates: 0.2,
        reorders: 0.1,
        client: { protocolVersion: 5 },
      });
    const start = () =>
      startDaemon({
        folder,
        yaml: loraConfiguration({
          connection: `{protocol: lorawan, server: chirpstack, application: ${dialect.application}, mqtt: {url: "${lns.url}"}}`,
          city: city.url,
          devices: count,
        }),
      });
    let daemon: Daemon | undefined;
    try {
      let server = await serve();
      daemon = await start();
      // From here on the broker keeps what comes for the gateway.
      await open(daemon);
      network.start();
      const grown = (by: number) => {
        const goal = network.uplinks.length + by;
        return server.until(() => network.uplinks.length >= goal);
      };
      await platform.until(() => tally(readings).size >= count);

      await daemon.end("SIGKILL");
      await grown(200);
      daemon = await start();
      await grown(200);
      // While it is still busy with what waited, and before it has heard anything new.
      for (const signal of ["SIGTERM", "SIGKILL", "SIGKILL", "SIGTERM"] as const) {
        await daemon.end(signal);
        daemon = await start();
        await open(daemon);
        await grown(60);
      }
      for (const device of network.devices.slice(0, 50)) device.rejoin();
      await server.crash();
      // Nobody hears the devices: gaps that are none of the gateway's.
      await sleep(2000);
      server = await serve();
      await grown(200);
      await daemon.end("SIGKILL");
      await grown(200);
      daemon = await start();
      await grown(200);
      network[Symbol.dispose]();
      await server.idle();

      const sent = acknowledged(network);
      const missing = () => {
        const came = tally(readings);
        return sent.map(markOf).filter((mark) => !came.has(mark));
      };
      await within(
        () => `${missing().length} uplinks did not come: ${missing().slice(0, 10).join(", ")}`,
        platform.until(() => missing().length === 0),
      );
      await daemon.until(({ northbound }) => northbound[0]!.outbox.packs === 0);
      const came = tally(readings);
      const known = new Set(network.uplinks.filter(({ copies }) => copies > 0).map(markOf));
      expect([...came.keys()].filter((mark) => !known.has(mark))).toEqual([]);
      expect([...came].filter(([, times]) => times !== 1)).toEqual([]);
      // The test is of use only when something did come a second time.
      const again = lns.log.filter((line) =>
        /Sending PUBLISH to stadsnod-gw-lora-lora \(d1,/.test(line),
      ).length;
      expect(again).toBeGreaterThan(0);
      const copies = sent.reduce((sum, uplink) => sum + uplink.copies, 0);
      expect(copies).toBeGreaterThan(sent.length * 1.1);
      process.stdout.write(
        `${network.uplinks.length} frames of ${count} devices, ${sent.length} uplinks with the broker in ${copies} messages: none lost, none twice, over 4 kills and 2 stops (${again} sent again by the broker)\n`,
      );
      await server[Symbol.asyncDispose]();
      expect((await daemon.end("SIGTERM")).code).toBe(0);
    } finally {
      await daemon?.[Symbol.asyncDispose]();
      network[Symbol.dispose]();
      await platform[Symbol.asyncDispose]();
      await lns.stop();
      await city.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("lose nothing through The Things Stack while it is connected, and report every gap, over restarts too", {
    timeout: 240_000,
  }, async () => {
    const folder = newFolder();
    writeProfiles(folder, { "test/numbered": numberedProfile });
    let lns = await startMosquitto({ port: 0, ...mosquitto });
    const lnsPort = Number(new URL(lns.url).port);
    const city = await startMosquitto({ port: 0, ...mosquitto });
    const readings: PlatformReading[] = [];
    const platform = await openPlatform({
      url: city.url,
      client: { reconnectPeriod: 50 },
      onReading: (reading) => readings.push(reading),
    });
    const network = createNetwork({ devices: numberedDevices(count), deduplicationMs: 0 });
    const server = await openNetworkServer({
      url: lns.url,
      network,
      dialect: theThingsStack(2, { application: "city", tenant: "ttn" }),
    });
    let daemon: Daemon | undefined;
    try {
      const start = () =>
        startDaemon({
          folder,
          yaml: loraConfiguration({
            connection: `{protocol: lorawan, server: the-things-stack, application: city, tenant: ttn, mqtt: {url: "${lns.url}"}}`,
            city: city.url,
            devices: count,
          }),
        });
      daemon = await start();
      await open(daemon);
      const wanted = new Set<string>();
      const round = async (arrives: boolean) => {
        const records = network.devices.map((device) => device.send());
        await server.until(() => records.every(({ heard }) => heard));
        await server.idle();
        if (!arrives) return;
        for (const record of records) wanted.add(markOf(record));
        await within(
          () => "a round of uplinks",
          platform.until(() => {
            const came = tally(readings);
            return records.every((record) => came.has(markOf(record)));
          }),
        );
      };
      for (let count = 0; count < 3; count++) await round(true);
      // The server's broker goes: what it hears meanwhile reaches nobody.
      await lns.stop();
      await daemon.until(({ connections }) => connections[0]?.state !== "open");
      for (let count = 0; count < 4; count++) await round(false);
      lns = await startMosquitto({ port: lnsPort, ...mosquitto });
      await open(daemon);
      while (!lns.log.some((line) => /Sending SUBACK to network-server/.test(line))) await sleep(10);
      for (let count = 0; count < 3; count++) await round(true);
      // The gateway goes: killed, stopped, killed before it has heard anything.
      await daemon.end("SIGKILL");
      for (let count = 0; count < 2; count++) await round(false);
      daemon = await start();
      await open(daemon);
      for (let count = 0; count < 2; count++) await round(true);
      await daemon.end("SIGTERM");
      await round(false);
      daemon = await start();
      await open(daemon);
      await daemon.end("SIGKILL");
      for (let count = 0; count < 2; count++) await round(false);
      daemon = await start();
      await open(daemon);
      for (let count = 0; count < 2; count++) await round(true);

      const gaps = () =>
        readings
          .filter(({ name, value }) => name.endsWith(":gap") && Number(value) > 0)
          .map(({ name, value }) => `${/sensor-\d+/.exec(name)?.[0]} ${Number(value)}`);
      await within(
        () => `${gaps().length} gaps were reported`,
        platform.until(() => gaps().length >= count * 3),
      );
      const came = tally(readings);
      expect([...came.keys()].toSorted()).toEqual([...wanted].toSorted());
      expect([...came.values()].filter((times) => times !== 1)).toEqual([]);
      expect(gaps().toSorted()).toEqual(
        Array.from({ length: count }, (_, index) => [4, 2, 3].map((lost) => `sensor-${index} ${lost}`))
          .flat()
          .toSorted(),
      );
      await server[Symbol.asyncDispose]();
      expect((await daemon.end("SIGTERM")).code).toBe(0);
    } finally {
      await daemon?.[Symbol.asyncDispose]();
      network[Symbol.dispose]();
      await platform[Symbol.asyncDispose]();
      await lns.stop();
      await city.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import type { Device } from "../../gateway/model/device.ts";
import { silentLog } from "../../gateway/model/log.ts";
import type { Reading } from "../../gateway/model/reading.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import { type LoopOptions, openLoop } from "../../gateway/southbound/loop.ts";
import type { Protocol } from "../../gateway/southbound/protocol.ts";
import { sdi12 } from "../../gateway/southbound/sdi12/protocol.ts";
import { connectBy } from "../../gateway/transport/connect.ts";
import { openPty } from "../../simulators/pty.ts";
import { openSdi12Line } from "../../simulators/sdi12-sensor.ts";
import { realClock } from "../contract/real-clock.ts";

const profiles = resolve(import.meta.dirname, "../../device-profiles");

function deviceOf(id: string, profileId: string, address: string): Device {
  const file = join(profiles, `${profileId}.yaml`);
  const { profile, diagnostics } = loadProfile(readFileSync(file, "utf8"), file, [sdi12 as Protocol]);
  if (!profile) throw new Error(JSON.stringify(diagnostics));
  return {
    id,
    profile,
    connection: "line",
    settings: { address },
    urn: `urn:dev:ops:32473-stadsnod-${id}:`,
    audience: "open",
    audiences: new Map(),
    poll: { fast: 300, normal: 500, slow: 1000 },
  };
}

/** Readings as they come, and a promise of the first that fits. */
class Sink {
  readonly readings: Reading[] = [];
  #waiting: (() => void)[] = [];

  async deliver(_device: Device, readings: readonly Reading[]): Promise<void> {
    this.readings.push(...readings);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async until(fits: (reading: Reading) => boolean): Promise<Reading> {
    for (;;) {
      const found = this.readings.find(fits);
      if (found) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

describe("SDI-12 sensors on a tty", () => {
  it("are read through the loop: pages, service requests, damaged answers, a sensor that is gone", async () => {
    await using pty = openPty();
    const [probe, station] = openSdi12Line(pty, [
      {
        address: "0",
        measures: { M: { values: ["+1.204", "-0.3", "+1.187", "+1.231"], seconds: 2, readyMs: 120 } },
        identity: { vendor: "OTT HACH", model: "PLS", version: "100", serial: "123456" },
      },
      {
        address: "w",
        measures: {
          M2: { values: ["+168", "+000.02", "+0000"], seconds: 1, readyMs: 60 },
          M1: {
            values: ["+023.3", "+035", "+007.2", "+1015.1", "+0000", "+999", "+999", "+1.2", "+013.1"],
          },
          M3: { values: ["+002.1", "+123.1", "+0000"] },
        },
      },
    ]);
    probe!.fault("bad-crc", "silent");
    station!.fault("other-address");
    const sink = new Sink();
    const connection = sdi12.connection.parse({
      serial: { port: pty.path },
      break: "adapter",
      timeout: "100ms",
    });
    const options: LoopOptions = {
      connection: "line",
      protocol: sdi12 as Protocol,
      settings: connection,
      devices: [
        deviceOf("level", "ott/pls", "0"),
        deviceOf("weather", "gill/maximet", "w"),
        deviceOf("missing", "meter-group/teros-12", "7"),
      ],
      sink: (device, readings) => sink.deliver(device, readings),
      learnedStore: { load: async () => ({}), save: async () => {} },
      context: {
        clock: realClock,
        random: () => 0.5,
        log: silentLog,
        connect: connectBy(realClock),
        signal: new AbortController().signal,
      },
    };
    await using loop = await openLoop(options);
    const good = (device: string, name: string, value: unknown) =>
      sink.until(
        (reading) =>
          reading.device.id === device &&
          reading.name === name &&
          reading.quality === "good" &&
          reading.value === value,
      );
    await good("level", "level", 1.204);
    await good("level", "water_temperature", -0.3);
    await good("level", "level_maximum", 1.231);
    await good("level", "serial_number", "123456");
    await good("weather", "wind_direction", 168);
    await good("weather", "air_pressure", 1015.1);
    await good("weather", "rain_total", 123.1);
    await sink.until(({ device, quality }) => device.id === "missing" && quality === "comm-error");
    probe!.set("M", ["+1.304", "-0.3", "+1.187", "+1.431"]);
    const [now] = await loop.readNow("level", ["level"]);
    expect(now?.value).toBe(1.304);
    const { statistics, devices } = loop.status();
    expect(devices.map(({ device, availability }) => [device, availability])).toEqual([
      ["level", "available"],
      ["weather", "available"],
      ["missing", "unavailable"],
    ]);
    expect(statistics["service-requests"]).toBeGreaterThan(0);
    expect(statistics.retries).toBeGreaterThan(0);
    expect(statistics.foreign).toBe(1);
    // Nothing came of what was damaged.
    const levels = new Set(sink.readings.filter(({ name }) => name === "level").map(({ value }) => value));
    expect([...levels].filter((level) => level !== 1.204 && level !== 1.304)).toEqual([]);
  });
});

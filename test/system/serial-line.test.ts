import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Device } from "../../gateway/model/device.ts";
import { silentLog } from "../../gateway/model/log.ts";
import type { Reading } from "../../gateway/model/reading.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import { loadProtocols } from "../../gateway/southbound/index.ts";
import { openLoop, serialReopen } from "../../gateway/southbound/loop.ts";
import { connectBy } from "../../gateway/transport/connect.ts";
import { gnssSentences } from "../../simulators/nmea.ts";
import { openPty, type Pty } from "../../simulators/pty.ts";
import { openLineInstrument } from "../../simulators/serial-line.ts";
import { realClock } from "../contract/real-clock.ts";
import { root } from "./daemon.ts";

const protocols = await loadProtocols();

// Instruments on a real tty, read by the profiles that we ship through the loop that the daemon runs.

function deviceOf(id: string, profileId: string, settings: unknown = {}): Device {
  const file = join(root, "device-profiles", `${profileId}.yaml`);
  const { profile, diagnostics } = loadProfile(readFileSync(file, "utf8"), file, protocols);
  if (!profile) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  const protocol = protocols.find(({ name }) => name === profile.protocol);
  return {
    id,
    profile,
    connection: "line",
    settings: protocol?.device.parse(settings),
    urn: `urn:dev:ops:32473-test-${id}:`,
    audience: "open",
    audiences: new Map(),
    poll: { fast: 50, normal: 50, slow: 50 },
  };
}

async function readLine(pty: Pty, devices: readonly Device[], baud: number) {
  const protocol = protocols.find(({ name }) => name === devices[0]?.profile.protocol);
  if (!protocol) throw new Error("no such protocol");
  const readings: Reading[] = [];
  const waiting = new Set<() => void>();
  const times: { readonly unixMs: number; readonly source: string }[] = [];
  const loop = await openLoop({
    connection: "line",
    protocol,
    settings: protocol.connection.parse({ serial: { port: pty.path, baud } }),
    devices,
    context: {
      clock: realClock,
      random: Math.random,
      log: silentLog,
      connect: connectBy(realClock),
      signal: new AbortController().signal,
      timeSource: (unixMs, _at, source) => times.push({ unixMs, source }),
    },
    sink: (_device, more) => {
      readings.push(...more);
      for (const look of [...waiting]) look();
    },
    learnedStore: { load: () => ({}), save: () => {} },
    reopen: serialReopen,
  });
  /** Resolves when all these values, or qualities, have been read, in any order. */
  const until = (wanted: Readonly<Record<string, unknown>>) =>
    new Promise<void>((resolve) => {
      const look = () => {
        const found = Object.entries(wanted).every(([name, value]) =>
          readings.some(
            (one) => `${one.device.id}/${one.name}` === name && (one.value ?? one.quality) === value,
          ),
        );
        if (!found) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  const opened = async () => {
    while (loop.status().state !== "open") await new Promise((resolve) => setTimeout(resolve, 5));
  };
  return { loop, readings, times, until, opened };
}

describe("instruments that speak in lines, on a real tty", () => {
  it("are heard between noise: a radar", async () => {
    await using pty = openPty();
    const radar = openLineInstrument(pty);
    const { loop, until, opened } = await readLine(pty, [deviceOf("radar", "omnipresense/ops243-a")], 19_200);
    await using _ = loop;
    await opened();
    radar.noise('edup_mps" : 3}\r\n');
    radar.say('{"Units":"m-per-sec"}', '{"magnitude":55, "speed":-12.5}');
    radar.noise('{"classifier":"object_inbound","max_speed_mps":"13.');
    radar.noise(
      '39","min_speed_mps":11.3,"length_m":4.5,"delta_time_msec":700,"start_time":"1790000000.5"}\r\n',
    );
    await until({
      "radar/echo_speed": -12.5,
      "radar/vehicle_direction": "object_inbound",
      "radar/vehicle_speed_max": 13.39,
      "radar/vehicle_start": 1_790_000_000.5,
    });
    expect(loop.status().statistics).toMatchObject({ unmatched: 1 });
    expect(loop.status().devices[0]).toMatchObject({ availability: "available" });
  });

  it("are asked by their address: two weather transmitters on one RS-485 line", async () => {
    await using pty = openPty();
    const air = (address: string, temperature: string) => ({
      [`${address}R1`]: `${address}R1,Dm=283D,Sn=0.5M,Sm=1.0M,Sx=2.2M`,
      [`${address}R2`]: `${address}R2,Ta=${temperature},Ua=14.2P,Pa=1026.6H`,
      [`${address}R3`]: `${address}R3,Rc=1.25M,Ri=0.0M,Hc=0.0M`,
      [`${address}R5`]: `${address}R5,Th=25.9C,Vs=15.2V`,
    });
    const mast = openLineInstrument(pty, { answers: { ...air("0", "23.6C"), ...air("7", "23.6#") } });
    const devices = [deviceOf("roof", "vaisala/wxt536"), deviceOf("quay", "vaisala/wxt536", { address: 7 })];
    const { loop, until } = await readLine(pty, devices, 19_200);
    await using _ = loop;
    await until({
      "roof/air_temperature": 23.6,
      "roof/wind_gust": 2.2,
      "roof/rain_amount": 1.25,
      "quay/air_temperature": "sentinel",
      "quay/air_pressure": 1026.6,
      "quay/supply_voltage": 15.2,
    });
    expect(new Set(mast.heard)).toEqual(new Set(["0R1", "0R2", "0R3", "0R5", "7R1", "7R2", "7R3", "7R5"]));
    const [asked] = await loop.readNow("roof", ["humidity"]);
    expect(asked).toMatchObject({ quality: "good", value: 14.2 });
  });

  it("give the time: a GNSS receiver", async () => {
    await using pty = openPty();
    const receiver = openLineInstrument(pty);
    const { loop, until, times, opened } = await readLine(pty, [deviceOf("gnss", "generic/nmea-gnss")], 4800);
    await using _ = loop;
    await opened();
    const fix = { latitude: 59.329307, longitude: -18.0685, fix: true };
    const start = Date.UTC(2026, 6, 21, 10, 15, 30);
    receiver.noise("\xff\xfe$GNRMC,10");
    receiver.say(
      ...gnssSentences({ unixMs: start, ...fix }),
      ...gnssSentences({ unixMs: start + 250, ...fix }),
    );
    await until({ "gnss/latitude": 59.329307, "gnss/longitude": -18.0685, "gnss/satellites": 9 });
    receiver.say(...gnssSentences({ unixMs: start + 500, ...fix, fix: false }));
    await until({ "gnss/latitude": "sentinel", "gnss/altitude": "sentinel" });
    expect(times).toEqual([
      { unixMs: start + 250, source: "gnss" },
      { unixMs: start + 250, source: "gnss" },
    ]);
  });
});

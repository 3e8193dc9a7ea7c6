import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openBroker } from "../../simulators/broker.ts";
import { createPmSensor } from "../../simulators/pm-sensor.ts";
import { openPty } from "../../simulators/pty.ts";
import { newFolder, root, startDaemon } from "./daemon.ts";
import { watchPlatform, writeProfiles } from "./field.ts";

describe("a fine dust sensor on a serial line", () => {
  it("is woken, heard through noise and damage, and woken again after its cable was pulled", async () => {
    const folder = newFolder();
    const link = join(folder, "ttyUSB0");
    const shipped = readFileSync(join(root, "device-profiles/nova/sds011.yaml"), "utf8");
    // As shipped, but without the half minute in which a cold sensor is not believed.
    writeProfiles(folder, { "nova/sds011": shipped.replace("warmUp: 30s", "warmUp: 300ms") });
    await using broker = await openBroker({ port: 0 });
    await using watched = await watchPlatform(broker.url);
    await using daemon = await startDaemon({
      folder,
      yaml: `gateway: {id: gw-test, pen: 32474}
profiles: [device-profiles]
connections: {line: {protocol: serial-frame, serial: {port: ${link}, baud: 9600}}}
devices: {dust: {profile: nova/sds011, connection: line, audience: open}}
poll: {fast: 200ms, normal: 200ms, slow: 1s}
northbound: {city: {type: mqtt, url: "${broker.url}"}}
storage: {folder: store, maxBytes: 50MB}
telemetry: {maxAge: 100ms}
`,
    });
    await using pty = openPty({ link });
    // The air changes with every frame; PM10 is always twice PM2.5, so a mixed-up frame would show.
    using sensor = createPmSensor({
      everyMs: 50,
      works: false,
      blankFrames: 3,
      damagedEvery: 4,
      noise: Uint8Array.of(0xaa, 0x55, 0xaa),
      air: (frame) => ({ pm25: 5 + (frame % 40), pm10: 2 * (5 + (frame % 40)) }),
    });
    sensor.attach(pty);
    const good = (point: string) =>
      watched.readings.filter(
        ({ name, value }) => name.endsWith(`-dust:${point}`) && typeof value === "number",
      );
    await watched.platform.until(() => good("pm10").length >= 5);
    expect(sensor.works).toBe(true);
    expect(sensor.commands).toEqual(["aab406010100000000000000000000ffff06ab"]);
    // On the wire a unit is that of SenML's primary registry: kg/m3.
    const micrograms = (value: unknown) => Math.round(Number(value) * 1e10) / 10;
    const byTime = new Map(good("pm25").map(({ time, value }) => [time, micrograms(value)]));
    const both = good("pm10").filter(({ time }) => byTime.has(time));
    expect(both.length).toBeGreaterThan(0);
    for (const { time, value } of both) expect(micrograms(value)).toBe(2 * (byTime.get(time) ?? 0));
    for (const value of byTime.values()) expect(value).toBeGreaterThanOrEqual(5);

    pty.unplug();
    await daemon.until(({ connections }) => connections[0]?.state === "waiting");
    const before = good("pm10").length;
    pty.replug();
    await daemon.until(() => sensor.commands.length === 2);
    await watched.platform.until(() => good("pm10").length > before);
    expect((await daemon.end("SIGTERM")).code).toBe(0);
  });
});

import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createModbusUnits } from "../../simulators/modbus/device.ts";
import { openPty } from "../../simulators/pty.ts";
import { newFolder, startDaemon } from "./daemon.ts";
import { meterProfile, meterUnit, writeProfiles } from "./field.ts";

describe("a serial line", () => {
  it("is back within three seconds when its adapter is pulled and plugged in again", async () => {
    const folder = newFolder();
    const link = join(folder, "ttyUSB0");
    const answeredAt: number[] = [];
    const units = createModbusUnits({
      1: { ...meterUnit, scene: () => answeredAt.push(performance.now()) },
    });
    writeProfiles(folder, { "test/meter": meterProfile });
    await using daemon = await startDaemon({
      folder,
      yaml: `gateway: {id: gw-test, pen: 32474}
profiles: [device-profiles]
connections: {line: {protocol: modbus, serial: {port: ${link}, baud: 19200}}}
devices: {meter: {profile: test/meter, connection: line, unit: 1}}
poll: {fast: 200ms}
storage: {folder: store}
`,
    });
    // Only now: a process started later would inherit the line's other end and keep it plugged in.
    await daemon.until(({ devices }) => devices[0]?.state === "unavailable");
    await using pty = openPty({ link });
    units.attach(pty, "rtu");
    const messages = () =>
      daemon.log
        .filter(({ connection }) => connection === "line")
        .map(({ msg, code }) => (code ? `${msg}: ${code}` : msg));
    const state = (wanted: string) => daemon.until(({ devices }) => devices[0]?.state === wanted);
    await state("available");
    for (let round = 1; round <= 3; round++) {
      pty.unplug();
      await daemon.until(
        ({ connections, devices }) =>
          connections[0]?.state === "waiting" && devices[0]?.state === "unavailable",
      );
      const answers = answeredAt.length;
      const replugged = performance.now();
      pty.replug();
      await daemon.until(({ devices }) => devices[0]?.state === "available" && answeredAt.length > answers);
      expect(answeredAt[answers]! - replugged).toBeLessThan(3000);
      const reading = await daemon.status();
      expect(reading.connections[0]?.state).toBe("open");
      // One line per change, in this order, and not one per attempt.
      expect(messages().slice(-4 * round)).toEqual(
        Array.from({ length: round }, () => [
          "the line is down: unplugged",
          "the device is not available: no-port",
          "the line is back",
          "the device is back",
        ]).flat(),
      );
    }
    expect((await daemon.end("SIGTERM")).code).toBe(0);
  });
});

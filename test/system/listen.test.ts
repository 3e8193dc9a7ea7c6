import { join } from "node:path";
import modbusSerial from "modbus-serial";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type ModbusServer, openModbusServer } from "../../simulators/modbus/server.ts";
import { sdm630 } from "../../simulators/scenes/energy-meter.ts";
import { type Nature, seededRandom } from "../../simulators/scenes/nature.ts";
import { qdy30a, xyMd02 } from "../../simulators/scenes/sensors.ts";
import { openTappedLine, type TappedLine } from "../../simulators/tapped-line.ts";
import { newFolder, root, run } from "./daemon.ts";

// A master of somebody else (modbus-serial, which knows nothing of us) polls three devices of three models and one
// that is not there, at 19200 baud on a paced line; our listener sits on the same wires with all shipped profiles.

const opened = performance.now();
const nature: Nature = {
  now: () => Date.UTC(2026, 2, 3, 5, 40) + performance.now() - opened,
  random: seededRandom(7),
};

let tapped: TappedLine;
let server: ModbusServer;
let master: InstanceType<typeof modbusSerial.default>;
let polling: Promise<void>;
let ended = false;
let rounds = 0;

beforeAll(async () => {
  tapped = openTappedLine({ baud: 19_200 });
  server = await openModbusServer({
    listen: { wire: tapped.line },
    units: { 1: sdm630(nature, 42_000), 2: xyMd02(nature), 3: qdy30a(nature) },
  });
  master = new modbusSerial.default();
  await master.connectRTUBuffered(tapped.line.path, { baudRate: 19_200 });
  master.setTimeout(300);
  const ask = async (unit: number, work: () => Promise<unknown>): Promise<void> => {
    master.setID(unit);
    // Unit 9 is not there.
    await work().catch(() => {});
  };
  polling = (async () => {
    for (; !ended; rounds++) {
      await ask(1, () => master.readInputRegisters(0, 80));
      // Harmonics: what its smaller relatives do not have.
      await ask(1, () => master.readInputRegisters(0xea, 16));
      await ask(2, () => master.readInputRegisters(1, 2));
      await ask(3, () => master.readHoldingRegisters(2, 3));
      await ask(9, () => master.readHoldingRegisters(0, 2));
    }
  })();
});
afterAll(async () => {
  ended = true;
  await polling;
  await new Promise<void>((resolve) => master.close(() => resolve()));
  await server[Symbol.asyncDispose]();
  await tapped[Symbol.asyncDispose]();
});

const profiles = ["--profiles", join(root, "device-profiles")];

describe("stadsnod listen", () => {
  it("says who is on the line of another master, and sends not one byte", { timeout: 120_000 }, async () => {
    const asked = ["listen", tapped.path, "--seconds", "12", "--direct", ...profiles];
    const cwd = newFolder();
    const { code, out, err } = await run(asked, { cwd });
    expect({ code, err: err.split("\n")[0] }).toEqual({ code: 0, err: "listens for 12 s; nothing is sent" });
    expect(rounds).toBeGreaterThan(4);
    expect(out).toMatch(/never answered/);
    expect(out).toMatch(/voltage\S* 2\d\d\.?\d* V/);
    expect(out).toMatch(/whole frames were heard/);
    expect(parse(out.slice(out.indexOf("connections:")))).toEqual({
      connections: { "modbus-1": { protocol: "modbus", serial: { port: tapped.path, baud: 9600 } } },
      devices: {
        "sdm630-1": { profile: "eastron/sdm630", connection: "modbus-1", unit: 1 },
        "xy-md02-2": { profile: "xy/xy-md02", connection: "modbus-1", unit: 2 },
        "qdy30a-3": { profile: "generic/qdy30a", connection: "modbus-1", unit: 3 },
      },
    });
    expect(tapped.sent).toBe(0);
    // The other master noticed nothing.
    expect(tapped.line.statistics().collisions).toBe(0);
  });

  it("tells programs what it hears as it hears it", { timeout: 120_000 }, async () => {
    const { code, out } = await run(
      ["listen", tapped.path, "--seconds", "6", "--direct", "--json", ...profiles],
      { cwd: newFolder() },
    );
    expect(code).toBe(0);
    const findings = out
      .trim()
      .split("\n")
      .map((line): { kind: string; settings?: { unit: number } } => JSON.parse(line));
    expect(findings[0]?.kind).toBe("settings");
    expect(findings.at(-1)).toMatchObject({ kind: "check", id: "listen", result: "ok" });
    const units = new Set(findings.flatMap(({ settings }) => settings?.unit ?? []));
    expect([...units].toSorted()).toEqual([1, 2, 3, 9]);
    expect(tapped.sent).toBe(0);
  });

  it("says what is wrong when nothing is understood", { timeout: 120_000 }, async () => {
    await using silent = openTappedLine({ baud: 9600 });
    const nobody = await run(["listen", silent.path, "--seconds", "2", "--direct"], { cwd: newFolder() });
    expect([nobody.code, nobody.out]).toEqual([0, expect.stringContaining("Nobody spoke")]);
    const missing = await run(["listen", "/dev/ttyUSB77", "--seconds", "2", "--direct"], {
      cwd: newFolder(),
    });
    expect([missing.code, missing.err]).toEqual([1, expect.stringContaining("no serial port")]);
    const unknown = await run(["listen", "nowhere", "--direct"], { cwd: newFolder() });
    expect(unknown.code).toBe(2);
    const wrong = await run(["listen", silent.path, "--seconds", "soon"], { cwd: newFolder() });
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining("--seconds")]);
  });
});

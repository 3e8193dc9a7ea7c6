import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import type { DeviceProfile } from "../../gateway/model/device.ts";
import { RefusedError, TransientError } from "../../gateway/model/errors.ts";
import { silentLog } from "../../gateway/model/log.ts";
import type { Value } from "../../gateway/model/value.ts";
import { isRefused, prepareWrite, type WriteInputs, writtenPoint } from "../../gateway/model/write.ts";
import { sampleDevice } from "../../gateway/profiles/sample.ts";
import { loadProtocols } from "../../gateway/southbound/index.ts";
import { connectBy } from "../../gateway/transport/connect.ts";
import { createDaliLamp } from "../../simulators/actuators/dali-lamp.ts";
import { createPump } from "../../simulators/actuators/pump.ts";
import { createRelayBoard } from "../../simulators/actuators/relay-board.ts";
import { createModbusUnits, type UnitSettings } from "../../simulators/modbus/device.ts";
import type { Framing } from "../../simulators/modbus/framing.ts";
import { openPty } from "../../simulators/pty.ts";
import type { Wire } from "../../simulators/wire.ts";
import { realClock } from "../contract/real-clock.ts";
import { loadText, shippedProfile } from "../contract/write-benches.ts";

// The real driver on a real tty and a real socket. The dialogues are written by hand from the Modbus
// Application Protocol V1.1b3 (6.1, 6.3, 6.5, 6.6, 6.11, 6.12, 6.16), MODBUS over Serial Line V1.02 and
// MODBUS Messaging on TCP/IP V1.0b; the CRCs from another program than ours.

const protocols = await loadProtocols();
const modbus = protocols.find(({ name }) => name === "modbus")!;
const never = new AbortController().signal;

/** Writes down what goes over a wire, frame by frame: `>` to the device, `<` from it. */
function tapped(wire: Wire, framing: Framing): { wire: Wire; dialogue: string[] } {
  const dialogue: string[] = [];
  const note = (sign: string, bytes: Uint8Array) => {
    const text =
      framing === "ascii"
        ? Buffer.from(bytes).toString("latin1").trim()
        : Buffer.from(bytes).toString("hex").toUpperCase();
    const last = dialogue.at(-1);
    // Bytes of one frame may come in pieces.
    if (last?.startsWith(sign)) dialogue[dialogue.length - 1] = last + text;
    else dialogue.push(`${sign} ${text}`);
  };
  return {
    dialogue,
    wire: {
      send: (bytes) => {
        note("<", bytes);
        wire.send(bytes);
      },
      receive: (receiver) =>
        wire.receive((chunk) => {
          note(">", chunk);
          receiver(chunk);
        }),
    },
  };
}

/** A line with simulated units, and the real driver on it. */
async function bench(kind: "pty" | "tcp", framing: Framing, units: Readonly<Record<number, UnitSettings>>) {
  const stack = new AsyncDisposableStack();
  const simulated = createModbusUnits(units);
  let written: unknown;
  let dialogue: string[] = [];
  const attach = (wire: Wire) => {
    const tap = tapped(wire, framing);
    dialogue = tap.dialogue;
    simulated.attach(tap.wire, framing);
  };
  if (kind === "pty") {
    const pty = stack.use(openPty());
    attach(pty);
    written = { serial: { port: pty.path, baud: 19_200 }, framing };
  } else {
    const server = createServer((socket) => {
      socket.setNoDelay(true).on("error", () => {});
      attach({
        send: (bytes) => void socket.write(bytes),
        receive: (receiver) => void socket.on("data", receiver),
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    stack.defer(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    written = { tcp: { host: "127.0.0.1", port }, framing };
  }
  const connection = modbus.connection.parse(written);
  const driver = stack.use(
    await modbus.open(connection, {
      clock: realClock,
      random: () => 0.5,
      log: silentLog,
      connect: connectBy(realClock),
      emit: async () => {},
      signal: never,
    }),
  );
  const write = async (
    profile: DeviceProfile,
    unit: number,
    name: string,
    value: Value,
    inputs: WriteInputs = new Map(),
  ) => {
    const prepared = prepareWrite(profile, writtenPoint(profile, name)!, value, inputs);
    if (isRefused(prepared)) throw new Error(`${prepared.refuse}: ${prepared.detail}`);
    for (const step of prepared.steps)
      if ("address" in step) await driver.write!(sampleDevice(modbus, profile, { unit }), step, never);
  };
  const read = async (profile: DeviceProfile, unit: number, name: string) => {
    const device = sampleDevice(modbus, profile, { unit });
    const points = profile.points.filter((point) => point.name === name);
    const [request] = modbus.plan(connection, device, points, {}).requests;
    const [result] = await driver.read!(device, request!, never);
    return result && "raw" in result ? result.raw : undefined;
  };
  return {
    driver,
    write,
    read,
    /** What went over the wire since it was asked last. */
    heard: () => dialogue.splice(0),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const lampProfile = shippedProfile("generic/dali-lamp", protocols);
const relayProfile = shippedProfile("generic/relay-board", protocols);
const pumpProfile = shippedProfile("generic/pump", protocols);
/** Asks for the functions that the others do not need. */
const otherProfile = loadText(
  `profile: test/functions
version: 1.0.0
title: { en: Functions, sv: Funktioner }
manufacturer: Test
models: [functions]
category: io-module
sources: [{ document: Modbus Application Protocol V1.1b3 }]
status: draft
protocol: modbus
modbus: { addressing: protocol, write: { function: [15, 16, 22] } }
points:
  coil: { at: { coil: 19 }, kind: state, write: {} }
  single: { at: { holding: 2 }, unit: count, write: {} }
  double: { at: { holding: 0, type: u32 }, unit: count, write: {} }
  bit: { at: { holding: 4, bit: 2 }, kind: state, write: {} }
examples:
  - { given: { coil: { 19: 1 } }, expect: { coil: true } }
`,
  protocols,
);
const otherUnit: UnitSettings = {
  registers: { coil: { 19: "0" }, holding: { 0: "0000 0001 0000 0000 0012" } },
};

describe("writes on a real tty", () => {
  it("are the bytes of the specification, after one read that shows whether the line echoes", async () => {
    const [lamp, relays, pump] = [createDaliLamp(), createRelayBoard(), createPump()];
    await using line = await bench("pty", "rtu", { 1: lamp.settings, 2: relays.settings, 3: pump.settings });
    await line.write(lampProfile, 1, "level", 50);
    expect(line.heard()).toEqual([
      "> 010300000001840A",
      "< 0103020000B844",
      "> 0106000001F489DD",
      "< 0106000001F489DD",
    ]);
    await line.write(lampProfile, 1, "level", 0);
    expect(line.heard()).toEqual(["> 01060000000089CA", "< 01060000000089CA"]);
    await line.write(relayProfile, 2, "relay_2", "on");
    expect(line.heard()).toEqual(["> 02050001FF00DDC9", "< 02050001FF00DDC9"]);
    await line.write(relayProfile, 2, "after_power_cut", true);
    expect(line.heard()).toEqual([
      "> 0203000000018439",
      "< 0203020000FC44",
      "> 0206000000014839",
      "< 0206000000014839",
    ]);
    await line.write(
      pumpProfile,
      3,
      "run",
      true,
      new Map<string, Value>([
        ["lockout", false],
        ["level", 1.5],
      ]),
    );
    expect(line.heard()).toEqual(["> 03050000FF008DD8", "< 03050000FF008DD8"]);
    expect(lamp.written.map(({ place, value }) => [place, value])).toEqual([
      ["holding 0", 500],
      ["holding 0", 0],
    ]);
    expect([relays.isOn(0), relays.isOn(1), relays.wear(1)]).toEqual([false, true, 1]);
    expect(pump.written).toHaveLength(1);
  });

  it("use functions 15, 16 and 22 where the profile asks for them", async () => {
    await using line = await bench("pty", "rtu", { 17: otherUnit });
    // Any answer to a read will do.
    expect(await line.read(otherProfile, 17, "double")).toBe(1);
    line.heard();
    await line.write(otherProfile, 17, "coil", true);
    await line.write(otherProfile, 17, "double", 0x000a_0102);
    await line.write(otherProfile, 17, "single", 3);
    await line.write(otherProfile, 17, "bit", true);
    const frames = line.heard();
    expect(frames.map((frame) => frame.slice(2, -4))).toEqual([
      "110F00130001" + "0101",
      "110F00130001",
      "111000000002" + "04" + "000A0102",
      "111000000002",
      "111000020001" + "02" + "0003",
      "111000020001",
      "11160004" + "FFFB" + "0004",
      "11160004" + "FFFB" + "0004",
    ]);
    expect(await line.read(otherProfile, 17, "coil")).toBe(true);
    expect(await line.read(otherProfile, 17, "double")).toBe(0x000a_0102);
    expect(await line.read(otherProfile, 17, "bit")).toBe(true);
  });

  it("travel in ASCII frames as well", async () => {
    const lamp = createDaliLamp();
    await using line = await bench("pty", "ascii", { 1: lamp.settings });
    await line.write(lampProfile, 1, "level", 50);
    expect(line.heard()).toEqual(
      [":010300000001FB", ":0103020000FA", ":0106000001F404", ":0106000001F404"].map(
        (frame, index) => `${index % 2 === 0 ? ">" : "<"} ${frame}`,
      ),
    );
    expect(lamp.written).toHaveLength(1);
  });

  it("show in what is read when the lamp has faded", async () => {
    const lamp = createDaliLamp();
    await using line = await bench("pty", "rtu", { 1: lamp.settings });
    await line.write(lampProfile, 1, "fade_time", 0.1);
    await line.write(lampProfile, 1, "level", 73.5);
    await expect.poll(() => line.read(lampProfile, 1, "level"), { timeout: 5000 }).toBe(735);
  });

  it("are refused by name, and leave the line in order", async () => {
    const lamp = createDaliLamp();
    await using line = await bench("pty", "rtu", { 1: lamp.settings });
    await line.read(lampProfile, 1, "level");
    line.heard();
    const device = sampleDevice(modbus, lampProfile, { unit: 1 });
    const { address } = writtenPoint(lampProfile, "level")!.write!;
    const refused = line.driver.write!(device, { address, raw: 50 }, never);
    await expect(refused).rejects.toBeInstanceOf(RefusedError);
    await expect(refused).rejects.toMatchObject({
      code: "exception-3",
      message: "unit 1 answered exception 3 (illegal data value)",
    });
    expect(line.heard()).toEqual(["> 010600000032081F", "< 0186030261"]);
    expect([lamp.attempts, lamp.written.length]).toEqual([1, 0]);
    for (const [code, name] of [
      [1, "illegal function"],
      [2, "illegal data address"],
      [4, "device failure"],
    ] as const) {
      lamp.fault({ kind: "refuses", code });
      await expect(line.driver.write!(device, { address, raw: 500 }, never)).rejects.toMatchObject({
        name: "RefusedError",
        code: `exception-${code}`,
        message: expect.stringContaining(name),
      });
    }
    for (const code of [5, 6]) {
      lamp.fault({ kind: "refuses", code });
      await expect(line.driver.write!(device, { address, raw: 500 }, never)).rejects.toMatchObject({
        name: "TransientError",
        code: "busy",
      });
    }
    expect(await line.read(lampProfile, 1, "level")).toBe(0);
  });
});

describe("writes over TCP", () => {
  it("are the bytes of the specification", async () => {
    const [lamp, relays] = [createDaliLamp(), createRelayBoard()];
    await using line = await bench("tcp", "tcp", { 1: lamp.settings, 2: relays.settings });
    await line.write(lampProfile, 1, "level", 50);
    await line.write(relayProfile, 2, "relay_4", "on");
    const frames = line.heard();
    // The transaction id is ours to choose, and comes back.
    expect(frames.map((frame) => frame[0] + frame.slice(6))).toEqual([
      ">00000006" + "0106000001F4",
      "<00000006" + "0106000001F4",
      ">00000006" + "02050003FF00",
      "<00000006" + "02050003FF00",
    ]);
    expect(frames.map((frame) => frame.slice(2, 6))).toEqual(["0001", "0001", "0002", "0002"]);
  });

  it("are never sent to everybody", async () => {
    const lamp = createDaliLamp();
    await using line = await bench("tcp", "tcp", { 0: lamp.settings });
    await expect(line.write(lampProfile, 0, "level", 50)).rejects.toMatchObject({
      name: "ConfigError",
      code: "broadcast",
    });
    expect(line.heard()).toEqual([]);
    expect(await line.read(lampProfile, 0, "level")).toBe(0);
  });

  it("have the unit for themselves: reads asked before show the state before, those after the state after", async () => {
    const relays = createRelayBoard();
    await using line = await bench("tcp", "tcp", {
      2: { ...relays.settings, turnaroundMs: 5 },
      4: { registers: { coil: { 0: "0" } }, turnaroundMs: 1 },
    });
    const [before, , after, other] = await Promise.all([
      line.read(relayProfile, 2, "after_power_cut"),
      line.write(relayProfile, 2, "after_power_cut", true),
      line.read(relayProfile, 2, "after_power_cut"),
      line.read(relayProfile, 4, "relay_1"),
    ]);
    expect([before, after, other]).toEqual([false, true, false]);
    const asked = line.heard().join(" ");
    expect(asked.indexOf("0206")).toBeGreaterThan(0);
  });

  it("two at once to bits of one register lose neither", async () => {
    const relays = createRelayBoard();
    await using line = await bench("tcp", "tcp", { 2: { ...relays.settings, turnaroundMs: 3 } });
    const device = sampleDevice(modbus, relayProfile, { unit: 2 });
    const bits = [0, 1, 2, 3].map((bit) => modbus.address.parse({ holding: 0, bit }));
    await Promise.all(bits.map((address) => line.driver.write!(device, { address, raw: true }, never)));
    expect(relays.written.map(({ value }) => value)).toEqual([1, 3, 7, 15]);
  });

  it("that are not answered are sent once, with all the time that was configured", async () => {
    const lamp = createDaliLamp();
    await using line = await bench("tcp", "tcp", { 1: lamp.settings });
    for (let round = 0; round < 20; round++) await line.read(lampProfile, 1, "level");
    line.heard();
    lamp.fault({ kind: "mute" });
    const writing = line.write(lampProfile, 1, "level", 40);
    await expect(writing).rejects.toBeInstanceOf(TransientError);
    // A read would be given up after 500 ms by now.
    const message = "unit 1 did not answer within 1000 ms";
    await expect(writing).rejects.toMatchObject({ code: "timeout", message });
    expect(line.heard()).toHaveLength(1);
    expect(lamp.attempts).toBe(1);
    expect(await line.read(lampProfile, 1, "lamp_failure")).toBe(false);
  });
});

import { describe, expect, it } from "vitest";
import { createModbusUnits } from "../modbus/device.ts";
import { encode } from "../modbus/framing.ts";
import type { After, Wire } from "../wire.ts";
import type { ActuatorFault, ModbusActuator } from "./actuator.ts";
import { createDaliLamp } from "./dali-lamp.ts";
import { createDoorLock } from "./door-lock.ts";
import { createLineDimmer } from "./line-dimmer.ts";
import { createPump } from "./pump.ts";
import { createRelayBoard } from "./relay-board.ts";

/** Time that the test owns. */
function timeline() {
  let at = 0;
  const due: { at: number; callback: () => void }[] = [];
  const after: After = (ms, callback) => {
    const entry = { at: at + ms, callback };
    due.push(entry);
    return { [Symbol.dispose]: () => void due.splice(due.indexOf(entry) >>> 0, 1) };
  };
  const pass = (ms: number) => {
    const end = at + ms;
    for (;;) {
      const next = due.filter((one) => one.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      due.splice(due.indexOf(next), 1);
      at = next.at;
      next.callback();
    }
    at = end;
  };
  return { now: () => at, after, pass };
}

/** A wire that ends in a list. */
function wired(attach: (wire: Wire) => void) {
  const sent: Uint8Array[] = [];
  let receiver: (chunk: Uint8Array) => void = () => {};
  attach({
    send: (bytes) => void sent.push(bytes),
    receive: (next) => {
      receiver = next;
    },
  });
  return (bytes: Uint8Array): string => {
    sent.length = 0;
    receiver(bytes);
    return Buffer.concat(sent).toString("hex");
  };
}

function modbus(actuator: ModbusActuator, after: After) {
  const units = createModbusUnits({ 1: actuator.settings }, after);
  const ask = wired((wire) => units.attach(wire, "tcp"));
  /** Sends a PDU in hex; the PDU of the answer. */
  return (pdu: string): string => ask(encode("tcp", 1, Buffer.from(pdu, "hex"), 7)).slice(14);
}

const lampLevel = "0400000001";

describe("the DALI lamp", () => {
  it("fades to what it was told", () => {
    const { now, after, pass } = timeline();
    const lamp = createDaliLamp({ now, after });
    const ask = modbus(lamp, after);
    expect(ask("0600000320")).toBe("0600000320");
    expect(ask(lampLevel)).toBe("04020000");
    pass(400);
    expect([ask(lampLevel), lamp.level]).toEqual(["04020190", 40]);
    pass(400);
    expect(ask(lampLevel)).toBe("04020320");
    expect(ask("0600000000")).toBe("0600000000");
    pass(100);
    expect(lamp.level).toBe(70);
    expect(ask("0400010001")).toBe("040201a9");
  });

  it("takes no level that no lamp has", () => {
    const { now, after } = timeline();
    const lamp = createDaliLamp({ now, after });
    const ask = modbus(lamp, after);
    expect([ask("0600000032"), ask("06000003e9"), ask("0600030001")]).toEqual(["8603", "8603", "8603"]);
    expect([lamp.attempts, lamp.written]).toEqual([3, []]);
  });

  it("goes to its failsafe level when nobody commands, until somebody does", () => {
    const { now, after, pass } = timeline();
    const lamp = createDaliLamp({ now, after });
    const ask = modbus(lamp, after);
    ask("0600020005");
    ask("06000000c8");
    pass(4999);
    expect([lamp.level, ask("0200000002")]).toEqual([20, "020100"]);
    pass(1001);
    expect([lamp.level, ask("0200000002")]).toEqual([80, "020102"]);
    ask("06000000c8");
    pass(1000);
    expect([lamp.level, ask("0200000002")]).toEqual([20, "020100"]);
  });

  it("tells that it is broken", () => {
    const { now, after, pass } = timeline();
    const lamp = createDaliLamp({ now, after });
    const ask = modbus(lamp, after);
    ask("06000003e8");
    pass(1000);
    lamp.broken = true;
    expect([ask("0200000001"), ask("0400010001")]).toEqual(["020101", "04020005"]);
  });
});

describe("the switches for faults", () => {
  const write = "0600000320";
  it.each<[ActuatorFault, string, number, number]>([
    [{ kind: "silent" }, "", 1, 0],
    [{ kind: "mute" }, "", 1, 1],
    [{ kind: "refuses" }, "8604", 1, 0],
    [{ kind: "refuses", code: 6 }, "8606", 1, 0],
    [{ kind: "echoes-wrong" }, "0600000321", 1, 1],
    [{ kind: "applies-late", ms: 500 }, write, 1, 0],
    [{ kind: "applies-other", by: 20 }, write, 1, 1],
    [{ kind: "dead" }, "", 1, 0],
  ])("%j", (fault, answer, attempts, written) => {
    const { now, after, pass } = timeline();
    const lamp = createDaliLamp({ now, after });
    const ask = modbus(lamp, after);
    lamp.fault(fault);
    expect(ask(write)).toBe(answer);
    expect([lamp.attempts, lamp.written.length]).toEqual([attempts, written]);
    expect(ask("0300010001")).toBe(fault.kind === "dead" ? "" : "0302000a");
    pass(2000);
    const late = fault.kind === "applies-late";
    expect(lamp.written.length).toBe(late ? 1 : written);
    if (fault.kind === "applies-other") expect(lamp.written[0]?.value).toBe(820);
    lamp.fault(undefined);
    expect(ask(write)).toBe(write);
  });

  it("a device that dies gives one byte, and is dead", () => {
    const { now, after } = timeline();
    const lamp = createDaliLamp({ now, after });
    const units = createModbusUnits({ 1: lamp.settings }, after);
    const ask = wired((wire) => units.attach(wire, "rtu"));
    const frame = encode("rtu", 1, Buffer.from(write, "hex"), 0);
    lamp.fault({ kind: "dies" });
    expect([ask(frame), ask(frame), ask(encode("rtu", 1, Buffer.from(lampLevel, "hex"), 0))]).toEqual([
      "01",
      "",
      "",
    ]);
    expect([lamp.attempts, lamp.written.length]).toEqual([2, 1]);
    lamp.fault(undefined);
    expect(ask(frame)).toBe(Buffer.from(frame).toString("hex"));
  });
});

describe("the relay board", () => {
  it("counts what its contacts go through", () => {
    const { now, after } = timeline();
    const board = createRelayBoard({ now, after });
    const ask = modbus(board, after);
    ask("050001ff00");
    ask("050001ff00");
    ask("0500010000");
    ask("0f000000040109");
    expect([0, 1, 2, 3].map((relay) => board.isOn(relay))).toEqual([true, false, false, true]);
    expect(ask("0400000004")).toBe("0408" + "00000001" + "00000004");
    expect(board.wear(1)).toBe(4);
    expect(ask("1600000000" + "0005")).toBe("1600000000" + "0005");
    expect(ask("0600000010")).toBe("8603");
  });
});

describe("the pump", () => {
  it("runs when its contactor has closed, and empties its sump", () => {
    const { now, after, pass } = timeline();
    const pump = createPump({ now, after });
    const ask = modbus(pump, after);
    pump.level = 1000;
    ask("050000ff00");
    expect([pump.isRunning, ask("0200000002")]).toEqual([false, "020100"]);
    pass(500);
    expect([pump.isRunning, ask("0200000002")]).toEqual([true, "020102"]);
    pass(10_000);
    expect(Math.round(pump.level)).toBe(1000 + 1 - 80);
    ask("0500000000");
    pass(499);
    expect(pump.isRunning).toBe(true);
    pass(1);
    expect(pump.isRunning).toBe(false);
    pump.lockout = true;
    expect(ask("0200000002")).toBe("020101");
  });
});

describe("the lock", () => {
  const frame = (hex: string) => {
    const bytes = Buffer.from(`53${hex}`, "hex");
    return Buffer.from([...bytes, -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff]);
  };
  const unlock = frame("010b0000680005" + "0000");
  const open = () => {
    const time = timeline();
    const lock = createDoorLock(1, time);
    return { ...time, lock, ask: wired((wire) => lock.attach(wire)) };
  };

  it("unlocks for five seconds", () => {
    const { lock, ask, pass } = open();
    expect(ask(unlock)).toBe(frame("81080000" + "4b05").toString("hex"));
    expect(lock.isUnlocked).toBe(true);
    expect(ask(frame("0107000066"))).toBe(frame("81080000" + "4a01").toString("hex"));
    pass(4999);
    expect(lock.isUnlocked).toBe(true);
    pass(1);
    expect(lock.isUnlocked).toBe(false);
    expect(ask(frame("0107000066"))).toBe(frame("81080000" + "4a00").toString("hex"));
  });

  it("locks when told to, and shows the door", () => {
    const { lock, ask } = open();
    ask(unlock);
    ask(frame("010b0000680001" + "0000"));
    expect(lock.isUnlocked).toBe(false);
    lock.doorOpen = true;
    expect(ask(frame("0107000065"))).toBe(frame("81090000" + "490100").toString("hex"));
    expect(lock.written.map(({ value }) => value)).toEqual([5, 1]);
  });

  it("says no by NAK, and nothing to others", () => {
    const { lock, ask } = open();
    const nak = (reason: string) => frame(`8108000041${reason}`).toString("hex");
    expect(ask(frame("010b0000680002" + "0000"))).toBe(nak("09"));
    expect(ask(frame("0107000070"))).toBe(nak("03"));
    expect(ask(Buffer.from([...unlock.subarray(0, -1), 0]))).toBe(nak("01"));
    expect(ask(frame("020b0000680005" + "0000"))).toBe("");
    lock.fault({ kind: "refuses", code: 6 });
    expect(ask(unlock)).toBe(nak("06"));
    expect([lock.isUnlocked, lock.written]).toEqual([false, []]);
  });

  it("finds its frames behind noise and in pieces, and forgets halves", () => {
    const { lock, ask, pass } = open();
    expect(ask(Buffer.from([0, 0x53, 1]))).toBe("");
    pass(51);
    expect(ask(unlock.subarray(0, 6))).toBe("");
    expect(ask(unlock.subarray(6))).not.toBe("");
    expect(lock.isUnlocked).toBe(true);
  });
});

describe("the line dimmer", () => {
  it("speaks in lines", () => {
    const dimmer = createLineDimmer();
    const ask = wired((wire) => dimmer.attach(wire));
    const say = (line: string) => Buffer.from(ask(Buffer.from(line)), "hex").toString();
    expect([say("L5"), say("0\r"), say("L?\r"), say("L101\r"), say("Nhej\r"), say("X\r")]).toEqual([
      "",
      "OK 50\r",
      "L=50\r",
      "NO 2\r",
      "",
      "NO 3\r",
    ]);
    expect([dimmer.level, dimmer.display, dimmer.attempts]).toEqual([50, "hej", 3]);
  });
});

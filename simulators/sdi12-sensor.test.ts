import { describe, expect, it } from "vitest";
import { openSdi12Line, type Sdi12SensorSettings } from "./sdi12-sensor.ts";
import type { After } from "./wire.ts";

/** A line whose time a test owns, and what the sensors said on it. */
function line(sensors: readonly Sdi12SensorSettings[]) {
  let now = 0;
  let timers: { at: number; callback: () => void }[] = [];
  const after: After = (ms, callback) => {
    const timer = { at: now + ms, callback };
    timers.push(timer);
    const dispose = () => {
      timers = timers.filter((one) => one !== timer);
    };
    return { [Symbol.dispose]: dispose };
  };
  const said: string[] = [];
  let receiver: (chunk: Uint8Array) => void = () => {};
  const wire = {
    send: (bytes: Uint8Array) => void said.push(Buffer.from(bytes).toString("latin1")),
    receive: (next: typeof receiver) => {
      receiver = next;
    },
  };
  const made = openSdi12Line(wire, sensors, after);
  return {
    made,
    pass(ms: number) {
      const end = now + ms;
      for (;;) {
        const next = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (!next) break;
        timers = timers.filter((one) => one !== next);
        now = next.at;
        next.callback();
      }
      now = end;
    },
    say(command: string) {
      receiver(Buffer.from(command));
      this.pass(20);
      return said.splice(0);
    },
    said,
  };
}

describe("the simulated SDI-12 sensor", () => {
  it("has the CRC of the specification's example", () => {
    const at = line([{ address: "0", measures: { M: { values: ["+3.14"] } } }]);
    expect(at.say("0MC!")).toEqual(["00001\r\n"]);
    expect(at.say("0D0!")).toEqual(["0+3.14OqZ\r\n"]);
  });

  it("measures, calls, and gives its values in pages", () => {
    const at = line([
      { address: "a", measures: { M1: { values: ["+1.5", "-2", "+3"], seconds: 2 } }, pageCharacters: 6 },
    ]);
    expect(at.say("aM1!")).toEqual(["a0023\r\n"]);
    expect(at.say("aM1!")).toEqual(["a0023\r\n"]);
    at.pass(2000);
    expect(at.said.splice(0)).toEqual(["a\r\n"]);
    expect(at.say("aD0!")).toEqual(["a+1.5-2\r\n"]);
    expect(at.say("aD1!")).toEqual(["a+3\r\n"]);
    expect(at.say("aD2!")).toEqual(["a\r\n"]);
    expect(at.say("bD0!")).toEqual([]);
    expect(at.made[0]!.commands).toEqual(["aM1", "aM1", "aD0", "aD1", "aD2"]);
  });

  it("sleeps until a break, and does wrong what it is told to", () => {
    const at = line([{ address: "0", sleeps: true, measures: { R0: { values: ["+3.14"] } } }]);
    expect(at.say("0R0!")).toEqual([]);
    at.made[0]!.wake();
    expect(at.say("0RC0!")).toEqual(["0+3.14OqZ\r\n"]);
    at.made[0]!.fault("bad-crc", "silent", "other-address");
    expect(at.say("0RC0!")).toEqual(["0+3.14Oq@\r\n"]);
    expect(at.say("0R0!")).toEqual([]);
    expect(at.say("0R0!")).toEqual(["9+3.14\r\n"]);
    at.pass(200);
    expect(at.say("0R0!")).toEqual([]);
  });
});

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { DeviceProfile } from "../../gateway/model/device.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import type { Protocol } from "../../gateway/southbound/protocol.ts";
import { createDaliLamp } from "../../simulators/actuators/dali-lamp.ts";
import { createDoorLock } from "../../simulators/actuators/door-lock.ts";
import { createLineDimmer } from "../../simulators/actuators/line-dimmer.ts";
import { createModbusUnits } from "../../simulators/modbus/device.ts";
import type { Framing } from "../../simulators/modbus/framing.ts";
import type { WriteBench } from "./write.contract.ts";

/** A dimmer that takes lines: no shipped profile of serial-line can be written yet. */
export const dimmerProfile = `profile: test/line-dimmer
version: 1.0.0
title: { en: Dimmer, sv: Dimmer }
manufacturer: Test
models: [dimmer]
category: lighting
sources: [{ document: simulators/actuators/line-dimmer.ts }]
status: draft
protocol: serial-line
serial-line:
  terminator: cr
  messages:
    level: { request: "L?\\\\r", match: "L={level:integer}", timeout: 200ms }
    set_level: { request: "L{level:integer}\\\\r", match: "OK {level:integer}", refusal: "NO {_*}", timeout: 200ms }
    display: { request: "N{text:text?}\\\\r" }
points:
  level:
    at: { message: level, field: level }
    unit: "%"
    write: { at: { message: set_level, value: level }, range: [0, 100] }
  display:
    write: { at: { message: display, value: text } }
examples:
  - given: { exchange: [{ ">": "L?\\\\r", "<": "L=40\\\\r" }] }
    expect: { level: 40 }
  - write: { level: 40 }
    exchange: [{ ">": "L40\\r", "<": "OK 40\\r" }]
  - write: { display: "" }
    exchange: [{ ">": "N\\r" }]
`;

export function loadText(text: string, protocols: readonly Protocol[]): DeviceProfile {
  const id = /^profile: (\S+)$/m.exec(text)?.[1];
  const { profile, diagnostics } = loadProfile(text, `device-profiles/${id}.yaml`, protocols);
  const wrong = diagnostics.filter(({ severity }) => severity === "error");
  if (!profile || wrong.length > 0) throw new Error(JSON.stringify(diagnostics));
  return profile;
}

export function shippedProfile(id: string, protocols: readonly Protocol[]): DeviceProfile {
  const folder = resolve(import.meta.dirname, "../../device-profiles");
  return loadText(readFileSync(resolve(folder, `${id}.yaml`), "utf8"), protocols);
}

/** Devices that are written, by protocol and line. */
export function writeBenches(
  protocols: readonly Protocol[],
): Readonly<Record<string, readonly WriteBench[]>> {
  const lamp = (connection: unknown, framing: Framing): WriteBench => ({
    profile: shippedProfile("generic/dali-lamp", protocols),
    connection,
    settings: { unit: 1 },
    point: "level",
    good: [500, 700],
    bad: 70_000,
    attach(wire, options) {
      const actuator = createDaliLamp(options);
      createModbusUnits({ 1: actuator.settings }, options.after).attach(wire, framing);
      return actuator;
    },
  });
  const serial = { port: "/dev/ttyS0", baud: 9600 };
  return {
    modbus: [
      lamp({ serial }, "rtu"),
      lamp({ serial, framing: "ascii" }, "ascii"),
      lamp({ tcp: { host: "127.0.0.1" } }, "tcp"),
      lamp({ tcp: { host: "127.0.0.1" }, framing: "rtu" }, "rtu"),
    ],
    "serial-frame": [
      {
        profile: shippedProfile("generic/door-lock", protocols),
        connection: { serial },
        settings: { address: 1 },
        point: "lock",
        good: [5, 1],
        bad: 256,
        attach(wire, options) {
          const lock = createDoorLock(1, options);
          lock.attach(wire);
          return lock;
        },
      },
    ],
    "serial-line": [
      {
        profile: loadText(dimmerProfile, protocols),
        connection: { serial },
        settings: {},
        point: "level",
        good: [50, 70],
        bad: 1.5,
        attach(wire, options) {
          const dimmer = createLineDimmer(options);
          dimmer.attach(wire);
          return dimmer;
        },
      },
    ],
  };
}

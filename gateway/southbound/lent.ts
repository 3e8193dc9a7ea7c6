import type { Device } from "../model/device.ts";
import { ConfigError, TransientError } from "../model/errors.ts";
import type { ConnectionLoop } from "./loop.ts";
import { ReplyTimes } from "./reply-times.ts";

/**
 * Stands in for the loop of a connection whose line somebody has for a while: knows who is on it and does
 * nothing. What is asked of its devices is refused at once with TransientError `line-borrowed`.
 * @param by who has it, for people
 */
export function lentLoop(connection: string, by: string, devices: readonly Device[]): ConnectionLoop {
  const known = new Map(devices.map((device) => [device.id, device]));
  const why = `the line is borrowed by ${by}`;
  const refuse = async (device: string): Promise<never> => {
    if (!known.has(device))
      throw new ConfigError(`no device ${device} on ${connection}`, { code: "unknown-device" });
    throw new TransientError(`${connection}: ${why}`, {
      code: "line-borrowed",
      hint: "try again when that has ended, or stop it",
    });
  };
  return {
    connection,
    readNow: refuse,
    write: refuse,
    expectWrite: () => ({ [Symbol.dispose]() {} }),
    setDevice: async (device) => {
      known.set(device.id, device);
    },
    removeDevice: (device) => {
      known.delete(device);
    },
    learned: () => ({}),
    status: () => ({
      connection,
      state: "borrowed",
      borrowedBy: by,
      utilisation: 0,
      demanded: 0,
      stretch: 1,
      missed: 0,
      dropped: 0,
      replies: new ReplyTimes().status(),
      errors: {},
      statistics: {},
      writes: { done: 0, refused: 0, failed: 0 },
      devices: Array.from(known.keys(), (device) => ({
        device,
        availability: "unknown" as const,
        problem: why,
        breaker: "closed" as const,
        errors: {},
        leftOut: [],
        learned: [],
      })),
    }),
    pulse: () => ({ connection, turnMs: 0 }),
    [Symbol.asyncDispose]: async () => {},
  };
}

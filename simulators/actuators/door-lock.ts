import { after as realAfter, type Wire } from "../wire.ts";
import type { Actuator, ActuatorFault, ActuatorOptions, Written } from "./actuator.ts";

/**
 * A door with an electric lock behind a controller that speaks frames like those of OSDP (IEC 60839-11-5),
 * without its sequence numbers and its secure channel: SOM 0x53, address (answers: + 0x80), length of the
 * whole frame (u16le), control 0, code, data, checksum (two's complement of the sum of all before it).
 *
 * | Code | Data | Answer |
 * |---|---|---|
 * | 0x60 poll | | ACK 0x40 |
 * | 0x65 inputs | | 0x49: door (1 open), tamper |
 * | 0x66 outputs | | 0x4A: lock (1 unlocked) |
 * | 0x68 output | number 0, action, time (u16le, 0.1 s) | 0x4B with the action that was taken, or NAK 0x41 with a reason |
 *
 * Actions: 1 locked, 2 unlocked until told otherwise (refused here: reason 9), 5 unlocked for the time,
 * or for 5 s when that is 0. NAK reasons: 1 bad checksum, 2 bad length, 3 unknown code, 9 cannot be done.
 */
export interface DoorLock extends Actuator {
  readonly isUnlocked: boolean;
  /** Somebody opens or shuts the door. */
  doorOpen: boolean;
  attach(wire: Wire): void;
}

const startOfMessage = 0x53;
const relockMs = 5000;
const longest = 64;
const forgetMs = 50;

export function createDoorLock(address: number, options: ActuatorOptions = {}): DoorLock {
  const { now = () => performance.now(), after = realAfter } = options;
  const written: Written[] = [];
  let fault: ActuatorFault | undefined;
  let isDead = false;
  let attempts = 0;
  let unlockedUntil = Number.NEGATIVE_INFINITY;
  let doorOpen = false;

  const isUnlocked = (): boolean => now() < unlockedUntil;
  const turn = (action: number, tenths: number): void => {
    written.push({ place: "output 0", value: action, at: now() });
    if (action === 1) unlockedUntil = Number.NEGATIVE_INFINITY;
    else unlockedUntil = now() + (tenths === 0 ? relockMs : 100 * tenths);
  };
  const status = (unlocked: boolean): number[] => [0x4a, Number(unlocked)];

  const taken = (action: number): number[] => [0x4b, action];

  /** Code and data of the answer to an output command; undefined for none. */
  const output = (data: Uint8Array): number[] | undefined => {
    attempts++;
    const [number = 0, action = 0, low = 0, high = 0] = data;
    if (data.length !== 4) return [0x41, 2];
    if (fault?.kind === "silent") return undefined;
    if (fault?.kind === "refuses") return [0x41, fault.code ?? 9];
    if (number !== 0 || (action !== 1 && action !== 5)) return [0x41, 9];
    const tenths = low | (high << 8);
    switch (fault?.kind) {
      case "applies-late":
        after(fault.ms, () => turn(action, tenths));
        return taken(action);
      case "applies-other":
        turn(action === 5 ? 1 : 5, tenths);
        return taken(action);
      case "echoes-wrong":
        turn(action, tenths);
        return taken(action === 5 ? 1 : 5);
      case "mute":
        turn(action, tenths);
        return undefined;
      default:
        turn(action, tenths);
        return taken(action);
    }
  };
  const answer = (frame: Uint8Array): number[] | undefined => {
    if (sumOf(frame.subarray(0, -1)) !== frame.at(-1)) return [0x41, 1];
    const data = frame.subarray(6, -1);
    switch (frame[5]) {
      case 0x60:
        return [0x40];
      case 0x65:
        return [0x49, Number(doorOpen), 0];
      case 0x66:
        return status(isUnlocked());
      case 0x68:
        return output(data);
      default:
        return [0x41, 3];
    }
  };
  const handle = (wire: Wire, frame: Uint8Array): void => {
    if (isDead || frame[1] !== address) return;
    const body = answer(frame);
    if (!body) return;
    const reply = frameOf(address | 0x80, body);
    if (fault?.kind === "dies" && frame[5] === 0x68) {
      isDead = true;
      wire.send(reply.subarray(0, 1));
    } else wire.send(reply);
  };
  return {
    written,
    get attempts() {
      return attempts;
    },
    get isUnlocked() {
      return isUnlocked();
    },
    get doorOpen() {
      return doorOpen;
    },
    set doorOpen(next: boolean) {
      doorOpen = next;
    },
    fault: (next) => {
      fault = next;
      isDead = next?.kind === "dead";
    },
    attach: (wire) => {
      let pending: Uint8Array = new Uint8Array(0);
      let forget: Disposable | undefined;
      wire.receive((chunk) => {
        forget?.[Symbol.dispose]();
        pending = Buffer.concat([pending, chunk]);
        for (;;) {
          const start = pending.indexOf(startOfMessage);
          pending = start < 0 ? new Uint8Array(0) : pending.subarray(start);
          if (pending.length < 4) break;
          const length = (pending[2] ?? 0) | ((pending[3] ?? 0) << 8);
          if (length < 7 || length > longest) {
            pending = pending.subarray(1);
            continue;
          }
          if (pending.length < length) break;
          handle(wire, pending.slice(0, length));
          pending = pending.subarray(length);
        }
        forget = after(forgetMs, () => {
          pending = new Uint8Array(0);
        });
      });
    },
  };
}

function sumOf(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

/** A whole frame; `body`: code and data. */
function frameOf(address: number, body: readonly number[]): Uint8Array {
  const length = body.length + 6;
  const frame = Uint8Array.of(startOfMessage, address, length & 0xff, length >> 8, 0, ...body);
  return Uint8Array.of(...frame, sumOf(frame));
}

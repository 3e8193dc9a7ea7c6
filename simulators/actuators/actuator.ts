import type { UnitSettings } from "../modbus/device.ts";
import type { FaultPlan, Fault as WireFault } from "../modbus/faults.ts";
import type { RegisterMap, Registers, Table } from "../modbus/registers.ts";
import { type After, after as realAfter } from "../wire.ts";

/** What an actuator does wrong with writes, until it is told otherwise. Reads go on, but for `dead`. */
export type ActuatorFault =
  /** Writes are neither done nor answered. */
  | { readonly kind: "silent" }
  /** Writes are done, and not answered. */
  | { readonly kind: "mute" }
  /** Writes are refused (Modbus: by this exception, 4 unless given; lock: NAK). */
  | { readonly kind: "refuses"; readonly code?: number }
  /** Writes are done, and another value is confirmed. */
  | { readonly kind: "echoes-wrong" }
  /** Writes are confirmed, and done so much later. */
  | { readonly kind: "applies-late"; readonly ms: number }
  /** Writes are confirmed, and another value is taken: the written one plus this, 1 unless given (bits: the opposite). */
  | { readonly kind: "applies-other"; readonly by?: number }
  /** One write is done, the first byte of its answer goes out, and from then on nothing is heard of the device. */
  | { readonly kind: "dies" }
  /** Nothing is answered or done. */
  | { readonly kind: "dead" };

/** One value that was really written. */
export interface Written {
  readonly place: string;
  readonly value: number;
  /** Of the clock that was given, ms. */
  readonly at: number;
}

/** What tests ask of every simulated actuator. */
export interface Actuator {
  fault(next: ActuatorFault | undefined): void;
  /** Write requests that came over the wire, whatever became of them. */
  readonly attempts: number;
  /** What was really taken over, oldest first: at most 10,000. */
  readonly written: readonly Written[];
}

export interface ActuatorOptions {
  /** Any clock that does not go back, ms. */
  readonly now?: (() => number) | undefined;
  readonly after?: After | undefined;
}

/** What makes one kind of Modbus actuator. */
export interface ModbusActuatorDefinition {
  readonly registers: RegisterMap;
  /** Values that it refuses by themselves: a Modbus exception, or undefined. */
  readonly refuses?:
    | ((registers: Registers, table: Table, address: number, value: number) => number | undefined)
    | undefined;
  /** Called for every register or coil that was taken over. */
  readonly taken?: ((registers: Registers, table: Table, address: number, value: number) => void) | undefined;
  /** Brings what can be read to the present; called before every answer. */
  readonly scene: (registers: Registers) => void;
}

export interface ModbusActuator extends Actuator {
  /** For `createModbusUnits` or `openModbusServer`. */
  readonly settings: UnitSettings;
}

const mostWritten = 10_000;
const writeFunctions = new Set([5, 6, 15, 16, 22]);
const deviceFailure = 4;

/** A Modbus unit that does something, with switches for what it does wrong and counters of what it did. */
export function createModbusActuator(
  { registers: map, refuses, taken, scene }: ModbusActuatorDefinition,
  { now = () => performance.now(), after = realAfter }: ActuatorOptions = {},
): ModbusActuator {
  let fault: ActuatorFault | undefined;
  let isDead = false;
  let attempts = 0;
  const written: Written[] = [];

  const take = (registers: Registers, table: Table, address: number, words: readonly number[]): void => {
    words.forEach((value, index) => {
      written.push({ place: `${table} ${address + index}`, value, at: now() });
      if (written.length > mostWritten) written.shift();
      taken?.(registers, table, address + index, value);
    });
  };
  const faults: FaultPlan = ({ pdu }): WireFault | undefined => {
    if (isDead) return { kind: "silence" };
    const code = pdu[0] ?? 0;
    if (!writeFunctions.has(code)) return undefined;
    switch (fault?.kind) {
      case "silent":
      case "mute":
        return { kind: "silence" };
      case "echoes-wrong":
        return { kind: "wrong-echo" };
      case "dies":
        isDead = true;
        return { kind: "first-byte" };
      default:
        return undefined;
    }
  };
  const settings: UnitSettings = {
    registers: map,
    faults,
    scene,
    onWriting(registers, table, address, words) {
      attempts++;
      if (isDead || fault?.kind === "silent") return undefined;
      if (fault?.kind === "refuses") return { exception: fault.code ?? deviceFailure };
      for (const [index, value] of words.entries()) {
        const exception = refuses?.(registers, table, address + index, value);
        if (exception !== undefined) return { exception };
      }
      if (fault?.kind === "applies-late") {
        after(fault.ms, () => {
          registers.set(table, address, words);
          take(registers, table, address, words);
        });
        return undefined;
      }
      const by = fault?.kind === "applies-other" ? (fault.by ?? 1) : 0;
      const bits = table === "coil";
      const done = by === 0 ? words : words.map((word) => (bits ? 1 - word : (word + by) & 0xffff));
      take(registers, table, address, done);
      return done;
    },
  };
  return {
    settings,
    written,
    get attempts() {
      return attempts;
    },
    fault: (next) => {
      fault = next;
      isDead = next?.kind === "dead";
    },
  };
}

/** An actuator with more to see and to turn. Getters stay getters. */
export function withState<A extends Actuator, State extends object>(actuator: A, state: State): A & State {
  return Object.create(
    {},
    { ...Object.getOwnPropertyDescriptors(actuator), ...Object.getOwnPropertyDescriptors(state) },
  );
}

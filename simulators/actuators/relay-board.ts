import { type ActuatorOptions, createModbusActuator, type ModbusActuator, withState } from "./actuator.ts";

/**
 * A board of four relays, as simulated here (it exists nowhere else).
 *
 * | Place | Content |
 * |---|---|
 * | coil 0..3 | relays |
 * | holding 0 | what the relays are after a power cut, one bit each: lies in memory that wears out |
 * | input 0..7 | how often each relay was written, equal values too: u32 each, high word first |
 * | input 8..9 | how often holding 0 was written: u32 |
 */
export interface RelayBoard extends ModbusActuator {
  /** Whether a relay (0..3) is on. */
  isOn(relay: number): boolean;
  /** How often a relay was written. */
  wear(relay: number): number;
}

const relays = 4;

export function createRelayBoard(options: ActuatorOptions = {}): RelayBoard {
  const on = Array.from({ length: relays }, () => false);
  const worn = Array.from({ length: relays + 1 }, () => 0);
  const actuator = createModbusActuator(
    {
      registers: { coil: { 0: "0000" }, holding: { 0: 0 }, input: { 0: "0000".repeat(2 * (relays + 1)) } },
      refuses: (_registers, table, _address, value) => (table === "holding" && value > 15 ? 3 : undefined),
      taken: (_registers, table, address, value) => {
        if (table === "coil") on[address] = value === 1;
        const memory = table === "coil" ? address : relays;
        worn[memory] = (worn[memory] ?? 0) + 1;
      },
      scene: (registers) =>
        registers.set(
          "input",
          0,
          worn.flatMap((count) => [count >>> 16, count & 0xffff]),
        ),
    },
    options,
  );
  return withState(actuator, {
    isOn: (relay: number) => on[relay] ?? false,
    wear: (relay: number) => worn[relay] ?? 0,
  });
}

import { type ActuatorOptions, createModbusActuator, type ModbusActuator, withState } from "./actuator.ts";

/**
 * A controller of one street lamp on a DALI bus, as simulated here (it exists nowhere else).
 *
 * | Place | Content |
 * |---|---|
 * | holding 0 | commanded level, 0.1 %; 0 is off, 1..99 (below 10 %) is refused with exception 3. Writing it feeds the watchdog |
 * | holding 1 | fade time for all of the range, 0.1 s |
 * | holding 2 | watchdog, s: without a write to holding 0 for so long it goes to the failsafe level; 0: never |
 * | holding 3 | failsafe level, 0.1 % |
 * | input 0 | level now, 0.1 %: follows the command along the fade |
 * | input 1 | power, 0.1 W |
 * | discrete 0 | lamp failure: no power although it should burn |
 * | discrete 1 | the watchdog has run out |
 */
export interface DaliLamp extends ModbusActuator {
  /** Level now, %. */
  readonly level: number;
  /** The lamp breaks, or is replaced. */
  broken: boolean;
}

const fullPowerWatts = 60;
const standbyWatts = 0.5;
const lowest = 100;
const highest = 1000;

export function createDaliLamp(options: ActuatorOptions = {}): DaliLamp {
  const { now = () => performance.now() } = options;
  let from = { level: 0, at: now() };
  let target = 0;
  let fadeMs = 1000;
  let watchdogMs = 0;
  let failsafe = 800;
  let fedAt = now();
  let expired = false;
  let broken = false;

  const levelAt = (at: number): number => {
    const step = ((at - from.at) / Math.max(1, fadeMs)) * highest;
    const away = target - from.level;
    return Math.abs(away) <= step ? target : from.level + Math.sign(away) * step;
  };
  const goTo = (level: number, at: number): void => {
    from = { level: levelAt(at), at };
    target = level;
  };
  /** What has become of it since somebody looked last. */
  const present = (): number => {
    const at = now();
    if (watchdogMs > 0 && !expired && at - fedAt >= watchdogMs) {
      expired = true;
      goTo(failsafe, fedAt + watchdogMs);
    }
    return levelAt(at);
  };
  const actuator = createModbusActuator(
    {
      registers: {
        holding: { 0: 0, 1: 10, 2: 0, 3: failsafe },
        input: { 0: 0, 1: 0 },
        discrete: { 0: "00" },
      },
      refuses: (_registers, table, address, value) => {
        const level = table === "holding" && (address === 0 || address === 3);
        return level && (value > highest || (value > 0 && value < lowest)) ? 3 : undefined;
      },
      taken: (_registers, _table, address, value) => {
        present();
        if (address === 0) {
          fedAt = now();
          expired = false;
          goTo(value, fedAt);
        } else if (address === 1) {
          from = { level: levelAt(now()), at: now() };
          fadeMs = 100 * value;
        } else if (address === 2) {
          watchdogMs = 1000 * value;
          fedAt = now();
        } else if (address === 3) failsafe = value;
      },
      scene: (registers) => {
        const level = present();
        const watts =
          broken || level === 0 ? standbyWatts : standbyWatts + (fullPowerWatts * level) / highest;
        registers.set("input", 0, [Math.round(broken ? 0 : level), Math.round(10 * watts)]);
        registers.set("discrete", 0, [Number(broken && level > 0), Number(expired)]);
      },
    },
    options,
  );
  return withState(actuator, {
    get level() {
      return present() / 10;
    },
    get broken() {
      return broken;
    },
    set broken(next: boolean) {
      broken = next;
    },
  });
}

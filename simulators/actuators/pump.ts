import { type ActuatorOptions, createModbusActuator, type ModbusActuator, withState } from "./actuator.ts";

/**
 * A drainage pump in its sump, as simulated here (it exists nowhere else).
 *
 * | Place | Content |
 * |---|---|
 * | coil 0 | run |
 * | discrete 0 | locked out at the machine: somebody works on it. The controller itself does not look at it |
 * | discrete 1 | runs: follows the command when the contactor has closed |
 * | input 0 | water level, mm |
 *
 * Water rises by 2 mm a second and sinks by 10 mm a second while the pump runs.
 */
export interface Pump extends ModbusActuator {
  readonly isRunning: boolean;
  /** Water level, mm. */
  level: number;
  lockout: boolean;
}

const contactorMs = 500;
const risePerMs = 0.002;
const sinkPerMs = 0.01;
const highest = 4000;

export function createPump(options: ActuatorOptions = {}): Pump {
  const { now = () => performance.now() } = options;
  let level = 1500;
  let lookedAt = now();
  let commanded = { on: false, at: now() - contactorMs };
  let before = false;
  let lockout = false;

  const runsAt = (at: number): boolean => (at - commanded.at >= contactorMs ? commanded.on : before);
  const move = (ms: number, runs: boolean): void => {
    level = Math.min(highest, Math.max(0, level + ms * (risePerMs - (runs ? sinkPerMs : 0))));
  };
  const present = (): void => {
    const at = now();
    const turned = Math.min(at, Math.max(lookedAt, commanded.at + contactorMs));
    move(turned - lookedAt, runsAt(lookedAt));
    move(at - turned, runsAt(turned));
    lookedAt = at;
  };
  const actuator = createModbusActuator(
    {
      registers: { coil: { 0: "0" }, discrete: { 0: "00" }, input: { 0: level } },
      taken: (_registers, _table, _address, value) => {
        present();
        before = runsAt(now());
        commanded = { on: value === 1, at: now() };
      },
      scene: (registers) => {
        present();
        registers.set("discrete", 0, [Number(lockout), Number(runsAt(now()))]);
        registers.set("input", 0, [Math.round(level)]);
      },
    },
    options,
  );
  return withState(actuator, {
    get isRunning() {
      return runsAt(now());
    },
    get level() {
      present();
      return level;
    },
    set level(next: number) {
      present();
      level = next;
    },
    get lockout() {
      return lockout;
    },
    set lockout(next: boolean) {
      lockout = next;
    },
  });
}

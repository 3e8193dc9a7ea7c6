import type { FaultyLineOptions, LineDevice } from "./faulty-line.ts";
import type { LineSettings } from "./line.ts";
import { encode } from "./modbus/framing.ts";
import { type Chance, mainsGround, pulses } from "./physical/disturbances.ts";

/** What a fault is made from. */
export interface FaultInput {
  readonly settings: LineSettings;
  /** The units that gateway.yaml names; the n-th is at the n-th place of the cable. */
  readonly units: readonly number[];
  /** 0 (just so that it can be noticed) to 1 (as bad as it gets). */
  readonly severity: number;
  readonly chance: Chance;
  readonly nowMs: number;
  /** How long the gateway waits for an answer, ms. */
  readonly timeoutMs: number;
}

type Line = Omit<FaultyLineOptions, "now" | "after" | "chance">;

/** A line as it should be: every unit answers after a few milliseconds, with values that move a little. */
export function healthyLine({ settings, units, chance }: FaultInput): Line {
  const length = 50 + 400 * chance();
  return {
    settings,
    devices: units.map((unit) => device(unit, chance)),
    cable: { lengthM: length, bias: chance() < 0.5 ? 0.13 : 0 },
    gateway: { latencyMs: chance() < 0.5 ? 1 : 16, resync: chance() < 0.5 ? "mark" : "start" },
  };
}

function device(unit: number, chance: Chance): LineDevice {
  const base = 3 + 20 * chance();
  const words = Array.from({ length: 60 }, () => Math.floor(65_536 * chance()));
  const hex = words.map((word) => word.toString(16).padStart(4, "0")).join("");
  return {
    unit,
    strict: chance() < 0.8,
    modbus: {
      registers: { holding: { 0: hex }, input: { 0: hex } },
      turnaroundMs: () => base * (0.8 + 0.4 * chance()),
      // A measured value never stands still.
      scene: (registers) => registers.setInteger("holding", 1, 2300 + 20 * chance()),
    },
  };
}

const other = (line: Line, change: (device: LineDevice, index: number) => Partial<LineDevice>): Line => ({
  ...line,
  devices: line.devices.map((one, index) => ({ ...one, ...change(one, index) })),
});

const scaled = (from: number, to: number, severity: number): number => from * (to / from) ** severity;

const speeds = [1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200];

/** By name: what is done to a healthy line. */
export const lineFaults = {
  none: healthyLine,
  "one unit without power": (input) => {
    const line = healthyLine(input);
    const dead = Math.floor(input.chance() * line.devices.length);
    return { ...line, devices: line.devices.filter((_, index) => index !== dead) };
  },
  "wrong stop bits": (input) => {
    const { stopBits = 1 } = input.settings;
    return other(healthyLine(input), () => ({
      settings: { ...input.settings, stopBits: stopBits === 1 ? 2 : 1 },
    }));
  },
  "all without power": (input) => ({ ...healthyLine(input), devices: [] }),
  "swapped at the gateway": (input) => {
    const line = healthyLine(input);
    // Bias resistors in the gateway's adapter, out on the line, or nowhere.
    const bias = [-0.13, 0.13, 0][Math.floor(3 * input.chance())]!;
    return { ...line, gateway: { ...line.gateway, swapped: true }, cable: { ...line.cable, bias } };
  },
  "swapped at one device": (input) => {
    const bad = Math.floor(input.chance() * input.units.length);
    return other(healthyLine(input), (_, index) => ({ swapped: index === bad }));
  },
  "no termination": (input) => {
    const line = healthyLine(input);
    const { severity, chance } = input;
    return {
      ...line,
      cable: {
        ...line.cable,
        terminated: false,
        lengthM: scaled(500, 1200, severity),
        stubsM: [40 + 120 * chance(), 30 + 90 * chance()],
        noise: 0.1,
      },
    };
  },
  echo: (input) => {
    const line = healthyLine(input);
    return { ...line, gateway: { ...line.gateway, deafFor: () => 0 } };
  },
  "damaged echo": (input) => {
    // The receiver comes on some time after the driver, in the middle of a character.
    const line = healthyLine(input);
    const characters = 1 + 3 * input.chance();
    const ms = (characters * 11_000) / input.settings.baud;
    return { ...line, gateway: { ...line.gateway, deafFor: () => ms * (0.5 + input.chance()) } };
  },
  "wrong parity": (input) => {
    const { parity = "none" } = input.settings;
    const others = (["none", "even", "odd"] as const).filter((one) => one !== parity);
    const chosen = others[Math.floor(input.chance() * others.length)]!;
    return other(healthyLine(input), () => ({ settings: { ...input.settings, parity: chosen } }));
  },
  "wrong speed": (input) => {
    const { baud } = input.settings;
    const near = speeds.filter((one) => one !== baud && one >= baud / 4 && one <= baud * 4);
    const chosen = near[Math.floor(input.chance() * near.length)]!;
    return other(healthyLine(input), () => ({ settings: { ...input.settings, baud: chosen } }));
  },
  "one unit with wrong parity": (input) => {
    const bad = Math.floor(input.chance() * input.units.length);
    const parity = (input.settings.parity ?? "none") === "none" ? "even" : "none";
    return other(healthyLine(input), (_, index) =>
      index === bad ? { settings: { ...input.settings, parity } } : {},
    );
  },
  "duplicate address": (input) => {
    const line = healthyLine(input);
    const { chance } = input;
    const twice = Math.floor(chance() * input.units.length);
    const twin = device(input.units[twice]!, chance);
    return {
      ...line,
      devices: [...line.devices, { ...twin, strength: 0.6 + 0.8 * chance() }],
    };
  },
  ground: (input) => {
    const { severity, chance } = input;
    const shape = {
      share: scaled(0.08, 0.4, severity),
      phase: chance(),
      // The frequency of the Nordic grid stays within 50 Hz +- 0.1 Hz, mostly half of it.
      periodMs: (chance() < 0.5 ? 20 : 10) * (0.999 + 0.002 * chance()),
      space: 0.3 + 0.6 * chance(),
    } as const;
    const disturb = (phase: number) => [mainsGround({ ...shape, phase, seed: Math.floor(1e9 * chance()) })];
    const line = healthyLine(input);
    return {
      ...other(line, () => ({ disturbances: disturb(shape.phase + 0.05 * chance()) })),
      gateway: { ...line.gateway, disturbances: disturb(shape.phase) },
    };
  },
  "late answers": (input) => {
    const { severity, chance, timeoutMs } = input;
    const slow = scaled(1.05, 3, severity) * timeoutMs;
    return other(healthyLine(input), (one) => ({
      modbus: { ...one.modbus, turnaroundMs: () => slow * (0.95 + 0.3 * chance()) },
    }));
  },
  noise: (input) => {
    const { severity, chance, nowMs } = input;
    const baudMs = 1000 / input.settings.baud;
    const disturb = () => [
      pulses({
        perSecond: scaled(8, 120, severity),
        meanMs: Math.max(0.03, baudMs * (0.4 + chance())),
        chance,
        startMs: nowMs,
      }),
    ];
    const line = healthyLine(input);
    return {
      ...other(line, () => ({ disturbances: disturb() })),
      gateway: { ...line.gateway, disturbances: disturb() },
    };
  },
  "stuck driver": (input) => ({ ...healthyLine(input), stuck: scaled(1.5, 5, input.severity) }),
  babbler: (input) => {
    const { chance } = input;
    const bytes = chance() < 0.5 ? new Uint8Array(16) : Uint8Array.from({ length: 16 }, () => 256 * chance());
    return { ...healthyLine(input), babbler: { bytes, strength: 1 } };
  },
  "second master": (input) => {
    const { severity, chance, units } = input;
    const line = healthyLine(input);
    const registers = 2 + Math.floor(20 * chance());
    const frames = [...units, 40].map((unit) => encode("rtu", unit, Uint8Array.of(3, 0, 0, 0, registers), 0));
    const every = scaled(1500, 250, severity);
    return {
      ...line,
      master: { frames, everyMs: () => every * (0.9 + 0.2 * chance()) },
    };
  },
} satisfies Readonly<Record<string, (input: FaultInput) => Line>>;

export type LineFault = keyof typeof lineFaults;

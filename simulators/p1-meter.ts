import { buildingLoad, type Nature } from "./scenes/nature.ts";
import { type After, after, type Wire } from "./wire.ts";

/** What stands in one telegram of a Swedish three-phase meter. Powers in kW and kvar, energies in kWh and kvarh. */
export interface P1State {
  /** Unix ms. */
  readonly time: number;
  readonly energyImport: number;
  readonly energyExport: number;
  readonly reactiveImport: number;
  readonly reactiveExport: number;
  /** Per phase; positive = import. */
  readonly power: readonly [number, number, number];
  readonly reactive: readonly [number, number, number];
  readonly voltage: readonly [number, number, number];
}

/** CRC-16 of the telegram, bit by bit: x^16 + x^15 + x^2 + 1, least significant bit first, starts at 0. */
function checksum(text: string): string {
  let register = 0;
  for (const character of text) {
    register ^= character.charCodeAt(0);
    for (let bit = 0; bit < 8; bit++) {
      const carry = register % 2 === 1;
      register = Math.floor(register / 2);
      if (carry) register ^= 0b1010_0000_0000_0001;
    }
  }
  return register.toString(16).toUpperCase().padStart(4, "0");
}

/** YYMMDDhhmmssW: Swedish normal time, all year. */
function clock(unixMs: number): string {
  const digits = new Date(unixMs + 3_600_000).toISOString().replace(/\D/g, "");
  return `${digits.slice(2, 14)}W`;
}

function fixed(value: number, whole: number, decimals: number): string {
  return value.toFixed(decimals).padStart(whole + 1 + decimals, "0");
}

const imported = (value: number) => Math.max(0, value);
const exported = (value: number) => Math.max(0, -value);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** The telegram that a meter with the Swedish list sends on its H1 port, with line ends and checksum. */
export function p1Telegram(state: P1State, ident = "SIM5STADSNOD"): string {
  const { time, power, reactive, voltage } = state;
  const lines = [
    `0-0:1.0.0(${clock(time)})`,
    `1-0:1.8.0(${fixed(state.energyImport, 8, 3)}*kWh)`,
    `1-0:2.8.0(${fixed(state.energyExport, 8, 3)}*kWh)`,
    `1-0:3.8.0(${fixed(state.reactiveImport, 8, 3)}*kVArh)`,
    `1-0:4.8.0(${fixed(state.reactiveExport, 8, 3)}*kVArh)`,
  ];
  const totals = [
    [1, imported(sum(power)), "kW"],
    [2, exported(sum(power)), "kW"],
    [3, imported(sum(reactive)), "kVAr"],
    [4, exported(sum(reactive)), "kVAr"],
  ] as const;
  for (const [code, value, unit] of totals) lines.push(`1-0:${code}.7.0(${fixed(value, 4, 3)}*${unit})`);
  for (const [phase, value] of power.entries()) {
    lines.push(`1-0:${21 + 20 * phase}.7.0(${fixed(imported(value), 4, 3)}*kW)`);
    lines.push(`1-0:${22 + 20 * phase}.7.0(${fixed(exported(value), 4, 3)}*kW)`);
  }
  for (const [phase, value] of reactive.entries()) {
    lines.push(`1-0:${23 + 20 * phase}.7.0(${fixed(imported(value), 4, 3)}*kVAr)`);
    lines.push(`1-0:${24 + 20 * phase}.7.0(${fixed(exported(value), 4, 3)}*kVAr)`);
  }
  for (const [phase, value] of voltage.entries())
    lines.push(`1-0:${32 + 20 * phase}.7.0(${fixed(value, 3, 1)}*V)`);
  for (const [phase, value] of voltage.entries()) {
    const amperes = (1000 * Math.hypot(power[phase] ?? 0, reactive[phase] ?? 0)) / value;
    lines.push(`1-0:${31 + 20 * phase}.7.0(${fixed(amperes, 3, 1)}*A)`);
  }
  const body = `/${ident}\r\n\r\n${lines.map((line) => `${line}\r\n`).join("")}!`;
  return `${body}${checksum(body)}\r\n`;
}

/** The load of a building that draws up to `peakW`, and its energies since the meter was built. */
export function p1Scene(nature: Nature, peakW: number): () => P1State {
  let last = nature.now();
  const energies = { import: 18_402.337, reactive: 2911.052 };
  return () => {
    const time = nature.now();
    const hours = (time - last) / 3_600_000;
    last = time;
    const shares = [0.38, 0.29, 0.33].map((share) => share + (nature.random() - 0.5) / 20);
    const kilowatts = (peakW / 1000) * buildingLoad(time);
    const [a = 0, b = 0, c = 0] = shares.map((share) => share * kilowatts);
    const volts = () => 230.5 + (nature.random() - 0.5) * 3;
    energies.import += (a + b + c) * hours;
    energies.reactive += 0.2 * (a + b + c) * hours;
    return {
      time,
      energyImport: energies.import,
      energyExport: 0,
      reactiveImport: energies.reactive,
      reactiveExport: 0,
      power: [a, b, c],
      reactive: [0.2 * a, 0.2 * b, 0.2 * c],
      voltage: [volts(), volts(), volts()],
    };
  };
}

export interface P1MeterOptions {
  readonly state: () => P1State;
  /** From one telegram to the next: 10 s as Swedish meters do unless given, 1 s as those of DSMR 5. */
  readonly everyMs?: number | undefined;
  readonly ident?: string | undefined;
  readonly after?: After | undefined;
  /** What is done to a telegram before it goes out: damaged, cut off, left out. */
  readonly distort?: ((telegram: string) => string) | undefined;
}

/** Sends a telegram now and every so often, until disposed. What the gateway sends is not heard. */
export function attachP1Meter(
  wire: Wire,
  { state, everyMs = 10_000, ident, after: wait = after, distort = (telegram) => telegram }: P1MeterOptions,
): Disposable {
  wire.receive(() => {});
  let timer: Disposable | undefined;
  const send = () => {
    wire.send(Buffer.from(distort(p1Telegram(state(), ident)), "latin1"));
    timer = wait(everyMs, send);
  };
  send();
  return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
}

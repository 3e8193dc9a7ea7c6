import type { UnitSettings } from "../modbus/device.ts";
import type { Registers } from "../modbus/registers.ts";
import { buildingLoad, counter, type Nature, wanderer } from "./nature.ts";

// Input registers of the Eastron meters: 32-bit floats, high word first, one every two addresses
// (Eastron SDM630 Modbus protocol, table of input registers; the SDM120 answers a subset of it).
const sdm630Floats = [
  0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 52, 56, 60, 62, 66, 70, 72, 74, 76, 78,
  234, 236, 238, 248, 342, 344,
];
const sdm120Floats = [0, 6, 12, 18, 24, 30, 70, 72, 74, 76, 78, 342, 344];

const zeros = (addresses: readonly number[]): Record<string, string> =>
  Object.fromEntries(addresses.map((address) => [address, "0000 0000"]));

/** A three-phase meter in front of a building that draws up to `peakW`. The SDM630 maps gaps as zeros. */
export function sdm630(nature: Nature, peakW: number): UnitSettings {
  const voltages = [231.2, 229.8, 230.6].map((start) => wanderer(nature, start, { pull: 0.05, push: 1.2 }));
  const shares = [0.38, 0.29, 0.33].map((start) => wanderer(nature, start, { pull: 0.1, push: 0.03 }));
  const frequency = wanderer(nature, 50, { pull: 0.2, push: 0.02 });
  const imported = counter(nature, 48_211.37);
  const reactiveImported = counter(nature, 6_120.9);
  const scene = (registers: Registers): void => {
    const set = (address: number, value: number) => registers.setFloat("input", address, value);
    const load = peakW * buildingLoad(nature.now());
    let power = 0;
    let reactive = 0;
    let apparent = 0;
    for (let phase = 0; phase < 3; phase++) {
      const volts = voltages[phase]!(230.5);
      const watts = load * Math.max(0.05, shares[phase]!(1 / 3));
      const vars = watts * 0.24;
      const voltAmperes = Math.hypot(watts, vars);
      const at = phase * 2;
      set(0 + at, volts);
      set(6 + at, voltAmperes / volts);
      set(12 + at, watts);
      set(18 + at, voltAmperes);
      set(24 + at, vars);
      set(30 + at, watts / voltAmperes);
      set(234 + at, 2.1 + nature.random() * 0.3);
      power += watts;
      reactive += vars;
      apparent += voltAmperes;
    }
    set(52, power);
    set(56, apparent);
    set(60, reactive);
    set(62, power / apparent);
    set(66, (Math.acos(power / apparent) * 180) / Math.PI);
    set(70, frequency(50));
    const energy = imported(power / 1000);
    const reactiveEnergy = reactiveImported(reactive / 1000);
    set(72, energy);
    set(76, reactiveEnergy);
    set(248, 2.3);
    set(342, energy);
    set(344, reactiveEnergy);
  };
  return { registers: { input: zeros(sdm630Floats) }, unmapped: "zeros", maxRegisters: 80, scene };
}

/** A single-phase meter, for a lamp circuit or a charging post. */
export function sdm120(nature: Nature, watts: (unixMs: number) => number): UnitSettings {
  const volts = wanderer(nature, 230.1, { pull: 0.05, push: 1.2 });
  const frequency = wanderer(nature, 50, { pull: 0.2, push: 0.02 });
  const imported = counter(nature, 1_204.118);
  const scene = (registers: Registers): void => {
    const set = (address: number, value: number) => registers.setFloat("input", address, value);
    const voltage = volts(230.3);
    const power = watts(nature.now()) * (0.99 + nature.random() * 0.02);
    const reactive = power * 0.31;
    const apparent = Math.hypot(power, reactive);
    set(0, voltage);
    set(6, apparent / voltage);
    set(12, power);
    set(18, apparent);
    set(24, reactive);
    set(30, apparent === 0 ? 1 : power / apparent);
    set(70, frequency(50));
    const energy = imported(power / 1000);
    set(72, energy);
    set(342, energy);
  };
  return {
    registers: { input: zeros(sdm120Floats) },
    unmapped: "zeros",
    turnaroundMs: 12,
    maxRegisters: 80,
    scene,
  };
}

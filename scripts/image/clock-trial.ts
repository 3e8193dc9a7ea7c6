import { rmSync } from "node:fs";
import { join } from "node:path";
import { missingIn } from "./books.ts";
import type { City } from "./city.ts";
import { orMachineEnds, switchOn } from "./field-trial.ts";
import { ImageError } from "./process.ts";

// A gateway without a clock of its own, as every Raspberry Pi up to the 4 is: QEMU's raspi3b, with the image for the Pi.

const gateway = "gw-no-clock";
const patience = 2400;
/** Between a frame's end in the guest and this machine's clock, and back. */
const toleranceMs = 3000;

export interface ClockTrial {
  /** Of a new card, from power-on until its first reading was at the platform. */
  readonly seconds: number;
  /** The same after a power cut, without a time server: until the city heard that the clock is not trusted. */
  readonly untrustedSeconds: number;
  /** Readings of that start whose time was only estimated, and all of them. */
  readonly estimated: number;
  readonly readings: number;
}

/**
 * A new card in a machine without a clock: it enrols and its readings bear the right time. Then its power goes, and it
 * comes back without a time server: it says that it does not know the time, and keeps reading. Once the server answers
 * again, what it read meanwhile has come with the time it was read at, or marked as estimated. Throws ImageError otherwise.
 *
 * @param image for the Pi
 */
export async function clockTrial(
  image: string,
  cache: string,
  city: City,
  { told = (_: string) => {}, log = `${image}.console.log` } = {},
): Promise<ClockTrial> {
  const disk = join(cache, `${gateway}.img`);
  rmSync(disk, { force: true });
  const on = () => switchOn(image, city, { board: "raspi3b", disk, gateway, log, units: {} });
  const since = (from: number) => Math.round((Date.now() - from) / 1000);
  const clock = () => {
    const state = city.platform.state(gateway);
    return typeof state === "object" && state !== null ? Reflect.get(state, "clock") : undefined;
  };
  try {
    const begun = Date.now();
    let machine = await on();
    try {
      const first = await orMachineEnds(
        machine,
        city.reading((reading) => reading.gateway === gateway),
        patience,
      );
      const seconds = since(begun);
      told(`enrolled, first reading after ${seconds} s`);
      if (clock() !== "trusted")
        await orMachineEnds(
          machine,
          city.platform.until(() => clock() === "trusted"),
          patience,
        );
      await machine[Symbol.asyncDispose]();

      city.tellsTime = false;
      const again = Date.now();
      machine = await on();
      await orMachineEnds(
        machine,
        city.platform.until(() => clock() === "untrusted"),
        patience,
      );
      const untrustedSeconds = since(again);
      told(`after a power cut and without a time server: says so after ${untrustedSeconds} s`);
      city.tellsTime = true;
      await orMachineEnds(
        machine,
        city.platform.until(() => clock() === "trusted"),
        patience,
      );
      const settled = (async () => {
        while (missingIn(mine(city)).length > 0) await city.booked((line) => line.gateway === gateway);
      })();
      await orMachineEnds(machine, settled, 300).catch(() => {});
      await orMachineEnds(
        machine,
        city.reading((reading) => reading.gateway === gateway && !reading.estimated),
        patience,
      );

      const readings = city.readings.filter((reading) => reading.gateway === gateway);
      const second = readings.filter(({ run }) => run !== first.run);
      const wrong = readings.filter(
        ({ run, time, estimated }) =>
          !estimated &&
          (time < (run === first.run ? begun : again) - toleranceMs || time > Date.now() + toleranceMs),
      );
      const missing = missingIn(mine(city));
      if (wrong.length > 0 || missing.length > 0)
        throw new ImageError(
          `${wrong.length} readings have a wrong time, the first ${JSON.stringify(wrong[0])}; missing: ${JSON.stringify(missing)}`,
        );
      const estimated = second.filter((reading) => reading.estimated).length;
      return { seconds, untrustedSeconds, estimated, readings: second.length };
    } finally {
      city.tellsTime = true;
      await machine[Symbol.asyncDispose]();
    }
  } finally {
    rmSync(disk, { force: true });
  }
}

const mine = (city: City) => city.books.filter((line) => line.gateway === gateway);

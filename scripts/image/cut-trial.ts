import { rmSync } from "node:fs";
import { join } from "node:path";
import type { City, UpdateReport } from "./city.ts";
import { fieldTrial, gateway, nextReport, orMachineEnds, switchOn } from "./field-trial.ts";
import { variantOfTrial } from "./variant.ts";

// Power cuts in the middle of updates, on a machine that really boots: QEMU is killed, and switched on again.

/** When the power goes: so many lines after a pattern was on the console. */
interface Moment {
  readonly name: string;
  readonly pattern: RegExp;
  readonly lines?: number;
}

const phase = (name: string, lines = 0): Moment => ({
  name: lines === 0 ? name : `${name}, ${lines} lines later`,
  pattern: new RegExp(`"phase":"${name}"`),
  lines,
});

/** Every state of the update's state machine, and what happens between them. */
export const moments: readonly Moment[] = [
  phase("downloading"),
  phase("verified"),
  phase("installing"),
  {
    name: "RAUC opens the bundle",
    pattern: /Verified .*signature|Verified inline signature|Checking bundle/,
  },
  { name: "the root is being written", pattern: /writing data to device \/dev\/disk\/by-partlabel\/root/ },
  { name: "the root has been written", pattern: /Updating \/dev\/disk\/by-partlabel\/boot/ },
  { name: "the kernel is being written", pattern: /writing data to device \/dev\/disk\/by-partlabel\/boot/ },
  phase("installed"),
  phase("rebooting"),
  { name: "the services stop", pattern: /Stopping stadsnod\.service/ },
  { name: "the boot loader has read its state", pattern: /stadsnod: boot order/ },
  { name: "the boot loader has spent a try", pattern: /starting slot/ },
  { name: "the kernel starts", pattern: /Starting kernel/ },
  { name: "the first root is done", pattern: /DEVELOPMENT BUILD/ },
  { name: "the gateway starts", pattern: /Starting stadsnod\.service/, lines: 1 },
  phase("trying"),
  phase("trying", 3),
  phase("committing"),
  { name: "the slot is marked good", pattern: /Marked slot .* as good/ },
  phase("committed"),
];

export interface CutTrial {
  readonly name: string;
  /** How the update ended after the cut, and in which slot the machine runs. */
  readonly end: UpdateReport;
  readonly slot: string;
}

/**
 * One gateway, an update per moment, its power cut then. Each time it must boot again, and the update end as kept (the
 * new version) or refused or given up (the former one); the next one is asked of it all the same.
 *
 * @param told hears of each trial as it ends
 */
export async function cutTrials(
  image: string,
  cache: string,
  city: City,
  { count = moments.length, told = (_: CutTrial) => {} } = {},
): Promise<readonly CutTrial[]> {
  const disk = join(cache, "cut-trial.img");
  const bundle = join(cache, "cut-trial.raucb");
  rmSync(disk, { force: true });
  const trials: CutTrial[] = [];
  let machine = await switchOn(image, city, { disk });
  try {
    await fieldTrial(machine, city);
    for (const [index, { name, pattern, lines = 0 }] of moments.slice(0, count).entries()) {
      const version = `0.${index + 2}.0`;
      await variantOfTrial(image, cache, version, bundle);
      const ended = city.report(
        (report) =>
          report.target === version && ["committed", "rolled-back", "refused"].includes(report.phase),
      );
      await city.want(gateway, version, bundle);
      await machine.seen(pattern, 1800);
      for (let line = 0; line < lines; line++) await machine.seen(/\n/, 600);
      await machine[Symbol.asyncDispose]();
      machine = await switchOn(image, city, { disk });
      await nextReport(machine, 900);
      // A state that has ended before the cut is told again by the retained message, and by the next start.
      const end = await orMachineEnds(machine, ended, 1800);
      const slot =
        /stadsnod: starting slot ([AB])(?![\s\S]*stadsnod: starting slot)/.exec(machine.console)?.[1] ?? "";
      const trial = { name, end, slot };
      trials.push(trial);
      told(trial);
    }
    return trials;
  } finally {
    await machine[Symbol.asyncDispose]();
    for (const file of [disk, bundle]) rmSync(file, { force: true });
  }
}

import type { City, UpdateReport } from "./city.ts";
import { gateway, nextReport, orMachineEnds, type Report } from "./field-trial.ts";
import type { Machine } from "./qemu.ts";

/** How an update ended, and what the guest said of itself afterwards. */
export interface UpdateTrial {
  readonly end: UpdateReport;
  /** After the last start. */
  readonly report: Report;
  /** Phases as the city heard them, from this update's first on. */
  readonly phases: readonly string[];
}

/** The city wants a bundle that works: it is installed, started, and kept by the health gate. */
export function updateTrial(
  machine: Machine,
  city: City,
  version: string,
  bundle: string,
): Promise<UpdateTrial> {
  return trial(machine, city, { version, bundle, phase: "committed", starts: 1 });
}

/** The city wants a bundle that does not work: it starts, nobody vouches for it, and the former system comes back. */
export function badUpdateTrial(
  machine: Machine,
  city: City,
  version: string,
  bundle: string,
): Promise<UpdateTrial> {
  return trial(machine, city, { version, bundle, phase: "rolled-back", starts: 2 });
}

interface Expected {
  readonly version: string;
  readonly bundle: string;
  /** How it ends. */
  readonly phase: string;
  /** Starts of the machine until then. */
  readonly starts: number;
}

async function trial(
  machine: Machine,
  city: City,
  { version, bundle, phase, starts }: Expected,
): Promise<UpdateTrial> {
  const from = city.reports.length;
  const ended = city.report((report) => report.phase === phase && report.target === version);
  await city.want(gateway, version, bundle);
  for (let start = 0; start < starts; start++) await machine.seen(/stadsnod: starting slot/, 900);
  const report = await nextReport(machine, 900);
  const end = await orMachineEnds(machine, ended, 900);
  return { end, report, phases: city.reports.slice(from).map((one) => one.phase) };
}

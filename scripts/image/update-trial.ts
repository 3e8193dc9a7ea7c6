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
export async function updateTrial(
  machine: Machine,
  city: City,
  version: string,
  bundle: string,
): Promise<UpdateTrial> {
  const from = city.reports.length;
  const kept = city.report(({ phase, target }) => phase === "committed" && target === version);
  await city.want(gateway, version, bundle);
  const report = await nextReport(machine, 900);
  const end = await orMachineEnds(machine, kept, 900);
  return { end, report, phases: city.reports.slice(from).map(({ phase }) => phase) };
}

/** The city wants a bundle that does not work: the former system comes back by itself. */
export async function badUpdateTrial(
  machine: Machine,
  city: City,
  version: string,
  bundle: string,
): Promise<UpdateTrial> {
  const from = city.reports.length;
  const back = city.report(({ phase, target }) => phase === "rolled-back" && target === version);
  await city.want(gateway, version, bundle);
  // It starts, and nobody vouches for it.
  await machine.seen(/stadsnod: starting slot/, 900);
  await machine.seen(/stadsnod: starting slot/, 900);
  const report = await nextReport(machine, 900);
  const end = await orMachineEnds(machine, back, 600);
  return { end, report, phases: city.reports.slice(from).map(({ phase }) => phase) };
}

import type { MachineSource } from "../../commissioning/machine.ts";
import { progressFile, readProgress, type ToldProgress } from "../../enrolment/progress-file.ts";

/** What `stadsnod enrol`, another process, has told last; undefined where it has told nothing that can be understood. */
export async function readEnrolment(machine: MachineSource): Promise<ToldProgress | undefined> {
  const text = await machine.read(progressFile);
  return text === undefined ? undefined : readProgress(text);
}

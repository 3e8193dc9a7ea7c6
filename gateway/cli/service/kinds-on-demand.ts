import type { JobKinds } from "../../commissioning/jobs.ts";
import { jobKinds as names } from "../../model/job.ts";
import type { KindsOptions } from "./kinds.ts";

/**
 * As `jobKinds`, whose program is loaded when the first job is asked for: a gateway that nobody is looking after needs
 * no doctor in its memory.
 */
export function jobKindsOnDemand(options: KindsOptions): JobKinds {
  let made: Required<JobKinds> | undefined;
  const load = async (): Promise<Required<JobKinds>> => {
    const { jobKinds } = await import("./kinds.ts");
    made ??= jobKinds(options);
    return made;
  };
  return Object.fromEntries(
    names.map((name) => [
      name,
      async (what: Readonly<Record<string, unknown>>, by: string) => (await load())[name](what, by),
    ]),
  );
}

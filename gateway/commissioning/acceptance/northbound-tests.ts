import type { JobKinds, JobStep } from "../jobs.ts";

/**
 * The same kinds of jobs; what a northbound-test finds is also told to `note`: the far side, and whether nothing
 * failed. A test that was stopped says nothing.
 */
export function noteNorthboundTests(
  kinds: JobKinds,
  note: (northbound: string, ok: boolean) => Promise<void>,
): JobKinds {
  const make = kinds["northbound-test"];
  if (!make) return kinds;
  return {
    ...kinds,
    "northbound-test": async (what, by) => {
      const prepared = await make(what, by);
      const northbound = String(what.northbound);
      return {
        ...prepared,
        run: (signal) => noted(prepared.run(signal), signal, (ok) => note(northbound, ok)),
      };
    },
  };
}

async function* noted(
  steps: AsyncIterable<JobStep>,
  signal: AbortSignal,
  note: (ok: boolean) => Promise<void>,
): AsyncGenerator<JobStep> {
  let checks = 0;
  let failed = 0;
  try {
    for await (const step of steps) {
      if (step.finding?.kind === "check") {
        checks++;
        if (step.finding.result === "failed") failed++;
      }
      yield step;
    }
  } catch (error) {
    if (!signal.aborted) await note(false);
    throw error;
  }
  // A test that looked at nothing has shown nothing.
  if (!signal.aborted) await note(checks > 0 && failed === 0);
}

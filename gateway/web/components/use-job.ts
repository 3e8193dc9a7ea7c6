import { useEffect, useState } from "preact/hooks";
import { ApiError, ask, at, post, remove } from "../api.ts";
import type { Job, JobKind } from "../types.ts";
import { useStream } from "./use-stream.ts";

export interface Followed {
  readonly job: Job | undefined;
  readonly error: unknown;
  start(kind: JobKind, what?: Readonly<Record<string, unknown>>): Promise<void>;
  stop(): Promise<void>;
  /** Shows a job that is there already. */
  show(job: Job): void;
}

/**
 * A long work of the gateway, followed as it goes on. With `kind`, one of that kind that runs already is taken up: the
 * page may have been closed meanwhile.
 */
export function useJob(kind?: JobKind): Followed {
  const [job, setJob] = useState<Job>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    if (kind === undefined) return;
    const looking = new AbortController();
    ask<readonly Job[]>("/v1/jobs", { signal: looking.signal }).then(
      (jobs) => {
        const running = jobs.find((one) => one.kind === kind && one.state === "running");
        if (running) setJob((before) => before ?? running);
      },
      (caught: unknown) => {
        // A gateway without jobs says so when one is started.
        if (!looking.signal.aborted && !(caught instanceof ApiError)) setError(caught);
      },
    );
    return () => looking.abort();
  }, [kind]);
  useStream<Job>(job?.state === "running" ? at`/v1/jobs/${job.id}/events` : undefined, {
    data: setJob,
    isLast: ({ state }) => state !== "running",
  });
  return {
    job,
    error,
    show: setJob,
    async start(asked, what = {}) {
      setError(undefined);
      try {
        setJob(await post<Job>("/v1/jobs", { kind: asked, ...what }));
      } catch (caught) {
        setError(caught);
      }
    },
    async stop() {
      if (job) await remove(at`/v1/jobs/${job.id}`);
    },
  };
}

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { ApiError } from "../api.ts";
import { Button } from "../components/button.tsx";
import { ErrorBox, Notice } from "../components/error-box.tsx";
import { Icon } from "../components/icon.tsx";
import { JobProgressBar } from "../components/progress.tsx";
import { say } from "../text/text.ts";
import type { CheckDone, Job } from "../types.ts";
import { stopJob, useJob } from "./store.ts";
import { words } from "./words.ts";

// What several steps are made of.

/** Runs something that may be refused: `busy` while it runs, `error` when it was. */
export function useAction() {
  const busy = useSignal(false);
  const error = useSignal<ApiError | undefined>(undefined);
  const run = async (action: () => Promise<unknown>): Promise<boolean> => {
    if (busy.value) return false;
    busy.value = true;
    error.value = undefined;
    try {
      await action();
      return true;
    } catch (cause) {
      if (!(cause instanceof ApiError)) throw cause;
      error.value = cause;
      return false;
    } finally {
      busy.value = false;
    }
  };
  return { busy, error, run };
}

export function Refusal({ error }: { error: ApiError | undefined }) {
  return error ? <ErrorBox error={error} /> : null;
}

/** A job that runs, whoever began it. */
export function RunningJob({ job }: { job: Job }) {
  useJob(job);
  const { lines, by } = words();
  const label = lines.running[job.kind];
  return (
    <section class="wz-job" aria-label={`${label}: ${job.subject}`}>
      <p>
        <strong>{label}</strong> <span class="wz-name">{job.subject}</span>{" "}
        <span class="quiet">{by(job.by)}</span>
      </p>
      <JobProgressBar progress={job.progress} />
      <Button kind="danger" icon="stop" press={() => stopJob(job.id)}>
        {lines.stop}
      </Button>
    </section>
  );
}

/** How a job ended, where that is to be said. */
export function JobEnd({ job }: { job: Job }) {
  const { lines } = words();
  if (job.state === "stopped") return <Notice tone="info">{lines.stopped}</Notice>;
  if (job.state !== "failed") return null;
  const { message = "", hint } = job.error ?? {};
  return (
    <Notice tone="bad">
      <p>
        <strong>{lines.failed}</strong>
      </p>
      <p>{message}</p>
      {hint && <p>{hint}</p>}
    </Notice>
  );
}

const order: readonly CheckDone["result"][] = ["failed", "warning", "ok", "not-applicable"];
const icons = { ok: "check", warning: "warning", failed: "stop", "not-applicable": "info" } as const;
const tones = { ok: "good", warning: "warn", failed: "bad", "not-applicable": "off" } as const;

/** Checks with what to do; the worst first unless their order tells something. */
export function Checks({ checks, inOrder = false }: { checks: readonly CheckDone[]; inOrder?: boolean }) {
  const { results, whatToDo } = words();
  const sorted = inOrder
    ? checks
    : checks.toSorted((a, b) => order.indexOf(a.result) - order.indexOf(b.result));
  return (
    <ul class="wz-checks">
      {sorted.map((check) => (
        <li key={`${check.id} ${check.subject ?? ""}`} class={`wz-check tone-${tones[check.result]}`}>
          <Icon name={icons[check.result]} />
          <div>
            <p>
              <span class="hidden">{results[check.result]}: </span>
              <Commands text={say(check.message)} />
            </p>
            {check.fix && check.result !== "ok" && (
              <p class="wz-fix">
                <strong>{whatToDo}</strong> <Commands text={say(check.fix)} />
              </p>
            )}
          </div>
        </li>
      ))}
    </ul>
  );
}

/** A text in which what stands between backticks is a command. */
export function Commands({ text }: { text: string }) {
  const parts = text.split("`").map((part, index) => ({ part, isCode: index % 2 === 1, at: index }));
  return <>{parts.map(({ part, isCode, at }) => (isCode ? <code key={at}>{part}</code> : part))}</>;
}

/** What one looks at only when one wants to know more. */
export function More({
  summary,
  children,
  open,
}: {
  summary: string;
  children: ComponentChildren;
  open?: boolean;
}) {
  return (
    <details class="wz-more" {...(open ? { open } : {})}>
      <summary>{summary}</summary>
      {children}
    </details>
  );
}

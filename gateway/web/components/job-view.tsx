import type { ComponentChildren } from "preact";
import { adminWords } from "../pages/admin.words.ts";
import { say, words } from "../text/text.ts";
import type { CheckDone, Finding, Job } from "../types.ts";
import { Age } from "./age.tsx";
import { Badge, StateBadge, type Tone } from "./badge.tsx";
import { Button } from "./button.tsx";
import { Notice } from "./error-box.tsx";
import { JobProgressBar } from "./progress.tsx";

/** A job: how far it is, why it failed, and below it what it found. */
export function JobView({
  job,
  stop,
  children,
}: {
  job: Job;
  stop: () => Promise<void>;
  children?: ComponentChildren;
}) {
  return (
    <div class="stack">
      <div class="row spread">
        <span class="row">
          <StateBadge state={job.state} />
          <span class="quiet">
            <Age iso={job.endedAt ?? job.startedAt} />
          </span>
        </span>
        {job.state === "running" && <Button press={stop}>{words.value.jobState.stop}</Button>}
      </div>
      {job.state === "running" && <JobProgressBar progress={job.progress} />}
      {job.error && (
        <Notice tone="bad">
          <p>
            <strong>{job.error.message}</strong>
          </p>
          {job.error.hint && <p>{job.error.hint}</p>}
        </Notice>
      )}
      {children}
    </div>
  );
}

const tones: Record<CheckDone["result"], Tone> = {
  failed: "bad",
  warning: "warn",
  ok: "good",
  "not-applicable": "off",
};
const worstFirst: readonly CheckDone["result"][] = ["failed", "warning", "ok", "not-applicable"];

/** Looks of the doctor and steps of a test; `sorted`: the worst first. */
export function Checks({ findings, sorted }: { findings: readonly Finding[]; sorted?: boolean }) {
  const t = adminWords.value;
  const checks = findings.filter((one) => one.kind === "check");
  if (checks.length === 0) return null;
  const shown = sorted
    ? checks.toSorted((one, other) => worstFirst.indexOf(one.result) - worstFirst.indexOf(other.result))
    : checks;
  const count = (result: CheckDone["result"]) => String(checks.filter((one) => one.result === result).length);
  return (
    <div class="stack">
      <p role="status" class="numbers">
        {t.summary(count("failed"), count("warning"), count("ok"))}
      </p>
      <ul class="stack">
        {shown.map((check, index) => (
          <li key={`${check.id} ${check.subject ?? ""} ${index}`} class="check">
            <Badge tone={tones[check.result]} text={t.results[check.result]} />
            <div>
              <p>
                {check.subject && <strong>{check.subject}: </strong>}
                {say(check.message)}
              </p>
              {check.fix && <p class="fix mono">{say(check.fix)}</p>}
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}

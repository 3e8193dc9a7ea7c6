import { useId } from "preact/hooks";
import { formatDuration } from "../format.ts";
import { language } from "../preferences.ts";
import { say, words } from "../text/text.ts";
import type { JobProgress } from "../types.ts";

/** A bar with its words. Without a total it moves without saying how far it is. */
export function Progress({
  label,
  done,
  total,
}: {
  label: string;
  done: number;
  total?: number | undefined;
}) {
  const id = useId();
  return (
    <div class="progress">
      <label for={id}>{label}</label>
      {total === undefined ? (
        <progress id={id} />
      ) : (
        <progress id={id} value={done} max={Math.max(1, total)} />
      )}
    </div>
  );
}

/** How far a job is, what it does now, and how long it can still take. */
export function JobProgressBar({ progress }: { progress: JobProgress }) {
  const { done, total, leftS, doing } = progress;
  const left =
    leftS === undefined ? "" : words.value.jobState.leftAtMost(formatDuration(leftS * 1000, language.value));
  const count = total === undefined ? String(done) : words.value.common.of(String(done), String(total));
  return (
    <div>
      <Progress label={say(doing)} done={done} total={total} />
      <p class="quiet numbers">{[count, left].filter(Boolean).join(" · ")}</p>
    </div>
  );
}

/** A part of a whole as a bar, for disk, memory, and how busy a line is. */
export function Meter({
  label,
  part,
  tone = "good",
}: {
  label: string;
  part: number;
  tone?: "good" | "warn" | "bad";
}) {
  return (
    <meter
      class={`meter meter-${tone}`}
      min={0}
      max={1}
      value={Math.min(1, Math.max(0, part))}
      aria-label={label}
    />
  );
}

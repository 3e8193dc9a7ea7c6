import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { JobCost } from "../../model/job.ts";
import { ApiError, post } from "../api.ts";
import { timeText, words } from "./words.ts";

/** What a scan looks at, and what it costs at most, before it begins. */
export function Plan({ what, hint }: { what: Readonly<Record<string, unknown>>; hint: string }) {
  const text = words().lines;
  const cost = useSignal<JobCost | null | undefined>(undefined);
  const impossible = useSignal(false);
  const asked = JSON.stringify(what);
  useEffect(() => {
    let over = false;
    cost.value = undefined;
    impossible.value = false;
    post<JobCost>("/v1/jobs/cost", { kind: "scan", ...what }).then(
      (answer) => {
        if (!over) cost.value = answer;
      },
      // Beginning it says why, where it cannot be begun.
      (error: unknown) => {
        if (over) return;
        cost.value = null;
        impossible.value = error instanceof ApiError && error.code === "cannot-scan";
      },
    );
    return () => {
      over = true;
    };
  }, [asked]);
  if (impossible.value)
    return (
      <div role="status">
        <p>{text.cannotScan}</p>
      </div>
    );
  return (
    <div role="status">
      <p class="quiet">{hint}</p>
      {cost.value === undefined && <p class="quiet">{text.planning}</p>}
      {cost.value && <p>{text.plan(cost.value.asks, timeText(cost.value.worstS))}</p>}
    </div>
  );
}

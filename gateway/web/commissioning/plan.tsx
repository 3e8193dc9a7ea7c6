import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { JobCost } from "../../model/job.ts";
import { post } from "../api.ts";
import { timeText, words } from "./words.ts";

/** What a scan looks at, and what it costs at most, before it begins. */
export function Plan({ what, hint }: { what: Readonly<Record<string, unknown>>; hint: string }) {
  const text = words().lines;
  const cost = useSignal<JobCost | null | undefined>(undefined);
  const asked = JSON.stringify(what);
  useEffect(() => {
    let over = false;
    cost.value = undefined;
    post<JobCost>("/v1/jobs/cost", { kind: "scan", ...what }).then(
      (answer) => {
        if (!over) cost.value = answer;
      },
      // Beginning it says why, where it cannot be begun.
      () => {
        if (!over) cost.value = null;
      },
    );
    return () => {
      over = true;
    };
  }, [asked]);
  return (
    <div role="status">
      <p class="quiet">{hint}</p>
      {cost.value === undefined && <p class="quiet">{text.planning}</p>}
      {cost.value && <p>{text.plan(cost.value.asks, timeText(cost.value.worstS))}</p>}
    </div>
  );
}

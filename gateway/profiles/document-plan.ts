import type { Section } from "./document.ts";
import type { Words } from "./document-words.ts";

/** What reading such a device takes on one kind of line. */
export interface PlanSummary {
  /** `9600 baud`; undefined where the line's speed is not known. */
  readonly line?: string | undefined;
  readonly requests: readonly {
    readonly label: string;
    readonly points: number;
    readonly classes: readonly string[];
    readonly costMs: number;
  }[];
  /** Points that the device sends by itself. */
  readonly heard: number;
}

/** How it is read, as a section of the page; none where nothing is known. */
export function documentPlan(plan: PlanSummary | undefined, say: Words): Section[] {
  if (!plan) return [];
  const heard = plan.heard === 0 ? undefined : `${plan.heard} ${say.heard}`;
  if (plan.requests.length === 0) return heard === undefined ? [] : [{ title: say.plan, entries: [heard] }];
  const whole = plan.requests.reduce((sum, { costMs }) => sum + costMs, 0);
  const line = plan.line === undefined ? "" : ` (${plan.line})`;
  return [
    {
      title: say.plan,
      header: [say.request, say.points, say.class, `${say.lineTime}, ms`],
      rows: plan.requests.map(({ label, points, classes, costMs }) => [
        label,
        String(points),
        classes.join(", "),
        costMs.toFixed(costMs < 10 ? 1 : 0),
      ]),
      note: [`${say.allOnce}: ${Math.round(whole)} ms${line}`, heard].filter(Boolean).join("; "),
    },
  ];
}

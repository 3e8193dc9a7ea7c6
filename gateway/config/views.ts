import { alternatives, suggest } from "../codec/suggest.ts";
import { one, rational, zero } from "../model/decimal.ts";
import { type Device, mayBePersonal, type Point, pollPeriod, readablePoints } from "../model/device.ts";
import { isPlace, type PrivacyStep, sufficient } from "../model/privacy.ts";
import { toText } from "../profiles/label.ts";
import { viewTitle } from "../telemetry/privacy-words.ts";
import type { Entry } from "./entry.ts";
import { ownReadings, stepOf, type WrittenView } from "./privacy.ts";
import type { WrittenDevice } from "./schema.ts";

/** What a device's `privacy` comes to. */
export interface Views {
  readonly views: readonly Point[];
  readonly dropped: readonly string[];
  /** Audience of each view, by its point's name. */
  readonly audiences: ReadonlyMap<string, string>;
}

/** Says what is wrong at a place below one view. */
type Report = (inside: readonly (string | number)[], part: "key" | "value", finding: Finding) => void;
interface Finding {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

/**
 * The points that privacy steps make of a device's points, each checked: that the steps fit what the
 * point is, and that they suffice where it is personal. Findings go to the entry.
 */
export function buildViews(entry: Entry, device: Device, written: WrittenDevice): Views {
  const views: Point[] = [];
  const dropped: string[] = [];
  const audiences = new Map<string, string>();
  const points = readablePoints(device.profile).filter(({ hidden }) => !hidden);
  for (const [name, wanted] of Object.entries(written.privacy ?? {})) {
    const source = points.find((point) => point.name === name);
    if (!source) {
      entry.report(["privacy", name], "key", unknownPoint(name, points, device));
      continue;
    }
    const entries = wanted === "drop" ? [[ownReadings, wanted] as const] : Object.entries(wanted);
    for (const [key, view] of entries) {
      const report: Report = (inside, part, finding) =>
        entry.report(
          wanted === "drop" ? ["privacy", name] : ["privacy", name, key, ...inside],
          part,
          finding,
        );
      if (key === ownReadings && view === "drop") dropped.push(name);
      else if (key === ownReadings || view === "drop") {
        const message =
          key === ownReadings
            ? `"${ownReadings}" can only be "drop"`
            : `"${key}" is no view: only "${ownReadings}" can be "drop"`;
        const hint = `${ownReadings}: drop keeps the point's own readings inside; a view has "to" and "steps"`;
        report([], "key", { code: "bad-view", message, hint });
      } else {
        for (const point of viewPoints({ device, points, source, key, view, report })) {
          if (points.some((other) => other.name === point.name) || audiences.has(point.name)) {
            const message = `the view would be called "${point.name}", and there is such a point already`;
            report([], "key", { code: "name-taken", message, hint: "give the view another name" });
          }
          views.push(point);
          audiences.set(point.name, view.to);
        }
      }
    }
  }
  return { views, dropped, audiences };
}

function unknownPoint(name: string, points: readonly Point[], { profile }: Device): Finding {
  const names = points.map((point) => point.name);
  const near = suggest(name, names);
  return {
    code: "unknown-point",
    message: `the profile ${profile.id} has no point "${name}"`,
    hint: near === undefined ? `one of ${alternatives(names)}` : `did you mean "${near}"?`,
  };
}

interface Wanted {
  readonly device: Device;
  readonly points: readonly Point[];
  readonly source: Point;
  readonly key: string;
  readonly view: WrittenView;
  readonly report: Report;
}

/** One point, or latitude and longitude. */
function viewPoints({ device, points, source, key, view, report }: Wanted): Point[] {
  const stages = view.steps.map(stepOf);
  const steps = stages.map(({ step }) => step);
  const lonName = stages.find(({ lon }) => lon !== undefined)?.lon;
  const index = stages.findIndex(({ lon }) => lon !== undefined);
  const lon = lonName === undefined ? undefined : points.find((point) => point.name === lonName);
  if (lonName !== undefined && lon?.unit !== "lon") {
    const there = points.filter(({ unit }) => unit === "lon").map(({ name }) => name);
    report(["steps", index, "lon"], "value", {
      code: "no-longitude",
      message: `"${lonName}" is no point with a longitude`,
      hint: there.length > 0 ? `it is ${alternatives(there)}` : "its unit must be lon",
    });
    return [];
  }
  if (!stepsFit(steps, source, report)) return [];
  const sources = lon ? [source, lon] : [source];
  const personal = sources.some((point) => point.personal);
  if (personal && !mayBePersonal(device, view.to) && !sufficient(steps, isPlace(source))) {
    report(["to"], "value", insufficient(source, view.to));
  }
  return sources.map((point): Point => {
    const name = `${point.name}_${key}`;
    return {
      ...outcome(point, steps, pollPeriod(device, point)),
      name,
      title: view.title === undefined ? viewTitle(point, steps) : toText(view.title),
      address: undefined,
      scale: one,
      offset: zero,
      absent: [],
      // What is left of people in it is said by `view`.
      personal: false,
      view: { sources: sources.map((each) => each.name), steps, personal },
    };
  });
}

function insufficient(source: Point, to: string): Finding {
  return {
    code: "personal-view",
    message: `the point "${source.name}" is personal data, and these steps do not suffice for the audience "${to}"`,
    hint: isPlace(source)
      ? "a position needs roundPlace of 100m or more"
      : "one of them must be an aggregate (mean, sum, count or increase) over 15m or more, or a kThreshold of 3 or more",
  };
}

/** What a value is between two steps. */
interface Stage {
  readonly numeric: boolean;
  /** A number of people or things at one time or in one window; the total of a counter is neither. */
  readonly counts: boolean;
  readonly aggregated: boolean;
}

/** Whether each step can be done to what the step before gives; the first that cannot is reported. */
function stepsFit(steps: readonly PrivacyStep[], source: Point, report: Report): boolean {
  if (source.bits) {
    const message = `"${source.name}" is a field of bits, and there are no views of those`;
    report([], "key", {
      code: "step-misfit",
      message,
      hint: "an extra point of the profile can hold one bit",
    });
    return false;
  }
  let stage: Stage = {
    numeric: isNumeric(source),
    counts: isCount(source) && source.kind !== "counter",
    aggregated: false,
  };
  for (const [index, step] of steps.entries()) {
    const problem = misfit(step, stage, source, index);
    if (problem) {
      report(["steps", index], "value", { code: "step-misfit", ...problem });
      return false;
    }
    stage = after(step, stage, source);
  }
  if (isPlace(source) && steps.every(({ kind }) => kind !== "round-place" && kind !== "round-time")) {
    const message = `"${source.name}" is half of a position`;
    report(["steps", 0], "value", {
      code: "step-misfit",
      message,
      hint: "roundPlace rounds both halves: write it at the latitude, with lon: and the point of the longitude",
    });
    return false;
  }
  return true;
}

function isNumeric({ labels, kind, rawKind }: Point): boolean {
  if (labels || kind === "text" || kind === "id") return false;
  return rawKind === undefined || rawKind === "integer" || rawKind === "float";
}

function isCount(point: Point): boolean {
  const { unit, kind } = point;
  return (
    isNumeric(point) && (unit === "count" || (unit === undefined && (kind === "counter" || kind === "event")))
  );
}

function after(step: PrivacyStep, stage: Stage, source: Point): Stage {
  if (step.kind !== "aggregate") return stage;
  const { function: made } = step;
  const counts = made === "count" || (made !== "mean" && isCount(source));
  return { numeric: true, counts, aggregated: true };
}

function misfit(
  step: PrivacyStep,
  stage: Stage,
  source: Point,
  index: number,
): { message: string; hint: string } | undefined {
  const { name, kind } = source;
  switch (step.kind) {
    case "aggregate": {
      const { function: made } = step;
      if (isPlace(source)) return { message: `there is no ${made} of positions`, hint: "use roundPlace" };
      if (stage.aggregated)
        return { message: "a view has one aggregate", hint: "take the longer window alone" };
      if (made === "count")
        return kind === "event" || kind === "id"
          ? undefined
          : {
              message: `a count of readings of "${name}" would only say how often it is read`,
              hint: "count takes points of kind event or id; of a present number use max, of a counter increase",
            };
      if (!stage.numeric)
        return {
          message: `"${name}" is no number: it has no ${made}`,
          hint: "count works for events and ids",
        };
      if (kind === "counter" && made !== "increase")
        return { message: `"${name}" is a counter: its ${made} says nothing`, hint: "use increase" };
      if (made === "increase" && kind !== "counter")
        return { message: `"${name}" is no counter: it has no increase`, hint: "use mean or max" };
      if (made === "sum" && kind !== "event")
        return {
          message: `a sum of "${name}" would grow with how often it is read`,
          hint: "sum takes points of kind event; of a present value use mean or max, of a counter increase",
        };
      return undefined;
    }
    case "k-threshold":
      return stage.counts
        ? undefined
        : {
            message: "a threshold needs a number of people or things before it",
            hint: "put an aggregate with count before it, or use it with a point whose unit is count",
          };
    case "round":
      return stage.numeric && !isPlace(source)
        ? undefined
        : {
            message: `"${name}" is nothing that can be rounded`,
            hint: "round takes numbers; for positions there is roundPlace",
          };
    case "round-time":
      return undefined;
    case "round-place":
      if (source.unit !== "lat")
        return { message: `"${name}" is no latitude`, hint: "write it at the point whose unit is lat" };
      return index === 0
        ? undefined
        : { message: "roundPlace is the first step", hint: "after it there can be roundTime" };
  }
}

/** How a view's values are described and how often they come. */
function outcome(
  source: Point,
  steps: readonly PrivacyStep[],
  periodMs: number,
): Pick<Point, "unit" | "resolution" | "kind" | "pollClass" | "labels" | "otherLabel" | "rawKind"> {
  let { unit, resolution, kind } = source;
  let { labels, otherLabel, rawKind } = source;
  let everyMs = periodMs;
  if (isCount(source)) unit = "count";
  for (const step of steps) {
    if (step.kind === "aggregate") {
      kind = "gauge";
      labels = otherLabel = undefined;
      rawKind = "float";
      everyMs = step.overMs;
      if (step.function === "mean") resolution = undefined;
      if (step.function === "count") {
        unit = "count";
        resolution = one;
      }
    } else if (step.kind === "round") resolution = rational(step.to);
    else if (step.kind === "round-place") resolution = undefined;
    else if (step.kind === "round-time") everyMs = Math.max(everyMs, step.toMs);
  }
  const pollClass = Number.isFinite(everyMs) ? ({ everyMs } as const) : ("once" as const);
  return { unit, resolution, kind, pollClass, labels, otherLabel, rawKind };
}

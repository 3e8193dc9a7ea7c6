import type { Point } from "./device.ts";

// What may be done to a reading before others than its own audience see it, and what of it suffices for
// data about people. Types and the one table; `telemetry/privacy.ts` carries the steps out.

/** What gives the right to handle personal data: GDPR (EU 2016/679), article 6(1) a to f. */
export const legalBases = [
  "consent",
  "contract",
  "legal-obligation",
  "vital-interests",
  "public-task",
  "legitimate-interests",
] as const;
export type LegalBasis = (typeof legalBases)[number];

/**
 * What is made of the readings in a window. `count`: how many events, or how many different ids;
 * `increase`: by how much a counter rose.
 */
export const aggregateFunctions = ["mean", "min", "max", "sum", "count", "increase"] as const;
export type AggregateFunction = (typeof aggregateFunctions)[number];

export type PrivacyStep =
  | {
      readonly kind: "aggregate";
      readonly function: AggregateFunction;
      /** Windows are multiples of it since the Unix epoch. */
      readonly overMs: number;
      /** Share of a window, 0 to 1, in which the source may be not good. */
      readonly gaps: number;
    }
  /** A number below `k` is withheld: it goes out as the quality `sentinel`, 0 as well. */
  | { readonly kind: "k-threshold"; readonly k: number }
  /** To the nearest multiple. */
  | { readonly kind: "round"; readonly to: number }
  /** The time is rounded down, and the reading waits for the end of that span: else its arrival would tell. */
  | { readonly kind: "round-time"; readonly toMs: number }
  /** Latitude and longitude become those of the middle of a cell at least so many metres wide. */
  | { readonly kind: "round-place"; readonly metres: number };

/** What a point that is made by privacy steps comes from. */
export interface PointView {
  /** Names of points of the same device: one, or latitude and longitude. */
  readonly sources: readonly string[];
  readonly steps: readonly PrivacyStep[];
  /** Whether a source is personal data. */
  readonly personal: boolean;
}

/** Why a device's data is handled, and whose it is. Texts are the operator's. */
export interface DeviceRecord {
  readonly purpose?: string | undefined;
  readonly legalBasis?: LegalBasis | undefined;
  readonly owner?: string | undefined;
  /** Names of audiences, or texts. */
  readonly sharedWith: readonly string[];
}

/** The audience that everybody may read. */
export const openAudience = "open";

/** Of a window over personal readings: the shortest. */
export const shortestPersonalWindowMs = 15 * 60_000;
/** Of a threshold over personal readings: the smallest. */
export const smallestPersonalThreshold = 3;
/** Of a cell that a person's position is rounded to: the narrowest. */
export const narrowestPersonalCell = 100;

interface Sufficiency {
  readonly kind: PrivacyStep["kind"];
  /** Whether it stands between one person and an audience that may not see personal data. */
  suffices(step: PrivacyStep, position: boolean): boolean;
  readonly because: string;
}

/**
 * What suffices before data of a personal point reaches an audience that may not see personal data:
 * at least one step of the chain must. The least that this program lets pass, not the law: whether it
 * is enough is judged by the data protection officer, who finds the steps in the data register.
 */
export const sufficientSteps: readonly Sufficiency[] = [
  {
    kind: "aggregate",
    suffices: (step, position) =>
      !position &&
      step.kind === "aggregate" &&
      step.function !== "min" &&
      step.function !== "max" &&
      step.overMs >= shortestPersonalWindowMs,
    because:
      "a mean, sum, count or increase over 15 minutes or more shows no single moment; a minimum or maximum is one reading, and the mean of positions is a place",
  },
  {
    kind: "k-threshold",
    suffices: (step, position) =>
      !position && step.kind === "k-threshold" && step.k >= smallestPersonalThreshold,
    because: "a count of 3 or more is nobody in particular, and smaller ones are withheld",
  },
  {
    kind: "round",
    suffices: () => false,
    because: "a rounded value is still one person's, at a known time",
  },
  {
    kind: "round-time",
    suffices: () => false,
    because: "the value still is one person's, only the moment is less sharp",
  },
  {
    kind: "round-place",
    suffices: (step) => step.kind === "round-place" && step.metres >= narrowestPersonalCell,
    because: "a cell of 100 m or more is no address",
  },
];

/** Whether steps that a reading went through are enough for an audience that may not see personal data. */
export function sufficient(steps: readonly PrivacyStep[], position: boolean): boolean {
  return steps.some((step) =>
    sufficientSteps.some(({ kind, suffices }) => kind === step.kind && suffices(step, position)),
  );
}

/** Whether a point is a latitude or longitude. */
export function isPlace({ unit }: Pick<Point, "unit">): boolean {
  return unit === "lat" || unit === "lon";
}

/** Whether an audience must not get readings of a point: it is about people, and no step has changed that. */
export function isPersonal({ personal, view, unit }: Point): boolean {
  return view ? view.personal && !sufficient(view.steps, isPlace({ unit })) : personal;
}

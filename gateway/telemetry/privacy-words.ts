import type { Point, Text } from "../model/device.ts";
import { formatDuration } from "../model/duration.ts";
import type { AggregateFunction, PrivacyStep } from "../model/privacy.ts";

// Privacy steps in the words of people, for titles, the data register and descriptions.

const functions: Readonly<Record<AggregateFunction, { en: string; sv: string }>> = {
  mean: { en: "mean", sv: "medelvärde" },
  min: { en: "minimum", sv: "minsta värde" },
  max: { en: "maximum", sv: "största värde" },
  sum: { en: "sum", sv: "summa" },
  count: { en: "count", sv: "antal" },
  increase: { en: "increase", sv: "ökning" },
};

/** One step as a phrase. */
export function describeStep(step: PrivacyStep): { en: string; sv: string } {
  switch (step.kind) {
    case "aggregate": {
      const { en, sv } = functions[step.function];
      const over = formatDuration(step.overMs);
      return { en: `${en} over ${over}`, sv: `${sv} över ${over}` };
    }
    case "k-threshold":
      return { en: `withheld below ${step.k}`, sv: `undanhålls under ${step.k}` };
    case "round":
      return { en: `rounded to ${step.to}`, sv: `avrundat till ${step.to}` };
    case "round-time": {
      const to = formatDuration(step.toMs);
      return { en: `time rounded down to ${to}`, sv: `tid avrundad nedåt till ${to}` };
    }
    case "round-place":
      return {
        en: `place rounded to cells of ${step.metres} m`,
        sv: `plats avrundad till rutor om ${step.metres} m`,
      };
  }
}

export function describeSteps(steps: readonly PrivacyStep[]): { en: string; sv: string } {
  const phrases = steps.map(describeStep);
  return { en: phrases.map(({ en }) => en).join(", "), sv: phrases.map(({ sv }) => sv).join(", ") };
}

/** The source's title with what was done to it. */
export function viewTitle({ name, title }: Point, steps: readonly PrivacyStep[]): Text {
  const done = describeSteps(steps);
  const en = title?.en ?? name;
  return { en: `${en} (${done.en})`, sv: `${title?.sv ?? en} (${done.sv})` };
}

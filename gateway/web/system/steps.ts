import type { EnrolmentFacts, UpdateFacts } from "../types.ts";

// How far a thing with steps is: what is done, where it stands, what is still to come.

/** `now`: goes on by itself; `waiting`: for somebody or something else; `wrong`: ended here. */
export type StepState = "done" | "now" | "waiting" | "wrong" | "later";

export interface Step<Name extends string> {
  readonly name: Name;
  readonly state: StepState;
}

/** Everything before `at` is done, everything after it is to come; `at` undefined: all of it is done. */
function stepsAt<Name extends string>(
  names: readonly Name[],
  at?: { readonly name: Name; readonly state: StepState },
): readonly Step<Name>[] {
  const index = at ? names.indexOf(at.name) : names.length;
  return names.map((name, place) => ({
    name,
    state: place < index ? "done" : place === index && at ? at.state : "later",
  }));
}

export const enrolmentSteps = ["card", "clock", "network", "answer", "certificate"] as const;
export type EnrolmentStep = (typeof enrolmentSteps)[number];

/** Where a refusal belongs, by the beginning of its code. */
const enrolmentTroubles: readonly (readonly [start: string, step: EnrolmentStep])[] = [
  ["provision", "card"],
  ["token-", "card"],
  ["est-time", "clock"],
  ["est-", "network"],
  ["wrong-", "certificate"],
  ["certificate-", "certificate"],
];

/** In the order in which the gateway takes them; none where no certificate is wanted. */
export function stepsOfEnrolment({ state, why }: EnrolmentFacts): readonly Step<EnrolmentStep>[] {
  const at = (name: EnrolmentStep, how: StepState) => stepsAt(enrolmentSteps, { name, state: how });
  switch (state) {
    case "waiting-for-time":
      return at("clock", "waiting");
    case "waiting-for-network":
      return at("network", "waiting");
    case "enrolling":
      return why ? at("answer", "waiting") : at("network", "now");
    case "waiting-for-approval":
      return at("answer", "waiting");
    case "enrolled":
    case "renewing":
      return stepsAt(enrolmentSteps);
    case "failed": {
      const found = enrolmentTroubles.find(([start]) => why?.code.startsWith(start));
      return at(found?.[1] ?? "answer", "wrong");
    }
    default:
      return [];
  }
}

export const updateSteps = ["fetch", "wait", "install", "restart", "trial", "keep"] as const;
export type UpdateStep = (typeof updateSteps)[number];

/** Of the update that is under way, or of the last one; none where there was none. */
export function stepsOfUpdate({
  phase,
  why,
}: Pick<UpdateFacts, "phase" | "why">): readonly Step<UpdateStep>[] {
  const at = (name: UpdateStep, how: StepState) => stepsAt(updateSteps, { name, state: how });
  switch (phase) {
    case "downloading":
      return at("fetch", why ? "waiting" : "now");
    case "verified":
      return at("wait", "waiting");
    case "installing":
      return at("install", "now");
    case "installed":
    case "rebooting":
      return at("restart", "now");
    case "trying":
      return at("trial", "now");
    case "committing":
      return at("keep", "now");
    case "committed":
      return stepsAt(updateSteps);
    case "rolling-back":
    case "rolled-back":
      return at(why?.code === "not-started" ? "restart" : "trial", "wrong");
    case "refused":
      return at(why?.code === "install-failed" || why?.code === "interrupted" ? "install" : "fetch", "wrong");
    default:
      return [];
  }
}

/** Whether something changes by itself soon. */
export function isUnderWay(phase: string | undefined): boolean {
  return phase !== undefined && !["idle", "committed", "rolled-back", "refused"].includes(phase);
}

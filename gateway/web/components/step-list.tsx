import { Icon, type IconName } from "./icon.tsx";

/** One step of something that goes by itself: the words, how it stands, and what to know while it stands there. */
export interface ShownStep {
  readonly name: string;
  readonly text: string;
  readonly state: "done" | "now" | "waiting" | "wrong" | "later";
  /** The state in words: no colour or picture says it alone. */
  readonly stateText: string;
  readonly help?: string | undefined;
}

const icons: Record<ShownStep["state"], IconName> = {
  done: "check",
  now: "spinner",
  waiting: "clock",
  wrong: "stop",
  later: "next",
};

export function StepList({ label, steps }: { label: string; steps: readonly ShownStep[] }) {
  return (
    <ol class="step-list" aria-label={label}>
      {steps.map(({ name, text, state, stateText, help }) => {
        const here = state !== "done" && state !== "later";
        return (
          <li key={name} class={`step-item step-${state}`} aria-current={here ? "step" : undefined}>
            <Icon name={icons[state]} />
            <div>
              <p class="row spread">
                <span class="step-text">{text}</span>
                <span class="step-state">{stateText}</span>
              </p>
              {here && help && <p class="quiet">{help}</p>}
            </div>
          </li>
        );
      })}
    </ol>
  );
}

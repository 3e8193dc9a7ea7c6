import { useEffect, useRef } from "preact/hooks";
import { ErrorBox, Notice } from "../components/error-box.tsx";
import { Icon } from "../components/icon.tsx";
import { Page } from "../components/page.tsx";
import { goTo, href, route } from "../router.ts";
import type { PageRoute } from "../routes.ts";
import { AcceptanceStep } from "./step-acceptance.tsx";
import { ActuatorsStep } from "./step-actuators.tsx";
import { CheckStep } from "./step-check.tsx";
import { DevicesStep } from "./step-devices.tsx";
import { GatewayStep } from "./step-gateway.tsx";
import { LinesStep } from "./step-lines.tsx";
import { PlatformStep } from "./step-platform.tsx";
import { PortsStep } from "./step-ports.tsx";
import "./wizard.css";
import { isStep, nextStep, type Step, type StepState, steps } from "./steps.ts";
import { known, loadJobs, loadPorts, loadState, loadStatus, progress, refused, useRefresh } from "./store.ts";
import { words } from "./words.ts";

const bodies: Record<Step, () => preact.JSX.Element> = {
  gateway: GatewayStep,
  ports: PortsStep,
  lines: LinesStep,
  devices: DevicesStep,
  check: CheckStep,
  actuators: ActuatorsStep,
  platform: PlatformStep,
  acceptance: AcceptanceStep,
};

const loads = [loadStatus, loadState, loadPorts, loadJobs];

export const commissioningRoute: PageRoute = {
  path: "commissioning",
  title: () => words().menu,
  icon: "flag",
  needs: "technician",
  tab: true,
  page: Commissioning,
};

/** From the box to a signed report. The step stands in the address, all else on the gateway. */
function Commissioning() {
  useRefresh(loads, 10_000);
  const text = words();
  const [, named] = route.value.path;
  const step = isStep(named) ? named : undefined;
  // Whoever comes back goes on where something is missing.
  useEffect(() => {
    if (step === undefined && known.value) location.replace(href("commissioning", nextStep(progress.value)));
  }, [step, known.value]);
  const heading = useRef<HTMLHeadingElement>(null);
  const before = useRef(step);
  useEffect(() => {
    if (before.current !== undefined && before.current !== step) {
      heading.current?.focus();
      scrollTo(0, 0);
    }
    before.current = step;
  }, [step]);
  const missing = refused.value;
  if (step === undefined)
    return (
      <Page title={text.title}>
        {missing ? <ErrorBox error={missing} /> : <p role="status">{text.loading} …</p>}
      </Page>
    );
  const Body = bodies[step];
  const at = steps.indexOf(step);
  const [previous, next] = [steps[at - 1], steps[at + 1]];
  return (
    <Page title={text.title}>
      <Progress step={step} />
      <h2 ref={heading} tabIndex={-1} class="wz-heading">
        <span class="quiet wz-count">{text.stepOf(at + 1, steps.length)}</span> {text.steps[step]}
      </h2>
      <p class="wz-lead">{text[step].lead}</p>
      {missing?.status === 404 ? (
        <Notice tone="bad">{text.noService}</Notice>
      ) : (
        missing && <ErrorBox error={missing} />
      )}
      <div class="wz-body">
        <Body key={step} />
      </div>
      <nav class="wz-foot" aria-label={text.title}>
        {previous ? (
          <a class="button button-plain" href={href("commissioning", previous)}>
            <Icon name="back" /> {text.back}
          </a>
        ) : (
          <span />
        )}
        {next && (
          <button type="button" class="button button-primary" onClick={() => goTo("commissioning", next)}>
            {text.next} <span class="wz-next">{text.steps[next]}</span> <Icon name="next" />
          </button>
        )}
      </nav>
    </Page>
  );
}

const stateIcons: Record<StepState, "check" | "warning" | undefined> = {
  todo: undefined,
  done: "check",
  attention: "warning",
  none: "check",
};

function Progress({ step }: { step: Step }) {
  const text = words();
  return (
    <nav aria-label={text.title} class="wz-progress">
      <ol>
        {steps.map((one, index) => {
          const state = progress.value[one];
          const icon = stateIcons[state];
          return (
            <li key={one} class={`wz-step wz-step-${state}`}>
              <a href={href("commissioning", one)} aria-current={one === step ? "step" : undefined}>
                <span class="wz-dot">{icon ? <Icon name={icon} size={16} /> : index + 1}</span>
                <span class="wz-step-name">{text.steps[one]}</span>
                <span class="hidden">, {text.states[state]}</span>
              </a>
            </li>
          );
        })}
      </ol>
    </nav>
  );
}

import { useState } from "preact/hooks";
import { post } from "../api.ts";
import { Badge, type Tone } from "../components/badge.tsx";
import { Button } from "../components/button.tsx";
import { Card } from "../components/card.tsx";
import { Dialog } from "../components/dialog.tsx";
import { Notice } from "../components/error-box.tsx";
import { Progress } from "../components/progress.tsx";
import { StepList } from "../components/step-list.tsx";
import { formatPercent } from "../format.ts";
import { language } from "../preferences.ts";
import { may } from "../session.ts";
import { wordOf, words } from "../text/text.ts";
import type { UpdateFacts } from "../types.ts";
import { identityWords } from "./identity.words.ts";
import { Reason, WhyNotice } from "./reason.tsx";
import { isUnderWay, stepsOfUpdate } from "./steps.ts";
import { updateWords } from "./update.words.ts";

const tones: Readonly<Record<string, Tone>> = {
  committed: "good",
  "rolling-back": "bad",
  "rolled-back": "bad",
  refused: "bad",
  verified: "warn",
};

interface Shown {
  readonly facts: UpdateFacts;
  readonly reload: () => Promise<void>;
}

/** The update that is under way, or how the last one ended. */
export function UpdateCard({ facts, reload }: Shown) {
  const t = updateWords.value;
  const { phase, target, by, failed } = facts;
  if (phase === "idle")
    return (
      <Card title={t.update}>
        <p>{t.none}</p>
        <Failed failed={failed} />
      </Card>
    );
  const under = isUnderWay(phase);
  const asked = [target === undefined ? undefined : t.to(target), by === undefined ? undefined : t.by(by)];
  return (
    <Card
      title={t.update}
      actions={<Badge tone={tones[phase] ?? "info"} text={wordOf(t.phases, phase)} />}
      {...(phase === "rolled-back" || phase === "rolling-back" ? { tone: "bad" as const } : {})}
    >
      <p class="quiet">{asked.filter((one) => one !== undefined).join(" · ")}</p>
      <Outcome facts={facts} />
      {under && <UnderWay facts={facts} />}
      <Decide facts={facts} reload={reload} />
      <Failed failed={failed.filter(({ version }) => version !== target)} />
    </Card>
  );
}

function UnderWay({ facts }: { facts: UpdateFacts }) {
  const t = updateWords.value;
  const { phase, progress, why } = facts;
  const steps = stepsOfUpdate(facts);
  return (
    <>
      {progress !== undefined && (
        <Progress
          label={`${wordOf(t.phases, phase)}: ${t.progress(formatPercent(progress / 100, language.value))}`}
          done={progress}
          total={100}
        />
      )}
      {why && phase !== "rolling-back" && <WhyNotice tone="warn" why={why} />}
      <StepList
        label={t.update}
        steps={steps.map((step) => ({
          ...step,
          text: t.steps[step.name],
          stateText: identityWords.value.stepStates[step.state],
          help: t.stepHelp[step.name],
        }))}
      />
    </>
  );
}

/** How it ended, and why. */
function Outcome({ facts: { phase, target, why } }: { facts: UpdateFacts }) {
  const t = updateWords.value;
  if (phase === "committed") return target === undefined ? null : <p>{t.keptTitle(target)}</p>;
  if (phase !== "rolled-back" && phase !== "rolling-back" && phase !== "refused") return null;
  const version = target ?? t.theBundle;
  return (
    <Notice tone={phase === "refused" ? "warn" : "bad"}>
      <p>
        <strong>
          {phase === "refused"
            ? t.refusedTitle(version)
            : phase === "rolled-back"
              ? t.backTitle(version)
              : wordOf(t.phases, phase)}
        </strong>
      </p>
      {why && <Reason why={why} />}
    </Notice>
  );
}

/** What a person may decide while a version is tried or after it was kept. */
function Decide({ facts: { phase }, reload }: Shown) {
  const t = updateWords.value;
  const [asking, setAsking] = useState<"commit" | "roll-back">();
  const decides = may("admin");
  const trying = phase === "trying";
  if (!trying && phase !== "committed") return null;
  if (!decides)
    return trying ? <p class="quiet">{words.value.common.needsRole(words.value.roles.admin)}</p> : null;
  const close = () => setAsking(undefined);
  return (
    <div class="row">
      {trying && <Button press={() => setAsking("commit")}>{t.commit}</Button>}
      <Button kind="danger" press={() => setAsking("roll-back")}>
        {t.rollBack}
      </Button>
      {asking && (
        <Dialog
          title={asking === "commit" ? t.commitAsk : t.rollBackAsk}
          close={close}
          actions={
            <>
              <Button press={close}>{words.value.common.cancel}</Button>
              <Button
                kind={asking === "commit" ? "primary" : "danger"}
                press={async () => {
                  await post(asking === "commit" ? "/v1/update/commit" : "/v1/update/roll-back");
                  close();
                  await reload();
                }}
              >
                {asking === "commit" ? t.commit : t.rollBack}
              </Button>
            </>
          }
        >
          <p>{asking === "commit" ? t.commitWhy : t.rollBackWhy}</p>
        </Dialog>
      )}
    </div>
  );
}

function Failed({ failed }: Pick<UpdateFacts, "failed">) {
  const t = updateWords.value;
  if (failed.length === 0) return null;
  return (
    <details class="fold">
      <summary>{t.failed}</summary>
      <ul class="stack">
        {failed.map(({ version, why }) => (
          <li key={version}>
            <p>
              <strong class="numbers">{version}</strong>
            </p>
            <Reason why={why} />
          </li>
        ))}
      </ul>
    </details>
  );
}

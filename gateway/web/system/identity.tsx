import { ApiError } from "../api.ts";
import { second } from "../browser.ts";
import { Badge, type Tone } from "../components/badge.tsx";
import { Card, Fact, Facts, Loading } from "../components/card.tsx";
import { ErrorBox, Notice } from "../components/error-box.tsx";
import { Meter } from "../components/progress.tsx";
import { StepList } from "../components/step-list.tsx";
import { useAsk } from "../components/use-ask.ts";
import { formatDuration, formatFingerprint, formatMoment } from "../format.ts";
import { clockAhead } from "../live.ts";
import { language } from "../preferences.ts";
import { status } from "../status.ts";
import { wordOf, words } from "../text/text.ts";
import type { EnrolmentFacts } from "../types.ts";
import { codeWord } from "./code-word.ts";
import { identityWords } from "./identity.words.ts";
import { lifeOf, untilNextTry } from "./life.ts";
import { WhyNotice } from "./reason.tsx";
import { stepsOfEnrolment } from "./steps.ts";

const everyMs = 3000;

/** Whom the city knows this gateway as, and how far it is with that. */
export function Identity() {
  const t = identityWords.value;
  const enrolment = useAsk<EnrolmentFacts>("/v1/enrolment", everyMs);
  const { data, error } = enrolment;
  const notBegun = error instanceof ApiError && error.code === "no-enrolment";
  if (data === undefined)
    return (
      <Card title={t.title}>
        {enrolment.loading && <Loading text={words.value.common.loading} />}
        {notBegun && (
          <>
            <p>{t.notBegun}</p>
            <p class="quiet">{t.notBegunWhy}</p>
          </>
        )}
        {error !== undefined && !notBegun && <ErrorBox error={error} retry={enrolment.reload} />}
      </Card>
    );
  return <Enrolment facts={data} />;
}

const tones: Readonly<Record<string, Tone>> = {
  enrolled: "good",
  failed: "bad",
  "not-wanted": "off",
  "waiting-for-network": "warn",
  "waiting-for-time": "warn",
  "waiting-for-approval": "warn",
};

function Enrolment({ facts }: { facts: EnrolmentFacts }) {
  const t = identityWords.value;
  const steps = stepsOfEnrolment(facts);
  const { state, why } = facts;
  const next = untilNextTry(facts, second.value + (clockAhead.value ?? 0));
  return (
    <Card
      title={t.title}
      actions={<Badge tone={tones[state] ?? "info"} text={wordOf(t.states, state)} />}
      {...(state === "failed" ? { tone: "bad" as const } : {})}
    >
      {!facts.certificate && <p class="quiet">{t.why}</p>}
      {why && <WhyNotice why={why} codes={t.codes} tone={state === "failed" ? "bad" : "warn"} />}
      {facts.tokenLeft && (
        <Notice tone="warn">
          <p>{t.tokenLeft}</p>
        </Notice>
      )}
      {state !== "enrolled" && state !== "renewing" && steps.length > 0 && (
        <StepList
          label={t.title}
          steps={steps.map((step) => ({
            ...step,
            text: t.steps[step.name],
            stateText: t.stepStates[step.state],
            // What a known code says is nearer to the point.
            help: why && codeWord(t.codes, why.code) ? undefined : t.stepHelp[step.name],
          }))}
        />
      )}
      {next !== undefined && (
        <p class="numbers" role="status">
          {next < 1000 ? t.nextTryNow : t.nextTry(formatDuration(next, language.value))}
        </p>
      )}
      {facts.certificate && <Certificate certificate={facts.certificate} />}
      {status.value?.clock.trusted === false && <p class="quiet">{t.clockUntrusted}</p>}
    </Card>
  );
}

const minuteOf = (iso: string) => formatMoment(iso).slice(0, 16);

function Certificate({ certificate }: { certificate: NonNullable<EnrolmentFacts["certificate"]> }) {
  const t = identityWords.value;
  const life = lifeOf(certificate, second.value + (clockAhead.value ?? 0));
  return (
    <>
      <div class="stack tight">
        <div class="row spread">
          <span class="quiet">{t.certificate}</span>
          <strong class="numbers">
            {life.leftMs === 0 ? t.ended : t.left(formatDuration(life.leftMs, language.value))}
          </strong>
        </div>
        <Meter label={t.life} part={life.left} tone={life.tone} />
      </div>
      {life.tone !== "good" && (
        <Notice tone={life.tone}>
          <p>{t.notRenewed}</p>
        </Notice>
      )}
      <Facts>
        <Fact name={t.subject}>{certificate.subject}</Fact>
        <Fact name={t.issuer}>{certificate.issuer}</Fact>
        <Fact name={t.renewal}>
          <span class="numbers">{minuteOf(certificate.renewal)}</span>
        </Fact>
        <Fact name={t.validTo}>
          <span class="numbers">{minuteOf(certificate.to)}</span>
        </Fact>
      </Facts>
      <details class="fold">
        <summary>{t.more}</summary>
        <p>{t.serial}</p>
        <p class="fingerprint">{certificate.serial}</p>
        <p>{t.fingerprint}</p>
        <p class="fingerprint">{formatFingerprint(certificate.fingerprint)}</p>
      </details>
    </>
  );
}

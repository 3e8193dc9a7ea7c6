import { lastAnswer } from "../api.ts";
import { second } from "../browser.ts";
import { Badge } from "../components/badge.tsx";
import { Button } from "../components/button.tsx";
import { Card, Fact, Facts, Loading } from "../components/card.tsx";
import { Notice } from "../components/error-box.tsx";
import { formatFingerprint, formatMoment } from "../format.ts";
import { positionText } from "./draft.ts";
import { Checks, JobEnd, More, Refusal, RunningJob, useAction } from "./parts.tsx";
import { checksOf } from "./steps.ts";
import { jobs, loadJobs, loadMachine, loadStatus, machine, startJob, status, useRefresh } from "./store.ts";
import { timeText, words } from "./words.ts";

const loads = [loadStatus, loadMachine, loadJobs];

export function GatewayStep() {
  useRefresh(loads, 5000);
  return (
    <>
      <Identity />
      <Doctor />
    </>
  );
}

function Identity() {
  const text = words().gateway;
  const here = status.value;
  if (!here) return <Loading text={words().loading} />;
  const { clock, https, position } = here;
  const differsS = clock.now === undefined ? 0 : Math.abs(Date.parse(clock.now) - lastAnswer.value) / 1000;
  const facts = machine.value;
  return (
    <Card title={here.gateway}>
      <Facts>
        <Fact name={text.version}>{here.version}</Fact>
        <Fact name={text.clock}>
          {clock.trusted ? (
            <Badge tone="good" text={text.clockTrusted(formatMoment(clock.now ?? second.value))} />
          ) : (
            <Badge tone="warn" text={text.clockUntrusted} />
          )}
        </Fact>
        {facts && (
          <>
            <Fact name={text.machine}>{facts.model ?? facts.os}</Fact>
            <Fact name={text.addresses}>{facts.addresses.join(", ") || "–"}</Fact>
          </>
        )}
        {position && <Fact name={text.position}>{positionText(position)}</Fact>}
      </Facts>
      {!clock.trusted && <p class="quiet">{text.clockHint}</p>}
      {clock.trusted && differsS > 30 && <Notice tone="warn">{text.differs(timeText(differsS))}</Notice>}
      {https && (
        <More summary={text.fingerprint}>
          <p class="wz-name">{formatFingerprint(https.fingerprint)}</p>
        </More>
      )}
    </Card>
  );
}

function Doctor() {
  const text = words().gateway;
  const { error, run } = useAction();
  const job = jobs.value.findLast(({ kind }) => kind === "doctor");
  const running = job?.state === "running";
  const checks = checksOf(job);
  const wrong = checks.filter(({ result }) => result === "failed" || result === "warning");
  const fine = checks.filter(({ result }) => result === "ok" || result === "not-applicable");
  const failed = checks.filter(({ result }) => result === "failed").length;
  return (
    <Card title={text.doctor}>
      <p class="quiet">{text.doctorLead}</p>
      {running && <RunningJob job={job} />}
      {job && <JobEnd job={job} />}
      {job?.state === "done" && failed > 0 && (
        <p>
          <Badge tone="bad" text={text.failed(failed)} />
        </p>
      )}
      {job?.state === "done" && wrong.length === 0 && <Badge tone="good" text={text.allWell(fine.length)} />}
      {wrong.length > 0 && <Checks checks={wrong} />}
      {fine.length > 0 && (
        <More summary={text.passed(fine.length)}>
          <Checks checks={fine} />
        </More>
      )}
      {!running && (
        <Button kind={job ? "plain" : "primary"} icon="play" press={() => run(() => startJob("doctor", {}))}>
          {job ? text.againDoctor : text.runDoctor}
        </Button>
      )}
      <Refusal error={error.value} />
    </Card>
  );
}

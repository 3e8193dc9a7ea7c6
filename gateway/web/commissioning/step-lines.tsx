import { useSignal } from "@preact/signals";
import { Badge } from "../components/badge.tsx";
import { Button } from "../components/button.tsx";
import { Card, Loading } from "../components/card.tsx";
import { Notice } from "../components/error-box.tsx";
import { Choices, Field } from "../components/field.tsx";
import { say, wordOf } from "../text/text.ts";
import type { Job, JobKind } from "../types.ts";
import { FoundList } from "./found-list.tsx";
import { jobsOf, type Line, linesOf, otherJobs, settingsText, silentOn } from "./lines.ts";
import { JobEnd, More, Refusal, RunningJob, useAction } from "./parts.tsx";
import { Plan } from "./plan.tsx";
import { foundIn } from "./steps.ts";
import { jobs, loadJobs, loadPorts, loadStatus, ports, startJob, status, useRefresh } from "./store.ts";
import { Diagnosis } from "./wiring.tsx";
import { words } from "./words.ts";

const loads = [loadPorts, loadStatus, loadJobs];

export function LinesStep() {
  useRefresh(loads, 4000);
  if (!ports.value || !status.value) return <Loading text={words().loading} />;
  const lines = linesOf(ports.value, status.value);
  return (
    <>
      {lines.map((line) => (
        <LineCard key={line.key} line={line} />
      ))}
      <Network others={otherJobs(lines, jobs.value)} />
    </>
  );
}

function LineCard({ line }: { line: Line }) {
  const text = words().lines;
  const title = line.port ? wordOf(text.portKinds, line.port.what) : text.connection(line.connection ?? "");
  const mine = jobsOf(line, jobs.value);
  return (
    <Card title={title}>
      {line.port && <p class="wz-name">{line.port.name}</p>}
      {line.port && line.connection && <p class="quiet">{text.connection(line.connection)}</p>}
      {line.port?.problem ? (
        <Notice tone="bad">{say(line.port.problem.message)}</Notice>
      ) : (
        <LineWork
          what={line.what}
          mine={mine}
          connection={line.connection}
          serial={line.port !== undefined}
        />
      )}
    </Card>
  );
}

/** What goes on on a line, what was found last, and what one can do. */
function LineWork({
  what,
  mine,
  connection,
  serial,
}: {
  what: Readonly<Record<string, unknown>>;
  mine: readonly Job[];
  connection: string | undefined;
  serial: boolean;
}) {
  const text = words().lines;
  const { error, run } = useAction();
  const running = mine.find(({ state }) => state === "running");
  if (running)
    return (
      <>
        {error.value?.code === "line-busy" && (
          <Notice tone="info">{text.busy(text.running[running.kind])}</Notice>
        )}
        <RunningJob job={running} />
        {connection && <p class="quiet">{text.borrowed(connection)}</p>}
        <Results job={running} />
      </>
    );
  const last = mine.at(-1);
  const begin = (kind: JobKind, more: Readonly<Record<string, unknown>> = {}) =>
    run(() => startJob(kind, { ...what, ...more }));
  const silent = silentOn(connection, status.value);
  const nobody = last?.kind === "scan" && last.state === "done" && foundIn(last).length === 0;
  const diagnose = (
    <Button kind={nobody || silent > 0 ? "primary" : "plain"} icon="tools" press={() => begin("wiring")}>
      {text.wiring}
    </Button>
  );
  const offered = nobody || silent > 0;
  return (
    <>
      {last && <Ended job={last} />}
      {offered && (
        <Notice tone="warn">
          <p>{silent > 0 ? text.silentDevices(silent) : text.diagnoseOffer}</p>
          {diagnose}
        </Notice>
      )}
      <ScanForm what={what} primary={!offered} begin={(effort) => begin("scan", { effort })} />
      <Refusal error={error.value} />
      {serial && (
        <More summary={text.tools}>
          <ul class="wz-tools">
            {!connection && (
              <li>
                <Button icon="sliders" press={() => begin("line-settings")}>
                  {text.findSettings}
                </Button>
                <p class="quiet">{text.findSettingsHint}</p>
              </li>
            )}
            {!offered && (
              <li>
                {diagnose}
                <p class="quiet">{text.wiringHint}</p>
              </li>
            )}
            <li>
              <Button icon="play" press={() => begin("listen")}>
                {text.listen}
              </Button>
              <p class="quiet">{text.listenHint}</p>
            </li>
          </ul>
        </More>
      )}
    </>
  );
}

function ScanForm({
  what,
  begin,
  primary,
}: {
  what: Readonly<Record<string, unknown>>;
  begin: (effort: string) => unknown;
  primary: boolean;
}) {
  const text = words().lines;
  const effort = useSignal("quick");
  return (
    <div class="wz-scan">
      <Choices
        label={text.effort}
        value={effort.value}
        choose={(value) => {
          effort.value = value;
        }}
        choices={[
          { value: "quick", text: text.quick },
          { value: "thorough", text: text.thorough },
        ]}
      />
      <Plan
        what={{ ...what, effort: effort.value }}
        hint={effort.value === "quick" ? text.quickHint : text.thoroughHint}
      />
      <Button kind={primary ? "primary" : "plain"} icon="play" press={() => begin(effort.value)}>
        {text.findDevices}
      </Button>
    </div>
  );
}

function Ended({ job }: { job: Job }) {
  return (
    <>
      <JobEnd job={job} />
      <Results job={job} />
    </>
  );
}

/** What a job has found so far. */
function Results({ job }: { job: Job }) {
  const text = words().lines;
  const over = job.state !== "running";
  const found = foundIn(job);
  // A scan says it of each line as well, where the devices say it already.
  const settings =
    job.kind === "line-settings" ? job.findings.filter((finding) => finding.kind === "settings") : [];
  const wiring = job.findings.filter((finding) => finding.kind === "wiring");
  const counts = job.kind === "scan" || found.length > 0;
  return (
    <div class="wz-results">
      {settings.map(({ connection, whole, damaged, protocol }) => (
        <Notice key={JSON.stringify(connection)} tone="good">
          <p>
            {text.settingsFound} <strong>{settingsText(connection)}</strong> ({protocol})
          </p>
          <p class="quiet">{text.frames(whole, damaged)}</p>
        </Notice>
      ))}
      {over && job.state === "done" && job.kind === "line-settings" && settings.length === 0 && (
        <Notice tone="warn">{text.settingsNone}</Notice>
      )}
      {wiring.map((finding) => (
        <Diagnosis key={`${finding.fault} ${finding.unit ?? ""}`} finding={finding} />
      ))}
      {over && job.state === "done" && job.kind === "listen" && found.length === 0 && (
        <Notice tone="warn">{text.heardNone}</Notice>
      )}
      {over && counts && job.state === "done" && job.kind !== "listen" && (
        <p>
          <Badge tone={found.length > 0 ? "good" : "warn"} text={text.found(found.length)} />
        </p>
      )}
      {over && job.state === "done" && job.kind === "scan" && found.length === 0 && (
        <p class="quiet">{text.foundNoneHint}</p>
      )}
      <FoundList job={job} />
    </div>
  );
}

function Network({ others }: { others: readonly Job[] }) {
  const text = words().lines;
  const host = useSignal("");
  const tcpPort = useSignal("502");
  const tried = useSignal(false);
  const { error, run } = useAction();
  const name = host.value.trim();
  const number = Number(tcpPort.value);
  const hostProblem = name === "" || /[\s/]/.test(name) ? text.hostMissing : undefined;
  const portProblem = Number.isInteger(number) && number >= 1 && number <= 65_535 ? undefined : text.portForm;
  const running = others.filter(({ state }) => state === "running");
  const ended = others.filter(({ state }) => state !== "running").slice(-3);
  const begin = async () => {
    tried.value = true;
    if (hostProblem || portProblem) return;
    await run(() => startJob("scan", { host: name, tcpPort: number, effort: "quick" }));
  };
  return (
    <Card title={text.network}>
      <p class="quiet">{text.networkLead}</p>
      {running.map((job) => (
        <div key={job.id}>
          <RunningJob job={job} />
          <Results job={job} />
        </div>
      ))}
      {ended.map((job) => (
        <div key={job.id}>
          <p class="wz-name">{job.subject}</p>
          <Ended job={job} />
        </div>
      ))}
      <form
        class="wz-form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void begin();
        }}
      >
        <Field
          label={text.host}
          hint={text.hostExample}
          value={host.value}
          input={(value) => {
            host.value = value;
          }}
          error={tried.value ? hostProblem : undefined}
        />
        <Field
          label={text.tcpPort}
          value={tcpPort.value}
          inputMode="numeric"
          input={(value) => {
            tcpPort.value = value;
          }}
          error={tried.value ? portProblem : undefined}
        />
        <Button type="submit" icon="play">
          {text.findDevices}
        </Button>
      </form>
      <Refusal error={error.value} />
    </Card>
  );
}

import { Badge } from "../components/badge.tsx";
import { Button } from "../components/button.tsx";
import { Card, Empty, Loading } from "../components/card.tsx";
import { formatMoment } from "../format.ts";
import type { NorthboundSummary } from "../types.ts";
import { Checks, JobEnd, Refusal, RunningJob, useAction } from "./parts.tsx";
import { checksOf } from "./steps.ts";
import { jobs, loadJobs, loadState, loadStatus, startJob, state, status, useRefresh } from "./store.ts";
import { words } from "./words.ts";

const loads = [loadStatus, loadState, loadJobs];

export function PlatformStep() {
  useRefresh(loads, 4000);
  const text = words().platform;
  if (!status.value) return <Loading text={words().loading} />;
  const { northbound } = status.value;
  if (northbound.length === 0) return <Empty text={text.none}>{null}</Empty>;
  return (
    <>
      <p class="quiet">{text.layers}</p>
      {northbound.map((one) => (
        <FarSide key={one.name} northbound={one} />
      ))}
    </>
  );
}

function FarSide({ northbound }: { northbound: NorthboundSummary }) {
  const text = words().platform;
  const { name, peer, connected, error: trouble } = northbound;
  const { error, run } = useAction();
  const job = jobs.value.findLast((one) => one.kind === "northbound-test" && one.subject === name);
  const tested = state.value?.northbound.find((one) => one.name === name);
  const running = job?.state === "running";
  return (
    <Card title={name}>
      <p class="wz-name">{peer}</p>
      <p class="wz-badges">
        <Badge tone={connected ? "good" : "warn"} text={connected ? text.connected : text.away} />
        {tested?.ok && <Badge tone="good" text={text.good} />}
      </p>
      {tested?.at && <p class="quiet">{text.tested(formatMoment(tested.at))}</p>}
      {trouble && !connected && <p class="wz-trouble">{trouble}</p>}
      {running && <RunningJob job={job} />}
      {job && <JobEnd job={job} />}
      {job && <Checks checks={checksOf(job)} inOrder />}
      {!running && (
        <Button
          kind={tested?.ok ? "plain" : "primary"}
          icon="play"
          press={() => run(() => startJob("northbound-test", { northbound: name }))}
        >
          {job ? text.again : text.run}
          <span class="hidden"> {name}</span>
        </Button>
      )}
      <Refusal error={error.value} />
    </Card>
  );
}

import { useSignal } from "@preact/signals";
import type { Missing } from "../../model/acceptance.ts";
import { post } from "../api.ts";
import { Badge } from "../components/badge.tsx";
import { Button } from "../components/button.tsx";
import { Card, Loading } from "../components/card.tsx";
import { Notice } from "../components/error-box.tsx";
import { Field } from "../components/field.tsx";
import { formatMoment } from "../format.ts";
import { goTo, href, route } from "../router.ts";
import { say } from "../text/text.ts";
import type { CommissioningState, DeviceVerdict } from "../types.ts";
import { Refusal, useAction } from "./parts.tsx";
import { ReportCard } from "./report.tsx";
import { countsOf, type Step, stepOf } from "./steps.ts";
import { loadState, loadStatus, state, status, useRefresh } from "./store.ts";
import { words } from "./words.ts";

const loads = [loadState, loadStatus];

export function AcceptanceStep() {
  useRefresh(loads, 4000);
  if (!state.value || !status.value) return <Loading text={words().loading} />;
  const [, , chosen] = route.value.path;
  const report = state.value.reports.find(({ id }) => id === chosen);
  return (
    <>
      {report && <ReportCard key={report.id} report={report} />}
      <Summary state={state.value} />
      <Reports state={state.value} />
    </>
  );
}

interface Gap {
  readonly where: string;
  readonly what: string;
  readonly step: Step;
}

function gapsOf(commissioning: CommissioningState): readonly Gap[] {
  const tested = new Map(commissioning.northbound.map((one) => [one.name, one]));
  const text = words().acceptance;
  return [
    ...commissioning.devices.flatMap(gapsOfDevice),
    ...(status.value?.northbound ?? [])
      .filter(({ name }) => tested.get(name)?.ok !== true)
      .map(
        ({ name }): Gap => ({
          where: name,
          what: text.missings[tested.get(name)?.at ? "northbound-failed" : "northbound-untested"](1),
          step: "platform",
        }),
      ),
  ];
}

/** What is missing of a device, each kind once with its count. */
function gapsOfDevice(device: DeviceVerdict): readonly Gap[] {
  const counts = new Map<Missing["what"], number>();
  for (const { what } of device.missing) counts.set(what, (counts.get(what) ?? 0) + 1);
  const where = device.title ? say(device.title) : device.device;
  return Array.from(
    counts,
    ([what, count]): Gap => ({ where, what: words().acceptance.missings[what](count), step: stepOf(what) }),
  );
}

function Summary({ state: commissioning }: { state: CommissioningState }) {
  const text = words().acceptance;
  const { steps } = words();
  const gaps = gapsOf(commissioning);
  const none = commissioning.devices.length === 0;
  const unseen = commissioning.devices.reduce((sum, device) => sum + countsOf(device).unseen, 0);
  return (
    <Card title={gaps.length > 0 ? text.missing : text.make}>
      {none && <Notice tone="warn">{text.noDevices}</Notice>}
      {!none && gaps.length === 0 && <Notice tone="good">{text.ready}</Notice>}
      {gaps.length > 0 && (
        <ul class="wz-gaps">
          {gaps.map(({ where, what, step }) => (
            <li key={`${where} ${what}`}>
              <span>
                {where && <strong>{where}: </strong>}
                {what}
              </span>
              <a href={href("commissioning", step)}>
                {steps[step]}
                <span class="hidden"> {where}</span>
              </a>
            </li>
          ))}
        </ul>
      )}
      {unseen > 0 && (
        <Notice tone="info">
          <a href={href("commissioning", "check")}>{text.unseen(unseen)}</a>
        </Notice>
      )}
      {!none && <AcceptForm complete={gaps.length === 0} />}
    </Card>
  );
}

function AcceptForm({ complete }: { complete: boolean }) {
  const text = words().acceptance;
  const technician = useSignal("");
  const note = useSignal("");
  const despite = useSignal("");
  const tried = useSignal(false);
  const { busy, error, run } = useAction();
  // The gateway may know of something that this page does not.
  const needsDespite = !complete || error.value?.code === "not-ready";
  const technicianProblem = technician.value.trim() === "" ? text.technicianMissing : undefined;
  const despiteProblem = needsDespite && despite.value.trim() === "" ? text.despiteMissing : undefined;
  const submit = async () => {
    tried.value = true;
    if (technicianProblem || despiteProblem) return;
    await run(async () => {
      const optional = { note: note.value.trim(), despite: needsDespite ? despite.value.trim() : "" };
      const { id } = await post<{ id: string }>("/v1/commissioning/accept", {
        technician: technician.value.trim(),
        ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== "")),
      });
      await loadState();
      goTo("commissioning", "acceptance", id);
    });
  };
  return (
    <form
      class="wz-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Field
        label={text.technician}
        hint={text.technicianHint}
        value={technician.value}
        autocomplete="name"
        error={tried.value ? technicianProblem : undefined}
        input={(value) => {
          technician.value = value;
        }}
      />
      <Field
        label={text.note}
        hint={text.noteHint}
        value={note.value}
        input={(value) => {
          note.value = value;
        }}
      />
      {needsDespite && (
        <Field
          label={text.despite}
          hint={text.despiteHint}
          value={despite.value}
          error={tried.value ? despiteProblem : undefined}
          input={(value) => {
            despite.value = value;
          }}
        />
      )}
      <Refusal error={error.value} />
      <Button type="submit" kind={needsDespite ? "danger" : "primary"} icon="flag" busy={busy.value}>
        {needsDespite ? text.makeDespite : text.make}
      </Button>
    </form>
  );
}

function Reports({ state: { reports } }: { state: CommissioningState }) {
  const text = words().acceptance;
  return (
    <Card title={text.earlier}>
      {reports.length === 0 && <p class="quiet">{text.noReports}</p>}
      <ul class="wz-gaps">
        {reports.toReversed().map(({ id, at, by, ok }) => (
          <li key={id}>
            <a href={href("commissioning", "acceptance", id)}>{formatMoment(at)}</a>
            <span>
              <span class="quiet">{words().by(by)} </span>
              <Badge tone={ok ? "good" : "warn"} text={ok ? text.allWell : text.withRemarks} />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

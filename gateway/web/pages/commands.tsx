import { useEffect, useState } from "preact/hooks";
import { ApiError, at } from "../api.ts";
import { now } from "../browser.ts";
import { commandsError, followCommands, holds, lifeOf, release, results, send } from "../commands.ts";
import { Age } from "../components/age.tsx";
import { Button } from "../components/button.tsx";
import { Card, Empty, Loading } from "../components/card.tsx";
import { CommandInput, typedValue } from "../components/command-input.tsx";
import { CommandResult } from "../components/command-result.tsx";
import { ConfirmCommand } from "../components/confirm-command.tsx";
import { ErrorBox, Notice } from "../components/error-box.tsx";
import { Field, Select } from "../components/field.tsx";
import { LiveValue, QualityAndAge, valueText } from "../components/live-value.tsx";
import { Page } from "../components/page.tsx";
import { Table } from "../components/table.tsx";
import { useAsk } from "../components/use-ask.ts";
import { formatDuration, formatMoment, formatUnit } from "../format.ts";
import { pointSignal } from "../live.ts";
import { tell } from "../messages.ts";
import { language } from "../preferences.ts";
import { goTo } from "../router.ts";
import type { PageRoute } from "../routes.ts";
import { may } from "../session.ts";
import { say, wordOf, words } from "../text/text.ts";
import type { DeviceDetail, DeviceSummary, PointDetail, ResultJson } from "../types.ts";
import { commandWords } from "./commands.words.ts";
import { isOwn } from "./device.tsx";

export const commandsRoute: PageRoute = {
  path: "commands",
  title: ({ pages }) => pages.commands,
  icon: "sliders",
  needs: "viewer",
  tab: true,
  page: Commands,
};

function Commands({ rest: [id] }: { rest: readonly string[] }) {
  const { common, pages, roles } = words.value;
  const t = commandWords.value;
  useEffect(() => {
    const stream = followCommands();
    return () => stream.close();
  }, []);
  const error = commandsError.value;
  if (error instanceof ApiError && error.code === "no-commands")
    return (
      <Page title={pages.commands}>
        <Empty text={t.off404} />
      </Page>
    );
  return (
    <Page title={pages.commands}>
      {error !== undefined && <ErrorBox error={error} />}
      {may("operator") ? (
        <Choose id={id} />
      ) : (
        <Notice tone="info">
          <p>{common.needsRole(roles.operator)}</p>
        </Notice>
      )}
      <Holds />
      <Results />
    </Page>
  );
}

function Choose({ id }: { id: string | undefined }) {
  const t = commandWords.value;
  const devices = useAsk<readonly DeviceSummary[]>("/v1/devices");
  const device = useAsk<DeviceDetail>(id === undefined ? undefined : at`/v1/devices/${id}`);
  const writable = device.data?.points.filter(({ write }) => write) ?? [];
  return (
    <Card title={id === undefined ? t.chooseFirst : (device.data?.title && say(device.data.title)) || id}>
      <Select
        label={t.choose}
        value={id ?? ""}
        choose={(chosen) => goTo("commands", ...(chosen === "" ? [] : [chosen]))}
        choices={[
          { value: "", text: t.chooseFirst },
          ...(devices.data ?? [])
            .filter((one) => !isOwn(one))
            .map(({ id: value, title }) => ({
              value,
              text: title ? `${say(title)} (${value})` : value,
            })),
        ]}
      />
      {devices.error !== undefined && <ErrorBox error={devices.error} retry={devices.reload} />}
      {device.error !== undefined && <ErrorBox error={device.error} retry={device.reload} />}
      {device.loading && <Loading text={words.value.common.loading} />}
      {device.data && writable.length === 0 && <Empty text={t.nothing} />}
      {device.data && (
        <div>
          {writable.map((point) => (
            <CommandForm key={`${id} ${point.name}`} device={device.data?.id ?? ""} point={point} />
          ))}
        </div>
      )}
    </Card>
  );
}

function CommandForm({ device, point }: { device: string; point: PointDetail }) {
  const t = commandWords.value;
  const [text, setText] = useState("");
  const [reason, setReason] = useState("");
  const [sent, setSent] = useState<{ result: ResultJson; at: number; text: string }>();
  const [asking, setAsking] = useState(false);
  const title = point.title ? say(point.title) : point.name;
  const { value, wrong } = typedValue(point, text);
  const { write } = point;
  if (!write) return null;
  const inWords = value === undefined ? "" : `${shown(point, value)} ${formatUnit(point.unit)}`.trim();
  // What the stream told of it since.
  const latest = sent && (results.value?.find(({ id }) => id === sent.result.id) ?? sent.result);
  const armed = latest && !latest.last && latest.stage === "armed";
  const submit = async () => {
    if (value === undefined) return;
    const result = await send(device, point, value, reason);
    setSent({ result, at: now(), text: inWords });
    if (result.stage === "armed") setAsking(true);
  };
  return (
    <section class="command" aria-label={title} data-point={point.name}>
      <div class="row spread">
        <h3>{title}</h3>
        {point.readable && <Now device={device} point={point} />}
      </div>
      <CommandInput point={point} text={text} input={setText} />
      <p class="quiet">
        {[
          write.confirm === "two-step" && t.twoStep,
          write.verified ? t.verified : t.notVerified,
          write.failsafe &&
            t.failsafe(
              shown(point, write.failsafe.value),
              formatDuration(write.failsafe.afterMs, language.value),
            ),
          write.rate && t.rate(String(write.rate.count), formatDuration(write.rate.perMs, language.value)),
        ]
          .filter(Boolean)
          .join(" ")}
      </p>
      {text !== "" && <Field label={t.reason} value={reason} input={setReason} />}
      <div class="row">
        <Button kind="primary" disabled={value === undefined || wrong !== undefined} press={submit}>
          {value === undefined ? t.send : t.sendValue(inWords)}
        </Button>
        {armed && (
          <Button kind="danger" icon="clock" press={() => setAsking(true)}>
            {t.confirmTitle}
          </Button>
        )}
      </div>
      <div role="status">{latest && <CommandResult result={latest} />}</div>
      {armed && asking && sent && (
        <ConfirmCommand
          armed={latest}
          since={sent.at}
          waitsMs={lifeOf(write)}
          value={sent.text}
          point={title}
          close={() => setAsking(false)}
        />
      )}
    </section>
  );
}

/** A value to be written, in words. */
function shown(point: PointDetail, value: number | boolean | string): string {
  return valueText(value, { labels: point.write?.labels ?? point.labels, write: point.write });
}

/** Of a point of which only the name is known. What is commanded to be so is on or off. */
function commanded(value: number | boolean | string): string {
  const { on, off } = words.value.common;
  return typeof value === "boolean" ? (value ? on : off) : valueText(value, undefined);
}

function Now({ device, point }: { device: string; point: PointDetail }) {
  const seen = pointSignal(device, point.name).value;
  return (
    <span class="row">
      <span class="quiet">{commandWords.value.now}</span>
      <LiveValue seen={seen} point={point} />
      <QualityAndAge seen={seen} />
    </span>
  );
}

function Holds() {
  const t = commandWords.value;
  const { common } = words.value;
  return (
    <Card title={t.holds}>
      <p class="quiet">{t.holdsWhy}</p>
      {holds.value.length === 0 ? (
        <Empty text={t.noHolds} />
      ) : (
        <Table
          caption={t.holds}
          rows={holds.value}
          keyOf={({ device, point, priority }) => `${device} ${point} ${priority}`}
          columns={[
            { name: t.point, head: true, cell: ({ device, point }) => `${device} ${point}` },
            { name: t.value, cell: ({ value }) => commanded(value) },
            { name: t.priority, cell: ({ priority }) => wordOf(t.priorities, priority) },
            { name: t.issuer, cell: ({ issuer }) => issuer },
            {
              name: t.until,
              cell: ({ until }) => (
                <span class="numbers">{until === undefined ? t.untilReleased : formatMoment(until)}</span>
              ),
            },
            {
              name: "",
              cell: ({ device, point }) =>
                may("operator") ? (
                  <Button
                    label={`${t.release}: ${device} ${point}`}
                    press={async () => {
                      const result = await release(device, point);
                      if (result.state === "failed") tell(wordOf(t.codes, result.code ?? ""), "bad");
                      else tell(t.released);
                    }}
                  >
                    {t.release}
                  </Button>
                ) : (
                  <span class="quiet">{common.needsRole(words.value.roles.operator)}</span>
                ),
            },
          ]}
        />
      )}
    </Card>
  );
}

function Results() {
  const t = commandWords.value;
  const list = results.value;
  return (
    <Card title={t.results}>
      {list === undefined && commandsError.value === undefined && (
        <Loading text={words.value.common.loading} />
      )}
      {list?.length === 0 && <Empty text={t.noResults} />}
      {list && list.length > 0 && (
        <Table
          caption={t.results}
          rows={list}
          keyOf={({ id, issuer }) => `${issuer} ${id}`}
          columns={[
            { name: t.point, head: true, cell: ({ device, point }) => `${device} ${point}` },
            {
              name: t.value,
              cell: ({ value }) => (value === undefined ? "–" : commanded(value)),
            },
            { name: t.result, cell: (result) => <CommandResult result={result} /> },
            { name: t.issuer, cell: ({ issuer }) => issuer },
            { name: words.value.common.time, cell: ({ time }) => <Age iso={time} /> },
          ]}
        />
      )}
    </Card>
  );
}
